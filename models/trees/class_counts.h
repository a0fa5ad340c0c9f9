#ifndef TREES_CLASS_COUNTS_H
#define TREES_CLASS_COUNTS_H

#include "models/trees/grow_inner.h"

/* Random thresholds among a few classes of rows that weigh whole numbers: 1 each, or how often a
 * bag has drawn them. Sums of whole numbers are the same in any order, so the values of a column
 * are copied behind one another and counted by whole vectors. The trees are those of candidates.c,
 * to the bit where the criterion is Gini's. */

/** Are the trees of this sort, as far as the weights allow? Then data->column is wanted. */
bool counts_suits(const struct grow_data *data, const struct grow_options *options);

/** Take the rows of a tree; how many, or 0 if they are not of this sort. */
size_t counts_begin(struct grower *g, const double *weight);

/** Sums of the n rows of a node, which begin at row `first`, into g->all; is there anything left to
 * tell apart? */
bool counts_node(struct grower *g, size_t first, size_t n);

/** The best of max_features cuts at random thresholds. */
struct cut counts_choose(struct grower *g, size_t first, size_t n, struct rng *rng);

/** Rows of the left side first, either side in its order; how many are left. */
size_t counts_part(struct grower *g, size_t first, size_t n, const struct cut *cut);

void counts_free(struct class_counts *t);

#endif
