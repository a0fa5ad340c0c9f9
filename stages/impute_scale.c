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
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/parallel.h"
#include "base/str.h"
#include "io/featmat.h"
#include "io/h5.h"
#include "io/sides.h"
#include "io/table.h"
#include "models/tabular.h"
#include "models/tabular_plan.h"
#include "models/tabular_rows.h"

struct params {
    const char *table, *split, *plan, *state, *features;
    const char *target, *missing, *number_missing, *category_missing, *rare_label, *encode,
        *one_hot, *scale, *absent;
    struct opt_list drop, keep;
    bool indicators, scale_indicators;
    double rare_below;
};

static const struct opt options[] = {
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "table with feature columns" },
    { OPT_IN(struct params, split), .format = "hdf5:refit.split", .optional = true,
      .help = "which rows are training rows; without it every labelled row is" },
    { OPT_IN(struct params, plan), .optional = true, .side = true,
      .help = "YAML: options of single columns" },
    { OPT_IN(struct params, state), .optional = true,
      .help = "features or a model: their columns are made of this table, nothing is learnt" },
    { OPT_OUT(struct params, features), .format = "hdf5:refit.features",
      .help = "matrix and fitted state" },
    { OPT_TEXT(struct params, target), .optional = true,
      .help = "column that will be learnt in place of the table's label: no feature then" },
    { OPT_CHOICE(struct params, missing), .text = "typical", .choices = "typical|zero",
      .help = "gaps: typical is number_missing median and category_missing most_frequent, zero is "
              "zero for both" },
    { OPT_TEXT(struct params, number_missing), .optional = true,
      .help = "gap in a number column: median, mean, most_frequent, zero, a number, or keep (NaN, "
              "which trees take; default: as missing says)" },
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
    { OPT_CHOICE(struct params, encode), .text = "one_hot", .choices = TABULAR_ENCODES,
      .help = "categories: a 0/1 column a level, or one number: of the level, its share, the mean "
              "of the label (out of fold for training rows)" },
    { OPT_CHOICE(struct params, one_hot), .text = "all", .choices = "all|drop_last",
      .help = "a column for every level, or for all but the last" },
    { OPT_CHOICE(struct params, scale), .text = "standard", .choices = TABULAR_SCALES,
      .help = "number columns, over the training rows: to mean 0 and standard deviation 1; least 0 "
              "and largest 1; median 0 and distance of the quartiles 1" },
    { OPT_BOOL(struct params, scale_indicators), .def = 0,
      .help = "scale the 0/1 columns as well" },
    { OPT_CHOICE(struct params, absent), .text = "gap", .choices = TABULAR_ABSENTS,
      .help = "a column that a later table does not have: a gap in every row, 0 in all its columns "
              "of the matrix, or an error" },
    { OPT_TEXTS(struct params, drop), .optional = true, .help = "features to leave out" },
    { OPT_TEXTS(struct params, keep), .optional = true, .help = "the only features" },
    { 0 },
};

static int to_options(const struct params *p, struct tabular_options *o, struct err *e)
{
    bool zero = strcmp(p->missing, "zero") == 0;
    *o = (struct tabular_options){
        .indicators = p->indicators,
        .rare_below = p->rare_below,
        .rare_label = p->rare_label,
        .drop_last = strcmp(p->one_hot, "drop_last") == 0,
        .encode = (enum tabular_encode)str_choice(TABULAR_ENCODES, p->encode),
        .scale = (enum tabular_scale)str_choice(TABULAR_SCALES, p->scale),
        .scale_indicators = p->scale_indicators,
        .absent = (enum tabular_absent)str_choice(TABULAR_ABSENTS, p->absent),
    };
    tabular_category_missing(p->category_missing ? p->category_missing
                             : zero              ? "zero"
                                                 : "most_frequent",
                             o);
    if (!*o->missing_label || !*p->rare_label)
        return err_set(e, ERR_USAGE,
                       "--category_missing and --rare_label want the name of a level, not nothing");
    if (p->drop.n && p->keep.n)
        return err_set(e, ERR_USAGE, "--drop and --keep: want one of them");
    const char *number = p->number_missing ? p->number_missing : zero ? "zero" : "median";
    if (!tabular_number_missing(number, o))
        return err_set(e, ERR_USAGE,
                       "--number_missing '%s' is neither median, mean, most_frequent, zero, keep "
                       "nor a number",
                       number);
    return 0;
}

