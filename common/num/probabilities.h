#ifndef NUM_PROBABILITIES_H
#define NUM_PROBABILITIES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/calibration.h"
#include "num/roc.h"

/**
 * What the probabilities of a classifier are worth, whatever its answers. Below, n is rows, C
 * classes; a class is ranked against all others. All zeros: empty.
 */
struct probabilities {
    size_t n_class;
    struct roc *class; /* (C) owned */
    struct roc all;    /* the pairs of row and class in one list (micro average) */
    /* Of two classes those of the second; of more the mean over the classes that have rows and are
     * not all of them (scikit-learn's roc_auc_score and average_precision_score, macro, ovr). NaN:
     * there is none. */
    double auc, average_precision;
    /* Of two classes of the second one's probability; of more of the answer's, and whether it is
     * right (Guo et al., ICML 2017). */
    struct calibration calibration;
    double brier; /* see calibration_brier */
};

/** Arguments and errors as metrics_compute, which is to be called first. */
int probabilities_fit(struct probabilities *p, const int32_t *label, const float *probability,
                      size_t n, size_t n_class, struct err *e);
void probabilities_release(struct probabilities *p);

/** The curve that stands for all: the second class's of two, else `all`. */
const struct roc *probabilities_curve(const struct probabilities *p);

#endif
