/* The inner kernel of packed.c, once for each kind of vector: included by packed_avx2.c and
 * packed_avx512.c, which say what VEC, LANES, N_VEC and the rest are. A tile of the result of up to
 * ROWS rows and N_VEC vectors stays in registers while k runs. */
#include <stdbool.h>
#include <stddef.h>

#include "models/nn/packed_kernels.h"

enum { WIDTH = LANES * N_VEC };

/* A tile of a b, or with `t` of a' b; rows of b are ldb apart, and written to `panel` if there is
 * one. rows, t and whether there is a panel are constants at every call, so that the accumulators
 * are registers. */
TARGET static inline __attribute__((always_inline)) void
tile(const size_t rows, const bool t, size_t k, const float *a, size_t lda, const float *b,
     size_t ldb, float *panel, bool add, float *c, size_t ldc)
{
    enum { AHEAD = 12, LINE = 16 }; /* rows of b that are asked for before they are read */
    VEC sum[ROWS][N_VEC];
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (size_t j = 0; j < N_VEC; j++)
            sum[r][j] = VEC_ZERO();
    for (size_t i = 0; i < k; i++, b += ldb) {
        VEC right[N_VEC];
#pragma GCC unroll 4
        for (size_t j = 0; j < N_VEC; j++)
            right[j] = VEC_LOAD(b + j * LANES);
        if (panel) {
#pragma GCC unroll 4
            for (size_t j = 0; j < N_VEC; j++)
                VEC_STORE(panel + i * WIDTH + j * LANES, right[j]);
            for (size_t j = 0; i + AHEAD < k && j < WIDTH; j += LINE)
                __builtin_prefetch(b + AHEAD * ldb + j);
        }
#pragma GCC unroll 16
        for (size_t r = 0; r < rows; r++) {
            VEC left = VEC_ALL(t ? a[i * lda + r] : a[r * lda + i]);
#pragma GCC unroll 4
            for (size_t j = 0; j < N_VEC; j++)
                sum[r][j] = VEC_FMA(left, right[j], sum[r][j]);
        }
    }
#pragma GCC unroll 16
    for (size_t r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (size_t j = 0; j < N_VEC; j++) {
            float *at = c + r * ldc + j * LANES;
            VEC_STORE(at, add ? VEC_ADD(VEC_LOAD(at), sum[r][j]) : sum[r][j]);
        }
}

TARGET static inline __attribute__((always_inline)) void few_rows(size_t rows, const bool t,
                                                                  size_t k, const float *a,
                                                                  size_t lda, const float *b,
                                                                  bool add, float *c, size_t ldc)
{
    switch (rows) {
    case 1:
        tile(1, t, k, a, lda, b, WIDTH, NULL, add, c, ldc);
        break;
    case 2:
        tile(2, t, k, a, lda, b, WIDTH, NULL, add, c, ldc);
        break;
    case 3:
        tile(3, t, k, a, lda, b, WIDTH, NULL, add, c, ldc);
        break;
    case 4:
        tile(4, t, k, a, lda, b, WIDTH, NULL, add, c, ldc);
        break;
    case 5:
        tile(5, t, k, a, lda, b, WIDTH, NULL, add, c, ldc);
        break;
    default:
        tile(6, t, k, a, lda, b, WIDTH, NULL, add, c, ldc);
        break;
    }
}

/* m rows by one panel. Where the panel is wider than the result, by way of `edge`. */
TARGET static inline __attribute__((always_inline)) void panel(const bool t, size_t m, size_t k,
                                                               const float *a, size_t lda,
                                                               const float *b, bool add, float *c,
                                                               size_t ldc, size_t columns)
{
    float edge[ROWS * WIDTH];
    for (size_t i = 0; i < m; i += ROWS) {
        size_t rows = m - i < ROWS ? m - i : ROWS;
        const float *left = t ? a + i : a + i * lda;
        if (columns == WIDTH) {
            few_rows(rows, t, k, left, lda, b, add, c + i * ldc, ldc);
            continue;
        }
        few_rows(rows, t, k, left, lda, b, false, edge, WIDTH);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < columns; j++) {
                float *at = c + (i + r) * ldc + j;
                *at = (add ? *at : 0.0f) + edge[r * WIDTH + j];
            }
    }
}

TARGET void MULTIPLY_PANEL(bool t, size_t m, size_t k, const float *a, size_t lda, const float *b,
                           bool add, float *c, size_t ldc, size_t columns)
{
    if (t)
        panel(true, m, k, a, lda, b, add, c, ldc, columns);
    else
        panel(false, m, k, a, lda, b, add, c, ldc, columns);
}

TARGET void PACK_PANEL(size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                       float *panel, bool add, float *c, size_t ldc)
{
    tile(PACKED_FIRST, true, k, a, lda, b, ldb, panel, add, c, ldc);
}
