/* The loop of a run: plan a stage when those above it are settled, start it when there is a slot, commit what it made. */
#include "runner/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "runner/cli.h"
#include "runner/env.h"
#include "runner/report.h"

enum { REDRAW_MS = 100, TICK_MS = 1000 };

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

/* ---- before the first stage ---- */

static char *copy_of(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

static void options_from_cli(struct run_options *o, const struct cli *c)
{
    *o = (struct run_options){ .file = mem_strdup(c->file),
                               .profile = copy_of(c->profile),
                               .single = copy_of(c->single),
                               .from = copy_of(c->from),
                               .force = c->force,
                               .keep_going = c->keep_going,
                               .jobs = c->jobs };
    o->set = mem_calloc(c->n_set + 1, sizeof *o->set);
    for (size_t i = 0; i < c->n_set; i++)
        o->set[o->n_set++] = mem_strdup(c->set[i]);
    o->target = mem_calloc(c->n_name + 1, sizeof *o->target);
    for (size_t i = 0; i < c->n_name; i++)
        o->target[o->n_target++] = mem_strdup(c->name[i]);
}

static int read_pipeline(struct run *r, bool **out_selected, struct err *e)
{
    struct manifest_options mo = { .profile = r->o.profile, .set = (const char *const *)r->o.set, .n_set = r->o.n_set };
    struct selection sel = { .target = (const char *const *)r->o.target, .n_target = r->o.n_target,
                             .single = r->o.single, .from = r->o.from };
    int rc = manifest_read(&r->m, r->o.snapshot ? r->o.snapshot : r->o.file, &mo, r->s, e);
    if (rc || (rc = graph_build(&r->g, &r->m, e)))
        return rc;
    *out_selected = mem_calloc(r->m.n_stage, sizeof **out_selected);
    if ((rc = graph_select(&r->g, &sel, *out_selected, e)))
        return rc;
    r->work = mem_calloc(r->m.n_stage, sizeof *r->work);
    r->secret = mem_calloc(r->m.n_secret, sizeof *r->secret);
    for (size_t i = 0; i < r->m.n_stage; i++) {
        struct work *w = &r->work[i];
        *w = (struct work){ .spec = &r->m.stage[i], .index = i, .force = r->o.force };
        w->state = (*out_selected)[i] ? WORK_PENDING : WORK_OFF;
        staging_init(&w->staging, r->m.name, w->spec);
    }
    return 0;
}

/* Stop what dead runs left running, finish or take back their commits, remove what they staged. We hold the lock, so
 * whatever is called running is dead. */
static int recover(struct run *r, struct err *e)
{
    struct run_row *dead = NULL;
    struct recovery *found = NULL;
    size_t n_dead = 0, n_found = 0;
    int rc = ledger_running(r->s, r->m.name, &dead, &n_dead, e);

    for (size_t i = 0; i < n_dead && rc == 0; i++) {
        char *mark = str_format("REFIT_RUN=%s/%s/runs/%s/", r->here, STATE_DIR, dead[i].id);
        r->x.clear(r->x.self, mark);
        free(mark);
    }
    if (rc == 0)
        rc = commit_recover(r->s, r->m.name, &found, &n_found, e);
    for (size_t i = 0; i < n_found; i++)
        show_line(&r->show, SHOW_YELLOW, false, "recover", found[i].stage,
                  found[i].forward ? "the commit that was interrupted is finished"
                                   : "the commit that was interrupted is taken back");
    for (size_t i = 0; i < n_dead && rc == 0; i++) {
        struct stage_row *stage = NULL;
        size_t n_stage = 0;
        rc = ledger_stages(r->s, dead[i].id, &stage, &n_stage, e);
        for (size_t k = 0; k < n_stage; k++)
            for (size_t a = 0; a < stage[k].n_attempt && rc == 0; a++)
                rc = staging_sweep(stage[k].attempt[a].staging, e);
        stage_rows_free(stage, n_stage);
        if (rc == 0 && (rc = state_begin_lazy(r->s, e)) == 0) {
            if ((rc = ledger_lose(r->s, dead[i].id, e)))
                db_rollback(state_db(r->s));
            else
                rc = state_commit(r->s, e);
        }
    }
    run_rows_free(dead, n_dead);
    recovery_free(found, n_found);
    return rc;
}

/* Decide what can be decided now; *out_work is the number of stages that run or may. */
static int plan_first(struct run *r, size_t *out_work, struct err *e)
{
    bool *runs = mem_calloc(r->m.n_stage, sizeof *runs);
    int rc = 0;
    *out_work = 0;
    for (size_t i = 0; i < r->m.n_stage && rc == 0; i++) {
        struct work *w = &r->work[r->g.order[i]];
        if (w->state == WORK_OFF)
            continue;
        rc = plan_stage(&r->g, w->index, runs, w->force, &r->file_view, &r->history, &w->decision, e);
        if (rc)
            break;
        runs[w->index] = w->decision.action != PLAN_REUSE;
        w->decided = w->decision.action == PLAN_REUSE || (w->decision.action == PLAN_RUN && w->decision.inputs);
        *out_work += runs[w->index];
    }
    free(runs);
    state_rest(r->s);
    return rc;
}

static int save_snapshot(struct run *r, struct err *e)
{
    struct str text = { 0 };
    char chunk[16384], *path = str_format("%s/pipeline.yaml", r->directory);
    const char *from = r->o.snapshot ? r->o.snapshot : r->o.file;
    ssize_t got = -1;
    int rc = 0, fd = open(from, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && (got = read(fd, chunk, sizeof chunk)) > 0)
        str_add(&text, chunk, (size_t)got);
    if (got < 0)
        rc = err_sys(e, "cannot read '%s'", from);
    if (fd >= 0)
        close(fd);
    if (rc == 0)
        rc = outfile_put(path, str_text(&text), text.n, e);
    str_release(&text);
    free(path);
    return rc;
}

static int begin_run(struct run *r, const char *command, struct err *e)
{
    char *options = run_options_text(&r->o);
    int rc = options ? state_begin_lazy(r->s, e) : err_set(e, ERR_USAGE, "the command line is not UTF-8");
    if (rc == 0 && (rc = ledger_run_begin(r->s, r->m.name, options, r->o.retry_of, &r->id, e)) == 0) {
        for (size_t i = 0; i < r->m.n_stage && rc == 0; i++)
            rc = ledger_stage(r->s, r->id, i, r->m.stage[i].name, work_state_name(r->work[i].state), NULL, e);
    }
    if (rc == 0)
        rc = state_commit(r->s, e);
    else
        db_rollback(state_db(r->s));
    free(options);
    if (rc)
        return rc;
    r->directory = str_format("%s/runs/%s", STATE_DIR, r->id);
    lock_name(&r->lock, r->id, command);
    return save_snapshot(r, e);
}

/* ---- the loop ---- */

/* What the stages above allow: WORK_READY to plan it, WORK_PENDING to wait, else its final state. */
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
        rc = plan_stage(&r->g, w->index, NULL, w->force, &r->file_view, &r->history, &w->decision, e);
        state_rest(r->s);
        w->decided = true;
    }
    if (rc) {
        /* A dep that a stage above did not leave where this one looks for it. */
        struct err why = *e;
        *e = (struct err){ 0 };
        return why.code == ERR_USAGE ? work_settle(r, w, WORK_FAILED, why.text, e) : err_set(e, why.code, "%s", why.text);
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

static bool is_active(const struct run *r)
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
            rc = work_settle(r, &r->work[i], r->signal ? WORK_ABORTED : WORK_FAILED, "stopped before its next attempt", e);
    return rc;
}

