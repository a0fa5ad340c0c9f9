#ifndef TREES_BINS_H
#define TREES_BINS_H

#include <stddef.h>
#include <stdint.h>

#include "models/trees/grow.h"

enum { BINS = 256, BIN_MISSING = 255, MAX_EDGES = 254 };

/** Columns as numbers of bins: cut at quantiles of the training rows, between two values where
 * there are no more than 255 different ones. All owned; all zeros is empty. */
struct bins {
    size_t n, d;
    uint8_t *bin;   /* (d, n) BIN_MISSING: no value */
    float *edge;    /* (d, MAX_EDGES) bin b has the values <= edge[b] and above those of b - 1 */
    size_t *n_edge; /* (d) bins 0 .. n_edge */
};

/** The bits do not depend on the number of threads. */
void bins_fit(struct bins *b, const struct grow_data *data, int threads);
void bins_release(struct bins *b);

#endif
