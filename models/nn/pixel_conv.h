#ifndef NN_PIXEL_CONV_H
#define NN_PIXEL_CONV_H

#include <stdint.h>

#include "models/nn/conv.h"

/* The first convolution, 3 x 3 on the bytes of a picture, with ReLU and 2 x 2 maximum pooling in
 * one pass: bytes go in, pooled values come out, and nothing between leaves the registers.
 * Backward, only the place of each maximum has a gradient: a quarter of the multiplications of the
 * definition. For AVX-512. */

/** The fixed rule: this processor, 3 channels in and sixteens out, 3 x 3, ReLU, windows of `pool`
 * = 2. */
bool pixel_conv_fits(const struct conv_shape *s, size_t pool);

/** Floats of scratch that a worker must hand in. */
size_t pixel_conv_scratch(const struct conv_shape *s);

/** One picture: bytes (h, w, 3), seen as 0 .. 1; W (3, 3, 3, co), b (co); y (oh / 2, ow / 2, co) in
 * blocks of channels, place its maxima's in their windows. */
void pixel_conv_forward(const struct conv_shape *s, const float *W, const float *b,
                        const uint8_t *bytes, float *y, uint8_t *place, float *scratch);

/** From dy, of y's form: dW and db are overwritten if `first`, else added to. */
void pixel_conv_backward(const struct conv_shape *s, const uint8_t *bytes, const float *y,
                         const float *dy, const uint8_t *place, bool first, float *dW, float *db,
                         float *scratch);

#endif
