#ifndef NN_VEC_AVX512_H
#define NN_VEC_AVX512_H

/* Vectors of sixteen floats, under the names that packed_tile.h and cell_tile.h use. */
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define VEC    __m512
enum { LANES = 16 };
#define VEC_ZERO  _mm512_setzero_ps
#define VEC_LOAD  _mm512_loadu_ps
#define VEC_STORE _mm512_storeu_ps
#define VEC_ALL   _mm512_set1_ps
#define VEC_ADD   _mm512_add_ps
#define VEC_SUB   _mm512_sub_ps
#define VEC_MUL   _mm512_mul_ps
#define VEC_DIV   _mm512_div_ps
#define VEC_MIN   _mm512_min_ps /* of two, the second where one is no number */
#define VEC_MAX   _mm512_max_ps
#define VEC_FMA   _mm512_fmadd_ps /* a b + c */

#endif
