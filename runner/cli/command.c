/* The commands run and retry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/cli/gc.h"
#include "runner/execute/env.h"
#include "runner/show/report.h"
#include "runner/execute/run.h"
#include "runner/notify/delivery.h"

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
                               .wait_ms = c->wait_ms,
                               .queued = copy_of(c->queued),
                               .strict = c->strict,
                               .timeout_ms = c->timeout_ms,
                               .jobs = c->jobs };
    o->set = mem_calloc(c->n_set + 1, sizeof *o->set);
    for (size_t i = 0; i < c->n_set; i++)
        o->set[o->n_set++] = mem_strdup(c->set[i]);
    o->target = mem_calloc(c->n_name + 1, sizeof *o->target);
    for (size_t i = 0; i < c->n_name; i++)
        o->target[o->n_target++] = mem_strdup(c->name[i]);
}

static void release_work(struct work *w)
{
    decision_release(&w->decision);
    staging_release(&w->staging);
    intent_release(&w->intent);
    free(w->digest);
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
    pool_free(r->pool); /* its threads work on what is freed next */
    for (size_t i = 0; r->work && i < r->m.n_stage; i++)
        release_work(&r->work[i]);
    free(r->work);
    secrets_release(r);
    queue_release(&r->look);
    queue_release(&r->ready);
    queue_release(&r->delayed);
    for (size_t i = 0; r->pool_wait && i < r->m.n_pool; i++)
        queue_release(&r->pool_wait[i]);
    free(r->pool_wait);
    free(r->pool_used);
    work_list_release(&r->ended);
    work_list_release(&r->placed);
    exec_local_close(&r->x);
    graph_release(&r->g);
    manifest_release(&r->m);
    state_close(r->s);
    lock_release(&r->lock);
    free(r->id);
    free(r->directory);
    free(r->here);
    free(r->scheduled_at);
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
    show_init(&r->show,
              c->quiet  ? NULL
              : c->json ? stderr
                        : stdout,
              c->colour, c->error_colour, widest(r));
    r->show.prefix = r->o.queued;
    r->verbose = c->verbose;
    r->no_notify = c->no_notify;
}

/* What is read while another run goes on may be old when that has ended: only the name counts. */
static int read_after_waiting(struct run *r, const char *command, bool **out_selected,
                              struct err *e)
{
    struct manifest_options mo = run_manifest_options(&r->o);
    struct manifest m;
    int rc = manifest_read(&m, r->o.snapshot ? r->o.snapshot : r->o.file, &mo, r->s, e);
    if (rc == 0)
        rc = run_lock(r, m.name, command, e);
    if (rc == 0 && (rc = run_read(r, out_selected, e)) == 0 && strcmp(m.name, r->m.name) != 0)
        rc = err_set(e, ERR_RETRY, "%s has changed its name from '%s' to '%s' meanwhile", r->o.file,
                     m.name, r->m.name);
    manifest_release(&m);
    return rc;
}

/* r->o is filled in; takes it over. */
static int run_pipeline(struct run *r, const struct cli *c, const char *command, int *out_status,
                        struct err *e)
{
    bool *selected = NULL, ours = true, ended = false;
    size_t n_work = 0;
    int64_t began = 0;
    int rc;

