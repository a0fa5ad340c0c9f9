/* metrics: the figures of a run, and how they differ from another's. */
#include "runner/cli/figures.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/memory/provenance.h"
#include "runner/memory/recall.h"
#include "runner/plan/files.h"

enum { MAX_DEPTH = 4, MAX_FIGURES = 500, MAX_BYTES = 4 << 20 };

/* ---- collecting ---- */

/* Every number below `v`, named by its keys; lists are no figures. */
static void add_numbers(json_t *to, const char *name, json_t *v, int depth)
{
    if (json_is_number(v) && json_object_size(to) < MAX_FIGURES) {
        json_object_set_new(to, name, json_real(json_number_value(v)));
    } else if (json_is_object(v) && depth < MAX_DEPTH) {
        const char *key;
        json_t *inner;
        json_object_foreach(v, key, inner)
        {
            char *longer = str_format("%s.%s", name, key);
            add_numbers(to, longer, inner, depth + 1);
            free(longer);
        }
    }
}

/* A file that is not there any more, or another, has no figures: only what was committed counts. */
static int add_file(struct state *s, const struct committed_out *o, json_t *to, struct err *e)
{
    struct stat st;
    char hex[HASH_HEX];
    bool exists;
    if (!str_ends(o->path, ".json") || stat(o->path, &st) < 0 || !S_ISREG(st.st_mode) ||
        st.st_size > MAX_BYTES)
        return 0;
    int rc = files_hash(s, o->path, &exists, hex, e);
    if (rc || !exists || strcmp(hex, o->sha256) != 0)
        return rc;
    json_t *doc = json_load_file(o->path, 0, NULL);
    add_numbers(to, o->name, doc, 0);
    json_decref(doc);
    return 0;
}

static int add_stage(struct state *s, const struct run_row *run, const struct stage_row *stage,
                     json_t *doc, struct err *e)
{
    const struct attempt_row *last = report_last(stage);
    struct commit_row c = { 0 };
    json_t *figures = NULL;
    int rc = commit_row_in_run(s, run, stage, &c, e);

    if (rc)
        return rc;
    if (c.id)
        rc = ledger_metrics(s, c.record.run_id, stage->stage, c.attempt, &figures, e);
    else if (last)
        rc = ledger_metrics(s, run->id, stage->stage, last->number, &figures, e);
    for (size_t i = 0; i < c.record.n_out && rc == 0; i++)
        rc = add_file(s, &c.record.out[i], figures, e);
    if (rc == 0 && json_object_size(figures) > 0)
        json_object_set(doc, stage->stage, figures);
    json_decref(figures);
    commit_row_release(&c);
    return rc;
}

