#ifndef NN_PACKED_KERNELS_H
#define NN_PACKED_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* What packed.c chooses from. Rows by one panel b (k, width): c (m, columns) of it, columns <=
 * width. a is (m, k), or (k, m) if t. */
typedef void packed_panel_fn(bool t, size_t m, size_t k, const float *a, size_t lda, const float *b,
                             bool add, float *c, size_t ldc, size_t columns);

packed_panel_fn packed_panel_avx2, packed_panel_avx512;

/* The first PACKED_FIRST rows of a' b, with b (k, width) in rows ldb apart, which are written to
 * `panel` on the way: packing costs next to nothing beside the multiply-adds. */
typedef void packed_pack_fn(size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                            float *panel, bool add, float *c, size_t ldc);

packed_pack_fn packed_pack_avx2, packed_pack_avx512;
enum { PACKED_FIRST = 6 };
enum { PACKED_WIDTH_AVX2 = 16, PACKED_WIDTH_AVX512 = 64 };

#endif
