/* The part of state.h that tells what was committed. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/memory/state_inner.h"

static int read_outs(struct db *db, int64_t commit, struct commit_record *r, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(db, &q,
                      "SELECT name, path, sha256 FROM outs WHERE commit_id=? ORDER BY position", e);
    if (rc)
        return rc;
    db_int(&q, commit);
    while ((rc = db_step(&q, &row, e)) == 0 && row) {
        r->out = mem_grow(r->out, r->n_out, sizeof *r->out);
        struct committed_out *out = &r->out[r->n_out++];
        char *hex = db_get_text(&q, 2);
        *out = (struct committed_out){ .name = db_get_text(&q, 0), .path = db_get_text(&q, 1) };
        if (hex && strlen(hex) == HASH_HEX - 1)
            memcpy(out->sha256, hex, HASH_HEX);
        free(hex);
    }
    if (rc == 0)
        db_end(&q);
    return rc;
}

static int read_commit(struct state *s, struct query *q, struct commit_record *out, struct err *e)
{
    int64_t id = db_get_int(q, 0);
    char *fingerprint = db_get_text(q, 2), *inputs = db_get_text(q, 3);
    int rc = 0;

    *out = (struct commit_record){ .run_id = db_get_text(q, 1) };
    db_end(q);
    if (fingerprint && strlen(fingerprint) == HASH_HEX - 1)
        memcpy(out->fingerprint, fingerprint, HASH_HEX);
    out->text = inputs;
    if ((rc = read_outs(&s->db, id, out, e)))
        commit_record_release(out);
    free(fingerprint);
    return rc;
}

static int last_commit(void *self, const char *stage, bool *out_found, struct commit_record *out,
                       struct err *e)
{
    struct state_history *h = self;
    struct query q;
    int rc = state_start_reading(h->s, e);

    *out_found = false;
    if (rc ||
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

struct history_view state_history_view(struct state_history *h)
{
    return (struct history_view){ .self = h, .last_commit = last_commit };
}
