/* The part of state.h that tells what was committed. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/memory/last_commits.h"
#include "runner/memory/state_inner.h"

void state_get_hash(struct query *q, int column, char out_hex[HASH_HEX])
{
    const char *hex = (const char *)sqlite3_column_text(q->stmt, column);
    if (hex && strlen(hex) == HASH_HEX - 1)
        memcpy(out_hex, hex, HASH_HEX);
}

static bool add_out(struct query *q, void *self)
{
    struct commit_record *r = self;
    r->out = mem_grow(r->out, r->n_out, sizeof *r->out);
    struct committed_out *out = &r->out[r->n_out++];
    *out = (struct committed_out){ .name = db_get_text(q, 0), .path = db_get_text(q, 1) };
    state_get_hash(q, 2, out->sha256);
    return true;
}

int state_commit_outs(struct state *s, int64_t commit, struct commit_record *r, struct err *e)
{
    struct query q;
    int rc = db_query(&s->db, &q,
                      "SELECT name, path, sha256 FROM outs WHERE commit_id=? ORDER BY position", e);
    if (rc)
        return rc;
    db_int(&q, commit);
    return db_each(&q, add_out, r, e);
}

static int read_commit(struct state *s, struct query *q, struct commit_record *out, struct err *e)
{
    int64_t id = db_get_int(q, 0);

    *out = (struct commit_record){ .run_id = db_get_text(q, 1), .text = db_get_text(q, 3) };
    state_get_hash(q, 2, out->fingerprint);
    db_end(q);
    int rc = state_commit_outs(s, id, out, e);
    if (rc)
        commit_record_release(out);
    return rc;
}

static int last_commit(void *self, const char *stage, bool *out_found, struct commit_record *out,
                       struct err *e)
{
    struct state_history *h = self;
    struct query q;
    int rc;

    *out_found = false;
    if (h->all && last_commits_get(h->all, stage, out_found, out))
        return 0;
    if ((rc = state_start_reading(h->s, e)) ||
        (rc = db_query(
             &h->s->db, &q,
             "SELECT id, run, fingerprint, inputs, state FROM commits WHERE pipeline=? AND stage=?"
             " ORDER BY id DESC LIMIT 1",
             e)))
        return rc;
    db_text(&q, h->pipeline);
    db_text(&q, stage);
    if ((rc = db_step(&q, out_found, e)))
        return rc;
    if (*out_found && strcmp((const char *)sqlite3_column_text(q.stmt, 4), "done") != 0)
        *out_found = false;
    if (!*out_found) {
        db_end(&q);
        return 0;
    }
    rc = read_commit(h->s, &q, out, e);
    *out_found = rc == 0;
    return rc;
}

int state_history_load(struct state_history *h, size_t n_stage, struct err *e)
{
    enum { MANY_STAGES = 100 };
    int rc = 0;
    if (n_stage >= MANY_STAGES && !h->all && (rc = state_files_load(h->s, e)) == 0)
        rc = last_commits_read(h->s, h->pipeline, n_stage, &h->all, e);
    return rc;
}

void state_history_forget(struct state_history *h)
{
    last_commits_free(h->all);
    h->all = NULL;
}

struct history_view state_history_view(struct state_history *h)
{
    return (struct history_view){ .self = h, .last_commit = last_commit };
}