/* Is it as if nobody had given it? */
static bool is_default(const struct opt *o, const struct params *p)
{
    const char *at = (const char *)p + o->offset;
    if (o->list)
        return ((const struct opt_list *)(const void *)at)->n == 0;
    if (o->type == OPT_TYPE_BOOL)
        return *(const bool *)at == (o->def > 0);
    if (o->type == OPT_TYPE_REAL)
        return !(fabs(*(const double *)(const void *)at - o->def) > 0);
    const char *text = *(const char *const *)(const void *)at;
    return !text || (o->text && strcmp(text, o->text) == 0);
}

/* A state has been learnt: options that say how to learn would have no effect. */
static int check_state(const struct params *p, struct err *e)
{
    for (const struct opt *o = options; o->name; o++)
        if (str_choice("table|state|features|target", o->name) < 0 && !is_default(o, p))
            return err_set(e, ERR_USAGE, "--state has learnt already: --%s has no effect beside it",
                           o->name);
    return 0;
}

static int read_plan(struct tabular_plan *plan, const struct params *p, struct tabular_options *o,
                     struct err *e)
{
    int rc = to_options(p, o, e);
    if (rc == 0 && p->state)
        rc = check_state(p, e);
    if (rc == 0 && p->plan)
        rc = tabular_plan_read(plan, p->plan, o, e);
    return rc;
}

static int check(const void *params, struct err *e)
{
    struct tabular_options o;
    struct tabular_plan plan = { 0 };
    int rc = read_plan(&plan, params, &o, e);
    tabular_plan_release(&plan);
    return rc;
}

static bool is_in(const struct opt_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->item[i], name) == 0)
            return true;
    return false;
}

