#ifndef TREES_FOREST_H
#define TREES_FOREST_H

#include "models/trees/grow.h"

/* Many trees: extremely randomised trees and random forests are their mean, boosting their sum. */

/** All zeros is empty; all owned. */
struct forest {
    struct tree *tree; /* (n_tree) */
    size_t n_tree;
    size_t d;
    size_t n_class;  /* classification by shares; 0: numbers */
    size_t n_output; /* sums of a row: n_class, 1, or the classes of boosting: tree t adds to sum
                        t % n_output */
    double *base;    /* (n_output) where the sums begin */
    bool mean;       /* sums are divided by the number of trees */
};

struct forest_options {
    struct grow_options grow;
    size_t n_tree;
    bool bootstrap; /* each tree learns from n rows drawn with replacement */
    bool oob;       /* of bootstrap: predict every row by the trees that have not seen it */
    uint64_t seed;
};

/** What fitting tells besides the trees. Owned; all zeros is empty. */
struct forest_report {
    double
        *importance; /* (d) mean share of a tree's decrease of the criterion; sums to 1, or all 0 */
    float *oob;      /* (n, n_output) NaN where every tree has seen the row; NULL: not asked for */
};

/**
 * Grow a forest. Tree t draws from stream t + 1 of the seed, so the result does not depend on the
 * number of threads.
 *
 *   weight  (n) as for grower_run; NULL: all 1
 */
void forest_fit(struct forest *out, struct forest_report *report, const struct grow_data *data,
                const double *weight, const struct forest_options *options, int threads);

/** Memory in which forest_run works; made once, for any number of rows. */
struct forest_scratch;
struct forest_scratch *forest_scratch_new(const struct forest *f, int threads);
void forest_scratch_free(struct forest_scratch *s);

/**
 * Sums of some rows of a matrix, without an allocation. Rows are cut into blocks that stay in the
 * cache, and one tree after the other goes over a block.
 *
 *   x    (.., d) float64; NaN: missing
 *   row  (n) rows of x
 *   out  (n, n_output)
 */
void forest_run(const struct forest *f, struct forest_scratch *s, const double *x,
                const size_t *row, size_t n, float *out);

void forest_release(struct forest *f);
void forest_report_release(struct forest_report *r);

/** d rounded up to SCAN_BLOCK: the distance of rows in grow_data. */
size_t forest_stride(size_t d);

#endif
