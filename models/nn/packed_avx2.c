#ifdef __x86_64__
#include "models/nn/packed_kernels.h"
#include "models/nn/vec_avx2.h"

enum { N_VEC = 2, ROWS = PACKED_FIRST };
#define MULTIPLY_PANEL packed_panel_avx2
#define PACK_PANEL     packed_pack_avx2
#include "models/nn/packed_tile.h"
#endif
