#ifndef NN_DNNL_CONV_H
#define NN_DNNL_CONV_H

#include "models/nn/conv.h"

/* The only door to oneDNN: planned convolutions on channel blocks, forward and both gradients.
 * Weights go in and their gradients come out in our order (k, k, ci, co). A build with DNNL=0 has
 * this door closed: block 0. */

struct dnnl_conv;

/** Channels in a block for this processor: 16 with AVX-512, 8 with AVX2, 0 if oneDNN is of no use
 * here. */
size_t dnnl_conv_block(void);

/** Plan direct kernels, one picture at a time. NULL if oneDNN has nothing but its slow reference
 * code for it. `n_worker` threads will call. */
struct dnnl_conv *dnnl_conv_new(const struct conv_shape *s, int n_worker);
void dnnl_conv_free(struct dnnl_conv *c);

/** Floats of scratch that a worker must hand in. */
size_t dnnl_conv_scratch(const struct dnnl_conv *c);
const char *dnnl_conv_name(const struct dnnl_conv *c);

/** Take over the weights (k, k, ci, co) and the bias (co) before a batch; the bias is borrowed. Not
 * thread-safe. */
void dnnl_conv_weights(struct dnnl_conv *c, const float *kernel, const float *bias);

/** y = conv(x) of one picture. Tensors in blocks, 64-byte aligned. */
void dnnl_conv_forward(const struct dnnl_conv *c, int worker, const float *x, float *y,
                       float *scratch);

/** Gradients of one picture from dy: dx (NULL: not wanted) is overwritten; those of weights and
 * bias are gathered in the scratch, from 0 on if `first`. */
void dnnl_conv_backward(const struct dnnl_conv *c, int worker, const float *x, const float *dy,
                        float *dx, bool first, float *scratch);

/** What the calls since `first` gathered: dW (k, k, ci, co), db (co), overwritten. */
void dnnl_conv_gathered(const struct dnnl_conv *c, int worker, float *dW, float *db,
                        float *scratch);

#endif
