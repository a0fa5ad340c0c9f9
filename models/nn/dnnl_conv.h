#ifndef NN_DNNL_CONV_H
#define NN_DNNL_CONV_H

#include <stdbool.h>
#include <stddef.h>

/* The only door to oneDNN: planned convolutions on channel blocks, forward and both gradients.
 * Weights go in and their gradients come out in our order (k, k, ci, co). A build with DNNL=0 has
 * this door closed: block 0. */

struct dnnl_conv;

struct dnnl_conv_shape {
    size_t n;                            /* most rows of a call */
    size_t ci, co, h, w, oh, ow, k, pad; /* pad: above and left */
    size_t block_in, block_out; /* channels in a block; block_in 1: planes (the first layer) */
    bool relu;                  /* fused into forward */
    bool data_gradient;         /* backward computes dx */
};

/** Channels in a block for this processor: 16 with AVX-512, 8 with AVX2, 0 if oneDNN is of no use
 * here. */
size_t dnnl_conv_block(void);

/** Plan the kernels by a fixed rule on the shape: Winograd for 3 x 3 where both sides are blocked
 * by 16, else direct. NULL if oneDNN has nothing but its slow reference code for it. `n_worker`
 * threads will call. */
struct dnnl_conv *dnnl_conv_new(const struct dnnl_conv_shape *s, int n_worker);
void dnnl_conv_free(struct dnnl_conv *c);

/** Floats of scratch that a worker must hand in. */
size_t dnnl_conv_scratch(const struct dnnl_conv *c);
const char *dnnl_conv_name(const struct dnnl_conv *c);

/** Take over the weights (k, k, ci, co) and the bias (co) before a batch; the bias is borrowed. Not
 * thread-safe. */
void dnnl_conv_weights(struct dnnl_conv *c, const float *kernel, const float *bias);

/** y = conv(x) for n rows. Tensors in blocks, 64-byte aligned. */
void dnnl_conv_forward(const struct dnnl_conv *c, int worker, size_t n, const float *x, float *y,
                       float *scratch);

/** Gradients from dy: dx (NULL: not wanted), dW (k, k, ci, co), db (co), all overwritten. Where n
 * is less than the planned rows, x and dy must have room for those: they are set to 0. */
void dnnl_conv_backward(const struct dnnl_conv *c, int worker, size_t n, float *x, float *dy,
                        float *dx, float *dW, float *db, float *scratch);

#endif
