#ifndef MODELS_CLASSES_H
#define MODELS_CLASSES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/table.h"
#include "models/nn/spec.h"

/** What a model tells apart: label texts by index, in the order of the table's levels. All zeros:
 * none. */
struct classes {
    size_t n;
    char **label; /* (n) owned, distinct */
    char **name;  /* (n) owned: what a person calls it; NULL: the labels have no names */
};

enum { CLASSES_MAX = 1 << 20 };

/** The levels of a CATEGORY column that occur in these rows (gaps are passed over). ERR_DATA if
 * fewer than two. */
int classes_fit(struct classes *c, const struct column *label, const size_t *row, size_t n_row,
                struct err *e);
void classes_release(struct classes *c);

/** Index of a label text, or -1. */
int64_t classes_find(const struct classes *c, const char *label);

/** Class of every row of a CATEGORY column, -1 where there is no label or one that is no class;
 * (column->n), owned by the caller. */
int32_t *classes_of_rows(const struct classes *c, const struct column *label);

/** Rows per class: out (c->n). */
void classes_count(const struct classes *c, const int32_t *class_of_row, const size_t *row,
                   size_t n_row, size_t *out_count);

/** Multiply the weights of classes (c->n) by those that are given for their labels. ERR_DATA if a
 * label is no class, with a did-you-mean, or if no class has a weight then. */
int classes_weigh_given(const struct classes *c, const struct nn_class_weights *given,
                        float *weight, struct err *e);

/** Weight of a class in the loss. Balanced: N / (C n_c), King & Zeng 2001, as scikit-learn has it.
 * One minus share: 1 - n_c / N. out (n_class). */
void classes_weigh(enum nn_class_weight how, const size_t *count, size_t n_class,
                   float *out_weight);

#endif
