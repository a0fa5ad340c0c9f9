#ifndef NN_CONV_H
#define NN_CONV_H

#include <stdbool.h>
#include <stddef.h>

/** A convolution as its kernels see it. */
struct conv_shape {
    size_t ci, co, h, w, oh, ow, k, pad; /* pad: above and left */
    size_t block_in, block_out; /* channels in a block; block_in 1: planes (the first layer) */
    bool relu;                  /* fused into forward */
    bool data_gradient;         /* backward computes dx */
};

#endif
