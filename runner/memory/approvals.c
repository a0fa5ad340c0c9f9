#include "runner/memory/approvals.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/memory/state_inner.h"

static void release(struct approval *a)
{
    free(a->stage);
    free(a->who);
    free(a->reason);
}

void approvals_free(struct approval *a, size_t n)
{
    for (size_t i = 0; i < n; i++)
        release(&a[i]);
    free(a);
}

struct approvals {
    struct approval *item; /* (n) */
    size_t n;
};

static bool add_approval(struct query *q, void *self)
{
    struct approvals *l = self;
    l->item = mem_grow(l->item, l->n, sizeof *l->item);
    l->item[l->n++] = (struct approval){ db_get_text(q, 0), db_get_text(q, 1), db_get_text(q, 2),
                                         db_get_int(q, 3) };
    return true;
}

int approvals_of(struct state *s, const char *run, struct approval **out, size_t *out_n,
                 struct err *e)
{
    struct approvals list = { 0 };
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT stage, who, reason, made FROM approvals WHERE run=? ORDER BY rowid",
                      e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_text(&q, run);
    if ((rc = db_each(&q, add_approval, &list, e))) {
        approvals_free(list.item, list.n);
        return rc;
    }
    *out = list.item;
    *out_n = list.n;
    return 0;
}

const struct approval *approval_of(const struct approval *a, size_t n, const char *stage)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(a[i].stage, stage) == 0)
            return &a[i];
    return NULL;
}

int approval_put(struct state *s, const char *run, const struct approval *a, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "INSERT INTO approvals(run, stage, who, reason, made) VALUES(?,?,?,?,?)", e);
    if (rc)
        return rc;
    db_text(&q, run);
    db_text(&q, a->stage);
    db_text(&q, a->who);
    db_text(&q, a->reason);
    db_int(&q, a->made);
    return db_done(&q, e);
}

/* Fill in the outs of commit `id`. */
static int take_outs(struct state *s, int64_t id, struct intent *i, struct err *e)
{
    struct commit_record r = { 0 };
    int rc = state_commit_outs(s, id, &r, e);
    i->out = mem_calloc(r.n_out, sizeof *i->out);
    for (; i->n_out < r.n_out; i->n_out++) {
        struct committed_out *from = &r.out[i->n_out];
        struct intent_out *to = &i->out[i->n_out];
        *to = (struct intent_out){ .name = from->name, .path = from->path };
        memcpy(to->sha256, from->sha256, HASH_HEX);
        *from = (struct committed_out){ 0 };
    }
    commit_record_release(&r);
    return rc;
}

int approval_intent(struct state *s, const char *pipeline, const char *run, const char *stage,
                    struct intent *out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT id, run, attempt, fingerprint, inputs, state FROM commits"
                      " WHERE pipeline=? AND stage=? ORDER BY id DESC LIMIT 1",
                      e);
    *out = (struct intent){ 0 };
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_text(&q, stage);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    if (!row) {
        db_end(&q);
        return err_set(e, ERR_USAGE, "stage '%s' of run %s left no outputs that could count", stage,
                       run);
    }
    int64_t id = db_get_int(&q, 0);
    char *by = db_get_text(&q, 1), *state = db_get_text(&q, 5);
    *out = (struct intent){ .pipeline = mem_strdup(pipeline),
                            .run = mem_strdup(run),
                            .stage = mem_strdup(stage),
                            .attempt = db_get_int(&q, 2),
                            .inputs = db_get_text(&q, 4) };
    state_get_hash(&q, 3, out->fingerprint);
    db_end(&q);
    if (!by || strcmp(by, run) != 0 || !state || strcmp(state, "blocked") != 0)
        rc = err_set(e, ERR_USAGE,
                     "stage '%s' was committed again since, by run %s: run %s can no longer be "
                     "approved",
                     stage, by ? by : "?", run);
    else
        rc = take_outs(s, id, out, e);
    free(state);
    free(by);
    if (rc)
        intent_release(out);
    return rc;
}

int approval_awaited(struct state *s, const char *pipeline, const char *stage, bool *out,
                     struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT state = 'blocked' FROM commits WHERE pipeline=? AND stage=?"
                      " ORDER BY id DESC LIMIT 1",
                      e);
    *out = false;
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_text(&q, stage);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    *out = row && db_get_int(&q, 0) != 0;
    db_end(&q);
    return 0;
}
