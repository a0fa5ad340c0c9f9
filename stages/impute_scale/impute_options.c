#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "stages/impute_scale/impute_scale.h"

const struct opt impute_options[] = {
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
    for (const struct opt *o = impute_options; o->name; o++)
        if (str_choice("table|state|features|target", o->name) < 0 && !is_default(o, p))
            return err_set(e, ERR_USAGE, "--state has learnt already: --%s has no effect beside it",
                           o->name);
    return 0;
}

int impute_options_read(struct tabular_plan *plan, const struct params *p,
                        struct tabular_options *o, struct err *e)
{
    int rc = to_options(p, o, e);
    if (rc == 0 && p->state)
        rc = check_state(p, e);
    if (rc == 0 && p->plan)
        rc = tabular_plan_read(plan, p->plan, o, e);
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

int impute_choose(const struct params *p, const struct table *t, const struct tabular_plan *plan,
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