static void stop_all(struct run *r, bool at_once)
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
    show_text(&r->show, true, again ? "refit: killing what still runs" : "refit: stopping; once more kills at once");
    stop_all(r, again);
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

/* When the loop must wake though nothing happens: the next attempt that is due, and on a terminal the clock. */
static int64_t wake_at(const struct run *r, int64_t redraw_at)
{
    int64_t at = r->show.live ? redraw_at : -1;
    for (size_t i = 0; i < r->m.n_stage; i++)
        if (r->work[i].state == WORK_DELAYED && (at < 0 || r->work[i].due_ms < at))
            at = r->work[i].due_ms;
    return at;
}

static int loop(struct run *r, struct err *e)
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
        if (!is_active(r) && !delayed)
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
        else if (report.kind == EXEC_ENDED && (rc = attempt_ended(r, &r->work[report.key], &report.end, e)))
            return rc;
    }
}

/* The runner itself is in trouble: nothing may run on without it. */
static void abandon(struct run *r)
{
    struct exec_report report;
    struct err ignored = { 0 };
    stop_all(r, true);
    while (is_active(r)) {
        if (r->x.wait(r->x.self, -1, &report, &ignored))
            return;
        if (report.kind == EXEC_ENDED)
            r->work[report.key].state = WORK_ABORTED;
    }
}

