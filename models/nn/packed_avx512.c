#ifdef __x86_64__
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define VEC    __m512
enum { LANES = 16, N_VEC = 4, ROWS = 6 };
#define VEC_ZERO       _mm512_setzero_ps
#define VEC_LOAD       _mm512_loadu_ps
#define VEC_STORE      _mm512_storeu_ps
#define VEC_ALL        _mm512_set1_ps
#define VEC_ADD        _mm512_add_ps
#define VEC_FMA        _mm512_fmadd_ps
#define MULTIPLY_PANEL packed_panel_avx512
#include "models/nn/packed_tile.h"
#endif
