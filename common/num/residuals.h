#ifndef NUM_RESIDUALS_H
#define NUM_RESIDUALS_H

#include <stddef.h>

#include "base/err.h"

/** How far estimates of a number are from it. A residual is estimate - truth, in the number's unit.
 */
struct residuals {
    size_t n;
    double r2; /* 1 - sum of squares / that of the mean; of a constant truth 1 if all is
                  right, else 0; NaN for n < 2 */
    double mae, rmse, max_error; /* mean, root mean square and largest of |residual| */
    double bias;                 /* mean residual */
    double spearman;             /* rank correlation; NaN if either is constant or n < 2 */
};

/**
 * As scikit-learn's r2_score, mean_absolute_error, mean_squared_error, max_error and scipy's
 * spearmanr.
 *
 *   truth, estimate  (n)
 *   errors           ERR_DATA if n is 0 or a value is not finite; r is then unchanged
 *   cost             O(n log n)
 */
int residuals_compute(struct residuals *r, const double *truth, const float *estimate, size_t n,
                      struct err *e);

/** The q-quantile (0 .. 1) of sorted values, linear between neighbours, as numpy's; n > 0. */
double residuals_quantile(const double *sorted, size_t n, double q);

#endif
