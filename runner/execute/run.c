/* The loop of a run: plan a stage when those above it are settled, start it when there is a slot,
 * commit what it made. */
#include "runner/execute/run.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/progress.h"
#include "runner/plan/condition.h"

/* No stage is started while so many wait for the disk: it is behind. */
enum { REDRAW_MS = 100, MAX_HEARD = 1000, MOST_COMMITTING = 16 };

static enum upstream kind_of(enum work_state state)
{
    switch (state) {
    case WORK_SUCCEEDED:
    case WORK_REUSED:
        return UPSTREAM_DONE;
    case WORK_SKIPPED:
        return UPSTREAM_SKIPPED;
    case WORK_BLOCKED:
        return UPSTREAM_BLOCKED;
    case WORK_NOT_STARTED:
        return UPSTREAM_NOT_STARTED;
    case WORK_FAILED:
    case WORK_TIMED_OUT:
    case WORK_ABORTED:
    case WORK_UPSTREAM_FAILED:
        return UPSTREAM_FAILED;
    default:
        return UPSTREAM_OPEN;
    }
}

/* What the stages above allow; *out_stage is the first of those that decided. */
static enum condition_answer above(const struct run *r, const struct work *w,
                                   enum upstream *out_because, const char **out_stage)
{
    struct condition c = { 0 };
    const char *first[UPSTREAM_KINDS] = { NULL };
    for (size_t i = r->g.up[w->index]; i < r->g.up[w->index + 1]; i++) {
        const struct work *up = &r->work[r->g.edge[i].from];
        if (up->state == WORK_OFF)
            continue;
        enum upstream kind = kind_of(up->state);
        c.n[kind]++;
        if (!first[kind])
            first[kind] = up->spec->name;
    }
    enum condition_answer answer = condition_answer(w->spec->run_if, &c, out_because);
    *out_stage = first[*out_because];
    return answer;
}

bool run_may_start(const struct run *r, const struct work *w)
{
    return !r->halted && (!r->stopping || w->spec->run_if == RUN_IF_ALWAYS);
}

/* "never run (run_if: always, 'gate' is blocked)": why, with what is above. */
static void add_condition(const struct work *w, enum upstream because, const char *stage, char **io)
{
    if (because == UPSTREAM_DONE)
        return;
    char *text = str_format("%s (run_if: %s, '%s' %s)", *io, run_if_name(w->spec->run_if), stage,
                            upstream_verb(because));
    free(*io);
    *io = text;
}

static int decide(struct run *r, struct work *w, enum upstream because, const char *stage,
                  struct err *e)
{
    struct err why = { 0 };
    int rc = 0;
    if (!w->decided) {
        decision_release(&w->decision);
        rc = plan_stage(&r->g, w->index, NULL, w->force, &r->file_view, &r->history, &w->decision,
                        &why);
        state_rest(r->s);
        w->decided = true;
    }
    if (rc) {
        /* A dep that a stage above did not leave where this one looks for it. */
        char *text = mem_strdup(why.text);
        add_condition(w, because, stage, &text);
        rc = why.code == ERR_USAGE ? work_settle(r, w, WORK_FAILED, text, e)
                                   : err_set(e, why.code, "%s", text);
        free(text);
        return rc;
    }
    if (w->decision.action == PLAN_REUSE)
        return work_settle(r, w, WORK_REUSED, w->decision.reason, e);
    add_condition(w, because, stage, &w->decision.reason);
    work_enter(r, w, WORK_READY);
    return 0;
}

/* A stage that might have run, but the run is stopping. */
static int leave_out(struct run *r, struct work *w, struct err *e)
{
    char *reason = r->timed_out ? mem_strdup("not started: the time of the run is over")
                   : r->halted  ? mem_strdup("not started: the run was stopped")
                                : str_format("not started: '%s' failed", r->first_failed);
    int rc = work_settle(r, w, WORK_NOT_STARTED, reason, e);
    free(reason);
    return rc;
}