static int check_feature(const struct table *t, const char *name, const char *where, struct err *e)
{
    const char *const *feature = (const char *const *)t->roles.feature;
    for (size_t i = 0; i < t->roles.n_feature; i++)
        if (strcmp(feature[i], name) == 0)
            return 0;
    const char *near = str_nearest(name, feature, t->roles.n_feature);
    return err_set(e, ERR_DATA, "%s: the table has no feature '%s'%s%s%s", where, name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* What the plan, --drop and --keep say about columns, held against the table: (returned n) into
 * *out, owned by the caller. */
static int choose(const struct params *p, const struct table *t, const struct tabular_plan *plan,
                  struct tabular_options *o, struct tabular_choice **out, struct err *e)
{
    const struct opt_list *named = p->drop.n ? &p->drop : &p->keep;
    struct tabular_choice *c = mem_calloc(plan->n + t->roles.n_feature + 1, sizeof *c);
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < plan->n; i++)
        rc = check_feature(t, plan->choice[i].column, p->plan, e);
    for (size_t i = 0; rc == 0 && i < named->n; i++)
        rc = check_feature(t, named->item[i], p->drop.n ? "--drop" : "--keep", e);
    if (rc == 0)
        rc = tabular_plan_check(plan, t, e);
    for (size_t i = 0; rc == 0 && named->n && i < t->roles.n_feature; i++) {
        bool drop = is_in(named, t->roles.feature[i]) == (p->drop.n > 0);
        if (drop)
            c[n++] = (struct tabular_choice){ t->roles.feature[i], { .drop = true } };
    }
    for (size_t i = 0; i < plan->n; i++) /* the first of a column counts */
        c[n++] = plan->choice[i];
    o->choice = *out = c;
    o->n_choice = n;
    return rc;
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
        log_info("%zu columns of %zu features, learnt from %zu of %zu rows", s->n_out,
                 tabular_n_feature(s), n_train, t->n_row);
}

/* The state that a file has, owned by the caller. */
static int read_state(const char *path, char **out, struct err *e)
{
    struct featmat f = { 0 };
    struct h5 h = { 0 };
    char *kind = NULL;
    int rc = h5_open_any(&h, path, &kind, e);
    if (rc == 0 && strcmp(kind, "refit.model") == 0)
        rc = h5_has(&h, "features")
                 ? h5_get_text(&h, "features", "state", out, e)
                 : err_set(e, ERR_DATA, "'%s' is a model that reads no feature columns", path);
    h5_close(&h);
    if (rc == 0 && !*out && (rc = featmat_read(&f, path, e)) == 0)
        *out = mem_strdup(f.state);
    featmat_release(&f);
    free(kind);
    return rc;
}

static int fit(struct tabular *s, const struct params *p, const struct table *t,
               const struct tabular_options *o, const size_t *row, size_t n_row, struct err *e)
{
    int rc = tabular_fit(s, t, row, n_row, o, opt_threads(), e);
    if (rc)
        err_wrap(e, "'%s'", p->table);
    else
        report(t, s, n_row);
    return rc;
}

/* What --state has learnt; of the table's features the others are left out. */
static int take_over(struct tabular *s, const struct params *p, const struct table *t,
                     char **out_text, struct err *e)
{
    int rc = read_state(p->state, out_text, e);
    if (rc || (rc = tabular_parse(s, p->state, *out_text, e)))
        return rc;
    for (size_t i = 0; i < t->roles.n_feature; i++) {
        bool known = false;
        for (size_t k = 0; k < s->n_col && !known; k++)
            known = strcmp(s->col[k].name, t->roles.feature[i]) == 0;
        if (!known)
            log_warn("column '%s' is left out: '%s' has learnt nothing of it", t->roles.feature[i],
                     p->state);
    }
    log_info("%zu columns of %zu features, as '%s' has learnt them", s->n_out, tabular_n_feature(s),
             p->state);
    return 0;
}

/* Some rows of the matrix at a time, a part of them in each thread. */
struct writing {
    const struct tabular_encoder *encoder;
    size_t d, n_row, first, part; /* of all rows; of these, how many in a thread */
    double *x;
    bool *good; /* one a thread */
};

static void encode_part(void *ctx, int worker, size_t i)
{
    struct writing *w = ctx;
    size_t first = w->first + i * w->part, left = w->n_row > first ? w->n_row - first : 0;
    (void)worker;
    w->good[i] = tabular_encode(w->encoder, NULL, first, left < w->part ? left : w->part,
                                w->x + i * w->part * w->d);
}

static int write_rows(struct h5 *h, const struct tabular_encoder *k, const struct featmat *f,
                      const char *table, struct err *e)
{
    enum { ONE = 1 << 20, EACH = 1 << 22 }; /* bytes: of the second cache; worth a thread */
    size_t hands = (size_t)opt_threads(), bytes = hands > 1 ? EACH : ONE;
    size_t most = bytes / ((f->n_col + 1) * sizeof(double)) + 1;
    size_t part = f->n_row / hands + 1 < most ? f->n_row / hands + 1 : most;
    struct writing w = { .encoder = k, .d = f->n_col, .n_row = f->n_row, .part = part };
    int rc = 0;
    w.x = mem_calloc(hands * part, f->n_col * sizeof *w.x);
    w.good = mem_calloc(hands, sizeof *w.good);
    for (; rc == 0 && f->n_col && w.first < f->n_row; w.first += hands * part) {
        size_t left = f->n_row - w.first;
        parallel_for((int)hands, hands, encode_part, &w);
        for (size_t i = 0; i < hands && rc == 0; i++)
            if (!w.good[i] && (rc = tabular_encoder_check(k, NULL, f->n_row, e)))
                err_wrap(e, "'%s'", table);
        if (rc == 0)
            rc = featmat_write_rows(h, w.first, left < hands * part ? left : hands * part, w.x, e);
    }
    free(w.good);
    free(w.x);
    return rc;
}

/* The matrix of all rows; `row`: the training rows, where it was learnt from them. */
static int write_matrix(const struct params *p, const struct tabular *s, const struct table *t,
                        const char *state, const size_t *row, size_t n_train, struct err *e)
{
    struct tabular_encoder k = { 0 };
    struct h5 h = { 0 };
    struct featmat f = { .n_row = t->n_row, .n_col = s->n_out, .name = s->name };
    char *text = state ? mem_strdup(state) : tabular_text(s);
    int rc;

    f.state = text;
    memcpy(f.keys_sha256, t->keys_sha256, HASH_HEX);
    if ((rc = tabular_encoder_init(&k, s, t, e)) ||
        (row && (rc = tabular_encoder_folds(&k, t, row, n_train, e)))) {
        err_wrap(e, "'%s'", p->table);
        goto out;
    }
    if ((rc = featmat_begin(&h, &f, p->features, e)) || (rc = write_rows(&h, &k, &f, p->table, e)))
        goto out;
    rc = featmat_publish(&h, &f, e);
out:
    h5_close(&h);
    tabular_encoder_release(&k);
    free(text);
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
    if ((rc = read_plan(&plan, p, &o, e)) || (rc = table_read(&t, p->table, e)) ||
        (rc = table_retarget(&t, p->target, e)) || (rc = choose(p, &t, &plan, &o, &choices, e)))
        goto out;
    if (p->state) {
        rc = take_over(&s, p, &t, &state, e);
    } else {
        row = mem_calloc(t.n_row, sizeof *row);
        if ((rc = training_rows(p, &t, row, &n_train, e)) == 0)
            rc = fit(&s, p, &t, &o, row, n_train, e);
    }
    if (rc == 0)
        rc = write_matrix(p, &s, &t, state, row, n_train, e);
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
    .opts = options,
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
    int rc = read_state(p->explain_state, &state, e);
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
