#ifndef MODELS_LOGISTIC_H
#define MODELS_LOGISTIC_H

#include <stddef.h>
#include <stdint.h>

#include "models/nn/training.h"

/* The family `logistic`: logistic regression on feature columns. Of two classes one linear
 * function, of more one for each (multinomial), as scikit-learn's LogisticRegression has them. */

enum logistic_penalty { LOGISTIC_L2, LOGISTIC_L1, LOGISTIC_NONE };
#define LOGISTIC_PENALTIES "l2|l1|none"

/**
 * Minimised is c * sum over the rows of weight * cross-entropy + penalty: 1/2 sum of the squares of
 * all coefficients (l2) or the sum of their sizes (l1). Intercepts are free.
 */
struct logistic_options {
    double c; /* > 0: the larger, the weaker the penalty */
    enum logistic_penalty penalty;
    enum nn_class_weight class_weight;
    const struct nn_class_weights *class_weights; /* on top of it; borrowed, NULL: none */
    size_t max_iterations;
    double tolerance; /* done when no item of the gradient of the mean per row is larger */
};

/** A fitted one. All owned. */
struct logistic {
    size_t n_function, d;
    double *parameters; /* (n_function, d + 1): coefficients, then the intercept */
    int threads;
};

#endif
