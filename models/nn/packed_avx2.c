#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define VEC    __m256
enum { LANES = 8, N_VEC = 2, ROWS = 6 };
#define VEC_ZERO       _mm256_setzero_ps
#define VEC_LOAD       _mm256_loadu_ps
#define VEC_STORE      _mm256_storeu_ps
#define VEC_ALL        _mm256_set1_ps
#define VEC_ADD        _mm256_add_ps
#define VEC_FMA        _mm256_fmadd_ps
#define MULTIPLY_PANEL packed_panel_avx2
#include "models/nn/packed_tile.h"
#endif
