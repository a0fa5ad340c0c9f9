/* One attempt of a stage: its process, its outputs checked and committed, and what is remembered of
 * it. */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/plan/argv.h"
#include "runner/plan/inputs.h"
#include "runner/execute/env.h"
#include "runner/execute/failure.h"
#include "runner/read/program.h"
#include "runner/read/reference.h"
#include "runner/execute/run.h"
#include "runner/commit/tree.h"

enum {
    TAIL_LINES = 20,
    CHECK_TIMEOUT_MS = 3600000,
    EXIT_TIMEOUT_STATUS = 124,
};

/* ---- settling ---- */

static void show_failure(struct run *r, const struct work *w)
{
    struct str text = { 0 };
    if (w->number > 0 && w->log) {
        show_add_tail(&text, w->log, TAIL_LINES, "        | ");
        if (text.n == 0 && w->usage.max_rss_kb > 0) /* it ran at all */
            str_addz(&text, "        | (it wrote no log)\n");
        str_addf(&text, "        log:        %s\n", w->log);
        str_addf(&text, "        try again:  refit retry %s\n", r->id);
        str_addf(&text, "        it alone:   refit run");
        if (strcmp(r->o.file, "pipeline.yaml") != 0)
            str_addf(&text, " -f %s", r->o.file);
        if (r->o.profile)
            str_addf(&text, " --profile %s", r->o.profile);
        for (size_t i = 0; i < r->o.n_set; i++) {
            str_addz(&text, " -p ");
            reference_shell_word(r->o.set[i], &text);
        }
        str_addf(&text, " -s %s", w->spec->name);
        show_text(&r->show, true, str_text(&text));
    }
    str_release(&text);
}

static void show_settled(struct run *r, const struct work *w)
{
    struct str text = { 0 };
    switch (w->state) {
    case WORK_SUCCEEDED:
        show_add_time(&text, r->x.now_ms(r->x.self) - w->began_mono);
        str_addz(&text, ", ");
        show_add_memory(&text, w->usage.max_rss_kb);
        show_line(&r->show, SHOW_GREEN, false, "done", w->spec->name, str_text(&text));
        break;
    case WORK_REUSED:
        if (r->verbose)
            show_line(&r->show, SHOW_DIM, false, "reused", w->spec->name, w->reason);
        break;
    case WORK_SKIPPED:
        show_line(&r->show, SHOW_YELLOW, false, "skipped", w->spec->name, w->reason);
        break;
    case WORK_BLOCKED:
        show_line(&r->show, SHOW_YELLOW, true, "blocked", w->spec->name, w->reason);
        if (w->number > 0) {
            show_add_tail(&text, w->log, TAIL_LINES, "        | ");
            str_addf(&text, "        log:        %s", w->log);
            show_text(&r->show, true, str_text(&text));
        }
        break;
    case WORK_FAILED:
    case WORK_TIMED_OUT:
        show_line(&r->show, SHOW_RED, true, "failed", w->spec->name, w->reason);
        show_failure(r, w);
        break;
    case WORK_ABORTED:
        show_line(&r->show, SHOW_YELLOW, true, "stopped", w->spec->name, w->reason);
        break;
    case WORK_UPSTREAM_FAILED:
        show_line(&r->show, SHOW_DIM, false, "not run", w->spec->name, w->reason);
        break;
    default:
        break;
    }
    str_release(&text);
}

static void set_state(struct run *r, struct work *w, enum work_state state, const char *reason)
{
    char *copy = mem_strdup(reason ? reason : "");
    free(w->reason);
    w->reason = copy;
    work_enter(r, w, state);
}

void attempt_settled(struct run *r, struct work *w, enum work_state state, const char *reason)
{
    set_state(r, w, state, reason);
    show_settled(r, w);
}

