/* The lock of a run: one of its own waits as --wait says, one of a schedule as its `overlap`. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/run.h"
#include "runner/memory/ticks.h"
#include "runner/notify/occasion.h"

int run_lock(struct run *r, const char *pipeline, const char *command, struct err *e)
{
    int rc = lock_take(&r->lock, pipeline, command, LOCK_AT_ONCE, e);
    if (rc != ERR_RETRY || r->o.wait_ms == LOCK_AT_ONCE)
        return rc;
    char *text = str_format("waiting: %s", e->text);
    show_text(&r->show, false, text);
    free(text);
    *e = (struct err){ 0 };
    state_rest(r->s);
    return lock_take(&r->lock, pipeline, command, r->o.wait_ms, e);
}

/* ---- of a schedule ---- */

struct queued {
    char *pipeline, *overlap; /* owned; NULL: it is not queued any more */
};

/* The row of the run, whose options become ours. */
static int find_queued(struct run *r, struct queued *out, struct err *e)
{
    struct queued_run *list = NULL;
    struct run_row row = { 0 };
    size_t n = 0;
    int rc = ticks_queued(r->s, NULL, &list, &n, e);

    *out = (struct queued){ 0 };
    for (size_t i = 0; i < n && rc == 0; i++) {
        if (strcmp(list[i].run, r->o.queued) != 0)
            continue;
        out->pipeline = mem_strdup(list[i].pipeline);
        out->overlap = mem_strdup(list[i].overlap);
        rc = ledger_run(r->s, r->o.queued, &row, e);
    }
    if (rc == 0 && row.id) {
        struct run_options o;
        if ((rc = run_options_parse(&o, row.options, e)) == 0) {
            o.queued = r->o.queued; /* the same text: it is the prefix of what is shown */
            r->o.queued = NULL;
            run_options_release(&r->o);
            r->o = o;
        }
    }
    run_row_release(&row);
    queued_runs_free(list, n);
    state_rest(r->s);
    return rc;
}

static int give_way(struct run *r, const char *pipeline, const char *holder, struct err *e)
{
    char *reason = str_format("overlap: skip, run %s was going on", holder);
    struct channels told = { 0 };
    bool done;
    run_channels(r, pipeline, &told);
    int rc = state_begin(r->s, e);
    if (rc == 0 && ((rc = ticks_give_way(r->s, r->o.queued, reason, &done, e)) ||
                    (rc = occasion_ticks(r->s, &told, pipeline, e))))
        db_rollback(state_db(r->s));
    else if (rc == 0)
        rc = state_commit(r->s, e);
    if (rc == 0 && done)
        show_text(&r->show, false, reason);
    channels_release(&told);
    free(reason);
    return rc;
}

static void stop_holder(struct run *r, const struct lock_holder *h)
{
    char *text = str_format("overlap: cancel, stopping run %s (pid %lld)", h->run,
                            (long long)h->id.pid);
    show_text(&r->show, false, text);
    free(text);
    proc_tell(&h->id, SIGTERM);
}

/* Somebody holds the lock. A holder that has no run (it plans, or has just begun), or has this very
 * one, is waited for. */
static int meet_holder(struct run *r, const struct queued *q, bool *out_gone, struct err *e)
{
    struct lock_holder h;
    int rc = 0;
    lock_holder(q->pipeline, &h);
    bool other = h.id.pid != 0 && *h.run && strcmp(h.run, r->o.queued) != 0;
    if (other && strcmp(q->overlap, TICKS_SKIP) == 0) {
        *out_gone = true;
        rc = give_way(r, q->pipeline, h.run, e);
    } else if (other && strcmp(q->overlap, TICKS_CANCEL) == 0) {
        stop_holder(r, &h);
    } else if (other) {
        char *text = str_format("waits for run %s (pid %lld)", h.run, (long long)h.id.pid);
        show_text(&r->show, false, text);
        free(text);
    }
    lock_holder_release(&h);
    return rc;
}

static int take_row(struct run *r, bool *out_ours, struct err *e)
{
    int rc = state_begin(r->s, e);
    if (rc)
        return rc;
    if ((rc = ticks_take(r->s, r->o.queued, out_ours, e)))
        db_rollback(state_db(r->s));
    else
        rc = state_commit(r->s, e);
    if (rc == 0 && *out_ours)
        r->id = mem_strdup(r->o.queued);
    else
        *out_ours = false;
    return rc;
}

int run_take(struct run *r, const char *command, bool *out_ours, struct err *e)
{
    struct queued q;
    bool gone = false;
    int rc = find_queued(r, &q, e);

    *out_ours = false;
    if (rc || !q.pipeline)
        goto out;
    rc = lock_take(&r->lock, q.pipeline, command, LOCK_AT_ONCE, e);
    if (rc == ERR_RETRY) {
        *e = (struct err){ 0 };
        if ((rc = meet_holder(r, &q, &gone, e)) || gone)
            goto out;
        rc = lock_take(&r->lock, q.pipeline, command, LOCK_FOREVER, e);
    }
    if (rc == 0 && (rc = exec_local_open(&r->x, e)) == 0)
        rc = take_row(r, out_ours, e);
out:
    if (rc == 0 && !*out_ours && !gone)
        show_text(&r->show, false,
                  "not queued any more: another process has started it, or it was taken back");
    free(q.pipeline);
    free(q.overlap);
    return rc;
}
