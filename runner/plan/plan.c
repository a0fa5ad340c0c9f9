#include "runner/plan/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/plan/inputs.h"

void commit_record_release(struct commit_record *r)
{
    for (size_t i = 0; i < r->n_out; i++) {
        free(r->out[i].name);
        free(r->out[i].path);
    }
    free(r->out);
    free(r->run_id);
    free(r->text);
    json_decref(r->inputs);
    *r = (struct commit_record){ 0 };
}

int commit_record_read(struct commit_record *r, struct err *e)
{
    if (!r->inputs && r->text)
        r->inputs = inputs_read(r->text);
    return r->inputs
               ? 0
               : err_set(e, ERR_DATA, "the inputs of the commit of run %s are damaged", r->run_id);
}

int commit_record_differences(struct commit_record *r, const char *now, struct path_list *out,
                              struct err *e)
{
    int rc = commit_record_read(r, e);
    if (rc)
        return rc;
    json_t *doc = inputs_read(now);
    plan_differences(r->inputs, doc, out);
    json_decref(doc);
    return 0;
}

static void release_deps(struct decision *d)
{
    for (size_t i = 0; i < d->n_dep; i++)
        path_list_release(&d->dep[i]);
    free(d->dep);
    d->dep = NULL;
    d->n_dep = 0;
}

void decision_release(struct decision *d)
{
    free(d->reason);
    free(d->inputs);
    release_deps(d);
    commit_record_release(&d->last);
    *d = (struct decision){ 0 };
}

void decision_trim(struct decision *d)
{
    free(d->inputs);
    d->inputs = NULL;
    release_deps(d);
    commit_record_release(&d->last);
    d->has_last = false;
}

const char *plan_action_name(enum plan_action action)
{
    static const char *const name[] = { "reuse", "run", "deferred", "off" };
    return name[action];
}

/* Equal documents have one fingerprint: most stages need no hash. */
static void find_fingerprint(struct decision *d)
{
    if (d->has_last && d->last.text && strcmp(d->inputs, d->last.text) == 0)
        memcpy(d->fingerprint, d->last.fingerprint, HASH_HEX);
    else
        hash_bytes(d->inputs, strlen(d->inputs), d->fingerprint);
}

/* "params.epochs: 30 -> 10 (and 2 more)"; NULL if nothing differs. */
static int difference_reason(struct decision *d, char **out, struct err *e)
{
    struct path_list all = { 0 };
    int rc = commit_record_differences(&d->last, d->inputs, &all, e);
    if (all.n == 1)
        *out = mem_strdup(all.path[0]);
    else if (all.n > 1)
        *out = str_format("%s (and %zu more)", all.path[0], all.n - 1);
    path_list_release(&all);
    return rc;
}

/* Which committed outputs are not what was committed; with `first` no more than one. */
static int changed_outs(const struct commit_record *last, const struct file_view *files, bool first,
                        struct path_list *out, struct err *e)
{
    for (size_t i = 0; i < last->n_out && !(first && out->n); i++) {
        char hex[HASH_HEX];
        bool exists;
        int rc = files->hash(files->self, last->out[i].path, &exists, hex, e);
        if (rc)
            return rc;
        if (!exists)
            path_list_take(out, str_format("%s is gone", last->out[i].path));
        else if (strcmp(hex, last->out[i].sha256) != 0)
            path_list_take(out, str_format("%s was changed", last->out[i].path));
    }
    return 0;
}

int plan_changes(const struct graph *g, size_t stage, const bool *above_runs,
                 const struct file_view *files, struct decision *d, struct path_list *out,
                 struct err *e)
{
    const struct stage_spec *s = &g->m->stage[stage];
    struct path_list *dep = mem_calloc(s->n_dep, sizeof *dep);
    struct str inputs = { 0 };
    bool complete;
    int rc = inputs_build(g, stage, above_runs, files, &inputs, dep, &complete, e);

    if (rc == 0 && (rc = commit_record_differences(&d->last, inputs.text, out, e)) == 0)
        rc = changed_outs(&d->last, files, false, out, e);
    str_release(&inputs);
    for (size_t i = 0; i < s->n_dep; i++)
        path_list_release(&dep[i]);
    free(dep);
    return rc;
}

