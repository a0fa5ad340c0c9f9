/* on_exit: what runs last, whatever became of the run. It is told by its environment how the run
 * ended; how it ends itself changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/env.h"
#include "runner/execute/run.h"
#include "runner/memory/farewells.h"
#include "runner/plan/argv.h"

enum { KEY = 0 }; /* nothing else runs any more */

struct farewell {
    struct run_row run; /* how it ended */
    struct stage_spec spec;
    char *directory, *mark, *log;
    bool late; /* the run's own runner could not */
    struct attempt_row row;
};

static void add_environment(struct env *env, const struct farewell *f)
{
    env_plain(env);
    env_put(env, mem_strdup(f->mark));
    for (size_t i = 0; i < f->spec.n_env; i++) /* the pipeline's: no references are left in it */
        env_put(env, mem_strdup(f->spec.env[i]));
    env_put(env, str_format("REFIT_PIPELINE=%s", f->run.pipeline));
    env_put(env, str_format("REFIT_RUN_ID=%s", f->run.id));
    env_put(env, str_format("REFIT_RUN_DIR=%s", f->directory));
    env_put(env, str_format("REFIT_RUN_STATE=%s", f->run.state));
    env_put(env, str_format("REFIT_RUN_EXIT=%lld", (long long)f->run.exit_code));
    env_put(env, str_format("REFIT_RUN_REASON=%s", f->run.reason ? f->run.reason : ""));
    env_put(env, str_format("REFIT_RUN_LATE=%d", f->late ? 1 : 0));
}

/* Until it has ended. A signal to us gives it its kill_after, a second one nothing. */
static int wait_for_end(struct run *r, struct exec_end *out, struct err *e)
{
    struct exec_report report;
    bool told = false;
    for (;;) {
        int rc = r->x.wait(r->x.self, -1, &report, e);
        if (rc)
            return rc;
        if (report.kind == EXEC_SIGNAL) {
            r->x.cancel(r->x.self, KEY, told);
            told = true;
        } else if (report.kind == EXEC_ENDED) {
            *out = report.end;
            return 0;
        }
    }
}

static char *end_text(const struct farewell *f, const struct exec_end *end)
{
    struct str text = { 0 };
    if (end->timed_out) {
        str_addz(&text, "timed out after ");
        show_add_time(&text, f->spec.timeout_ms);
    } else if (end->cancelled) {
        str_addz(&text, "stopped");
    } else if (end->signal) {
        str_addf(&text, "killed by signal %d (%s)", end->signal, strsignal(end->signal));
    } else {
        str_addf(&text, "exit %d", end->exit_code);
    }
    if (f->late)
        str_addz(&text, "; late: the runner had died");
    return str_take(&text);
}

static int record_begin(struct run *r, const struct farewell *f, struct err *e)
{
    int rc = state_begin_lazy(r->s, e);
    if (rc == 0)
        rc = ledger_attempt_begin(r->s, f->run.id, &f->row, e);
    if (rc == 0)
        rc = farewell_stage(r->s, f->run.id, "running", NULL, e);
    if (rc == 0)
        return state_commit(r->s, e);
    db_rollback(state_db(r->s));
    return rc;
}

static int record_end(struct run *r, struct farewell *f, const char *state, const char *reason,
                      struct err *e)
{
    int rc = state_begin_lazy(r->s, e);
    f->row.state = mem_strdup(state);
    f->row.reason = mem_strdup(reason);
    f->row.ended = ledger_now_ms();
    if (rc == 0)
        rc = ledger_attempt_end(r->s, f->run.id, &f->row, e);
    if (rc == 0)
        rc = farewell_stage(r->s, f->run.id, state, reason, e);
    if (rc == 0)
        rc = farewell_done(r->s, f->run.id, e);
    if (rc == 0)
        rc = state_commit(r->s, e);
    else
        db_rollback(state_db(r->s));
    free(f->row.state);
    free(f->row.reason);
    return rc;
}

