/* diff: what became different from one run to another, stage by stage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/json_keys.h"
#include "runner/cli/cli.h"
#include "runner/cli/figures.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/memory/provenance.h"

/* One of the two runs. All zeros is empty. */
struct side {
    struct run_row run;
    struct stage_row *stage;
    size_t n;
    json_t *figures;
};

static void side_release(struct side *s)
{
    json_decref(s->figures);
    stage_rows_free(s->stage, s->n);
    run_row_release(&s->run);
}

static int side_read(struct side *side, struct state *s, struct err *e)
{
    int rc = ledger_stages(s, side->run.id, &side->stage, &side->n, e);
    return rc ? rc : figures_of(s, &side->run, &side->figures, e);
}

/* Mostly both runs have their stages in the same order: look at `place` first. */
static const struct stage_row *find(const struct side *s, const char *stage, size_t place)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct stage_row *row = &s->stage[(place + i) % s->n];
        if (strcmp(row->stage, stage) == 0)
            return row;
    }
    return NULL;
}

/* The stage in one run: {"state", "reason", "attempts", "duration_ms", "committed_by"}, or null. */
static json_t *stage_json(const struct side *s, const struct stage_row *stage,
                          const struct commit_row *c)
{
    const struct attempt_row *a = stage ? report_last(stage) : NULL;
    if (!stage)
        return json_null();
    return json_pack("{s:s, s:o, s:I, s:o, s:o}", "state", report_seen(&s->run, stage->state),
                     "reason", json_text_or_null(stage->reason), "attempts",
                     (json_int_t)stage->n_attempt, "duration_ms",
                     report_int(a && a->ended, a ? a->ended - a->began : 0), "committed_by",
                     json_text_or_null(c->record.run_id));
}

static const struct committed_out *find_out(const struct commit_record *r, const char *name)
{
    for (size_t i = 0; i < r->n_out; i++)
        if (strcmp(r->out[i].name, name) == 0)
            return &r->out[i];
    return NULL;
}

static void add_out(json_t *list, const struct committed_out *was, const struct committed_out *is)
{
    const struct committed_out *any = is ? is : was;
    const char *change = !was                                   ? "added"
                         : !is                                  ? "removed"
                         : strcmp(was->sha256, is->sha256) == 0 ? "same"
                                                                : "changed";
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", any->name, "path",
                                          any->path, "change", change, "old",
                                          json_text_or_null(was ? was->sha256 : NULL), "new",
                                          json_text_or_null(is ? is->sha256 : NULL)));
}

static json_t *outs_json(const struct commit_record *old, const struct commit_record *now)
{
    json_t *list = json_array();
    for (size_t i = 0; i < now->n_out; i++)
        add_out(list, find_out(old, now->out[i].name), &now->out[i]);
    for (size_t i = 0; i < old->n_out; i++)
        if (!find_out(now, old->out[i].name))
            add_out(list, &old->out[i], NULL);
    return list;
}

static json_t *texts_json(const struct path_list *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(list, json_string(l->path[i]));
    return list;
}

static int compare_stage(struct state *s, const struct side *old, const struct side *now,
                         const char *name, size_t place, json_t *list, struct err *e)
{
    const struct stage_row *was = find(old, name, place), *is = find(now, name, place);
    struct commit_row a = { 0 }, b = { 0 };
    struct path_list changes = { 0 };
    int rc = commit_row_in_run(s, &old->run, was, &a, e);
    if (rc == 0 && (rc = commit_row_in_run(s, &now->run, is, &b, e)) == 0) {
        if (a.id && b.id && a.id != b.id)
            plan_differences(a.record.inputs, b.record.inputs, &changes);
        /* A stage that did not get so far has not taken its outputs away. */
        bool comparable = (!was || a.id) && (!is || b.id);
        json_array_append_new(
            list, json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o}", "stage", name, "same_commit",
                            a.id && a.id == b.id, "old", stage_json(old, was, &a), "new",
                            stage_json(now, is, &b), "inputs", texts_json(&changes), "outs",
                            comparable ? outs_json(&a.record, &b.record) : json_array(), "metrics",
                            figures_compare(json_object_get(old->figures, name),
                                            json_object_get(now->figures, name), false)));
    }
    path_list_release(&changes);
    commit_row_release(&b);
    commit_row_release(&a);
    return rc;
}

/* ---- for people ---- */

