#include "models/logistic/row_kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "models/nn/simd.h"

enum { LANES = 8, ROWS = 4, MOST = 64 }; /* rows that share what is read of the vector; at once */

#define INLINE static inline __attribute__((always_inline))

void row_touch(const double *x, size_t n)
{
    for (size_t i = 0; i < n; i += 64 / sizeof *x)
        (void)*(const volatile double *)&x[i];
}

/* The products of n rows, n a constant. */
INLINE void products(const double *restrict x, size_t n, size_t d, const double *restrict w,
                     double b, double *restrict out)
{
    double sum[ROWS][LANES] = { { 0 } };
    size_t j = 0;
    for (; j + LANES <= d; j += LANES)
        for (size_t i = 0; i < n; i++)
            for (size_t l = 0; l < LANES; l++)
                sum[i][l] += x[i * d + j + l] * w[j + l];
    for (size_t i = 0; i < n; i++) {
        const double *s = sum[i];
        double total = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
        for (size_t k = j; k < d; k++)
            total += x[i * d + k] * w[k];
        out[i] = total + b;
    }
}

NN_CLONES void row_products(const double *x, size_t m, size_t d, const double *w, double b,
                            double *out)
{
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS)
        products(x + i * d, ROWS, d, w, b, out + i);
    for (; i < m; i++)
        products(x + i * d, 1, d, w, b, out + i);
}

NN_CLONES void row_sums(const double *restrict x, size_t m, size_t d, const double *restrict s,
                        double *restrict out)
{
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS)
        for (size_t j = 0; j < d; j++)
            out[j] = (((out[j] + x[i * d + j] * s[i]) + x[(i + 1) * d + j] * s[i + 1]) +
                      x[(i + 2) * d + j] * s[i + 2]) +
                     x[(i + 3) * d + j] * s[i + 3];
    for (; i < m; i++)
        for (size_t j = 0; j < d; j++)
            out[j] += x[i * d + j] * s[i];
}

/* e^-|x|, error < 2 units in the last place (Cephes exp, Moshier 1984), without a branch; of more
 * than 700 as of 700. */
INLINE double exp_negative(double x)
{
    x = -fabs(x);
    x = x < -700 ? -700 : x;
    double whole = x * 1.4426950408889634073599 + 0x1.8p52; /* its last bits: the nearest number */
    double n = whole - 0x1.8p52;
    x -= n * 6.93145751953125e-1;
    x -= n * 1.42860682030941723212e-6;
    double s = x * x;
    double p = x * ((1.26177193074810590878e-4 * s + 3.02994407707441961300e-2) * s +
                    9.99999999999999999910e-1);
    double q = ((3.00198505138664455042e-6 * s + 2.52448340349684104192e-3) * s +
                2.27265548208155028766e-1) *
                   s +
               2.00000000000000000009e0;
    uint64_t bits;
    double scale;
    memcpy(&bits, &whole, sizeof bits);
    bits = (bits + 1023) << 52;
    memcpy(&scale, &bits, sizeof scale);
    return (1 + 2 * p / (q - p)) * scale;
}

NN_CLONES double row_losses(const double *restrict y, const double *restrict weight, size_t m,
                            double *restrict score, double out_product[2])
{
    double tail[MOST], sum = 0, product[2] = { 1, 1 };
    for (size_t i = 0; i < m; i++)
        tail[i] = exp_negative(score[i]);
    for (size_t i = 0; i < m; i++)
        sum += weight[i] * ((score[i] >= 0 ? score[i] : 0) - y[i] * score[i]);
    for (size_t i = 0; i < m; i++)
        score[i] = weight[i] * ((score[i] >= 0 ? 1 : tail[i]) / (1 + tail[i]) - y[i]);
    for (size_t i = 0; i < m; i++) {
        product[0] *= 1 + (1 - y[i]) * tail[i];
        product[1] *= 1 + y[i] * tail[i];
    }
    memcpy(out_product, product, sizeof product);
    return sum;
}

NN_CLONES void row_sigmoids(const double *restrict score, size_t m, float *restrict out)
{
    for (size_t i = 0; i < m; i++) {
        double tail = exp_negative(score[i]), small = tail / (1 + tail), large = 1 / (1 + tail);
        out[2 * i] = (float)(score[i] >= 0 ? small : large);
        out[2 * i + 1] = (float)(score[i] >= 0 ? large : small);
    }
}
