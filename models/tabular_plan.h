#ifndef MODELS_TABULAR_PLAN_H
#define MODELS_TABULAR_PLAN_H

#include "io/yaml.h"
#include "models/tabular.h"

/** Columns with options of their own, from a plan file. All zeros: none. */
struct tabular_plan {
    struct tabular_choice *choice; /* (n) owned; their texts lie in the tree */
    size_t n;
    struct yaml *tree; /* owned */
};

/**
 * Read a plan file: `plan: 1` and `columns`, a mapping of column: options; what a column leaves out
 * is as in `all`. ERR_USAGE with file:line:column.
 */
int tabular_plan_read(struct tabular_plan *p, const char *path, const struct tabular_options *all,
                      struct err *e);
/** The same of n bytes in memory; `name` is for messages. */
int tabular_plan_parse(struct tabular_plan *p, const char *name, const char *bytes, size_t n,
                       const struct tabular_options *all, struct err *e);

/** Is every column of the kind that its options are for? ERR_DATA with file:line:column. */
int tabular_plan_check(const struct tabular_plan *p, const struct table *t, struct err *e);
void tabular_plan_release(struct tabular_plan *p);

/** --number_missing and the key of a plan: median, mean, most_frequent, zero, keep, a number. False
 * if it is none. */
bool tabular_number_missing(const char *text, struct tabular_options *o);

/** --category_missing: most_frequent, zero, or the label. */
void tabular_category_missing(const char *text, struct tabular_options *o);

#endif
