/* The commits of a run. Stages that have ended well are gathered until the loop has heard of all
 * that have ended, then they go through the steps of commit.h together; what lies below them is
 * started before they are synced and recorded, so that the disk and the next stages work side by
 * side. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/commit/tree.h"
#include "runner/execute/run.h"

/* Work whose record would be lost by a power cut is worth a sync of the memory from here on; a run
 * of short stages is synced at its end. */
enum { WORTH_A_SYNC_MS = 100, BIG = 1 << 20 };

/* So many are recorded together, or those of so long. */
enum { TOGETHER = 16, TOGETHER_MS = 20 };

/* Threads beyond the processors: most of them wait for the disk, and one commit of the file
 * system's journal serves all that wait for it. */
enum { MORE_THREADS = 14 };

static void add(struct work_list *l, struct work *w)
{
    l->item = mem_grow(l->item, l->n, sizeof *l->item);
    l->item[l->n++] = w;
}

void work_list_release(struct work_list *l)
{
    free(l->item);
    *l = (struct work_list){ 0 };
}

/* Its outputs cannot be committed: the stage has failed, or is blocked without them. */
static int refuse(struct run *r, struct work *w, const struct err *why, struct err *e)
{
    w->machine = why->code == ERR_IO;
    intent_release(&w->intent);
    return end_without_commit(r, w, w->blocked ? WORK_BLOCKED : WORK_FAILED, why->text, e);
}

/* An output that a thread hashes and syncs. */
struct digest {
    struct work *work;
    struct intent_out *out;
    struct err why;
};

static void digest_one(void *arg)
{
    struct digest *d = arg;
    commit_digest(d->out, &d->why);
}

/* Does it take a processor's time to hash it? Of a directory nobody knows before. */
static bool is_big(const struct intent *i)
{
    uint64_t bytes = 0;
    bool directory = false;
    for (size_t k = 0; k < i->n_out; k++) {
        bytes += i->out[k].size;
        directory |= i->out[k].directory;
    }
    return directory || bytes >= BIG;
}

/* Step 1 by threads: the loop hears of it when it is done. */
static int digest_aside(struct run *r, struct work *w, struct err *e)
{
    int rc;
    if (!r->pool && ((rc = pool_new(&r->pool, proc_cpus() + MORE_THREADS, e)) ||
                     (rc = r->x.watch(r->x.self, pool_fd(r->pool), e))))
        return rc;
    w->digest = mem_calloc(w->intent.n_out, sizeof *w->digest);
    w->n_digest = w->intent.n_out;
    for (size_t k = 0; k < w->intent.n_out; k++) {
        w->digest[k] = (struct digest){ .work = w, .out = &w->intent.out[k] };
        pool_add(r->pool, digest_one, &w->digest[k]);
    }
    return 0;
}

int commits_add(struct run *r, struct work *w, struct err *e)
{
    struct err why = { 0 };
    w->intent = (struct intent){ .pipeline = mem_strdup(r->m.name),
                                 .run = mem_strdup(r->id),
                                 .stage = mem_strdup(w->spec->name),
                                 .attempt = w->number,
                                 .blocked = w->blocked,
                                 .inputs = mem_strdup(w->decision.inputs) };
    memcpy(w->intent.fingerprint, w->decision.fingerprint, HASH_HEX);
    free(w->digest);
    w->digest = NULL;
    if (commit_look(&w->intent, &w->staging, w->spec, &why))
        return refuse(r, w, &why, e);
    w->big = is_big(&w->intent);
    work_enter(r, w, WORK_COMMITTING);
    if (w->big || (r->n_in[WORK_READY] > 0 && w->intent.n_out > 0))
        return digest_aside(r, w, e);
    add(&r->ended, w);
    return 0;
}

int commits_digested(struct run *r, struct err *e)
{
    struct digest *d;
    int rc = 0;
    while (rc == 0 && (d = pool_take(r->pool))) {
        struct work *w = d->work;
        if (--w->n_digest > 0)
            continue;
        const struct err *why = NULL;
        for (size_t k = 0; k < w->intent.n_out && !why; k++)
            why = w->digest[k].why.code ? &w->digest[k].why : NULL;
        if (why)
            rc = refuse(r, w, why, e);
        else
            add(&r->ended, w);
    }
    return rc;
}

/* Step 1 for what no thread has done: those that cannot be hashed or synced drop out. */
static int digest(struct run *r, struct err *e)
{
    size_t n = r->ended.n;
    int rc = 0;
    r->ended.n = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct work *w = r->ended.item[i];
        struct err why = { 0 };
        for (size_t k = 0; k < w->intent.n_out && why.code == 0; k++)
            if (!w->digest)
                commit_digest(&w->intent.out[k], &why);
        if (why.code)
            rc = refuse(r, w, &why, e);
        else
            r->ended.item[r->ended.n++] = w;
    }
    return rc;
}