int work_settle(struct run *r, struct work *w, enum work_state state, const char *reason,
                struct err *e)
{
    attempt_settled(r, w, state, reason);
    if (!r->id)
        return 0;
    int rc = state_begin_lazy(r->s, e);
    if (rc)
        return rc;
    if ((rc = ledger_stage(r->s, r->id, w->index, w->spec->name, work_state_name(state), w->reason,
                           e))) {
        db_rollback(state_db(r->s));
        return rc;
    }
    return state_commit(r->s, e);
}

/* ---- the end of an attempt ---- */

/* What bounded it, as JSON. */
static char *limits_text(const struct work *w)
{
    json_t *doc = json_pack("{s:b}", "cgroup", (int)w->in_group);
    if (w->spec->memory > 0) {
        json_object_set_new(doc, "memory", json_integer(w->spec->memory));
        json_object_set_new(doc, "memory_by",
                            json_string(w->memory_by_group ? "cgroup" : "rlimit"));
        if (w->memory_peak >= 0)
            json_object_set_new(doc, "memory_peak", json_integer(w->memory_peak));
    }
    if (w->spec->nice > 0)
        json_object_set_new(doc, "nice", json_integer(w->spec->nice));
    char *text = json_dumps(doc, JSON_COMPACT);
    json_decref(doc);
    return text;
}

/* Everything about the attempt that just ended, inside a transaction. */
static int record_attempt(struct run *r, struct work *w, const char *state, const char *reason,
                          struct err *e)
{
    struct attempt_row row = { .stage = w->spec->name,
                               .number = w->number,
                               .ended = ledger_now_ms(),
                               .exit_code = w->exit_code,
                               .signal = w->signal,
                               .usage = w->usage };
    char *state_text = mem_strdup(state), *reason_text = mem_strdup(reason);
    row.state = state_text;
    row.reason = reason_text;
    row.limits = limits_text(w);
    int rc = ledger_attempt_end(r->s, r->id, &row, e);
    for (size_t i = 0; i < w->n_metric && rc == 0; i++)
        rc = ledger_metric(r->s, r->id, w->spec->name, w->number, w->metric[i].name,
                           w->metric[i].step, w->metric[i].value, e);
    for (size_t i = 0; i < w->n_warning && rc == 0; i++)
        rc = ledger_warning(r->s, r->id, w->spec->name, w->number, w->warning[i], e);
    free(row.limits);
    free(state_text);
    free(reason_text);
    return rc;
}

int attempt_record(struct run *r, struct work *w, struct err *e)
{
    const char *state = work_state_name(w->state);
    int rc = record_attempt(r, w, state, w->reason, e);
    if (rc == 0)
        rc = ledger_stage(r->s, r->id, w->index, w->spec->name, state, w->reason, e);
    if (rc == 0)
        attempt_forget_events(w);
    return rc;
}

int end_without_commit(struct run *r, struct work *w, enum work_state state, const char *reason,
                       struct err *e)
{
    bool delayed = state == WORK_DELAYED;
    enum work_state of_attempt = !delayed ? state : w->timed_out ? WORK_TIMED_OUT : WORK_FAILED;
    int rc;

    set_state(r, w, state, reason);
    if ((rc = staging_remove(&w->staging, e)) || (rc = state_begin_lazy(r->s, e)))
        return rc;
    rc = record_attempt(r, w, work_state_name(of_attempt), w->reason, e);
    if (rc == 0)
        rc = ledger_stage(r->s, r->id, w->index, w->spec->name,
                          delayed ? "running" : work_state_name(state), w->reason, e);
    if (rc) {
        db_rollback(state_db(r->s));
        return rc;
    }
    attempt_forget_events(w);
    if ((rc = state_commit(r->s, e)) == 0 && !delayed)
        show_settled(r, w);
    return rc;
}

/* The hash of a program of ours is the one that it was asked for --describe with. */
static bool program_changed(const struct run *r, const struct stage_spec *s)
{
    char hex[HASH_HEX];
    bool exists = false;
    struct err why = { 0 };
    return s->described && (files_hash(r->s, s->program, &exists, hex, &why) || !exists ||
                            strcmp(hex, s->described->sha256) != 0);
}

