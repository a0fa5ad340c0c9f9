#ifndef NN_PACKED_KERNELS_H
#define NN_PACKED_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* What packed.c chooses from. Rows by one panel b (k, width): c (m, columns) of it, columns <=
 * width. a is (m, k), or (k, m) if t. */
typedef void packed_panel_fn(bool t, size_t m, size_t k, const float *a, size_t lda, const float *b,
                             bool add, float *c, size_t ldc, size_t columns);

packed_panel_fn packed_panel_avx2, packed_panel_avx512;
enum { PACKED_WIDTH_AVX2 = 16, PACKED_WIDTH_AVX512 = 64 };

#endif