    *out_status = 0;
    start_showing(r, c);
    if (r->o.queued) {
        if ((rc = run_take(r, command, &ours, e)) || !ours)
            goto out;
        rc = run_read(r, &selected, e);
    } else if (r->o.wait_ms != LOCK_AT_ONCE) {
        rc = read_after_waiting(r, command, &selected, e);
    } else if ((rc = run_read(r, &selected, e)) == 0) {
        rc = run_lock(r, r->m.name, command, e);
    }
    if (rc)
        goto out;
    r->show.stage_width = widest(r);
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
    if ((!r->x.self && (rc = exec_local_open(&r->x, e))) || (rc = run_recover(r, e)) ||
        (rc = run_unforce(r, e)) || (rc = run_plan(r, &n_work, e)))
        goto out;
    r->idle = n_work == 0;
    /* A run of a schedule keeps its row, and of a run that is continued the end is told. */
    if (n_work > 0 || r->id || r->o.retry_of) {
        began = r->x.now_ms(r->x.self);
        r->timeout_ms = r->o.timeout_ms ? r->o.timeout_ms : r->m.timeout_ms;
        r->timeout_at = r->timeout_ms ? began + r->timeout_ms : -1;
        if ((rc = secrets_resolve(r, e)) || (rc = run_begin(r, command, e)))
            goto out;
        if ((rc = run_loop(r, e)) == 0)
            rc = run_end(r, began, out_status, e);
        ended = rc == 0;
        if (rc == 0)
            farewell_run(r, r->id, false);
        if (rc == 0)
            gc_after_run(r->s, &r->m);
    } else {
        show_text(&r->show, false, "nothing to do");
    }
    if (rc == 0 && c->json)
        rc = run_print_json(r, e);
out:
    if (rc && r->id && !ended)
        run_end_badly(r, e);
    free(selected);
    if (r->lock.held || r->o.queued) { /* the next run need not wait for the world */
        exec_local_close(&r->x);
        lock_release(&r->lock);
        if (!r->signal)
            outbox_deliver_after_run(r->s, &r->show, r->verbose);
    }
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

/* The run that `retry` continues: the one that is named, else the newest (of the file that -f
 * names). */
static int find_run(struct state *s, const struct cli *c, struct run_row *out,
                    struct run_options *o, struct err *e)
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

/* The file as that run had it, if it lived to write it. */
static void take_snapshot(struct run_options *o, const char *run)
{
    o->snapshot = str_format("%s/runs/%s/pipeline.yaml", STATE_DIR, run);
    if (access(o->snapshot, R_OK) != 0) {
        free(o->snapshot);
        o->snapshot = NULL;
    }
}

int command_retry(const struct cli *c, struct err *e)
{
    struct run r = { 0 };
    struct run_row row = { 0 };
    char *command = command_text(c, "retry");
    int status = 0, rc;

    if ((rc = state_open(&r.s, true, e)) || (rc = find_run(r.s, c, &row, &r.o, e)))
        goto out;
    if (strcmp(row.state, "queued") == 0) {
        rc = err_set(e, ERR_USAGE, "run %s has not begun yet: it is queued", row.id);
        goto out;
    }
    if (strcmp(row.state, "running") == 0 && c->wait_ms == LOCK_AT_ONCE) {
        rc = err_set(e, ERR_RETRY, "run %s is still running (pid %lld)", row.id,
                     (long long)row.holder.pid);
        goto out;
    }
    if (strcmp(row.state, "succeeded") == 0 || strcmp(row.state, "skipped") == 0) {
        if (c->json)
            rc = report_print(json_pack("{s:s, s:s, s:s, s:i}", "run", row.id, "pipeline",
                                        row.pipeline, "state", "nothing to retry", "exit_code", 0),
                              e);
        else if (!c->quiet)
            printf("nothing to retry: run %s of '%s' %s\n", row.id, row.pipeline, row.state);
        goto out;
    }
    r.o.wait_ms = c->wait_ms;
    r.o.retry_of = mem_strdup(row.id);
    if (c->current) {
        mem_free_texts(r.o.outside, r.o.n_outside);
        r.o.outside = NULL;
        r.o.n_outside = 0;
    } else {
        take_snapshot(&r.o, row.id);
    }
    if (c->jobs > 0)
        r.o.jobs = c->jobs;
    if (c->timeout_ms > 0)
        r.o.timeout_ms = c->timeout_ms;
    r.o.keep_going |= c->keep_going;
    r.o.strict |= c->strict;
    rc = run_pipeline(&r, c, command, &status, e);
out:
    run_row_release(&row);
    release(&r);
    free(command);
    return rc ? rc : status;
}
