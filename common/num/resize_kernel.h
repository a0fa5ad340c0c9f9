#ifndef NUM_RESIZE_KERNEL_H
#define NUM_RESIZE_KERNEL_H

#include "num/resize.h"

/* Inside of num/resize.h: the loops over pixels, with AVX2 and without, to the same bits. */

enum { RESIZE_WEIGHT_BITS = 14, RESIZE_LINE_BITS = 6 };

/** Does this processor have what r->plain = false needs? */
bool resize_has_simd(void);

/** Set up what the SIMD loop reads: pairs, n_inside, padded. */
void resize_arrange(struct resize *r);

/** An input row resized across to r->line[which]. */
void resize_across(struct resize *r, const uint8_t *rgb, int which);

/** sum += w0 line[0] + w1 line[1]. */
void resize_down(const struct resize *r, int32_t *sum, int16_t w0, int16_t w1);

/** An output row of sums to grey levels. */
void resize_round(const struct resize *r, const int32_t *sum, uint8_t *out);

#endif
