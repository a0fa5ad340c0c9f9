#ifndef NUM_ROC_H
#define NUM_ROC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/** One row as a judge of scores sees it. */
struct scored {
    float score;
    uint8_t positive; /* 0 or 1 */
};

/**
 * How well scores rank positive rows above negative ones (Fawcett, Pattern Recognition Letters 27
 * (2006) 861-874). One point for each distinct score, from "no row is called positive" on; rows of
 * equal score are called together. All zeros is empty; all owned.
 */
struct roc {
    size_t n;                       /* points, at least 2; the first is (0, 0), precision 1 */
    double *false_share;            /* (n) of the negative rows; NaN where there are none */
    double *recall;                 /* (n) of the positive rows; NaN where there are none */
    double *precision;              /* (n) */
    int64_t n_positive, n_negative; /* rows */
    double auc;                     /* area under the ROC curve; NaN without both kinds of rows */
    double average_precision;       /* sum of precision x rise of recall; NaN without positives */
};

/**
 * As scikit-learn's roc_curve, roc_auc_score, precision_recall_curve and average_precision_score.
 *
 *   row     (n) put in order of falling score
 *   errors  ERR_DATA if n is 0 or a score is not finite; r is then unchanged
 *   cost    O(n log n)
 */
int roc_fit(struct roc *r, struct scored *row, size_t n, struct err *e);
void roc_release(struct roc *r);

/** Leave out points that lie closer than `step` (of city block distance in both charts) to the one
 * before: for a chart of at most 3 / step points. The figures stay. */
void roc_thin(struct roc *r, double step);

#endif
