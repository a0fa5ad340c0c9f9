#ifndef NUM_RESIZE_KERNEL_H
#define NUM_RESIZE_KERNEL_H

#include "num/resize_plan.h"

/* Inside of num/resize.h: the loops over pixels, plain and as SIMD, to the same bits. */

enum {
    RESIZE_WEIGHT_BITS = 14,
    RESIZE_LINE_BITS = 6,
    RESIZE_ACROSS_SHIFT = RESIZE_WEIGHT_BITS - RESIZE_LINE_BITS,
    RESIZE_DOWN_SHIFT = RESIZE_WEIGHT_BITS + RESIZE_LINE_BITS,
    /* A line is rounded down, to half a unit less in the mean: this makes up for it. */
    RESIZE_HALF = (1 << (RESIZE_DOWN_SHIFT - 1)) + (1 << (RESIZE_WEIGHT_BITS - 1))
};

/** What two input rows give to one output row. */
struct resize_part {
    int16_t w0, w1; /* weights of the two */
    bool first;     /* the sum is empty: what it holds is not read */
    int32_t *sum;   /* borrowed; the order of its elements is up to the code that adds */
    uint8_t *out;   /* borrowed: NULL, or the row, which is then complete */
};

/** The fastest that this processor has. */
enum resize_code resize_best_code(void);

/** Set up what the SIMD loops of p->code read. Where the code cannot do these sizes, p->code
 * becomes a lesser one. */
void resize_arrange(struct resize_plan *p);

/** Two input rows resized across to r->line. */
void resize_across(struct resize *r, const uint8_t *even, const uint8_t *odd);

/** sum += w0 even + w1 odd line, or the grey levels of that. */
void resize_down(const struct resize *r, const struct resize_part *d);

/** The same for AVX-512 VBMI. resize_arrange_wide returns false where neighbouring output pixels
 * lie too far apart in the input. */
bool resize_arrange_wide(struct resize_plan *p);
void resize_across_wide(const struct resize *r, const uint8_t *even, const uint8_t *odd);
void resize_down_wide(const struct resize *r, const struct resize_part *d);

#endif
