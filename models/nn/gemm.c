#include "models/nn/gemm.h"

#include <cblas.h>
#include <string.h>

#include "models/nn/simd.h"

void gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
          const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        for (size_t i = 0; i < m && beta == 0; i++)
            memset(c + i * ldc, 0, n * sizeof *c);
        return;
    }
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, beta, c,
                (blasint)ldc);
}

NN_CLONES static void sum_columns(const float *restrict x, size_t m, size_t n, float *restrict out)
{
    memset(out, 0, n * sizeof *out);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            out[j] += x[i * n + j];
}

void column_sum(const float *x, size_t m, size_t n, float *out)
{
    sum_columns(x, m, n, out);
}

NN_CLONES static void add(float *restrict a, const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] += b[i];
}

void add_floats(float *a, const float *b, size_t n)
{
    add(a, b, n);
}

NN_CLONES static void add_times(float *restrict y, const float *restrict x, float factor, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] += factor * x[i];
}

void add_scaled(float *y, const float *x, float factor, size_t n)
{
    add_times(y, x, factor, n);
}

NN_CLONES static void add_and_cut(float *restrict x, size_t m, size_t n, const float *restrict b,
                                  float low)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float v = x[i * n + j] + b[j];
            x[i * n + j] = v < low ? low : v; /* a NaN stays one, to be found in the loss */
        }
}

void add_bias(float *x, size_t m, size_t n, const float *b, bool relu)
{
    add_and_cut(x, m, n, b, relu ? 0.0f : -__builtin_inff());
}

NN_CLONES static void mask(float *restrict dy, const float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

void mask_relu(float *dy, const float *y, size_t n)
{
    mask(dy, y, n);
}