int figures_of(struct state *s, const struct run_row *run, json_t **out, struct err *e)
{
    struct stage_row *stage = NULL;
    size_t n = 0;
    json_t *doc = json_object();
    int rc = ledger_stages(s, run->id, &stage, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = add_stage(s, run, &stage[i], doc, e);
    stage_rows_free(stage, n);
    if (rc)
        json_decref(doc);
    else
        *out = doc;
    return rc;
}

/* ---- comparing ---- */

static void compare_one(json_t *list, const char *name, json_t *was, json_t *is, bool all)
{
    if (all || !was || !is || !json_equal(was, is))
        json_array_append_new(list,
                              json_pack("{s:s, s:O, s:O}", "name", name, "old",
                                        was ? was : json_null(), "new", is ? is : json_null()));
}

json_t *figures_compare(json_t *old, json_t *now, bool all)
{
    json_t *list = json_array(), *value;
    const char *name;
    json_object_foreach(now, name, value)
    {
        compare_one(list, name, json_object_get(old, name), value, all);
    }
    json_object_foreach(old, name, value)
    {
        if (!json_object_get(now, name))
            compare_one(list, name, value, NULL, all);
    }
    return list;
}

/* Six digits: a person compares them; --json has all. */
static void add_value(struct str *out, const json_t *v)
{
    if (json_is_number(v))
        str_addf(out, "%.6g", json_number_value(v));
    else
        str_addz(out, "none");
}

void figures_add_change(const json_t *change, struct str *out)
{
    const json_t *old = json_object_get(change, "old"), *now = json_object_get(change, "new");
    add_value(out, old);
    str_addz(out, " -> ");
    add_value(out, now);
    if (json_is_number(old) && json_is_number(now)) {
        double a = json_number_value(old), d = json_number_value(now) - a;
        str_addf(out, "  (%+.4g", d);
        if (a < 0 || a > 0)
            str_addf(out, ", %+.3g %%", d / fabs(a) * 100);
        str_addc(out, ')');
    }
}

/* ---- the command ---- */

static void add_name(struct str *out, const char *name, int width)
{
    struct str clean = { 0 };
    show_add_clean(&clean, name);
    str_addf(out, "  %-*s  ", width, str_text(&clean));
    str_release(&clean);
}

static void print_figures(const struct run_row *run, json_t *figures)
{
    json_t *stage, *value;
    const char *name, *key;
    struct str text = { 0 };
    int width = 0;
    json_object_foreach(figures, name, stage)
    {
        json_object_foreach(stage, key, value)
        {
            width = report_width(width, key);
        }
    }
    str_addf(&text, "run %s of '%s': %s\n", run->id, run->pipeline,
             json_object_size(figures) ? run->state : "no stage told a metric");
    json_object_foreach(figures, name, stage)
    {
        str_addf(&text, "%s\n", name);
        json_object_foreach(stage, key, value)
        {
            add_name(&text, key, width);
            add_value(&text, value);
            str_addc(&text, '\n');
        }
    }
    fputs(str_text(&text), stdout);
    str_release(&text);
}

static int show(const struct cli *c, struct state *s, struct err *e)
{
    struct run_row run = { 0 };
    json_t *figures = NULL;
    int rc = ledger_run(s, c->n_name > 1 ? c->name[1] : NULL, &run, e);
    if (rc == 0 && c->n_name > 2)
        rc = err_set(e, ERR_USAGE, "'refit metrics show' takes one run; 'metrics diff' takes two");
    if (rc == 0)
        rc = figures_of(s, &run, &figures, e);
    if (rc == 0 && c->json)
        rc = report_print(json_pack("{s:s, s:s, s:s, s:O}", "run", run.id, "pipeline", run.pipeline,
                                    "state", run.state, "metrics", figures),
                          e);
    else if (rc == 0)
        print_figures(&run, figures);
    json_decref(figures);
    run_row_release(&run);
    return rc;
}

/* {STAGE: [{"name", "old", "new"}]} of all stages that have figures in one of the runs. */
static json_t *compare_runs(json_t *old, json_t *now, bool all)
{
    json_t *doc = json_object(), *value;
    json_t *both = json_copy(now);
    const char *stage;
    json_object_update_missing(both, old);
    json_object_foreach(both, stage, value)
    {
        json_t *list = figures_compare(json_object_get(old, stage), json_object_get(now, stage),
                                       all);
        if (json_array_size(list) > 0)
            json_object_set(doc, stage, list);
        json_decref(list);
    }
    json_decref(both);
    return doc;
}

static void print_changes(const struct run_row *old, const struct run_row *now, json_t *changes)
{
    json_t *list, *change;
    const char *stage;
    struct str text = { 0 };
    size_t i;
    int width = 0;
    json_object_foreach(changes, stage, list)
    {
        json_array_foreach(list, i, change)
        {
            width = report_width(width, report_text(change, "name"));
        }
    }
    str_addf(&text, "run %s -> run %s of '%s'%s\n", old->id, now->id, now->pipeline,
             json_object_size(changes) ? "" : ": no metric differs");
    json_object_foreach(changes, stage, list)
    {
        str_addf(&text, "%s\n", stage);
        json_array_foreach(list, i, change)
        {
            add_name(&text, report_text(change, "name"), width);
            figures_add_change(change, &text);
            str_addc(&text, '\n');
        }
    }
    fputs(str_text(&text), stdout);
    str_release(&text);
}

static int diff(const struct cli *c, struct state *s, struct err *e)
{
    struct run_row old = { 0 }, now = { 0 };
    json_t *a = NULL, *b = NULL;
    int rc = report_two(s, c->name + 1, c->n_name - 1, &old, &now, e);
    if (rc == 0 && (rc = figures_of(s, &old, &a, e)) == 0)
        rc = figures_of(s, &now, &b, e);
    if (rc == 0) {
        json_t *changes = compare_runs(a, b, c->verbose);
        if (c->json)
            rc = report_print(json_pack("{s:s, s:s, s:s, s:O}", "pipeline", now.pipeline, "old",
                                        old.id, "new", now.id, "metrics", changes),
                              e);
        else
            print_changes(&old, &now, changes);
        json_decref(changes);
    }
    json_decref(b);
    json_decref(a);
    run_row_release(&now);
    run_row_release(&old);
    return rc;
}

/* Nobody told a metric of that name. */
static int unknown_metric(struct state *s, const char *name, struct err *e)
{
    char **known = NULL;
    size_t n = 0;
    int rc = past_names(s, PAST_METRICS, &known, &n, e);
    if (rc == 0)
        rc = report_unknown("metric", name, (const char *const *)known, n,
                            "'refit metrics' lists those of the last run", e);
    mem_free_texts(known, n);
    return rc;
}

static void print_values(json_t *values)
{
    struct str text = { 0 };
    json_t *row;
    size_t i;
    int run = 0, stage = 0;
    json_array_foreach(values, i, row)
    {
        run = report_width(run, report_text(row, "run"));
        stage = report_width(stage, report_text(row, "stage"));
    }
    json_array_foreach(values, i, row)
    {
        str_addf(&text, "%-*s  ", run, report_text(row, "run"));
        report_add_time(&text, json_integer_value(json_object_get(row, "began")));
        str_addf(&text, "  %-*s  ", stage, report_text(row, "stage"));
        add_value(&text, json_object_get(row, "value"));
        str_addc(&text, '\n');
    }
    fputs(str_text(&text), stdout);
    str_release(&text);
}

static int past(const struct cli *c, struct state *s, struct err *e)
{
    json_t *values = NULL, *row;
    size_t i;
    int rc;
    if (c->n_name != 2)
        return err_set(e, ERR_USAGE, "usage: refit metrics history NAME");
    if ((rc = past_metric(s, c->name[1], c->limit, &values, e)))
        return rc;
    if (json_array_size(values) == 0) {
        json_decref(values);
        return unknown_metric(s, c->name[1], e);
    }
    if (!c->json) {
        print_values(values);
        json_decref(values);
        return 0;
    }
    json_array_foreach(values, i, row)
    {
        json_t *began = report_time(json_integer_value(json_object_get(row, "began")));
        json_object_set_new(row, "began", began);
    }
    return report_print(values, e);
}

int command_metrics(const struct cli *c, struct err *e)
{
    static const char *const verbs[] = { "show", "diff", "history" };
    static int (*const call[])(const struct cli *, struct state *, struct err *) = { show, diff,
                                                                                     past };
    const char *verb = c->n_name ? c->name[0] : "show";
    struct state *s = NULL;
    size_t i = 0;
    int rc;
    while (i < 3 && strcmp(verbs[i], verb) != 0)
        i++;
    if (i == 3)
        return report_unknown("word", verb, verbs, 3,
                              "want metrics show, metrics diff or metrics history", e);
    if ((rc = state_open(&s, false, e)) == 0)
        rc = call[i](c, s, e);
    state_close(s);
    return rc;
}
