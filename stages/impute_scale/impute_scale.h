#ifndef IMPUTE_SCALE_H
#define IMPUTE_SCALE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/opt.h"
#include "io/table.h"
#include "models/tabular.h"
#include "models/tabular_plan.h"

/* Inside of impute_scale. */

struct params {
    const char *table, *split, *plan, *state, *features;
    const char *target, *missing, *number_missing, *category_missing, *rare_label, *encode,
        *one_hot, *scale, *absent;
    struct opt_list drop, keep;
    bool indicators, scale_indicators;
    double rare_below;
};

extern const struct opt impute_options[];

/** How to fit: the parameters, and the plan of single columns (released by the caller, also after
 * an error). ERR_USAGE: they contradict each other; as tabular_plan_read. */
int impute_options_read(struct tabular_plan *plan, const struct params *p,
                        struct tabular_options *o, struct err *e);

/** What the plan, --drop and --keep say about columns, held against the table: (o->n_choice) into
 * *out, owned by the caller. ERR_DATA: a column that is no feature. */
int impute_choose(const struct params *p, const struct table *t, const struct tabular_plan *plan,
                  struct tabular_options *o, struct tabular_choice **out, struct err *e);

/** Numbers of the training rows into row (t->n_row); their count to *out_n. ERR_DATA: none. */
int impute_training_rows(const struct params *p, const struct table *t, size_t *row, size_t *out_n,
                         struct err *e);

/** Learn from these rows. */
int impute_fit(struct tabular *s, const struct params *p, const struct table *t,
               const struct tabular_options *o, const size_t *row, size_t n_row, struct err *e);

/** The state that a file has, owned by the caller. */
int impute_state_read(const char *path, char **out, struct err *e);

/** What --state has learnt; of the table's features the others are left out. *out_text is owned by
 * the caller. */
int impute_take_over(struct tabular *s, const struct params *p, const struct table *t,
                     char **out_text, struct err *e);

/** The matrix of all rows; `row`: the training rows, where it was learnt from them. */
int impute_write(const struct params *p, const struct tabular *s, const struct table *t,
                 const char *state, const size_t *row, size_t n_train, struct err *e);

#endif
