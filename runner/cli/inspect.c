/* plan, explain: what would be done and why, without doing it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/json_keys.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/memory/recall.h"
#include "runner/plan/condition.h"
#include "runner/plan/inputs.h"

static const char *action_colour(const struct cli *c, enum plan_action action)
{
    static const char *const colour[] = { "\033[2m", "\033[32m", "\033[33m", "\033[2m" };
    return c->colour ? colour[action] : "";
}

/* ---- plan ---- */

static json_t *decision_json(const struct stage_spec *s, const struct decision *d)
{
    return json_pack("{s:s, s:s, s:o, s:o, s:o}", "stage", s->name, "action",
                     plan_action_name(d->action), "reason", json_text_or_null(d->reason),
                     "fingerprint", json_text_or_null(*d->fingerprint ? d->fingerprint : NULL),
                     "committed_by", json_text_or_null(d->has_last ? d->last.run_id : NULL));
}

/* How long each stage that may run took last time; -1: nobody knows. */
static int expect(const struct project *p, const struct plan *plan, int64_t *out_ms, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < plan->n && rc == 0; i++) {
        enum plan_action action = plan->stage[i].action;
        out_ms[i] = -1;
        if (p->state && (action == PLAN_RUN || action == PLAN_DEFERRED))
            rc = past_duration(p->state, p->manifest.name, p->manifest.stage[i].name, &out_ms[i],
                               e);
    }
    return rc;
}

static json_t *plan_json(const struct project *p, const struct plan *plan,
                         const int64_t *expected_ms)
{
    json_t *stages = json_array();
    for (size_t i = 0; i < plan->n; i++) {
        size_t at = p->graph.order[i];
        json_t *stage = decision_json(&p->manifest.stage[at], &plan->stage[at]);
        json_object_set_new(stage, "expected_ms",
                            expected_ms[at] < 0 ? json_null() : json_integer(expected_ms[at]));
        json_array_append_new(stages, stage);
    }
    return json_pack("{s:s, s:I, s:o}", "pipeline", p->manifest.name, "work",
                     (json_int_t)plan_work(plan), "stages", stages);
}

static void print_plan(const struct cli *c, const struct project *p, const struct plan *plan,
                       const int64_t *expected_ms)
{
    size_t count[4] = { 0 };
    int width = 5;
    for (size_t i = 0; i < plan->n; i++) {
        int n = (int)strlen(p->manifest.stage[i].name);
        width = n > width ? n : width;
        count[plan->stage[i].action]++;
    }
    for (size_t i = 0; i < plan->n && !c->quiet; i++) {
        size_t at = p->graph.order[i];
        const struct decision *d = &plan->stage[at];
        struct str took = { 0 };
        if (expected_ms[at] >= 1000) { /* less is no news */
            str_addz(&took, " (took ");
            show_add_time(&took, expected_ms[at]);
            str_addz(&took, " last time)");
        }
        printf("%s%-8s%s  %-*s  %s%s\n", action_colour(c, d->action), plan_action_name(d->action),
               c->colour ? "\033[0m" : "", width, p->manifest.stage[at].name, d->reason,
               str_text(&took));
        str_release(&took);
    }
    if (c->quiet)
        return;
    if (plan_work(plan) == 0)
        printf("nothing to do: %zu up to date\n", count[PLAN_REUSE]);
    else
        printf("%zu to run, %zu to be decided on the way, %zu up to date\n", count[PLAN_RUN],
               count[PLAN_DEFERRED], count[PLAN_REUSE]);
}

int command_plan(const struct cli *c, struct err *e)
{
    struct selection sel = { c->name, c->n_name, c->single, c->from };
    struct project p;
    struct plan plan = { 0 };
    bool *selected = NULL;
    int64_t *expected_ms = NULL;
    int rc = project_open(&p, c, e);

    if (rc)
        return rc;
    selected = mem_calloc(p.manifest.n_stage, sizeof *selected);
    if ((rc = graph_select(&p.graph, &sel, selected, e)) ||
        (rc = state_history_load(&p.past, p.manifest.n_stage, e)) ||
        (rc = plan_all(&p.graph, selected, c->force, &p.view, &p.history, &plan, e)))
        goto out;
    expected_ms = mem_calloc(p.manifest.n_stage, sizeof *expected_ms);
    if ((rc = expect(&p, &plan, expected_ms, e)))
        goto out;
    if (c->json)
        rc = report_print(plan_json(&p, &plan, expected_ms), e);
    else
        print_plan(c, &p, &plan, expected_ms);
    if (rc == 0 && c->check && plan_work(&plan))
        rc = EXIT_WORK;
out:
    plan_release(&plan);
    free(expected_ms);
    free(selected);
    project_close(&p);
    return rc;
}