static void add_state(const json_t *stage, struct str *out)
{
    const json_t *took = json_object_get(stage, "duration_ms");
    if (json_is_null(stage)) {
        str_addz(out, "not there");
        return;
    }
    str_addz(out, report_text(stage, "state"));
    if (json_is_integer(took)) {
        str_addz(out, ", ");
        show_add_time(out, json_integer_value(took));
    }
}

/* Has anything become different that a person would ask about? Not the time that a stage took, nor
 * that one run made what the other reused. */
static bool is_different(const json_t *stage)
{
    const json_t *out;
    size_t i;
    json_array_foreach(json_object_get(stage, "outs"), i, out)
    {
        if (strcmp(report_text(out, "change"), "same") != 0)
            return true;
    }
    return json_array_size(json_object_get(stage, "inputs")) > 0 ||
           json_array_size(json_object_get(stage, "metrics")) > 0 ||
           (!json_is_true(json_object_get(stage, "same_commit")) &&
            strcmp(report_text(json_object_get(stage, "old"), "state"),
                   report_text(json_object_get(stage, "new"), "state")) != 0);
}

static void add_stage(const json_t *stage, struct str *out)
{
    const json_t *item;
    size_t i;
    str_addf(out, "%s: ", report_text(stage, "stage"));
    add_state(json_object_get(stage, "old"), out);
    str_addz(out, " -> ");
    add_state(json_object_get(stage, "new"), out);
    str_addc(out, '\n');
    json_array_foreach(json_object_get(stage, "inputs"), i, item)
    {
        str_addz(out, "  ");
        show_add_clean(out, json_string_value(item));
        str_addc(out, '\n');
    }
    json_array_foreach(json_object_get(stage, "outs"), i, item)
    {
        bool same = strcmp(report_text(item, "change"), "same") == 0;
        str_addf(out, "  outs.%s: %s %s", report_text(item, "name"), report_text(item, "path"),
                 same ? "the same" : report_text(item, "change"));
        if (strcmp(report_text(item, "change"), "changed") == 0)
            str_addf(out, ", %.12s -> %.12s", report_text(item, "old"), report_text(item, "new"));
        str_addc(out, '\n');
    }
    json_array_foreach(json_object_get(stage, "metrics"), i, item)
    {
        str_addz(out, "  ");
        show_add_clean(out, report_text(item, "name"));
        str_addz(out, ": ");
        figures_add_change(item, out);
        str_addc(out, '\n');
    }
}

static void print_diff(const struct cli *c, const struct side *old, const struct side *now,
                       const json_t *stages)
{
    struct str text = { 0 };
    const json_t *stage;
    size_t i, n_same = 0;
    str_addf(&text, "run %s (%s) -> run %s (%s) of '%s'\n", old->run.id, old->run.state,
             now->run.id, now->run.state, now->run.pipeline);
    json_array_foreach(stages, i, stage)
    {
        bool different = is_different(stage);
        n_same += !different;
        if (different || c->verbose)
            add_stage(stage, &text);
    }
    if (n_same > 0 && !c->verbose)
        str_addf(&text, "%zu stage%s the same\n", n_same, n_same == 1 ? "" : "s");
    fputs(str_text(&text), stdout);
    str_release(&text);
}

int command_diff(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    struct side old = { 0 }, now = { 0 };
    json_t *stages = json_array();
    int rc = state_open(&s, false, e);

    if (rc || (rc = report_two(s, c->name, c->n_name, &old.run, &now.run, e)) ||
        (rc = side_read(&old, s, e)) || (rc = side_read(&now, s, e)))
        goto out;
    for (size_t i = 0; i < now.n && rc == 0; i++)
        rc = compare_stage(s, &old, &now, now.stage[i].stage, i, stages, e);
    for (size_t i = 0; i < old.n && rc == 0; i++)
        if (!find(&now, old.stage[i].stage, i))
            rc = compare_stage(s, &old, &now, old.stage[i].stage, i, stages, e);
    if (rc == 0 && c->json)
        rc = report_print(json_pack("{s:o, s:o, s:O}", "old", report_head(&old.run), "new",
                                    report_head(&now.run), "stages", stages),
                          e);
    else if (rc == 0)
        print_diff(c, &old, &now, stages);
out:
    json_decref(stages);
    side_release(&now);
    side_release(&old);
    state_close(s);
    return rc;
}
