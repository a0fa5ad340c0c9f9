#ifndef TREES_GROW_INNER_H
#define TREES_GROW_INNER_H

#include <math.h>

#include "models/trees/grow.h"
#include "models/trees/scan.h"

/* What grow.c (the tree), candidates.c (random thresholds) and best_cut.c (the best one) share. */

/** A way to part the rows of a node. */
struct cut {
    uint32_t column;
    float threshold;
    bool missing_left;
    double score; /* of both sides together, higher is better; -INFINITY: none */
};

/** Sums over some rows. */
struct grow_sum {
    double count, weight, y;
    double *class; /* (n_class) weight by class; only those of grower.present hold something */
};

struct grower {
    struct grow_data data;
    struct grow_options options;
    double mean;                  /* of y */
    struct scan_row *row, *other; /* (n) the rows in the order of the nodes; scratch */
    uint32_t *order;              /* (d) a permutation of the columns */
    float *lo, *hi;               /* (ld) */
    size_t *missing;              /* (ld) rows of the node that miss the column */
    int32_t *present;             /* (n_present) classes of the node */
    size_t n_present;
    struct grow_sum all, left, right, gap; /* of the node, its sides, rows that miss a column */
    /* candidates side by side, n_candidate <= room (a multiple of SCAN_BLOCK) */
    uint32_t *column;
    float *threshold;
    double *count, *weight, *y;
    double *class; /* (n_class, room) */
    size_t room;
    struct sort_item *item, *spare; /* (n) best_cut.c; made when first needed */
    uint64_t ties;
    struct class_counts *counts; /* of its sort of tree; made when first needed */
};

static inline bool grow_has_gaps(const struct grower *g, uint32_t column)
{
    return g->data.gaps && g->data.gaps[column];
}

static inline bool grow_goes_left(float value, const struct cut *cut)
{ /* without a branch, which nobody could predict */
    return (value <= cut->threshold) | ((value != value) & cut->missing_left);
}

/** The i-th column of a random order. */
uint32_t grow_column(struct grower *g, size_t i, struct rng *rng);

/** How good a side is: the criterion is the sum over both sides. */
double grow_score(const struct grower *g, const struct grow_sum *s);

/** Keep the better of two cuts; of equal ones each with the same chance. */
void grow_keep(struct grower *g, struct cut *best, const struct cut *cut, struct rng *rng);

/** Score of a cut whose left side is g->left, all being g->all; -INFINITY if a side is too small.
 */
double grow_cut_score(struct grower *g);

/** Sums of the rows that miss a column into g->gap. */
void grow_sum_missing(struct grower *g, const struct scan_row *row, size_t n, uint32_t column);

/** How many columns are tried at a node of n rows. */
size_t candidates_most(const struct grower *g, size_t n);

/** By g->lo, g->hi and g->missing: has the column one value in all rows of the node? */
bool candidates_constant(const struct grower *g, uint32_t column);

/** lo <= threshold < hi, so that neither side is empty; between missing and present ones where all
 * that are present are equal. Infinite values are parted from the others. */
float candidates_draw(const struct grower *g, uint32_t column, struct rng *rng);

/** Score of the cut whose left side, without the rows that miss the column, is g->left; those are
 * g->gap, and go where they lower the criterion more. */
void candidates_score(struct grower *g, struct cut *cut);

/** The best of max_features cuts at random thresholds. */
struct cut candidates_choose(struct grower *g, const struct scan_row *row, size_t n,
                             struct rng *rng);

/** Ready to sort; the best cut of one column. */
struct cut best_cut(struct grower *g, const struct scan_row *row, size_t n, uint32_t column);

#endif