static int settle_one(struct run *r, struct work *w, struct err *e)
{
    static const enum work_state state_of[] = {
        [CONDITION_SKIPPED] = WORK_SKIPPED,
        [CONDITION_BLOCKED] = WORK_BLOCKED,
        [CONDITION_NOT_STARTED] = WORK_NOT_STARTED,
        [CONDITION_FAILED] = WORK_UPSTREAM_FAILED,
    };
    enum upstream because;
    const char *stage;
    enum condition_answer answer = above(r, w, &because, &stage);
    if (answer == CONDITION_WAIT)
        return 0;
    if (answer == CONDITION_RUN)
        return run_may_start(r, w) ? decide(r, w, because, stage, e) : leave_out(r, w, e);
    char *reason = str_format("'%s' %s", stage, upstream_verb(because));
    int rc = work_settle(r, w, state_of[answer], reason, e);
    free(reason);
    return rc;
}

/* Settle what can be: of the stages to look at always the first in the order, because it may settle
 * others further down. */
static int settle(struct run *r, struct err *e)
{
    struct waiting at;
    int rc = 0;
    while (rc == 0 && queue_take(&r->look, &at))
        if (r->work[at.stage].state == WORK_PENDING)
            rc = settle_one(r, &r->work[at.stage], e);
    return rc;
}

/* What was ready when the run began to stop. */
static int leave_ready_out(struct run *r, struct err *e)
{
    int rc = 0;
    if ((!r->stopping && !r->halted) || r->n_in[WORK_READY] == 0)
        return 0;
    for (size_t i = 0; i < r->m.n_stage && rc == 0; i++)
        if (r->work[i].state == WORK_READY && !run_may_start(r, &r->work[i]))
            rc = leave_out(r, &r->work[i], e);
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
        queue_add(&r->ready,
                  (struct waiting){ -r->m.stage[at.stage].priority, at.stage, at.stage });
    }
}

