/* A run before its first stage: read the pipeline, clean up after dead runs, plan, get a name. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "runner/execute/run.h"
#include "runner/memory/approvals.h"
#include "runner/memory/farewells.h"
#include "runner/notify/occasion.h"

static int force_stages(struct run *r, struct err *e)
{
    size_t k;
    int rc = 0;
    for (size_t i = 0; i < r->o.n_force_stage && rc == 0; i++)
        if ((rc = manifest_stage(&r->m, r->o.force_stage[i], &k, e)) == 0)
            r->work[k].force = true;
    return rc;
}

/* What the environment gave, for a retry; of a retry what the first run was given. */
static void keep_outside(struct run_options *o, const struct manifest *m)
{
    if (o->n_outside > 0)
        return;
    free(o->outside);
    o->outside = mem_calloc(m->n_outside, sizeof *o->outside);
    for (; o->n_outside < m->n_outside; o->n_outside++)
        o->outside[o->n_outside] = mem_strdup(m->outside[o->n_outside]);
}

int run_read(struct run *r, bool **out_selected, struct err *e)
{
    struct manifest_options mo = run_manifest_options(&r->o);
    struct selection sel = { .target = (const char *const *)r->o.target,
                             .n_target = r->o.n_target,
                             .single = r->o.single,
                             .from = r->o.from };
    int rc = manifest_read(&r->m, r->o.snapshot ? r->o.snapshot : r->o.file, &mo, r->s, e);
    if (rc || (rc = graph_build(&r->g, &r->m, e)))
        return rc;
    keep_outside(&r->o, &r->m);
    *out_selected = mem_calloc(r->m.n_stage, sizeof **out_selected);
    if ((rc = graph_select(&r->g, &sel, *out_selected, e)))
        return rc;
    r->work = mem_calloc(r->m.n_stage, sizeof *r->work);
    r->pool_wait = mem_calloc(r->m.n_pool, sizeof *r->pool_wait);
    r->pool_used = mem_calloc(r->m.n_pool, sizeof *r->pool_used);
    r->secret = mem_calloc(r->m.n_secret, sizeof *r->secret);
    for (size_t i = 0; i < r->m.n_stage; i++) {
        struct work *w = &r->work[i];
        *w = (struct work){ .spec = &r->m.stage[i], .index = i, .force = r->o.force };
        w->state = (*out_selected)[i] ? WORK_PENDING : WORK_OFF;
        if (w->state == WORK_OFF)
            w->reason = mem_strdup(w->spec->enabled ? "not selected" : "disabled");
    }
    return force_stages(r, e);
}

/* The row of an attempt is written a little after its directories are made, so those of the rows
 * are not all that may be there. */
static int remove_staged(const struct run *r, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < r->m.n_stage && rc == 0; i++) {
        struct staging left;
        bool awaited;
        staging_init(&left, r->m.name, &r->m.stage[i]);
        if ((rc = approval_awaited(r->s, r->m.name, r->m.stage[i].name, &awaited, e)) == 0 &&
            !awaited)
            rc = staging_remove(&left, e);
        staging_release(&left);
    }
    return rc;
}

/* Stop what dead runs left running, finish or take back their commits, remove what they staged. We
 * hold the lock, so whatever is called running is dead. */
int run_recover(struct run *r, struct err *e)
{
    struct run_row *dead = NULL;
    struct recovery *found = NULL;
    size_t n_dead = 0, n_found = 0;
    int rc = ledger_running(r->s, r->m.name, &dead, &n_dead, e);

    for (size_t i = 0; i < n_dead && r->id; i++) { /* this one is a queued run that we have taken */
        if (strcmp(dead[i].id, r->id) == 0) {
            run_row_release(&dead[i]);
            dead[i--] = dead[--n_dead];
        }
    }
    for (size_t i = 0; i < n_dead && rc == 0; i++) {
        char *mark = str_format("REFIT_RUN=%s/%s/runs/%s/", r->here, STATE_DIR, dead[i].id);
        r->x.clear(r->x.self, mark);
        free(mark);
    }
    if (rc == 0)
        rc = commit_recover(r->s, r->m.name, &found, &n_found, e);
    if (rc == 0 && n_dead > 0)
        rc = remove_staged(r, e);
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
                if (strcmp(stage[k].attempt[a].state, "blocked") != 0) /* may be approved yet */
                    rc = staging_sweep(stage[k].attempt[a].staging, e);
        stage_rows_free(stage, n_stage);
        if (rc == 0 && (rc = state_begin_lazy(r->s, e)) == 0) {
            if ((rc = ledger_lose(r->s, dead[i].id, e)) ||
                (rc = occasion_run_ended(r->s, &r->m.channels, dead[i].id, true, e)))
                db_rollback(state_db(r->s));
            else
                rc = state_commit(r->s, e);
        }
    }
    run_rows_free(dead, n_dead);
    recovery_free(found, n_found);
    if (rc == 0)
        farewells_late(r);
    return rc;
}