static int ascending(const void *a, const void *b)
{
    const size_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* "after import, split": the stages that it waits for. */
static char *waits_for(const struct graph *g, size_t stage, const bool *above_runs)
{
    struct str text = { 0 };
    size_t n = g->up[stage + 1] - g->up[stage];
    size_t *from = mem_calloc(n, sizeof *from);
    for (size_t i = 0; i < n; i++)
        from[i] = g->edge[g->up[stage] + i].from;
    if (n > 1)
        qsort(from, n, sizeof *from, ascending);
    for (size_t i = 0; i < n; i++)
        if (above_runs[from[i]] && (i == 0 || from[i] != from[i - 1]))
            str_addf(&text, "%s%s", text.n ? ", " : "after ", g->m->stage[from[i]].name);
    free(from);
    return str_take(&text);
}

/* Why it must run; *out_reason NULL if nothing says so (yet). */
static int reason_to_run(const struct stage_spec *s, bool force, bool complete,
                         const struct file_view *files, struct decision *d, char **out_reason,
                         struct err *e)
{
    bool same = complete && strcmp(d->fingerprint, d->last.fingerprint) == 0;
    int rc;
    *out_reason = NULL;
    if (force)
        *out_reason = mem_strdup("forced");
    else if (!d->has_last)
        *out_reason = mem_strdup("never run");
    else if (s->always_changed)
        *out_reason = mem_strdup("always_changed");
    else if (!same && (rc = difference_reason(d, out_reason, e)))
        return rc;
    if (*out_reason)
        return 0;
    if (complete && !same) {
        *out_reason = mem_strdup(
            "the fingerprint changed"); /* by a version that wrote the document differently */
        return 0;
    }
    struct path_list outs = { 0 };
    rc = changed_outs(&d->last, files, true, &outs, e);
    if (rc == 0 && outs.n)
        *out_reason = mem_strdup(outs.path[0]);
    path_list_release(&outs);
    return rc;
}

static int decide(const struct graph *g, size_t stage, const bool *above_runs, bool force,
                  const struct file_view *files, struct decision *d, struct err *e)
{
    const struct stage_spec *s = &g->m->stage[stage];
    struct str inputs = { 0 };
    bool complete = false;
    int rc;

    if (s->frozen && d->has_last) {
        d->action = PLAN_REUSE;
        d->reason = mem_strdup("frozen");
        return 0;
    }
    d->dep = mem_calloc(s->n_dep, sizeof *d->dep);
    d->n_dep = s->n_dep;
    rc = inputs_build(g, stage, above_runs, files, &inputs, d->dep, &complete, e);
    d->inputs = str_take(&inputs);
    if (rc)
        return rc;
    if (complete)
        find_fingerprint(d);
    if ((rc = reason_to_run(s, force, complete, files, d, &d->reason, e)))
        return rc;
    if (d->reason)
        d->action = PLAN_RUN;
    else
        d->action = complete ? PLAN_REUSE : PLAN_DEFERRED;
    if (!d->reason)
        d->reason = complete ? mem_strdup("up to date") : waits_for(g, stage, above_runs);
    if (!complete) {
        free(d->inputs);
        d->inputs = NULL;
        release_deps(d);
    }
    return 0;
}

int plan_stage(const struct graph *g, size_t stage, const bool *above_runs, bool force,
               const struct file_view *files, const struct history_view *history,
               struct decision *out, struct err *e)
{
    const struct stage_spec *s = &g->m->stage[stage];
    int rc;

    *out = (struct decision){ 0 };
    if (!s->enabled) {
        out->action = PLAN_OFF;
        out->reason = mem_strdup("disabled");
        return 0;
    }
    if ((rc = history->last_commit(history->self, s->name, &out->has_last, &out->last, e)) == 0)
        rc = decide(g, stage, above_runs, force, files, out, e);
    if (rc)
        decision_release(out);
    return rc;
}

int plan_all(const struct graph *g, const bool *selected, bool force, const struct file_view *files,
             const struct history_view *history, struct plan *out, struct err *e)
{
    size_t n = g->m->n_stage;
    bool *runs = mem_calloc(n, sizeof *runs);
    int rc = 0;

    *out = (struct plan){ .stage = mem_calloc(n, sizeof *out->stage), .n = n };
    for (size_t i = 0; rc == 0 && i < n; i++) {
        size_t at = g->order[i];
        struct decision *d = &out->stage[at];
        if (!selected[at]) {
            d->action = PLAN_OFF;
            d->reason = mem_strdup(g->m->stage[at].enabled ? "not selected" : "disabled");
            continue;
        }
        rc = plan_stage(g, at, runs, force, files, history, d, e);
        runs[at] = rc == 0 && (d->action == PLAN_RUN || d->action == PLAN_DEFERRED);
    }
    free(runs);
    if (rc)
        plan_release(out);
    return rc;
}

void plan_release(struct plan *p)
{
    for (size_t i = 0; i < p->n; i++)
        decision_release(&p->stage[i]);
    free(p->stage);
    *p = (struct plan){ 0 };
}

size_t plan_work(const struct plan *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++)
        n += p->stage[i].action == PLAN_RUN || p->stage[i].action == PLAN_DEFERRED;
    return n;
}
