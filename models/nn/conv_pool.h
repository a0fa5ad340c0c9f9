#ifndef NN_CONV_POOL_H
#define NN_CONV_POOL_H

#include "models/nn/op.h"

/* Max pooling right below a convolution, which calls it for a few pictures at a time (maxpool.c,
 * conv2d.c). */

/** The convolution leaves its output to `pool` and keeps no copy. */
void conv2d_pool(struct net *n, struct op *conv, struct op *pool);

/** Row r of the shard at the pooling's end: values, gradient, and each maximum's place in its
 * window (row by row). */
struct pooled_row {
    float *y, *dy;
    uint8_t *place;
};
struct pooled_row maxpool_row(const struct op *o, const struct pass *p, size_t r);

/** Pool rows r .. r + n - 1 of the shard, which x holds. */
void maxpool_rows(const struct op *o, const struct pass *p, size_t r, size_t n, const float *x);

/** The gradient of these rows before pooling, and before ReLU if the convolution has it: all of dx
 * is written. */
void maxpool_rows_back(const struct op *o, const struct pass *p, size_t r, size_t n, float *dx);

#endif