static void differences(const char *old, const char *now, struct path_list *out)
{
    json_t *was = inputs_read(old), *is = inputs_read(now);
    plan_differences(was, is, out);
    json_decref(was);
    json_decref(is);
}

/* What of its inputs was edited while the stage ran: one text an edit. */
static void changed_inputs(struct run *r, struct work *w, struct path_list *out)
{
    struct decision now = { 0 };
    struct err why = { 0 };
    bool program = program_changed(r, w->spec);
    if (!program && inputs_hold(&r->g, w->index, w->decision.inputs, &r->file_view)) {
        state_rest(r->s);
        return;
    }
    int rc = plan_stage(&r->g, w->index, NULL, true, &r->file_view, &r->history, &now, &why);
    if (rc) /* it is gone, or no input any more */
        path_list_add(out, why.text);
    else if (program)
        path_list_add(out, "program changed");
    else if (now.inputs && strcmp(now.fingerprint, w->decision.fingerprint) != 0)
        differences(w->decision.inputs, now.inputs, out);
    decision_release(&now);
    state_rest(r->s);
}

/* Its outputs are committed against what it was started with, with a warning; or it fails. */
static int check_inputs(struct run *r, struct work *w, bool *out_failed, struct err *e)
{
    struct path_list changed = { 0 };
    int rc = 0;
    changed_inputs(r, w, &changed);
    *out_failed = r->o.strict && changed.n > 0;
    for (size_t i = 0; i < changed.n && rc == 0; i++) {
        char *text = str_format("an input changed while the stage ran: %s", changed.path[i]);
        if (*out_failed) {
            rc = end_without_commit(r, w, WORK_FAILED, text, e);
            free(text);
            break;
        }
        attempt_warn(r, w, text);
    }
    path_list_release(&changed);
    return rc;
}

/* ---- the check of outputs ---- */

static void add_word(char ***argv, size_t *n, const char *word)
{
    *argv = mem_realloc(*argv, *n + 2, sizeof **argv);
    (*argv)[(*n)++] = mem_strdup(word);
    (*argv)[*n] = NULL;
}

/* refit-check FORMAT PATH --name DECLARED [--require X]... for every output with a format;
 * *out_argv NULL if none. */
static int check_argv(const struct work *w, char ***out_argv, struct err *e)
{
    char *directory = NULL, **argv = NULL;
    size_t n = 0;
    int rc;

    *out_argv = NULL;
    for (size_t i = 0; i < w->spec->n_out; i++) {
        const struct file_ref *out = &w->spec->out[i];
        if (!out->format && out->n_require == 0)
            continue;
        if (!argv) {
            if ((rc = program_directory(&directory, e)))
                return rc;
            char *path = str_format("%s/refit-check", directory);
            add_word(&argv, &n, path);
            free(path);
            free(directory);
        }
        add_word(&argv, &n, out->format ? out->format : "any");
        add_word(&argv, &n, w->staging.out[i]);
        add_word(&argv, &n, "--name");
        add_word(&argv, &n, out->path[0]);
        for (size_t k = 0; k < out->n_require; k++) {
            add_word(&argv, &n, "--require");
            add_word(&argv, &n, out->require[k]);
        }
    }
    *out_argv = argv;
    return 0;
}

/* Start the check; *out_none if there is nothing to check. */
static int start_check(struct run *r, struct work *w, bool *out_none, struct err *e)
{
    struct env env = { 0 };
    char **argv = NULL, *handle = NULL, *mark = env_mark(r, w);
    struct err why = { 0 };
    int rc = check_argv(w, &argv, e);

    *out_none = argv == NULL;
    if (rc || !argv)
        goto out;
    env_base(&env, r, w);
    struct exec_job job = { .argv = argv,
                            .env = env.entry,
                            .mark = mark,
                            .log = w->log,
                            .mask = &r->mask,
                            .timeout_ms = CHECK_TIMEOUT_MS,
                            .kill_after_ms = 1000 };
    if (r->x.start(r->x.self, w->index, &job, &handle, &why))
        rc = end_without_commit(r, w, WORK_FAILED, why.text, e);
    else
        work_enter(r, w, WORK_CHECKING);
out:
    free(handle);
    free(mark);
    argv_free(argv);
    env_release(&env);
    return rc;
}

