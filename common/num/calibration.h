#ifndef NUM_CALIBRATION_H
#define NUM_CALIBRATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CALIBRATION_BINS = 10 };

/**
 * Does what is said with probability p happen in a share p of the cases? Rows are put into ten bins
 * of equal width by their probability; a value on an edge belongs to the lower bin, as in
 * scikit-learn's calibration_curve. Bins without rows have NaN. All zeros is empty.
 */
struct calibration {
    int64_t count[CALIBRATION_BINS];
    double said[CALIBRATION_BINS];  /* mean probability */
    double share[CALIBRATION_BINS]; /* of the rows where it happened */
    double error; /* expected calibration error: mean over the rows of |said - share| of their bin
                     (Naeini et al., AAAI 2015) */
};

/**
 *   p         (n) probabilities, finite; under 0 counts as 0, over 1 as 1
 *   happened  (n) 0 or 1
 *   n         > 0
 */
void calibration_fit(struct calibration *c, const float *p, const uint8_t *happened, size_t n);

/**
 * Brier, Monthly Weather Review 78 (1950) 1-3. Of two classes the mean of (p - y)^2 of the second,
 * as scikit-learn's brier_score_loss; of more the mean over the rows of the sum over the classes.
 *
 *   label, p  (n), (n, n_class) as metrics_compute takes them
 */
double calibration_brier(const int32_t *label, const float *p, size_t n, size_t n_class);

#endif
