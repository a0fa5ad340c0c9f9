/* The loop of a run: plan a stage when those above it are settled, start it when there is a slot,
 * commit what it made. */
#include "runner/execute/run.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/progress.h"

enum { REDRAW_MS = 100 };

/* What the stages above allow: WORK_READY to plan it, WORK_PENDING to wait, else its final state.
 */
static enum work_state above(const struct run *r, const struct work *w, const char **out_stage)
{
    enum work_state result = WORK_READY;
    for (size_t i = r->g.up[w->index]; i < r->g.up[w->index + 1]; i++) {
        const struct work *up = &r->work[r->g.edge[i].from];
        switch (up->state) {
        case WORK_OFF:
        case WORK_SUCCEEDED:
        case WORK_REUSED:
            continue;
        case WORK_FAILED:
        case WORK_TIMED_OUT:
        case WORK_ABORTED:
        case WORK_UPSTREAM_FAILED:
            *out_stage = up->spec->name;
            return WORK_UPSTREAM_FAILED;
        case WORK_BLOCKED:
            *out_stage = up->spec->name;
            result = WORK_BLOCKED;
            break;
        case WORK_SKIPPED:
            if (result != WORK_BLOCKED) {
                *out_stage = up->spec->name;
                result = WORK_SKIPPED;
            }
            break;
        default:
            if (result == WORK_READY)
                result = WORK_PENDING;
            break;
        }
    }
    return result;
}

static int decide(struct run *r, struct work *w, struct err *e)
{
    int rc = 0;
    if (!w->decided) {
        decision_release(&w->decision);
        rc = plan_stage(&r->g, w->index, NULL, w->force, &r->file_view, &r->history, &w->decision,
                        e);
        state_rest(r->s);
        w->decided = true;
    }
    if (rc) {
        /* A dep that a stage above did not leave where this one looks for it. */
        struct err why = *e;
        *e = (struct err){ 0 };
        return why.code == ERR_USAGE ? work_settle(r, w, WORK_FAILED, why.text, e)
                                     : err_set(e, why.code, "%s", why.text);
    }
    if (w->decision.action == PLAN_REUSE)
        return work_settle(r, w, WORK_REUSED, w->decision.reason, e);
    work_enter(r, w, WORK_READY);
    return 0;
}

/* Settle what can be: of the stages to look at always the first in the order, because it may settle
 * others further down. */
static int settle(struct run *r, struct err *e)
{
    struct waiting at;
    int rc = 0;
    while (rc == 0 && queue_take(&r->look, &at)) {
        struct work *w = &r->work[at.stage];
        const char *because = "";
        if (w->state != WORK_PENDING)
            continue;
        enum work_state next = above(r, w, &because);
        if (next == WORK_PENDING || (next == WORK_READY && r->stopping))
            continue;
        if (next == WORK_READY) {
            rc = decide(r, w, e);
            continue;
        }
        char *reason = str_format(next == WORK_UPSTREAM_FAILED ? "'%s' did not succeed"
                                  : next == WORK_BLOCKED       ? "'%s' is blocked"
                                                               : "'%s' was skipped",
                                  because);
        rc = work_settle(r, w, next, reason, e);
        free(reason);
    }
    return rc;
}

/* Stages whose next attempt is due wait for a slot as the others do. */
static void wake_delayed(struct run *r)
{
    const struct waiting *first;
    struct waiting at;
    int64_t now = r->x.now_ms(r->x.self);
    while ((first = queue_first(&r->delayed)) && first->key <= now) {
        queue_take(&r->delayed, &at);
        at.key = 0;
        queue_add(&r->ready, at);
    }
}

/* Start what is ready as far as there are slots; one that needs more than are free lets smaller
 * ones pass. */
static int start_ready(struct run *r, struct err *e)
{
    struct queue passed = { 0 };
    struct waiting at;
    int rc = 0;
    wake_delayed(r);
    while (rc == 0 && !r->stopping && r->n_slot < r->jobs && queue_take(&r->ready, &at)) {
        struct work *w = &r->work[at.stage];
        if (w->state != WORK_READY && w->state != WORK_DELAYED)
            continue;
        if (r->n_slot + work_slots(r, w) > r->jobs)
            queue_add(&passed, at);
        else
            rc = attempt_start(r, w, e);
    }
    while (queue_take(&passed, &at))
        queue_add(&r->ready, at);
    queue_release(&passed);
    return rc;
}

