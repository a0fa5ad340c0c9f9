#ifndef MODELS_TABULAR_ROWS_H
#define MODELS_TABULAR_ROWS_H

#include "models/tabular.h"

/* Rows of one table through a fitted state, some at a time: what tabular_apply does, for who does
 * not want the matrix in memory. */

struct tabular_source;

/** A state held against a table. All zeros is empty. */
struct tabular_encoder {
    const struct tabular *state;   /* borrowed, as is the table */
    struct tabular_source *source; /* (state->n_col) owned, as are the rest */
    double *low, *high;            /* (d) what 0 and 1 of a 0/1 column become */
    uint8_t *fold;                 /* (rows of the table) of the training rows; NULL: see below */
    bool suspicious;               /* of these some are too large */
};

/** ERR_DATA: a column has another type than at fit, or is absent and must not be. */
int tabular_encoder_init(struct tabular_encoder *k, const struct tabular *s, const struct table *t,
                         struct err *e);
void tabular_encoder_release(struct tabular_encoder *k);

/**
 * From now on training rows get their target encodings by the rows of the other four of five folds
 * (training row i is in fold i mod 5): with the state's values a row would see its own label.
 *
 *   row  (n_row) the training rows, rising
 */
int tabular_encoder_folds(struct tabular_encoder *k, const struct table *t, const size_t *row,
                          size_t n_row, struct err *e);

/**
 * n rows into out (n, d).
 *
 *   row      (n) row numbers; NULL: rows first .. first + n - 1
 *   returns  false where a value may be too large or has no logarithm: tabular_encoder_check knows
 *
 * May be called from several threads at once.
 */
bool tabular_encode(const struct tabular_encoder *k, const size_t *row, size_t first, size_t n,
                    double *out);

/** Look for a value that cannot be encoded: ERR_DATA with the first one's column and row, or 0. */
int tabular_encoder_check(const struct tabular_encoder *k, const size_t *row, size_t n,
                          struct err *e);

#endif
