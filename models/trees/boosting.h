#ifndef TREES_BOOSTING_H
#define TREES_BOOSTING_H

#include "models/trees/boost_tree.h"
#include "models/trees/forest.h"
#include "models/nn/training.h"

/* The family `boosting`: gradient-boosted trees on binned columns (Friedman, Annals of Statistics
 * 29, 2001). Loss: squared error of numbers, logistic of two classes, softmax of more, one tree a
 * class and round. */

struct boosting_options {
    size_t rounds;
    size_t patience; /* rounds without a lower loss of the validation rows end it; 0: never */
    struct boost_tree_options tree;
    const char *weight; /* column of the table with the weight of a row, >= 0; NULL: all 1 */
    enum nn_class_weight class_weight;
    const struct nn_class_weights *class_weights; /* on top of it; borrowed, NULL: none */
};

/** Rows whose loss tells when to stop; n may be 0. Borrowed. */
struct boost_validation {
    const float *x; /* (n, ld) */
    size_t n;
    const double *y;      /* (n) or */
    const int32_t *class; /* (n) */
};

/** How it went. */
struct boost_report {
    size_t rounds, kept;          /* trees of the first `kept` rounds are in the forest */
    double loss, validation_loss; /* after the kept one, mean of a row; NAN: no such rows */
    double *importance;           /* (d) owned: share of the decrease of the loss */
};

/** Numbers of a row: 1, or the classes if there are more than two. */
size_t boost_outputs(size_t n_class);

/**
 * Boost trees. The bits do not depend on the number of threads.
 *   weight  (n) >= 0; NULL: all 1
 */
void boost_fit(struct forest *out, struct boost_report *report, const struct grow_data *data,
               const double *weight, const struct boost_validation *validation,
               const struct boosting_options *options, int threads);

/** Mean loss of a row by its sums (n, boost_outputs): half the squared error, or cross-entropy. */
double boost_loss(const double *sum, size_t n, size_t n_class, const double *y,
                  const int32_t *class, const double *weight);

/** Sums of n rows, the first items of out, become probabilities (n, n_class) in place; those of a
 * regression stay. */
void boost_probabilities(float *out, size_t n, size_t n_class);

#endif