/* ---- after the last stage ---- */

struct tally {
    size_t succeeded, reused, skipped, blocked, failed, timed_out, not_run;
};

static struct tally count(const struct run *r)
{
    struct tally t = { 0 };
    for (size_t i = 0; i < r->m.n_stage; i++) {
        switch (r->work[i].state) {
        case WORK_SUCCEEDED:
            t.succeeded++;
            break;
        case WORK_REUSED:
            t.reused++;
            break;
        case WORK_SKIPPED:
            t.skipped++;
            break;
        case WORK_BLOCKED:
            t.blocked++;
            break;
        case WORK_TIMED_OUT:
            t.timed_out++;
            break;
        case WORK_FAILED:
            t.failed++;
            break;
        case WORK_OFF:
            break;
        default:
            t.not_run++;
        }
    }
    return t;
}

static int verdict(const struct run *r, const struct tally *t, const char **out_state)
{
    *out_state = "failed";
    if (r->signal) {
        *out_state = "aborted";
        return 128 + r->signal;
    }
    if (t->failed + t->timed_out > 0)
        return r->o.keep_going ? EXIT_PARTLY : t->failed > 0 ? EXIT_FAILED : EXIT_TIMEOUT;
    if (t->blocked > 0) {
        *out_state = "blocked";
        return EXIT_BLOCKED;
    }
    *out_state = t->skipped > 0 ? "skipped" : "succeeded";
    return 0;
}

static void add_count(struct str *out, size_t n, const char *what)
{
    if (n > 0)
        str_addf(out, "%s%zu %s", out->n ? ", " : "", n, what);
}

static void show_end(struct run *r, const struct tally *t, const char *state, int64_t took_ms)
{
    struct str counts = { 0 }, line = { 0 };
    add_count(&counts, t->succeeded, "done");
    add_count(&counts, t->reused, "reused");
    add_count(&counts, t->skipped, "skipped");
    add_count(&counts, t->blocked, "blocked");
    add_count(&counts, t->failed + t->timed_out, "failed");
    add_count(&counts, t->not_run, "not run");
    str_addf(&line, "run %s of '%s' %s: %s in ", r->id, r->m.name, state, str_text(&counts));
    show_add_time(&line, took_ms);
    show_text(&r->show, false, str_text(&line));
    str_release(&line);
    str_release(&counts);
}

static int end_run(struct run *r, int64_t began, int *out_status, struct err *e)
{
    struct tally t = count(r);
    const char *state;
    int rc = 0;

    *out_status = verdict(r, &t, &state);
    if ((rc = state_begin(r->s, e)))
        return rc;
    for (size_t i = 0; i < r->m.n_stage && rc == 0; i++)
        if (r->work[i].state == WORK_READY || r->work[i].state == WORK_PENDING)
            rc = ledger_stage(r->s, r->id, i, r->m.stage[i].name, "pending", "not started", e);
    if (rc == 0)
        rc = ledger_run_end(r->s, r->id, state, r->signal ? strsignal(r->signal) : NULL, *out_status, e);
    if (rc == 0)
        rc = state_commit(r->s, e);
    else
        db_rollback(state_db(r->s));
    if (rc == 0)
        show_end(r, &t, state, r->x.now_ms(r->x.self) - began);
    return rc;
}

/* The runner failed: say so in its row, if that can still be written. */
static void end_badly(struct run *r, const struct err *why)
{
    struct err ignored = { 0 };
    abandon(r);
    if (!r->id || state_begin(r->s, &ignored))
        return;
    if (ledger_lose(r->s, r->id, &ignored) || ledger_run_end(r->s, r->id, "failed", why->text, why->code, &ignored))
        db_rollback(state_db(r->s));
    else
        state_commit(r->s, &ignored);
}

