#ifndef NN_VEC_AVX2_H
#define NN_VEC_AVX2_H

/* Vectors of eight floats, under the names that packed_tile.h and cell_tile.h use. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define VEC    __m256
enum { LANES = 8 };
#define VEC_ZERO  _mm256_setzero_ps
#define VEC_LOAD  _mm256_loadu_ps
#define VEC_STORE _mm256_storeu_ps
#define VEC_ALL   _mm256_set1_ps
#define VEC_ADD   _mm256_add_ps
#define VEC_SUB   _mm256_sub_ps
#define VEC_MUL   _mm256_mul_ps
#define VEC_DIV   _mm256_div_ps
#define VEC_MIN   _mm256_min_ps /* of two, the second where one is no number */
#define VEC_MAX   _mm256_max_ps
#define VEC_FMA   _mm256_fmadd_ps /* a b + c */

#endif
