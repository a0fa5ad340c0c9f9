#ifndef NN_WINOGRAD_H
#define NN_WINOGRAD_H

#include "models/nn/conv.h"

/* Convolution 3 x 3 by F(4x4, 3x3) of Lavin & Gray (CVPR 2016), forward and both gradients, with a
 * quarter of the multiplications of the definition: 36 for the 16 outputs of a tile where the
 * definition has 144. Single precision; the error is a few times that of the direct sum (Barabasz
 * et al. 2020), some 1e-6 of the largest output. For AVX-512; pictures are NHWC or in blocks of 16.
 */

struct winograd;

/** The fixed rule: this processor, 3 x 3, channels in sixteens, and less than half of the tiles'
 * area lies outside the picture. */
bool winograd_fits(const struct conv_shape *s);

struct winograd *winograd_new(const struct conv_shape *s);
void winograd_free(struct winograd *w);

/** Floats that winograd_new takes; and of scratch that a worker must hand in, 64-byte aligned. */
size_t winograd_floats(const struct conv_shape *s);
size_t winograd_scratch(const struct conv_shape *s);

/** Take over the weights (3, 3, ci, co) and the bias (co) before a batch; the bias is borrowed. */
void winograd_weights(struct winograd *w, const float *kernel, const float *bias);

/** y = conv(x) for n rows. */
void winograd_forward(const struct winograd *w, size_t n, const float *x, float *y, float *scratch);

/** Gradients from dy: dx (NULL: not wanted) is overwritten; those of weights and bias are gathered
 * in the scratch, from 0 on if `first`. */
void winograd_backward(const struct winograd *w, size_t n, const float *x, const float *dy,
                       float *dx, bool first, float *scratch);

/** What the calls since `first` gathered: dW (3, 3, ci, co), db (co), overwritten. */
void winograd_gathered(const struct winograd *w, float *dW, float *db, const float *scratch);

#endif
