#ifndef NUM_RESIZE_PLAN_H
#define NUM_RESIZE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "num/resize.h"

/* Inside of num/resize.h: the weights of two sizes, as the loops over pixels read them. Pictures of
 * a set often have one size, so the plans used last are kept, for all threads. */

/** One axis: output o is the sum over i < taps of weight[o * taps + i] * in[start[o] + i]. */
struct resize_axis {
    size_t taps;     /* the same for all: weights behind the last are 0, a multiple of 4 */
    size_t *start;   /* (n_out) owned, ascending */
    int16_t *weight; /* (n_out, taps) owned */
};

struct resize_plan {
    struct resize_sizes size; /* what it is for */
    enum resize_code code;    /* at most size.code: what can do these sizes */
    struct resize_axis across, down;
    size_t *last;             /* (out_height) owned, ascending: last input row that counts */
    size_t n_sum;             /* output rows that are open at once */
    struct resize_step *step; /* owned: what VBMI reads, for 16 values and four taps each */
    int16_t *pairs; /* (out_width / 2, across.taps / 4, 32) owned: the weights as AVX2 reads them */
    uint32_t *at;   /* owned: first byte of each output or step */
    size_t n_inside; /* of the pairs or steps: those whose loads stay within the row */
    size_t n_padded; /* bytes of scratch that the code wants */
    int users;       /* that have not given it back; these under the lock */
    bool kept;
    uint64_t used; /* when last */
};

/** The plan of these sizes, to be given back; NULL may be given back, too. */
struct resize_plan *resize_plan_take(const struct resize_sizes *size);
void resize_plan_give(struct resize_plan *p);

#endif
