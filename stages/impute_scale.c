/* impute_scale: the feature columns of a table as a matrix without gaps. Whatever has to be learnt
 * (medians, levels, means, spreads) is learnt from the training rows alone and travels with the
 * matrix, so that a model can repeat it.
 *
 *   in   table     refit.table; its feature roles name the columns
 *        split     refit.split; without it every labelled row is a training row (every row if there
 * is no label) out  features  refit.features (n, d) for all n rows of the table
 */
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "io/featmat.h"
#include "io/sides.h"
#include "io/table.h"
#include "models/tabular.h"

struct params {
    const char *table, *split, *features;
    const char *missing, *number_missing, *category_missing, *rare_label, *one_hot, *scale;
    bool indicators, scale_indicators;
    double rare_below;
};

static const struct opt options[] = {
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "table with feature columns" },
    { OPT_IN(struct params, split), .format = "hdf5:refit.split", .optional = true,
      .help = "which rows are training rows; without it every labelled row is" },
    { OPT_OUT(struct params, features), .format = "hdf5:refit.features",
      .help = "matrix and fitted state" },
    { OPT_CHOICE(struct params, missing), .text = "typical", .choices = "typical|zero",
      .help = "gaps: typical is number_missing median and category_missing most_frequent, zero is "
              "zero for both" },
    { OPT_TEXT(struct params, number_missing), .optional = true,
      .help =
          "gap in a number column: median, mean, zero, or a number (default: as missing says)" },
    { OPT_TEXT(struct params, category_missing), .optional = true,
      .help = "gap in a category: most_frequent, zero (0 in all its columns), or the name of a "
              "level of its own such as "
              "Missing (default: as missing says)" },
    { OPT_BOOL(struct params, indicators), .def = 1,
      .help =
          "a 0/1 column for the gaps of every number column that has some in the training rows" },
    { OPT_REAL(struct params, rare_below), .def = 0, .min = 0, .max = 1,
      .help = "levels with a smaller share of the training rows become one; 0: none" },
    { OPT_TEXT(struct params, rare_label), .text = "Rare",
      .help = "name of that level; unseen levels fall to it" },
    { OPT_CHOICE(struct params, one_hot), .text = "all", .choices = "all|drop_last",
      .help = "a column for every level, or for all but the last" },
    { OPT_CHOICE(struct params, scale), .text = "standard", .choices = "standard|none",
      .help = "number columns to mean 0 and standard deviation 1 over the training rows" },
    { OPT_BOOL(struct params, scale_indicators), .def = 0,
      .help = "scale the 0/1 columns as well" },
    { 0 },
};

static int number_option(const char *text, struct tabular_options *o, struct err *e)
{
    if (strcmp(text, "median") == 0) {
        o->number_missing = TABULAR_MEDIAN;
    } else if (strcmp(text, "mean") == 0) {
        o->number_missing = TABULAR_MEAN;
    } else {
        o->number_missing = TABULAR_CONSTANT;
        if (strcmp(text, "zero") != 0 && !str_to_real(text, &o->constant))
            return err_set(e, ERR_USAGE,
                           "--number_missing '%s' is neither median, mean, zero nor a number",
                           text);
    }
    return 0;
}

static void category_option(const char *text, struct tabular_options *o)
{
    o->category_missing = strcmp(text, "most_frequent") == 0 ? TABULAR_MOST_FREQUENT
                          : strcmp(text, "zero") == 0        ? TABULAR_ZERO
                                                             : TABULAR_LABEL;
    o->missing_label = text;
}

static int to_options(const struct params *p, struct tabular_options *o, struct err *e)
{
    bool zero = strcmp(p->missing, "zero") == 0;
    *o = (struct tabular_options){
        .indicators = p->indicators,
        .rare_below = p->rare_below,
        .rare_label = p->rare_label,
        .drop_last = strcmp(p->one_hot, "drop_last") == 0,
        .scale = strcmp(p->scale, "standard") == 0,
        .scale_indicators = p->scale_indicators,
    };
    category_option(p->category_missing ? p->category_missing : zero ? "zero" : "most_frequent", o);
    if (!*o->missing_label || !*p->rare_label)
        return err_set(e, ERR_USAGE,
                       "--category_missing and --rare_label want the name of a level, not nothing");
    return number_option(p->number_missing ? p->number_missing : zero ? "zero" : "median", o, e);
}