static const char *why_stopped(const struct run *r)
{
    return r->timed_out ? "stopped: the time of the run is over" : "stopped";
}

static int check_ended(struct run *r, struct work *w, const struct exec_end *end, struct err *e)
{
    struct str reason = { 0 };
    int rc;
    if (end->exit_code == 0)
        return commits_add(r, w, e);
    if (end->cancelled)
        return end_without_commit(r, w, WORK_ABORTED, why_stopped(r), e);
    str_addz(&reason, "its output is not as it must be");
    struct str line = { 0 };
    show_add_tail(&line, w->log, 1, "");
    if (line.n > 0)
        str_addf(&reason, ": %.*s", (int)line.n - 1, line.text);
    rc = end_without_commit(r, w, WORK_FAILED, str_text(&reason), e);
    str_release(&line);
    str_release(&reason);
    return rc;
}

/* ---- the end of its process ---- */

static int ended_well(struct run *r, struct work *w, struct err *e)
{
    bool none = true, failed = false;
    int rc = check_inputs(r, w, &failed, e);
    if (rc || failed || (rc = start_check(r, w, &none, e)))
        return rc;
    return none ? commits_add(r, w, e) : 0;
}

int attempt_ended(struct run *r, struct work *w, const struct exec_end *end, struct err *e)
{
    if (w->state == WORK_CHECKING)
        return check_ended(r, w, end, e);
    w->usage = end->usage;
    w->signal = end->signal;
    w->exit_code = end->timed_out ? EXIT_TIMEOUT_STATUS : end->exit_code;
    failure_warn(r, w, end);
    w->timed_out = end->timed_out;
    w->in_group = end->in_group;
    w->memory_by_group = end->memory_by_group;
    w->memory_peak = end->memory_peak;
    w->blocked = !end->cancelled && !end->timed_out && end->exit_code == ERR_BLOCKED;
    if (end->n_left > 0)
        return failure_of_survivors(r, w, end, e);
    if (end->exit_code == 0 ||
        w->blocked) /* also where it was told to stop and had just finished */
        return ended_well(r, w, e);
    if (end->cancelled)
        return end_without_commit(r, w, WORK_ABORTED, why_stopped(r), e);
    if (!end->timed_out && end->exit_code == ERR_NOTHING)
        return end_without_commit(r, w, WORK_SKIPPED, "exit 99: nothing to do", e);
    return failure_or_retry(r, w, end, e);
}

/* ---- the beginning ---- */

/* A checkpoint continues the very same work; one of other inputs is removed. */
static int prepare_checkpoint(struct run *r, const struct work *w, struct err *e)
{
    char of[HASH_HEX];
    int rc;
    if (!w->spec->checkpoint)
        return 0;
    if ((rc = ledger_checkpoint(r->s, r->m.name, w->spec->name, w->spec->checkpoint, of, e)))
        return rc;
    if (!*of && access(w->spec->checkpoint, F_OK) == 0) /* it would go with the commit */
        return err_set(e, ERR_USAGE,
                       "checkpoint '%s' is there already, and not from this stage: move it away",
                       w->spec->checkpoint);
    const char *slash = strrchr(w->spec->checkpoint, '/');
    if (strcmp(of, w->decision.fingerprint) != 0 && (rc = tree_remove(w->spec->checkpoint, e)))
        return rc;
    if (slash) {
        char *directory = mem_strndup(w->spec->checkpoint, (size_t)(slash - w->spec->checkpoint));
        rc = tree_make(directory, e);
        free(directory);
    }
    return rc;
}

