#include "num/calibration.h"

#include <math.h>

/* numpy's linspace(0, 1, 11) has these very edges. */
static size_t bin_of(double p)
{
    size_t k = 0;
    while (k < CALIBRATION_BINS - 1 && p > (double)(k + 1) * (1.0 / CALIBRATION_BINS))
        k++;
    return k;
}

void calibration_fit(struct calibration *c, const float *p, const uint8_t *happened, size_t n)
{
    struct calibration made = { 0 };
    for (size_t i = 0; i < n; i++) {
        double value = p[i] < 0 ? 0 : p[i] > 1 ? 1 : (double)p[i];
        size_t k = bin_of(value);
        made.count[k]++;
        made.said[k] += value;
        made.share[k] += happened[i];
    }
    for (size_t k = 0; k < CALIBRATION_BINS; k++) {
        double count = (double)made.count[k];
        if (made.count[k])
            made.error += fabs(made.said[k] - made.share[k]) / (double)n;
        made.said[k] = made.count[k] ? made.said[k] / count : (double)NAN;
        made.share[k] = made.count[k] ? made.share[k] / count : (double)NAN;
    }
    *c = made;
}

double calibration_brier(const int32_t *label, const float *p, size_t n, size_t n_class)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = n_class == 2; k < n_class; k++) {
            double off = (double)p[i * n_class + k] - ((size_t)label[i] == k);
            sum += off * off;
        }
    return sum / (double)n;
}
