#ifdef __x86_64__
#include "models/nn/vec_avx512.h"

#define CELL_FORWARD cell_forward_avx512
#include "models/nn/cell_tile.h"
#endif