/* ---- explain ---- */

static json_t *explain_json(const struct stage_spec *s, const struct decision *d,
                            const struct path_list *changes)
{
    json_t *doc = decision_json(s, d), *list = json_array();
    for (size_t i = 0; i < changes->n; i++)
        json_array_append_new(list, json_string(changes->path[i]));
    json_object_set_new(doc, "changes", list);
    json_object_set_new(doc, "run_if", json_string(run_if_name(s->run_if)));
    return doc;
}

/* What a stage that is up to date was made from. */
static void print_inputs(const struct decision *d)
{
    static const char *const sections[] = { "params", "env" };
    json_t *inputs = inputs_read(d->inputs), *deps = json_object_get(inputs, "deps");
    for (void *at = json_object_iter(deps); at; at = json_object_iter_next(deps, at)) {
        json_t *list = json_object_iter_value(at);
        for (size_t i = 0; i < json_array_size(list) && i < 10; i++)
            printf("  deps.%s: %s %.12s\n", json_object_iter_key(at),
                   json_string_value(json_array_get(json_array_get(list, i), 0)),
                   json_string_value(json_array_get(json_array_get(list, i), 1)));
        if (json_array_size(list) > 10)
            printf("  deps.%s: %zu more files\n", json_object_iter_key(at),
                   json_array_size(list) - 10);
    }
    for (size_t i = 0; i < 2; i++) {
        json_t *map = json_object_get(inputs, sections[i]);
        for (void *at = json_object_iter(map); at; at = json_object_iter_next(map, at)) {
            char *text = json_dumps(json_object_iter_value(at), JSON_ENCODE_ANY | JSON_COMPACT);
            printf("  %s.%s: %s\n", sections[i], json_object_iter_key(at), text);
            free(text);
        }
    }
    json_decref(inputs);
}

static void print_explanation(const struct stage_spec *s, const struct decision *d,
                              const struct path_list *changes)
{
    switch (d->action) {
    case PLAN_REUSE:
        printf("%s is reused: %s\n", s->name, d->reason);
        break;
    case PLAN_RUN:
        printf("%s runs: %s\n", s->name, d->reason);
        break;
    case PLAN_DEFERRED:
        printf("%s is decided later: %s; nothing else has changed\n", s->name, d->reason);
        break;
    case PLAN_OFF:
        printf("%s is off: %s\n", s->name, d->reason);
        break;
    }
    if (s->run_if != RUN_IF_ALL_SUCCESS)
        printf("run_if: %s: %s\n", run_if_name(s->run_if),
               s->run_if == RUN_IF_ALWAYS ? "whatever becomes of the stages above"
                                          : "unless a stage above fails or is blocked");
    if (d->has_last)
        printf("last commit: run %s, fingerprint %.12s\n", d->last.run_id, d->last.fingerprint);
    for (size_t i = 0; i < changes->n; i++)
        printf("  %s\n", changes->path[i]);
    if (d->action == PLAN_REUSE && d->inputs)
        print_inputs(d);
}

int command_explain(const struct cli *c, struct err *e)
{
    struct project p;
    struct plan plan = { 0 };
    struct path_list changes = { 0 };
    bool *selected = NULL, *runs = NULL;
    size_t at;
    int rc = project_open(&p, c, e);

    if (rc)
        return rc;
    selected = mem_calloc(p.manifest.n_stage, sizeof *selected);
    runs = mem_calloc(p.manifest.n_stage, sizeof *runs);
    if ((rc = manifest_stage(&p.manifest, c->name[0], &at, e)))
        goto out;
    selected[at] = p.manifest.stage[at].enabled;
    graph_close(&p.graph, selected, false);
    if ((rc = plan_all(&p.graph, selected, false, &p.view, &p.history, &plan, e)))
        goto out;
    for (size_t i = 0; i < plan.n; i++)
        runs[i] = i != at &&
                  (plan.stage[i].action == PLAN_RUN || plan.stage[i].action == PLAN_DEFERRED);
    struct decision *d = &plan.stage[at];
    if (selected[at] && d->has_last &&
        (rc = plan_changes(&p.graph, at, runs, &p.view, d, &changes, e)))
        goto out;
    if (c->json)
        rc = report_print(explain_json(&p.manifest.stage[at], d, &changes), e);
    else if (!c->quiet)
        print_explanation(&p.manifest.stage[at], d, &changes);
out:
    path_list_release(&changes);
    plan_release(&plan);
    free(runs);
    free(selected);
    project_close(&p);
    return rc;
}