bool run_is_active(const struct run *r)
{
    return r->n_in[WORK_RUNNING] + r->n_in[WORK_CHECKING] > 0;
}

/* Stages that wait for another attempt when nothing more is to start. */
static int give_up_delayed(struct run *r, struct err *e)
{
    int rc = 0;
    if (!r->stopping || r->n_in[WORK_DELAYED] == 0)
        return 0;
    for (size_t i = 0; i < r->m.n_stage && rc == 0; i++)
        if (r->work[i].state == WORK_DELAYED)
            rc = work_settle(r, &r->work[i], r->signal ? WORK_ABORTED : WORK_FAILED,
                             "stopped before its next attempt", e);
    queue_release(&r->delayed);
    return rc;
}

void run_stop(struct run *r, bool at_once)
{
    r->stopping = true;
    for (size_t i = 0; i < r->m.n_stage; i++)
        if (r->work[i].state == WORK_RUNNING || r->work[i].state == WORK_CHECKING)
            r->x.cancel(r->x.self, i, at_once);
}

static void take_signal(struct run *r, int sig)
{
    bool again = r->signal != 0;
    if (!again)
        r->signal = sig;
    show_text(&r->show, true,
              again ? "refit: killing what still runs"
                    : "refit: stopping; once more kills at once");
    run_stop(r, again);
}

static void draw(struct run *r)
{
    struct show_row *row = mem_calloc(r->m.n_stage, sizeof *row);
    size_t n = 0;
    int64_t now = r->x.now_ms(r->x.self);
    for (size_t i = 0; i < r->m.n_stage; i++) {
        const struct work *w = &r->work[i];
        if (!work_is_active(w->state))
            continue;
        row[n++] = (struct show_row){ .stage = w->spec->name,
                                      .note = w->state == WORK_CHECKING  ? "checking its outputs"
                                              : w->state == WORK_DELAYED ? "waiting to try again"
                                                                         : w->note,
                                      .elapsed_ms = now - w->began_mono,
                                      .done = w->done,
                                      .total = w->total,
                                      .unit = w->unit };
    }
    show_rows(&r->show, row, n);
    free(row);
}

/* When the loop must wake though nothing happens: the next attempt that is due, progress to be
 * written, and on a terminal the clock. */
static int64_t wake_at(const struct run *r, int64_t redraw_at)
{
    const struct waiting *first = queue_first(&r->delayed);
    int64_t at = r->show.live ? redraw_at : -1, due = progress_due(r);
    if (due >= 0 && (at < 0 || due < at))
        at = due;
    return first && (at < 0 || first->key < at) ? first->key : at;
}

int run_loop(struct run *r, struct err *e)
{
    struct exec_report report;
    int64_t redraw_at = 0;
    int rc;
    work_count(r);
    for (;;) {
        if ((rc = settle(r, e)) || (rc = start_ready(r, e)) || (rc = give_up_delayed(r, e)))
            return rc;
        if (queue_first(&r->look))
            continue; /* a stage that ended at once (it could not be started) may settle others */
        if (!run_is_active(r) && r->n_in[WORK_DELAYED] == 0)
            return 0;
        if (r->show.live && r->x.now_ms(r->x.self) >= redraw_at) {
            draw(r);
            redraw_at = r->x.now_ms(r->x.self) + REDRAW_MS;
        }
        progress_write(r);
        if ((rc = r->x.wait(r->x.self, wake_at(r, redraw_at), &report, e)))
            return rc;
        if (report.kind == EXEC_SIGNAL)
            take_signal(r, report.signal);
        else if (report.kind == EXEC_EVENT)
            attempt_event(r, &r->work[report.key], report.line);
        else if (report.kind == EXEC_ENDED &&
                 (rc = attempt_ended(r, &r->work[report.key], &report.end, e)))
            return rc;
    }
}