static int start(struct run *r, const struct farewell *f, struct err *e)
{
    char *at = ledger_scheduled_at(&f->run), **argv = NULL, *handle = NULL;
    struct attempt_files files = { .run_id = f->run.id,
                                   .run_dir = f->directory,
                                   .run_state = f->run.state,
                                   .scheduled_at = at,
                                   .attempt = f->row.number };
    struct env env = { 0 };
    int rc = stage_argv(&f->spec, &files, &argv, e);
    add_environment(&env, f);
    struct exec_job job = { .argv = argv,
                            .env = env.entry,
                            .mark = f->mark,
                            .log = f->log,
                            .log_max = INT64_C(100) << 20,
                            .mask = &r->mask,
                            .timeout_ms = f->spec.timeout_ms,
                            .kill_after_ms = f->spec.kill_after_ms };
    if (rc == 0)
        rc = r->x.start(r->x.self, KEY, &job, &handle, e);
    free(handle);
    free(at);
    argv_free(argv);
    env_release(&env);
    return rc;
}

static void warn(struct run *r, const char *run, const char *text)
{
    char *line = str_format("of run %s: %s", run, text);
    show_line(&r->show, SHOW_YELLOW, true, "warning", FAREWELL, line);
    free(line);
}

static int run_it(struct run *r, struct farewell *f, struct err *e)
{
    struct exec_end end = { .exit_code = -1 };
    struct err why = { 0 };
    int rc = record_begin(r, f, e);
    if (rc)
        return rc;
    if (start(r, f, &why) == 0 && (rc = wait_for_end(r, &end, e)))
        return rc;
    f->row.exit_code = why.code ? why.code : end.timed_out ? 124 : end.exit_code;
    f->row.signal = end.signal;
    f->row.usage = end.usage;
    bool good = why.code == 0 && end.exit_code == 0 && !end.timed_out;
    char *reason = why.code ? mem_strdup(why.text) : end_text(f, &end);
    rc = record_end(r, f, good ? "succeeded" : end.timed_out ? "timed_out" : "failed", reason, e);
    if (!good)
        warn(r, f->run.id, reason);
    free(reason);
    return rc;
}

void farewell_run(struct run *r, const char *run, bool late)
{
    struct farewell f = { .late = late };
    struct err e = { 0 };
    bool found = false;
    if (ledger_run(r->s, run, &f.run, &e) == 0)
        farewell_get(r->s, f.run.id, &found, &f.spec, &f.row.number, &e);
    if (found) {
        f.directory = str_format("%s/runs/%s", STATE_DIR, f.run.id);
        f.log = str_format("%s/%s.%lld.log", f.directory, FAREWELL, (long long)f.row.number);
        f.mark = str_format("REFIT_RUN=%s/%s/%s.%lld", r->here, f.directory, FAREWELL,
                            (long long)f.row.number);
        char *stage = mem_strdup(FAREWELL), *staging = mem_strdup("[]");
        f.row.stage = stage;
        f.row.staging = staging;
        f.row.log = f.log;
        f.row.began = ledger_now_ms();
        run_it(r, &f, &e);
        free(staging);
        free(stage);
        stage_release(&f.spec);
    }
    if (e.code)
        warn(r, run, e.text);
    free(f.mark);
    free(f.log);
    free(f.directory);
    run_row_release(&f.run);
}

void farewells_late(struct run *r)
{
    struct err e = { 0 };
    char **run = NULL;
    size_t n = 0;
    if (farewells_due(r->s, r->m.name, &run, &n, &e))
        show_line(&r->show, SHOW_YELLOW, true, "warning", FAREWELL, e.text);
    for (size_t i = 0; i < n; i++) {
        char *mark = str_format("REFIT_RUN=%s/%s/runs/%s/", r->here, STATE_DIR, run[i]);
        r->x.clear(r->x.self, mark); /* what the runner died in the middle of */
        free(mark);
        farewell_run(r, run[i], true);
    }
    mem_free_texts(run, n);
}