/* Step 2, all in one transaction. */
static int intend(struct run *r, struct err *e)
{
    struct intent **list = mem_calloc(r->ended.n, sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < r->ended.n; i++)
        if (r->ended.item[i]->intent.intended)
            list[n++] = &r->ended.item[i]->intent;
    int rc = n > 0 ? commit_intend(r->s, list, n, e) : 0;
    free(list);
    return rc;
}

/* Step 3 failed for this one. */
static int take_back(struct run *r, struct work *w, const struct err *why, struct err *e)
{
    int rc;
    if ((rc = commit_take_back(&w->intent, e)) || (rc = state_begin_lazy(r->s, e)))
        return rc; /* the intent stays: the next start tries again */
    if ((rc = state_intent_close(r->s, &w->intent, false, e)))
        db_rollback(state_db(r->s));
    else
        rc = state_commit(r->s, e);
    w->machine = why->code == ERR_IO;
    intent_release(&w->intent);
    return rc ? rc : end_without_commit(r, w, WORK_FAILED, why->text, e);
}

int commits_place(struct run *r, struct err *e)
{
    int rc;
    if (r->ended.n == 0)
        return 0;
    rc = digest(r, e);
    if (rc == 0)
        rc = intend(r, e);
    for (size_t i = 0; i < r->ended.n && rc == 0; i++) {
        struct work *w = r->ended.item[i];
        struct err why = { 0 };
        if (commit_place(r->s, &w->intent, &why)) {
            rc = take_back(r, w, &why, e);
            continue;
        }
        if (r->placed.n == 0)
            r->record_at = r->x.now_ms(r->x.self) + TOGETHER_MS;
        add(&r->placed, w);
        r->placed_ms += r->x.now_ms(r->x.self) - w->began_mono;
        attempt_settled(r, w, w->intent.blocked ? WORK_BLOCKED : WORK_SUCCEEDED,
                        w->intent.blocked ? "it ended with 98: a person must decide"
                                          : w->decision.reason);
    }
    r->ended.n = 0;
    return rc;
}

/* Step 4. */
static int sync_placed(const struct run *r, struct err *e)
{
    const struct intent **list = mem_calloc(r->placed.n, sizeof *list);
    for (size_t i = 0; i < r->placed.n; i++)
        list[i] = &r->placed.item[i]->intent;
    int rc = commit_sync(list, r->placed.n, e);
    free(list);
    return rc;
}

/* Step 5, all in one transaction. */
static int record_placed(struct run *r, struct err *e)
{
    int rc = state_begin_lazy(r->s, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < r->placed.n && rc == 0; i++) {
        struct work *w = r->placed.item[i];
        if ((rc = state_intent_close(r->s, &w->intent, true, e)) == 0)
            rc = attempt_record(r, w, e);
    }
    r->unsynced_ms += r->placed_ms;
    r->placed_ms = 0;
    if (rc)
        db_rollback(state_db(r->s));
    return rc ? rc : state_commit(r->s, e);
}

int64_t commits_due(const struct run *r)
{
    return r->placed.n > 0 ? r->record_at : -1;
}

/* Records can wait for those of the stages that run, which may be about to end. */
static bool may_wait(const struct run *r)
{
    return r->placed.n > 0 && r->placed.n < TOGETHER &&
           (run_is_active(r) || r->n_in[WORK_COMMITTING] > 0) && !r->stopping &&
           r->x.now_ms(r->x.self) < r->record_at;
}

/* The work that it continues is done. What lies there from now on is not ours. */
static int drop_checkpoint(struct run *r, const struct stage_spec *s, struct err *e)
{
    int rc = tree_remove(s->checkpoint, e);
    if (rc || (rc = state_begin_lazy(r->s, e)))
        return rc;
    if ((rc = ledger_checkpoint_put(r->s, r->m.name, s->name, s->checkpoint, "", e)) == 0)
        return state_commit(r->s, e);
    db_rollback(state_db(r->s));
    return rc;
}

static int record(struct run *r, struct err *e)
{
    int rc = 0;
    if (r->placed.n > 0 && ((rc = sync_placed(r, e)) || (rc = record_placed(r, e))))
        return rc;
    if ((rc = state_flush(r->s, e)))
        return rc;
    if (r->unsynced_ms >= WORTH_A_SYNC_MS) {
        rc = state_sync(r->s, e);
        r->unsynced_ms = 0;
    }
    for (size_t i = 0; i < r->placed.n && rc == 0; i++) {
        struct work *w = r->placed.item[i];
        rc = commit_keeps_staged(&w->intent) ? 0 : staging_put_aside(&w->staging, &r->spare, e);
        if (rc == 0 && w->spec->checkpoint && !w->intent.blocked)
            rc = drop_checkpoint(r, w->spec, e);
        intent_release(&w->intent);
    }
    r->placed.n = 0;
    return rc;
}

int commits_record(struct run *r, struct err *e)
{
    return may_wait(r) ? 0 : record(r, e);
}

int commits_clear(struct run *r, struct err *e)
{
    int rc = record(r, e);
    return rc ? rc : staging_spare_remove(&r->spare, e);
}
