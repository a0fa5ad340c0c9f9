#ifndef MODELS_TABULAR_INNER_H
#define MODELS_TABULAR_INNER_H

#include "models/tabular.h"

/* What the files of models/tabular.h share. */

bool tabular_is_number(const struct column *c);

/** Place of a text among n sorted ones, or -1. */
int64_t tabular_find_level(char *const *level, size_t n, const char *text);

/** What every code of a column means here, -1: unknown; (from->n_level), owned by the caller. */
int64_t *tabular_map_codes(const struct tabular_column *c, const struct column *from);

/** Mean and standard deviation (divisor n) of n values, `step` apart. */
void tabular_mean_sd(const double *x, size_t n, size_t step, double *out_mean, double *out_sd);

/** What to subtract from, and to divide by, n values that are `step` apart. */
void tabular_fit_scale(enum tabular_scale how, const double *x, size_t n, size_t step,
                       double *out_shift, double *out_divisor);

/** Learn about a number column, or a part of a date; n_out 0: there is no value. */
int tabular_fit_number(struct tabular_column *out, const struct table *t, const struct column *c,
                       enum tabular_part part, const size_t *row, size_t n_row,
                       const struct tabular_options *o, struct err *e);

/** Its values of n_row rows, n_out apart; `from` NULL: all are gaps. */
int tabular_expand_number(const struct tabular_column *c, const struct table *t,
                          const struct column *from, const size_t *row, size_t n_row, double *out,
                          size_t n_out, struct err *e);

/** Turn a fitted one-hot category into what o->encode says: value, unknown, n_out, suffix. */
int tabular_fit_encode(struct tabular_column *c, const struct table *t, const struct column *from,
                       const size_t *row, size_t n_row, const struct tabular_options *o,
                       struct err *e);

/** "year" ...; NULL for the whole. */
const char *tabular_part_name(enum tabular_part part);

#endif