/* Is it a directory with staging directories in it? Of an absolute path it may be. */
static bool holds_staging(const struct run *r, const char *path)
{
    struct stat st;
    bool found = *path == '/' && (r->spare.n > 0 || r->placed.n > 0);
    for (size_t i = 0; i < r->spare.n && !found; i++)
        found = path_related(path, r->spare.dir[i]);
    for (size_t i = 0; i < r->placed.n && !found; i++)
        for (size_t k = 0; k < r->placed.item[i]->staging.n_dir && !found; k++)
            found = path_related(path, r->placed.item[i]->staging.dir[k]);
    return found && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* A stage that reads a directory finds in it what was committed, and nothing beside that: neither
 * what was committed before nor an empty directory. */
static int clear_inputs(struct run *r, const struct work *w, struct err *e)
{
    for (size_t i = 0; i < w->decision.n_dep; i++)
        for (size_t k = 0; k < w->decision.dep[i].n; k++)
            if (holds_staging(r, w->decision.dep[i].path[k]))
                return commits_clear(r, e);
    return 0;
}

/* Start what is ready as far as there are slots, the most urgent first; one that needs more than
 * are free lets smaller ones pass. */
static int start_ready(struct run *r, struct err *e)
{
    struct queue passed = { 0 };
    struct waiting at;
    int rc = 0;
    wake_delayed(r);
    while (rc == 0 && !r->halted && r->n_slot < r->jobs &&
           r->n_in[WORK_COMMITTING] < MOST_COMMITTING && queue_take(&r->ready, &at)) {
        struct work *w = &r->work[at.stage];
        if ((w->state != WORK_READY && w->state != WORK_DELAYED) || !run_may_start(r, w) ||
            work_wait_for_pool(r, w, at))
            continue;
        if (!work_has_room(r, w))
            queue_add(&passed, at);
        else if ((rc = clear_inputs(r, w, e)) == 0)
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
    if ((!r->stopping && !r->halted) || r->n_in[WORK_DELAYED] == 0)
        return 0;
    for (size_t i = 0; i < r->m.n_stage && rc == 0; i++)
        if (r->work[i].state == WORK_DELAYED && !run_may_start(r, &r->work[i]))
            rc = work_settle(r, &r->work[i], r->halted ? WORK_ABORTED : WORK_FAILED,
                             "stopped before its next attempt", e);
    return rc;
}

void run_stop(struct run *r, bool at_once)
{
    r->stopping = r->halted = true;
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

/* The time of the whole run is over. */
static void look_at_clock(struct run *r)
{
    if (r->timeout_at < 0 || r->halted || r->x.now_ms(r->x.self) < r->timeout_at)
        return;
    r->timed_out = true;
    show_text(&r->show, true, "refit: the time of the run is over: stopping");
    run_stop(r, false);
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
                                      .note = w->state == WORK_CHECKING     ? "checking its outputs"
                                              : w->state == WORK_COMMITTING ? "hashing its outputs"
                                              : w->state == WORK_DELAYED    ? "waiting to try again"
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
    int64_t at = r->show.live ? redraw_at : -1;
    const int64_t due[] = { progress_due(r), commits_due(r) };
    for (size_t i = 0; i < sizeof due / sizeof *due; i++)
        if (due[i] >= 0 && (at < 0 || due[i] < at))
            at = due[i];
    if (r->timeout_at >= 0 && !r->halted && (at < 0 || r->timeout_at < at))
        at = r->timeout_at;
    return first && (at < 0 || first->key < at) ? first->key : at;
}

static int take_report(struct run *r, const struct exec_report *report, struct err *e)
{
    if (report->kind == EXEC_SIGNAL)
        take_signal(r, report->signal);
    else if (report->kind == EXEC_EVENT)
        attempt_event(r, &r->work[report->key], report->line);
    else if (report->kind == EXEC_READY)
        return commits_digested(r, e);
    else if (report->kind == EXEC_ENDED)
        return attempt_ended(r, &r->work[report->key], &report->end, e);
    return 0;
}

/* Sleep until there is something to hear, then hear all that there is: what has ended together is
 * committed together. */
static int hear(struct run *r, int64_t until_ms, struct err *e)
{
    struct exec_report report;
    int rc = r->x.wait(r->x.self, until_ms, &report, e);
    for (size_t i = 0; i < MAX_HEARD && rc == 0 && report.kind != EXEC_TIME; i++)
        if ((rc = take_report(r, &report, e)) == 0)
            rc = r->x.wait(r->x.self, 0, &report, e);
    return rc ? rc : take_report(r, &report, e);
}

static int loop(struct run *r, struct err *e)
{
    int64_t redraw_at = 0;
    int rc;
    work_count(r);
    state_gather(r->s);
    for (;;) {
        look_at_clock(r);
        if ((rc = settle(r, e)) || (rc = start_ready(r, e)) || (rc = give_up_delayed(r, e)) ||
            (rc = leave_ready_out(r, e)))
            return rc;
        if (queue_first(&r->look))
            continue; /* a stage that ended at once (it could not be started) may settle others */
        if ((rc = commits_record(r, e)))
            return rc;
        if (!run_is_active(r) && r->n_in[WORK_COMMITTING] + r->n_in[WORK_DELAYED] == 0)
            return 0;
        if (r->show.live && r->x.now_ms(r->x.self) >= redraw_at) {
            draw(r);
            redraw_at = r->x.now_ms(r->x.self) + REDRAW_MS;
        }
        progress_write(r);
        if ((rc = hear(r, wake_at(r, redraw_at), e)) || (rc = commits_place(r, e)))
            return rc;
    }
}

int run_loop(struct run *r, struct err *e)
{
    struct err why = { 0 };
    int rc = loop(r, e), left = staging_spare_remove(&r->spare, &why);
    if (rc == 0 && left)
        *e = why;
    return rc ? rc : left;
}
