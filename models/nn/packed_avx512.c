#ifdef __x86_64__
#include "models/nn/packed_kernels.h"
#include "models/nn/vec_avx512.h"

enum { N_VEC = 4, ROWS = PACKED_FIRST };
#define MULTIPLY_PANEL packed_panel_avx512
#define PACK_PANEL     packed_pack_avx512
#include "models/nn/packed_tile.h"
#endif