/* Decide what can be decided now; *out_work is the number of stages that run or may. */
int run_plan(struct run *r, size_t *out_work, struct err *e)
{
    bool *runs = mem_calloc(r->m.n_stage, sizeof *runs);
    int rc = state_history_load(&r->past, r->m.n_stage, e);
    *out_work = 0;
    files_one_look(&r->files, true);
    for (size_t i = 0; i < r->m.n_stage && rc == 0; i++) {
        struct work *w = &r->work[r->g.order[i]];
        if (w->state == WORK_OFF)
            continue;
        rc = plan_stage(&r->g, w->index, *out_work > 0 ? runs : NULL, w->force, &r->file_view,
                        &r->history, &w->decision, e);
        if (rc)
            break;
        runs[w->index] = w->decision.action != PLAN_REUSE;
        w->decided = w->decision.action == PLAN_REUSE ||
                     (w->decision.action == PLAN_RUN && w->decision.inputs);
        *out_work += runs[w->index];
        if (w->decision.action == PLAN_REUSE)
            decision_trim(&w->decision);
    }
    free(runs);
    files_one_look(&r->files, false);
    state_history_forget(&r->past);
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

int run_begin(struct run *r, const char *command, struct err *e)
{
    char *options = run_options_text(&r->o);
    struct run_row row = { 0 };
    int rc = options ? state_begin_lazy(r->s, e)
                     : err_set(e, ERR_USAGE, "the command line is not UTF-8");
    if (rc == 0)
        rc = r->id ? ledger_run_options(r->s, r->id, options, e) /* a schedule made it */
                   : ledger_run_begin(r->s, r->m.name, options, r->o.retry_of, &r->id, e);
    if (rc == 0) {
        for (size_t i = 0; i < r->m.n_stage && rc == 0; i++)
            rc = ledger_stage(r->s, r->id, i, r->m.stage[i].name, work_state_name(r->work[i].state),
                              r->work[i].reason, e);
    }
    if (rc == 0)
        rc = farewell_put(r->s, r->id, r->m.n_stage, r->m.on_exit, e);
    if (rc == 0)
        rc = state_commit(r->s, e);
    else
        db_rollback(state_db(r->s));
    free(options);
    if (rc || (rc = ledger_run(r->s, r->id, &row, e)))
        return rc;
    r->scheduled_at = ledger_scheduled_at(&row);
    run_row_release(&row);
    r->directory = str_format("%s/runs/%s", STATE_DIR, r->id);
    lock_name(&r->lock, r->id, command);
    return save_snapshot(r, e);
}

/* What the run that is retried has done, or a person has approved in it, is neither forced again
 * nor run again as always_changed: its outputs were looked at when that run began. */
int run_unforce(struct run *r, struct err *e)
{
    struct stage_row *stage = NULL;
    struct approval *given = NULL;
    size_t n = 0, n_given = 0, at;
    int rc = 0;
    if (!r->o.retry_of)
        return 0;
    if ((rc = ledger_stages(r->s, r->o.retry_of, &stage, &n, e)) == 0)
        rc = approvals_of(r->s, r->o.retry_of, &given, &n_given, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct err ignored = { 0 }; /* the file of today may have lost a stage */
        bool done = strcmp(stage[i].state, "succeeded") == 0 ||
                    strcmp(stage[i].state, "reused") == 0 ||
                    approval_of(given, n_given, stage[i].stage);
        at = i; /* as a rule it stands where it stood */
        if (!done || ((i >= r->m.n_stage || strcmp(r->m.stage[i].name, stage[i].stage) != 0) &&
                      manifest_stage(&r->m, stage[i].stage, &at, &ignored)))
            continue;
        r->work[at].force = false;
        r->m.stage[at].always_changed = false;
    }
    approvals_free(given, n_given);
    stage_rows_free(stage, n);
    return rc;
}