static int print_json(struct run *r, struct err *e)
{
    struct run_row row = { 0 };
    json_t *doc = NULL;
    int rc = 0;
    if (r->id) {
        rc = ledger_run(r->s, r->id, &row, e);
        if (rc == 0)
            rc = report_run(r->s, &row, &doc, e);
    } else {
        json_t *stages = json_array();
        for (size_t i = 0; i < r->m.n_stage; i++)
            json_array_append_new(stages, json_pack("{s:s, s:s}", "stage", r->m.stage[i].name, "state",
                                                    r->work[i].state == WORK_OFF ? "off" : "reused"));
        doc = json_pack("{s:n, s:s, s:s, s:i, s:o}", "run", "pipeline", r->m.name, "state", "nothing to do",
                        "exit_code", 0, "stages", stages);
    }
    run_row_release(&row);
    return rc ? rc : report_print(doc, e);
}

/* ---- the whole ---- */

static void release_work(struct work *w)
{
    decision_release(&w->decision);
    staging_release(&w->staging);
    free(w->reason);
    free(w->log);
    for (size_t i = 0; i < w->n_metric; i++)
        free(w->metric[i].name);
    for (size_t i = 0; i < w->n_warning; i++)
        free(w->warning[i]);
    free(w->metric);
    free(w->warning);
}

static void release(struct run *r)
{
    show_release(&r->show);
    for (size_t i = 0; r->work && i < r->m.n_stage; i++)
        release_work(&r->work[i]);
    free(r->work);
    for (size_t i = 0; r->secret && i < r->m.n_secret; i++)
        free(r->secret[i]);
    free(r->secret);
    exec_local_close(&r->x);
    graph_release(&r->g);
    manifest_release(&r->m);
    state_close(r->s);
    lock_release(&r->lock);
    free(r->id);
    free(r->directory);
    free(r->here);
    run_options_release(&r->o);
}

static int widest(const struct run *r)
{
    size_t n = 0;
    for (size_t i = 0; i < r->m.n_stage; i++)
        if (r->work[i].state != WORK_OFF && strlen(r->m.stage[i].name) > n)
            n = strlen(r->m.stage[i].name);
    return n > 40 ? 40 : (int)n;
}

static void start_showing(struct run *r, const struct cli *c)
{
    show_init(&r->show, c->quiet ? NULL : c->json ? stderr : stdout, c->colour, widest(r));
    r->verbose = c->verbose;
}

/* Of a forced run that is retried, what has been done is not forced again. */
static int unforce_done(struct run *r, struct err *e)
{
    struct stage_row *stage = NULL;
    size_t n = 0;
    int rc = r->o.force && r->o.retry_of ? ledger_stages(r->s, r->o.retry_of, &stage, &n, e) : 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < r->m.n_stage; k++)
            if (strcmp(stage[i].stage, r->m.stage[k].name) == 0 && strcmp(stage[i].state, "succeeded") == 0)
                r->work[k].force = false;
    stage_rows_free(stage, n);
    return rc;
}

/* r->o is filled in; takes it over. */
static int run_pipeline(struct run *r, const struct cli *c, const char *command, int *out_status, struct err *e)
{
    bool *selected = NULL;
    size_t n_work = 0;
    int64_t began = 0;
    int rc;

    *out_status = 0;
    if ((rc = read_pipeline(r, &selected, e)) || (rc = lock_take(&r->lock, r->m.name, command, e)))
        goto out;
    start_showing(r, c);
    r->here = getcwd(NULL, 0);
    if (!r->here) {
        rc = err_sys(e, "cannot find the current directory");
        goto out;
    }
    r->files = (struct files){ .s = r->s };
    r->file_view = files_view(&r->files);
    r->past = (struct state_history){ .s = r->s, .pipeline = r->m.name };
    r->history = state_history_view(&r->past);
    r->jobs = r->o.jobs > 0 ? r->o.jobs : r->m.jobs > 0 ? r->m.jobs : proc_cpus();
    if ((rc = exec_local_open(&r->x, e)) || (rc = recover(r, e)) || (rc = unforce_done(r, e)) ||
        (rc = plan_first(r, &n_work, e)))
        goto out;
    if (n_work > 0) {
        began = r->x.now_ms(r->x.self);
        if ((rc = secrets_resolve(r, e)) || (rc = begin_run(r, command, e)))
            goto out;
        if ((rc = loop(r, e)) || (rc = end_run(r, began, out_status, e)))
            end_badly(r, e);
    } else {
        show_text(&r->show, false, "nothing to do");
    }
    if (rc == 0 && c->json)
        rc = print_json(r, e);
out:
    free(selected);
    return rc;
}