static int record_start(struct run *r, struct work *w, bool starts, struct err *e)
{
    char *text = staging_text(&w->staging);
    struct attempt_row row = { .stage = w->spec->name,
                               .number = w->number,
                               .log = w->log,
                               .staging = text,
                               .began = w->began };
    int rc = state_begin_lazy(r->s, e);
    if (rc == 0)
        rc = ledger_attempt_begin(r->s, r->id, &row, e);
    if (rc == 0)
        rc = ledger_stage(r->s, r->id, w->index, w->spec->name, "running", w->decision.reason, e);
    if (rc == 0 && w->spec->checkpoint && starts)
        rc = ledger_checkpoint_put(r->s, r->m.name, w->spec->name, w->spec->checkpoint,
                                   w->decision.fingerprint, e);
    if (rc == 0)
        rc = state_commit(r->s, e);
    else
        db_rollback(state_db(r->s));
    free(text);
    return rc;
}

static void show_start(struct run *r, const struct work *w, char *const *argv)
{
    if (!r->show.live)
        show_line(&r->show, SHOW_PLAIN, false, "start", w->spec->name, w->decision.reason);
    if (r->verbose) {
        struct str text = { 0 };
        str_addz(&text, "        $");
        for (size_t i = 0; argv[i]; i++)
            str_addf(&text, " %s", argv[i]);
        char *masked = mask_text(&r->mask, str_text(&text));
        show_text(&r->show, false, masked);
        free(masked);
        str_release(&text);
    }
}

static void reset_attempt(struct run *r, struct work *w)
{
    attempt_forget_events(w);
    free(w->log);
    if (w->number++ == 0)
        staging_init(&w->staging, r->m.name, w->spec);
    w->log = str_format("%s/%s.%lld.log", r->directory, w->spec->name, (long long)w->number);
    w->began = ledger_now_ms();
    w->began_mono = r->x.now_ms(r->x.self);
    w->done = w->total = 0;
    w->unit[0] = w->note[0] = '\0';
    w->own_note = false;
    w->machine = w->blocked = w->timed_out = w->in_group = w->memory_by_group = false;
    w->memory_peak = -1;
    w->exit_code = w->signal = 0;
    w->usage = (struct exec_usage){ 0 };
}

static int launch(struct run *r, struct work *w, struct err *e)
{
    struct attempt_files files = { .dep = w->decision.dep,
                                   .out = w->staging.out,
                                   .checkpoint = w->spec->checkpoint,
                                   .run_id = r->id,
                                   .run_dir = r->directory,
                                   .scheduled_at = r->scheduled_at,
                                   .attempt = w->number };
    struct env env = { 0 };
    struct err why = { 0 };
    char **argv = NULL, *handle = NULL, *mark = env_mark(r, w);
    int rc = 0;

    if (staging_make(&w->staging, w->spec, &r->spare, &why) || prepare_checkpoint(r, w, &why) ||
        stage_argv(w->spec, &files, &argv, &why) || env_make(&env, r, w, &files, &why)) {
        w->exit_code = why.code;
        rc = record_start(r, w, false, e);
        goto out;
    }
    if ((rc = record_start(r, w, true, e)))
        goto out;
    show_start(r, w, argv);
    struct exec_job job = { .argv = argv,
                            .env = env.entry,
                            .mark = mark,
                            .log = w->log,
                            .log_max = w->spec->log_max,
                            .mask = &r->mask,
                            .events = true,
                            .timeout_ms = w->spec->timeout_ms,
                            .kill_after_ms = w->spec->kill_after_ms,
                            .memory = w->spec->memory,
                            .nice = w->spec->nice };
    if (r->x.start(r->x.self, w->index, &job, &handle, &why) == 0)
        work_enter(r, w, WORK_RUNNING);
    else
        w->exit_code = why.code;
out:
    w->machine = why.code == ERR_IO;
    if (rc == 0 && why.code)
        rc = end_without_commit(r, w, WORK_FAILED, why.text, e);
    free(handle);
    free(mark);
    argv_free(argv);
    env_release(&env);
    return rc;
}

int attempt_start(struct run *r, struct work *w, struct err *e)
{
    reset_attempt(r, w);
    return launch(r, w, e);
}
