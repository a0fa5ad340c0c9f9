#ifndef MODELS_TABULAR_INNER_H
#define MODELS_TABULAR_INNER_H

#include "models/tabular.h"

/* What the files of models/tabular.h share. */

bool tabular_is_number(const struct column *c);

/* The words of plans and states, NULL at the end. */
extern const char *const tabular_transforms[], *const tabular_encodes[], *const tabular_absents[];

/** "year" ...; NULL for the whole. */
const char *tabular_part_name(enum tabular_part part);

/** Place of a text among n sorted ones, or -1. */
int64_t tabular_find_level(char *const *level, size_t n, const char *text);

/* ---- statistics; n >= 1 --------------------------------------------------------------------- */

/** Mean and standard deviation (divisor n), by the corrected two-pass algorithm of Chan, Golub &
 * LeVeque, The American Statistician 37 (1983) 242-247. */
void tabular_mean_sd(const double *x, size_t n, double *out_mean, double *out_sd);

/* Of these the values change places. */

/** The middle one, or the mean of the middle two. */
double tabular_median(double *x, size_t n);
/** The i-th of m quantiles (0 and m - 1 are the ends), between two values in proportion. */
double tabular_quantile(double *x, size_t n, size_t i, size_t m);
/** The most frequent value, the least of equals. */
double tabular_mode(double *x, size_t n);
/** What to subtract from, and to divide by, the values. */
void tabular_fit_scale(enum tabular_scale how, double *x, size_t n, double *out_shift,
                       double *out_divisor);

/* ---- fit ------------------------------------------------------------------------------------ */

/** Learn about a number column, or a part of a date; n_out 0: there is no value. */
int tabular_fit_number(struct tabular_column *out, const struct table *t, const struct column *c,
                       enum tabular_part part, const size_t *row, size_t n_row,
                       const struct tabular_options *o, struct err *e);

/** Learn about a category column, as one-hot. */
void tabular_fit_category(struct tabular_column *out, const struct column *c, const size_t *row,
                          size_t n_row, const struct tabular_options *o);

/** Turn a fitted one-hot category into what o->encode says: value, unknown, n_out, suffix. */
int tabular_fit_encode(struct tabular_column *c, const struct table *t, const struct column *from,
                       const size_t *row, size_t n_row, const struct tabular_options *o,
                       struct err *e);

/* ---- a fitted column held against a table --------------------------------------------------- */

struct tabular_source {
    const struct tabular_column *c;
    const struct column *from; /* NULL: the table does not have it */
    const struct column *by;   /* of the groups of a number column, or NULL */
    double *group_fill;        /* (by->n_level) fill of every code */
    int64_t *map;              /* (from->n_level) level here of every code, -1: unknown */
    size_t at;                 /* its first column of the matrix */
    double *fold_value; /* (N_TABULAR_FOLD, n_level + 1, n_out) of the levels, out of fold, last
                           of an unknown one; NULL: not target-encoded, or no training rows */
};

enum { N_TABULAR_FOLD = 5 };

/** from, by: the column and, of a number with groups, their column; NULL where there is none. */
void tabular_source_init(struct tabular_source *s, const struct tabular_column *c,
                         const struct column *from, const struct column *by);
/** The same, found in a table by their names. */
void tabular_source_find(struct tabular_source *s, const struct tabular_column *c,
                         const struct table *t);
void tabular_source_release(struct tabular_source *s);

/** Level of row i of a category, -1: none. */
int64_t tabular_level(const struct tabular_source *s, size_t i);

/**
 * Values of n rows of a number column, transformed but not scaled, and whether the rows have one.
 * A gap that is kept is NaN.
 *
 *   row      (n) row numbers; NULL: rows first .. first + n - 1
 *   returns  false where a value is not finite or has no logarithm
 */
bool tabular_read_numbers(const struct tabular_source *s, const size_t *row, size_t first, size_t n,
                          double *out, uint8_t *there);

/** Look for such a value: ERR_DATA with its row, or 0. */
int tabular_check_numbers(const struct tabular_source *s, const size_t *row, size_t n,
                          struct err *e);

/** Fill s->fold_value by the training rows. */
int tabular_fit_folds(struct tabular_source *s, const struct table *t, const size_t *row,
                      size_t n_row, struct err *e);

#endif
