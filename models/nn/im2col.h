#ifndef NN_IM2COL_H
#define NN_IM2COL_H

#include "models/nn/conv.h"

/* Convolution as matrix products on NHWC pictures, one at a time: columns of all windows, a few
 * rows of a picture at a time so that they stay in the cache, times the weights (k, k, ci, co). */

/** Floats of scratch. */
size_t im2col_scratch(const struct conv_shape *s);

/** y (oh, ow, co) of one picture x (h, w, ci). */
void im2col_forward(const struct conv_shape *s, const float *W, const float *b, const float *x,
                    float *y, float *scratch);

/** Gradients from dy: dx (NULL: not wanted) is overwritten; dW and db too if `first`, else added
 * to. */
void im2col_backward(const struct conv_shape *s, const float *W, const float *x, const float *dy,
                     float *dx, bool first, float *dW, float *db, float *scratch);

#endif
