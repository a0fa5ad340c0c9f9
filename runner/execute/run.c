/* The loop of a run: plan a stage when those above it are settled, start it when there is a slot,
 * commit what it made. */
#include "runner/execute/run.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

enum { REDRAW_MS = 100 };

const char *work_state_name(enum work_state state)
{
    static const char *const name[] = {
        [WORK_OFF] = "off",
        [WORK_PENDING] = "pending",
        [WORK_READY] = "pending",
        [WORK_RUNNING] = "running",
        [WORK_CHECKING] = "running",
        [WORK_DELAYED] = "running",
        [WORK_SUCCEEDED] = "succeeded",
        [WORK_REUSED] = "reused",
        [WORK_SKIPPED] = "skipped",
        [WORK_BLOCKED] = "blocked",
        [WORK_FAILED] = "failed",
        [WORK_TIMED_OUT] = "timed_out",
        [WORK_ABORTED] = "aborted",
        [WORK_UPSTREAM_FAILED] = "upstream_failed",
    };
    return name[state];
}

bool work_is_active(enum work_state state)
{
    return state == WORK_RUNNING || state == WORK_CHECKING || state == WORK_DELAYED;
}

/* What the stages above allow: WORK_READY to plan it, WORK_PENDING to wait, else its final state.
 */
static enum work_state above(const struct run *r, const struct work *w, const char **out_stage)
{
    enum work_state result = WORK_READY;
    for (size_t i = 0; i < r->g.n_edge; i++) {
        const struct edge *edge = &r->g.edge[i];
        if (edge->to != w->index)
            continue;
        const struct work *up = &r->work[edge->from];
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
    w->state = WORK_READY;
    return 0;
}

/* One pass in topological order settles everything that can be: what is above comes first. */
static int settle(struct run *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < r->m.n_stage && rc == 0; i++) {
        struct work *w = &r->work[r->g.order[i]];
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

static int64_t slots_of(const struct run *r, const struct work *w)
{
    return w->spec->cpus < 1 ? 1 : w->spec->cpus > r->jobs ? r->jobs : w->spec->cpus;
}

static bool has_failed(enum work_state state)
{
    return state == WORK_FAILED || state == WORK_TIMED_OUT;
}

/* Without -k nothing new starts after a failure; what runs may finish, as make has it. */
static void look_for_failure(struct run *r)
{
    for (size_t i = 0; i < r->m.n_stage && !r->o.keep_going; i++)
        if (has_failed(r->work[i].state))
            r->stopping = true;
}

static int start_ready(struct run *r, struct err *e)
{
    int64_t used = 0, now = r->x.now_ms(r->x.self);
    int rc = 0;
    for (size_t i = 0; i < r->m.n_stage; i++)
        if (r->work[i].state == WORK_RUNNING || r->work[i].state == WORK_CHECKING)
            used += slots_of(r, &r->work[i]);
    for (size_t i = 0; i < r->m.n_stage && rc == 0 && !r->stopping; i++) {
        struct work *w = &r->work[r->g.order[i]];
        bool due = w->state == WORK_READY || (w->state == WORK_DELAYED && now >= w->due_ms);
        if (!due || used + slots_of(r, w) > r->jobs)
            continue;
        if ((rc = attempt_start(r, w, e)) == 0 && w->state == WORK_RUNNING)
            used += slots_of(r, w);
        look_for_failure(r);
    }
    return rc;
}

bool run_is_active(const struct run *r)
{
    for (size_t i = 0; i < r->m.n_stage; i++)
        if (r->work[i].state == WORK_RUNNING || r->work[i].state == WORK_CHECKING)
            return true;
    return false;
}

/* Stages that wait for another attempt when nothing more is to start. */
static int give_up_delayed(struct run *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < r->m.n_stage && rc == 0 && r->stopping; i++)
        if (r->work[i].state == WORK_DELAYED)
            rc = work_settle(r, &r->work[i], r->signal ? WORK_ABORTED : WORK_FAILED,
                             "stopped before its next attempt", e);
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

/* When the loop must wake though nothing happens: the next attempt that is due, and on a terminal
 * the clock. */
static int64_t wake_at(const struct run *r, int64_t redraw_at)
{
    int64_t at = r->show.live ? redraw_at : -1;
    for (size_t i = 0; i < r->m.n_stage; i++)
        if (r->work[i].state == WORK_DELAYED && (at < 0 || r->work[i].due_ms < at))
            at = r->work[i].due_ms;
    return at;
}

int run_loop(struct run *r, struct err *e)
{
    struct exec_report report;
    int64_t redraw_at = 0;
    int rc;
    for (;;) {
        look_for_failure(r);
        if ((rc = settle(r, e)))
            return rc;
        look_for_failure(r);
        if ((rc = start_ready(r, e)) || (rc = give_up_delayed(r, e)))
            return rc;
        bool again = false, delayed = false;
        for (size_t i = 0; i < r->m.n_stage; i++) {
            const struct work *w = &r->work[i];
            delayed |= w->state == WORK_DELAYED;
            const char *because;
            /* A stage that ended at once (it could not be started) may have settled others. */
            again |= w->state == WORK_PENDING && above(r, w, &because) != WORK_PENDING &&
                     !(r->stopping && above(r, w, &because) == WORK_READY);
        }
        if (again)
            continue;
        if (!run_is_active(r) && !delayed)
            return 0;
        if (r->show.live && r->x.now_ms(r->x.self) >= redraw_at) {
            draw(r);
            redraw_at = r->x.now_ms(r->x.self) + REDRAW_MS;
        }
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
