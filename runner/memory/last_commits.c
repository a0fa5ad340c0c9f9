#include "runner/memory/last_commits.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/mem.h"
#include "runner/memory/state_inner.h"

/* Texts are offsets in last_commits.text. */
struct last {
    int64_t id;
    bool done;
    size_t run, inputs;
    char fingerprint[HASH_HEX];
    size_t out, n_out; /* out[out] and so on */
};

struct last_out {
    size_t name, path;
    char sha256[HASH_HEX];
};

struct last_commits {
    const char *pipeline;
    size_t n_stage;
    struct intern name; /* (n) of the stages, newest commit first; item[] is numbered as they are */
    struct last *item;  /* (n_stage) */
    struct last_out *out; /* (n_out) */
    size_t n_out;
    struct str text;
    size_t next; /* while outs are read: of the items so many are older than the last row's */
};

static size_t keep_text(struct last_commits *l, struct query *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q->stmt, column);
    size_t at = l->text.n;
    str_add(&l->text, text, (size_t)sqlite3_column_bytes(q->stmt, column) + 1);
    return at;
}

static bool add_commit(struct query *q, void *self)
{
    struct last_commits *l = self;
    const char *stage = (const char *)sqlite3_column_text(q->stmt, 2);
    size_t n = l->name.n;
    if (strcmp((const char *)sqlite3_column_text(q->stmt, 1), l->pipeline) != 0)
        return true;
    intern_add(&l->name, stage, (size_t)sqlite3_column_bytes(q->stmt, 2));
    if (l->name.n == n) /* an older one of a stage that is known */
        return true;
    struct last *item = &l->item[n];
    *item = (struct last){ .id = db_get_int(q, 0) };
    state_get_hash(q, 3, item->fingerprint);
    item->done = strcmp((const char *)sqlite3_column_text(q->stmt, 4), "done") == 0;
    item->run = keep_text(l, q, 5);
    item->inputs = keep_text(l, q, 6);
    return l->name.n < l->n_stage;
}

/* In the order of commits, which is that of the items from their end. */
static bool add_out(struct query *q, void *self)
{
    struct last_commits *l = self;
    int64_t id = db_get_int(q, 0);
    while (l->next > 0 && l->item[l->next - 1].id < id)
        l->next--;
    if (l->next == 0)
        return false;
    struct last *item = &l->item[l->next - 1];
    if (item->id != id)
        return true;
    if (item->n_out++ == 0)
        item->out = l->n_out;
    l->out = mem_grow(l->out, l->n_out, sizeof *l->out);
    struct last_out *out = &l->out[l->n_out++];
    *out = (struct last_out){ .name = keep_text(l, q, 1), .path = keep_text(l, q, 2) };
    state_get_hash(q, 3, out->sha256);
    return true;
}

static int read_outs(struct state *s, struct last_commits *l, struct err *e)
{
    struct query q;
    int rc;
    if (l->name.n == 0)
        return 0;
    if ((rc = db_query(&s->db, &q,
                       "SELECT commit_id, name, path, sha256 FROM outs WHERE commit_id>=?"
                       " ORDER BY commit_id, position",
                       e)))
        return rc;
    l->next = l->name.n;
    db_int(&q, l->item[l->name.n - 1].id);
    return db_each(&q, add_out, l, e);
}

int last_commits_read(struct state *s, const char *pipeline, size_t n_stage,
                      struct last_commits **out, struct err *e)
{
    struct query q;
    struct last_commits *l = mem_calloc(1, sizeof *l);
    int rc = state_start_reading(s, e);
    *l = (struct last_commits){ .pipeline = pipeline,
                                .n_stage = n_stage,
                                .item = mem_calloc(n_stage, sizeof *l->item) };
    if (rc == 0)
        rc = db_query(&s->db, &q,
                      "SELECT id, pipeline, stage, fingerprint, state, run, inputs FROM commits"
                      " WHERE id > (SELECT max(id) FROM commits) - ? ORDER BY id DESC",
                      e);
    if (rc == 0) {
        db_int(&q, 2 * (int64_t)n_stage);
        rc = db_each(&q, add_commit, l, e);
    }
    if (rc == 0)
        rc = read_outs(s, l, e);
    if (rc)
        last_commits_free(l);
    else
        *out = l;
    return rc;
}

bool last_commits_get(const struct last_commits *l, const char *stage, bool *out_done,
                      struct commit_record *out)
{
    int32_t at = intern_find(&l->name, stage, strlen(stage));
    if (at < 0)
        return false;
    const struct last *item = &l->item[at];
    *out = (struct commit_record){ 0 };
    *out_done = item->done;
    if (!item->done)
        return true;
    out->run_id = mem_strdup(l->text.text + item->run);
    out->text = mem_strdup(l->text.text + item->inputs);
    memcpy(out->fingerprint, item->fingerprint, HASH_HEX);
    out->out = mem_calloc(item->n_out, sizeof *out->out);
    for (; out->n_out < item->n_out; out->n_out++) {
        const struct last_out *from = &l->out[item->out + out->n_out];
        struct committed_out *to = &out->out[out->n_out];
        *to = (struct committed_out){ .name = mem_strdup(l->text.text + from->name),
                                      .path = mem_strdup(l->text.text + from->path) };
        memcpy(to->sha256, from->sha256, HASH_HEX);
    }
    return true;
}

void last_commits_free(struct last_commits *l)
{
    if (!l)
        return;
    intern_release(&l->name);
    free(l->item);
    free(l->out);
    str_release(&l->text);
    free(l);
}
