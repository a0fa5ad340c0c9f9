#ifndef TREES_BOOST_TREE_H
#define TREES_BOOST_TREE_H

#include "models/trees/bins.h"
#include "models/trees/decision_tree.h"

/* One tree of gradient boosting: the leaf that gains most is split next, cuts are found in sums
 * over bins, and of two new leaves only the smaller is summed, the larger is what it leaves over
 * (Ke et al., LightGBM, NIPS 2017; gains and leaves by Newton's step: Chen & Guestrin, XGBoost, KDD
 * 2016). */

struct boost_tree_options {
    size_t max_leaves;    /* >= 2 */
    size_t max_depth;     /* 0: no limit */
    size_t min_leaf;      /* rows, >= 1 */
    double l2;            /* added to the second derivatives of a leaf */
    double learning_rate; /* leaves are multiplied by it */
};

struct boost_grower;
struct boost_grower *boost_grower_new(const struct bins *bins,
                                      const struct boost_tree_options *options, int threads);
void boost_grower_free(struct boost_grower *g);

/**
 * Grow a tree that lowers a loss.
 *
 *   gradient, hessian  (n) first and second derivative of the loss of each row, weighted
 *   sum                (n, stride) its first column is added by the leaf of the row
 *   gain               (d) to each column is added by what its cuts lower the loss
 *   returns the number of cuts; with none the tree is a leaf
 */
size_t boost_grower_run(struct boost_grower *g, const float *gradient, const float *hessian,
                        double *sum, size_t stride, struct tree *out, double *gain);

#endif
