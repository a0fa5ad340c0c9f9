#ifdef __x86_64__
#include "models/nn/vec_avx2.h"

#define CELL_FORWARD cell_forward_avx2
#include "models/nn/cell_tile.h"
#endif
