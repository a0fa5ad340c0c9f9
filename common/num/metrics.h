#ifndef NUM_METRICS_H
#define NUM_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/** How well one class was found. A quotient without a denominator is 0, as in scikit-learn with
 * zero_division=0. */
struct class_metrics {
    double precision; /* of the rows said to be of the class, those that are */
    double recall;    /* of the rows of the class, those that were said to be */
    double f1;        /* harmonic mean of the two */
    int64_t support;  /* rows of the class */
    int64_t predicted;
};

/**
 * How well a classifier did. Below, n is rows, C classes; macro and weighted F1 as scikit-learn's
 * f1_score: the mean over the classes that occur as a label or as a prediction, plain or weighted
 * by support. All zeros: empty.
 */
struct metrics {
    size_t n_class;
    int64_t n, right;
    double accuracy, macro_f1, weighted_f1;
    double
        loss; /* mean cross-entropy in nats; probabilities under 1e-7 count as 1e-7, as in Keras */
    struct class_metrics *class; /* (C) owned */
    int64_t *count; /* (C, C) owned: row = label, column = prediction (the confusion matrix) */
};

/**
 * Compare labels with probabilities. The prediction is the class of the largest probability, the
 * first one if equal.
 *
 *   label        (n) 0 .. C - 1
 *   probability  (n, C) finite
 *   errors       ERR_DATA if n is 0, a label is outside, or a probability is not finite; m is then
 * unchanged
 */
int metrics_compute(struct metrics *m, const int32_t *label, const float *probability, size_t n,
                    size_t n_class, struct err *e);
void metrics_release(struct metrics *m);

/** The class of the largest of n probabilities, the first one if equal; n > 0. */
size_t metrics_answer(const float *probability, size_t n);

/** A late fusion of two classifiers: p = weight * a + (1 - weight) * b. */
struct blend {
    double weight;   /* of a: 0, .01, .., 1 */
    double accuracy; /* on the rows that it was chosen on */
    double loss;
};

/**
 * The weight with the best accuracy; among equals the lowest cross-entropy, then the one nearest to
 * 1/2, then the smaller one. To be called with validation rows. Arguments and errors as
 * metrics_compute.
 */
int metrics_blend(struct blend *out, const int32_t *label, const float *a, const float *b, size_t n,
                  size_t n_class, struct err *e);

/** out = weight * a + (1 - weight) * b, n values; out may be a or b. */
void metrics_mix(const float *a, const float *b, double weight, size_t n, float *out);

/** Wilson's 95 % interval of a share (JASA 22, 1927, 209-212): where the true one lies if `right`
 * of n were. n > 0. */
void metrics_interval(int64_t right, int64_t n, double *out_low, double *out_high);

#endif
