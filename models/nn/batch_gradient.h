#ifndef NN_BATCH_GRADIENT_H
#define NN_BATCH_GRADIENT_H

#include "models/nn/op.h"
#include "models/nn/packed.h"

/**
 * The gradient of a matrix W (k, n), x' d, of all rows of a batch at once and some rows of W at a
 * time: x (B, k) is what W was multiplied with, d (B, n) the gradient of the product. Where W is
 * large and a shard has few rows, a product a shard writes more than it multiplies, and the sum
 * over the shards reads it all again; this way a worker has a part of the gradient in its cache
 * when it steps these weights. W's rows are shared out, never the batch's: the bits do not depend
 * on the number of threads.
 */
struct batch_gradient {
    size_t k, n;
    struct packed packed; /* d for this processor's kernels, or */
    float *plain;         /* (B, n) for OpenBLAS, owned */
};

/** For batches of up to n_row rows; blas: do without packing. */
void batch_gradient_init(struct batch_gradient *g, size_t n_row, size_t k, size_t n, bool blas);
size_t batch_gradient_floats(size_t n_row, size_t n); /* that it takes */
void batch_gradient_release(struct batch_gradient *g);

/** Rows of W that are computed at a time, and the scratch (floats) that takes. */
size_t batch_gradient_rows(size_t n);
size_t batch_gradient_scratch(size_t n_row, size_t n);

/** Keep d (rows, n) of the batch's rows first .. first + rows - 1. */
void batch_gradient_keep(struct batch_gradient *g, size_t first, size_t rows, const float *d);

/** out (rows, n): the gradient of W's rows first .. first + rows - 1, rows <= batch_gradient_rows,
 * once all of d is kept. x is read where the shards have it: the tensor `in`, of form ROWS. The
 * batch's rows are summed up in one chain in their order (packed_transposed), or by sgemm. */
void batch_gradient_multiply(const struct batch_gradient *g, const struct net *n, size_t n_shard,
                             const struct tensor *in, size_t first, size_t rows, float *out,
                             float *scratch);

#endif
