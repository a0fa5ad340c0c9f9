#ifndef SPLIT_SPLIT_H
#define SPLIT_SPLIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/table.h"

/* Inside of split. */

struct params {
    const char *table, *text, *pixels, *split;
    const char *target, *method, *group, *duplicates, *date, *validation_from, *test_from;
    const char *column, *train_value, *validation_value, *test_value;
    double train, validation, test, max_leaked_share;
    int64_t train_per_class, validation_per_class, folds, fold, seed;
};

/** What a draw starts from. */
struct draw {
    const struct params *p;
    const struct table *table;
    const struct column *label; /* NULL: the table has none */
    const size_t *row;          /* (n) rows that take part: those with a label */
    size_t n;
    const size_t *group; /* (n_row) rows that stay together; NULL: every row by itself */
};

/** Is the method drawn by lot, and not given by a column? */
bool draw_by_lot(const struct params *p);

/**
 * Sides of all rows that take part, and, with folds, the fold of each; both (n_row), filled with
 * 255. ERR_DATA: a column that is not there or of the wrong type; ERR_USAGE: a date that is none.
 */
int draw_sides(const struct draw *d, uint8_t *side, uint8_t *fold, struct err *e);

#endif
