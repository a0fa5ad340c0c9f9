#ifndef TREES_GROW_H
#define TREES_GROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/trees/decision_tree.h"
#include "num/rng.h"

/* One tree from the training rows. Random thresholds: extremely randomised trees (Geurts, Ernst &
 * Wehenkel, Machine Learning 63, 2006); the best threshold: CART as random forests use it (Breiman,
 * Machine Learning 45, 2001). */

enum grow_criterion { GROW_MSE, GROW_GINI, GROW_ENTROPY };

/** What is learnt from. Borrowed. */
struct grow_data {
    const float *x;       /* (n, ld), columns d .. ld - 1 are 0; NaN: missing */
    size_t n, d, ld;      /* ld: a multiple of SCAN_BLOCK */
    const float *column;  /* (d, n) the same numbers; NULL: not there */
    const uint8_t *gaps;  /* (d) 1: the column misses values; NULL: none does */
    const double *y;      /* regression: (n) */
    const int32_t *class; /* classification: (n) */
    size_t n_class;       /* 0: regression */
};

struct grow_options {
    enum grow_criterion criterion;
    bool best;           /* the best threshold of a column instead of a random one */
    size_t max_features; /* columns that are tried at a node, 1 .. d; constant ones do not count */
    size_t max_depth;    /* 0: no limit */
    size_t min_leaf;     /* rows, >= 1 */
    size_t min_split;    /* rows, >= 2 */
};

/** Scratch of one thread. */
struct grower;
struct grower *grower_new(const struct grow_data *data, const struct grow_options *options);
void grower_free(struct grower *g);

/**
 * Grow a tree. A missing value goes to the side where it lowers the criterion more; where the
 * node's rows miss none, a later one goes to the heavier side.
 *
 *   weight  (n) >= 0, at least one > 0; a row of weight 0 takes no part; NULL: all 1
 *   gain    (d) to each column is added by how much its splits lower the criterion, times weight
 */
void grower_run(struct grower *g, const double *weight, struct rng *rng, struct tree *out,
                double *gain);

#endif
