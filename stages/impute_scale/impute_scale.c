/* impute_scale: the feature columns of a table as a matrix without gaps. Whatever has to be learnt
 * (medians, levels, means, spreads) is learnt from the training rows alone and travels with the
 * matrix, so that a model can repeat it.
 *
 *   in   table     refit.table; its feature roles name the columns
 *        split     refit.split; without it every labelled row is a training row (every row if there
 *                  is no label)
 *        state     refit.features or refit.model: learn nothing, repeat what it has learnt
 *   out  features  refit.features (n, d) for all n rows of the table
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/event.h"
#include "base/mem.h"
#include "base/str.h"
#include "stages/impute_scale/impute_scale.h"

static int check(const void *params, struct err *e)
{
    struct tabular_options o;
    struct tabular_plan plan = { 0 };
    int rc = impute_options_read(&plan, params, &o, e);
    tabular_plan_release(&plan);
    return rc;
}

/* The table, and as much again for what is learnt and written. */
static void expect(const char *table)
{
    struct stat s;
    if (stat(table, &s) == 0)
        mem_expect(2 * (size_t)s.st_size);
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct tabular_options o;
    struct tabular_plan plan = { 0 };
    struct tabular_choice *choices = NULL;
    struct table t = { 0 };
    struct tabular s = { 0 };
    char *state = NULL;
    size_t *row = NULL, n_train = 0;
    int rc;

    expect(p->table);
    if ((rc = impute_options_read(&plan, p, &o, e)) || (rc = table_read(&t, p->table, e)) ||
        (rc = table_retarget(&t, p->target, e)) ||
        (rc = impute_choose(p, &t, &plan, &o, &choices, e)))
        goto out;
    if (p->state) {
        rc = impute_take_over(&s, p, &t, &state, e);
    } else {
        row = mem_calloc(t.n_row, sizeof *row);
        if ((rc = impute_training_rows(p, &t, row, &n_train, e)) == 0)
            rc = impute_fit(&s, p, &t, &o, row, n_train, e);
    }
    if (rc == 0)
        rc = impute_write(p, &s, &t, state, row, n_train, e);
out:
    free(row);
    free(choices);
    free(state);
    tabular_plan_release(&plan);
    tabular_release(&s);
    table_release(&t);
    return rc;
}

static const struct stage stage = {
    .name = "impute_scale",
    .purpose = "fill gaps, encode categories, scale numbers, learning from training rows only",
    .opts = impute_options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
    .more = "Example: impute_scale --table table.h5 --split split.h5 --features features.h5 "
            "--category_missing Missing "
            "--rare_below 0.05 --one_hot drop_last\n"
            "impute_scale --explain-state FILE prints what a matrix or a model has learnt.",
};

/* ---- --explain-state ---- */

struct explained {
    const char *explain_state;
};

static const struct opt explain_options[] = {
    { OPT_IN(struct explained, explain_state), .help = "refit.features, or a model made on one" },
    { 0 },
};

static int explain(const void *params, struct err *e)
{
    const struct explained *p = params;
    struct tabular s = { 0 };
    struct str text = { 0 };
    char *state = NULL;
    int rc = impute_state_read(p->explain_state, &state, e);
    if (rc == 0 && (rc = tabular_parse(&s, p->explain_state, state, e)) == 0) {
        tabular_explain(&s, &text);
        fputs(str_text(&text), stdout);
    }
    str_release(&text);
    tabular_release(&s);
    free(state);
    return rc;
}

static const struct stage explain_stage = {
    .name = "impute_scale",
    .purpose = "print what was learnt from the training rows",
    .opts = explain_options,
    .size = sizeof(struct explained),
    .run = explain,
};

int main(int argc, char **argv)
{
    static char name[] = "--explain_state";
    if (argc > 1 && (strcmp(argv[1], "--explain-state") == 0 || strcmp(argv[1], name) == 0)) {
        argv[1] = name;
        return stage_main(&explain_stage, argc, argv);
    }
    return stage_main(&stage, argc, argv);
}