static int check(const void *params, struct err *e)
{
    struct tabular_options o;
    return to_options(params, &o, e);
}

/* Numbers of the training rows into row (t->n_row); their count to *out_n. */
static int training_rows(const struct params *p, const struct table *t, size_t *row, size_t *out_n,
                         struct err *e)
{
    struct sides s = { 0 };
    const struct column *label = t->roles.label ? table_column(t, t->roles.label) : NULL;
    size_t n = 0;
    int rc;

    if (p->split && ((rc = sides_read(&s, p->split, e)) ||
                     (rc = keys_check(p->table, t->keys_sha256, t->n_row, p->split, s.keys_sha256,
                                      s.n_row, e)))) {
        sides_release(&s);
        return rc;
    }
    for (size_t i = 0; i < t->n_row; i++)
        if (p->split ? s.side[i] == SIDE_TRAIN : !label || column_valid(label, i))
            row[n++] = i;
    sides_release(&s);
    *out_n = n;
    if (n == 0)
        return err_set(e, ERR_DATA, "'%s': none of %zu rows is a training row%s",
                       p->split ? p->split : p->table, t->n_row,
                       p->split ? "" : " (no row has a label)");
    return 0;
}

static void report(const struct table *t, const struct tabular *s, size_t n_train)
{
    if (s->n_out == 0)
        log_warn("the table has %s: the matrix has %zu rows and no column",
                 t->roles.n_feature ? "no feature column with anything to learn from"
                                    : "no feature columns",
                 t->n_row);
    else
        log_info("%zu columns of %zu features, learnt from %zu of %zu rows", s->n_out, s->n_col,
                 n_train, t->n_row);
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct tabular_options o;
    struct table t = { 0 };
    struct tabular s = { 0 };
    struct featmat f = { 0 };
    size_t *row = NULL, n_train;
    int rc;

    if ((rc = to_options(p, &o, e)) || (rc = table_read(&t, p->table, e)))
        goto out;
    row = mem_calloc(t.n_row, sizeof *row);
    if ((rc = training_rows(p, &t, row, &n_train, e)))
        goto out;
    if ((rc = tabular_fit(&s, &t, row, n_train, &o, e))) {
        err_wrap(e, "'%s'", p->table);
        goto out;
    }
    report(&t, &s, n_train);
    f = (struct featmat){ .n_row = t.n_row,
                          .n_col = s.n_out,
                          .x = mem_calloc(t.n_row, (s.n_out + 1) * sizeof *f.x) };
    if ((rc = tabular_apply(&s, &t, NULL, t.n_row, f.x, e))) {
        err_wrap(e, "'%s'", p->table);
        goto out;
    }
    f.name = mem_calloc(s.n_out, sizeof *f.name);
    for (size_t j = 0; j < s.n_out; j++)
        f.name[j] = mem_strdup(s.name[j]);
    f.state = tabular_text(&s);
    memcpy(f.keys_sha256, t.keys_sha256, HASH_HEX);
    rc = featmat_write(&f, p->features, e);
out:
    free(row);
    if (!f.name)
        f.n_col = 0; /* the names were not copied yet */
    featmat_release(&f);
    tabular_release(&s);
    table_release(&t);
    return rc;
}

static const struct stage stage = {
    .name = "impute_scale",
    .purpose = "fill gaps, encode categories, scale numbers, learning from training rows only",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
    .more = "Example: impute_scale --table table.h5 --split split.h5 --features features.h5 "
            "--category_missing Missing "
            "--rare_below 0.05 --one_hot drop_last",
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
