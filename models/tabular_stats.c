/* Statistics of the values of a column: order, mean, spread. See models/tabular_inner.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/tabular_inner.h"
#include "num/rank.h"

/* ---- order ---------------------------------------------------------------------------------- */

/* Hoare's find, CACM 4 (1961) 321-322, on x[low] .. x[high]. */
static void find(double *x, size_t low, size_t high, size_t k)
{
    while (low < high) {
        size_t i = low, j = high;
        double a = x[low], b = x[low + (high - low) / 2], c = x[high];
        double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i > j)
                break;
            double keep = x[i];
            x[i++] = x[j];
            x[j] = keep;
            if (j-- == 0)
                break;
        }
        if (k <= j && j < high)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
}

enum { SAMPLE = 512, MANY = 8 * SAMPLE };

/* Two values of a sample between which the k-th of n is, almost surely (Floyd & Rivest, CACM 18
 * (1975) 165-172). n >= MANY. */
static void sample_bounds(const double *x, size_t n, size_t k, double *least, double *most)
{
    enum { MARGIN = 32 };
    double sample[SAMPLE];
    for (size_t i = 0; i < SAMPLE; i++)
        sample[i] = x[i * (n / SAMPLE)];
    rank_sort(sample, SAMPLE);
    size_t at = (size_t)((double)k / (double)n * SAMPLE);
    *least = at > MARGIN ? sample[at - MARGIN] : -(double)INFINITY;
    *most = at + MARGIN < SAMPLE ? sample[at + MARGIN] : (double)INFINITY;
}

/* Of many values first those that are surely smaller or larger than the k-th go to its sides,
 * without a branch that is hard to guess. *low and *high become the ends of those in between. */
static void narrow(double *x, size_t k, size_t *low, size_t *high)
{
    size_t n = *high + 1, n_low = 0, n_mid = 0, n_high = 0;
    double least, most;
    if (n < MANY)
        return;
    sample_bounds(x, n, k, &least, &most);
    double *mid = mem_aligned_raw(2 * n, sizeof *mid), *above = mid + n;
    for (size_t i = 0; i < n; i++) {
        double v = x[i];
        x[n_low] = mid[n_mid] = above[n_high] = v;
        n_low += v < least;
        n_high += v > most;
        n_mid += (v >= least) & (v <= most);
    }
    memcpy(x + n_low, mid, n_mid * sizeof *x);
    memcpy(x + n_low + n_mid, above, n_high * sizeof *x);
    free(mid);
    if (k >= n_low && k < n_low + n_mid) { /* else the sample was a bad one */
        *low = n_low;
        *high = n_low + n_mid - 1;
    }
}

/* Put the k-th smallest of n values in its place, no larger ones before it and no smaller ones
 * behind it; returns it. */
static double select_value(double *x, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;
    narrow(x, k, &low, &high);
    find(x, low, high, k);
    return x[k];
}

/* Numpy's "linear", without its rounding where a value is meant. */
double tabular_quantile(double *x, size_t n, size_t i, size_t m)
{
    double at = (double)(i * (n - 1)) / (double)(m - 1);
    size_t low = (size_t)at;
    double left = select_value(x, n, low), right = left;
    if (at > (double)low)
        for (size_t k = low + 1; k < n; k++)
            right = k == low + 1 ? x[k] : fmin(right, x[k]);
    return left + (at - (double)low) * (right - left);
}

/* Of many values only those near the middle are looked at; 0: the sample was a bad one. */
static size_t copy_middle(const double *x, size_t n, double *mid, size_t *out_below)
{
    double least, most;
    size_t below = 0, n_mid = 0;
    sample_bounds(x, n, n / 2, &least, &most);
    for (size_t i = 0; i < n; i++) {
        double v = x[i];
        mid[n_mid] = v;
        n_mid += (v >= least) & (v <= most);
        below += v < least;
    }
    *out_below = below;
    return below < n / 2 && n / 2 < below + n_mid ? n_mid : 0;
}

static double middle_of(double *x, size_t n, size_t k, bool odd)
{
    double high = select_value(x, n, k), low = x[0];
    for (size_t i = 1; !odd && i < k; i++)
        low = x[i] > low ? x[i] : low;
    return odd ? high : 0.5 * low + 0.5 * high;
}

double tabular_median(double *x, size_t n)
{
    if (n >= MANY) {
        double *mid = mem_aligned_raw(n + 1, sizeof *mid), median = 0;
        size_t below, n_mid = copy_middle(x, n, mid, &below);
        if (n_mid)
            median = middle_of(mid, n_mid, n / 2 - below, n % 2);
        free(mid);
        if (n_mid)
            return median;
    }
    return middle_of(x, n, n / 2, n % 2);
}

double tabular_mode(double *x, size_t n)
{
    rank_sort(x, n);
    double best = x[0];
    size_t most = 0;
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && x[k] <= x[i]; k++)
            ;
        if (k - i > most) {
            most = k - i;
            best = x[i];
        }
    }
    return best;
}

/* ---- mean and spread ------------------------------------------------------------------------ */

void tabular_mean_sd(const double *x, size_t n, double *out_mean, double *out_sd)
{
    double sum = 0, left = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - mean;
        left += d;
        square += d * d;
    }
    mean += left / (double)n;
    square = (square - left * left / (double)n) / (double)n;
    *out_mean = mean;
    *out_sd = square < 0 ? 0 : sqrt(square); /* NaN stays NaN */
}

void tabular_fit_scale(enum tabular_scale how, double *x, size_t n, double *out_shift,
                       double *out_divisor)
{
    if (how == TABULAR_STANDARD) {
        tabular_mean_sd(x, n, out_shift, out_divisor);
    } else if (how == TABULAR_MIN_MAX) {
        double least = x[0], most = x[0];
        for (size_t i = 1; i < n; i++) {
            least = fmin(least, x[i]);
            most = fmax(most, x[i]);
        }
        *out_shift = least;
        *out_divisor = most - least;
    } else {
        *out_shift = tabular_median(x, n);
        *out_divisor = tabular_quantile(x, n, 3, 5) - tabular_quantile(x, n, 1, 5);
    }
    /* a constant, but for rounding, is only shifted */
    if (*out_divisor <= 1e-12 * fabs(*out_shift) || *out_divisor < 1e-300)
        *out_divisor = 1;
}
