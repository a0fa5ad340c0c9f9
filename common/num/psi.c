#include "num/psi.h"

#include <math.h>

static double sum(const double *count, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += count[i];
    return s;
}

double psi(const double *before, const double *now, size_t n)
{
    double n_before = sum(before, n) + 0.5 * (double)n, n_now = sum(now, n) + 0.5 * (double)n;
    double index = 0;
    for (size_t i = 0; i < n; i++) {
        double p = (before[i] + 0.5) / n_before, q = (now[i] + 0.5) / n_now;
        index += (q - p) * log(q / p);
    }
    return index;
}

double psi_chance(const double *before, const double *now, size_t n)
{
    double n_before = sum(before, n), n_now = sum(now, n);
    if (n == 0 || n_before == 0 || n_now == 0)
        return 0;
    return (double)(n - 1) * (1 / n_before + 1 / n_now);
}
