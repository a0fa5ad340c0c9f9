#ifndef NN_GEMM_H
#define NN_GEMM_H

#include <stdbool.h>
#include <stddef.h>

/** c = op(a) op(b) + beta c, row-major, one thread: op(a) is (m, k), op(b) (k, n), c (m, n); ta,
 * tb: stored transposed. Rows are ld apart. By OpenBLAS sgemm. */
void gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
          const float *b, size_t ldb, float beta, float *c, size_t ldc);

/** out[j] = sum over i of x[i][j], x (m, n). */
void column_sum(const float *x, size_t m, size_t n, float *out);

/** a[i] = a[i] + b[i]. */
void add_floats(float *a, const float *b, size_t n);

/** y += factor x. */
void add_scaled(float *y, const float *x, float factor, size_t n);

/** x[i][j] = x[i][j] + b[j], and then 0 where negative if `relu`. */
void add_bias(float *x, size_t m, size_t n, const float *b, bool relu);

/** dy[i] = 0 where y[i] <= 0. */
void mask_relu(float *dy, const float *y, size_t n);

#endif