static char *command_text(const struct cli *c, const char *verb)
{
    struct str text = { 0 };
    str_addf(&text, "refit %s", verb);
    if (c->single)
        str_addf(&text, " -s %s", c->single);
    if (c->from)
        str_addf(&text, " --from %s", c->from);
    for (size_t i = 0; i < c->n_name; i++)
        str_addf(&text, " %s", c->name[i]);
    return str_take(&text);
}

int command_run(const struct cli *c, struct err *e)
{
    struct run r = { 0 };
    int status = 0, rc;
    if (c->dry_run)
        return command_plan(c, e);
    char *command = command_text(c, "run");
    options_from_cli(&r.o, c);
    rc = state_open(&r.s, true, e);
    if (rc == 0)
        rc = run_pipeline(&r, c, command, &status, e);
    release(&r);
    free(command);
    return rc ? rc : status;
}

/* The run that `retry` continues: the one that is named, else the newest (of the file that -f names). */
static int find_run(struct state *s, const struct cli *c, struct run_row *out, struct run_options *o, struct err *e)
{
    struct run_row *list = NULL;
    size_t n = 0;
    int rc;
    if (c->n_name > 0)
        rc = ledger_run(s, c->name[0], out, e);
    else
        rc = ledger_runs(s, NULL, 0, &list, &n, e);
    for (size_t i = 0; i < n && rc == 0 && !out->id; i++) {
        if ((rc = run_options_parse(o, list[i].options, e)) == 0 &&
            (!c->file_given || strcmp(o->file, c->file) == 0)) {
            *out = list[i];
            list[i] = (struct run_row){ 0 };
        }
        run_options_release(o);
    }
    run_rows_free(list, n);
    if (rc == 0 && !out->id)
        rc = err_set(e, ERR_USAGE, "nothing has run here yet");
    return rc ? rc : run_options_parse(o, out->options, e);
}

int command_retry(const struct cli *c, struct err *e)
{
    struct run r = { 0 };
    struct run_row row = { 0 };
    char *command = command_text(c, "retry");
    int status = 0, rc;

    if ((rc = state_open(&r.s, true, e)) || (rc = find_run(r.s, c, &row, &r.o, e)))
        goto out;
    if (strcmp(row.state, "running") == 0) {
        rc = err_set(e, ERR_RETRY, "run %s is still running (pid %lld)", row.id, (long long)row.holder.pid);
        goto out;
    }
    if (strcmp(row.state, "succeeded") == 0 || strcmp(row.state, "skipped") == 0) {
        if (c->json)
            rc = report_print(json_pack("{s:s, s:s, s:s, s:i}", "run", row.id, "pipeline", row.pipeline, "state",
                                        "nothing to retry", "exit_code", 0),
                              e);
        else if (!c->quiet)
            printf("nothing to retry: run %s of '%s' %s\n", row.id, row.pipeline, row.state);
        goto out;
    }
    r.o.retry_of = mem_strdup(row.id);
    r.o.snapshot = str_format("%s/runs/%s/pipeline.yaml", STATE_DIR, row.id);
    if (access(r.o.snapshot, R_OK) != 0) { /* it died before it had written it */
        free(r.o.snapshot);
        r.o.snapshot = NULL;
    }
    if (c->jobs > 0)
        r.o.jobs = c->jobs;
    r.o.keep_going |= c->keep_going;
    rc = run_pipeline(&r, c, command, &status, e);
out:
    run_row_release(&row);
    release(&r);
    free(command);
    return rc ? rc : status;
}
