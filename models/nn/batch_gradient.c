#include "models/nn/batch_gradient.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/gemm.h"

void batch_gradient_init(struct batch_gradient *g, size_t n_row, size_t k, size_t n, bool blas)
{
    *g = (struct batch_gradient){ .k = k, .n = n };
    if (blas || !packed_is_here())
        g->plain = mem_aligned(n_row * n, sizeof *g->plain);
    else
        packed_init(&g->packed, n_row, n);
}

size_t batch_gradient_floats(size_t n_row, size_t n)
{
    return n_row * n;
}

void batch_gradient_release(struct batch_gradient *g)
{
    packed_release(&g->packed);
    free(g->plain);
    *g = (struct batch_gradient){ 0 };
}

size_t batch_gradient_rows(size_t n)
{
    enum { FLOATS = 1 << 13 }; /* with the weights' and the optimiser's in the second-level cache */
    return n < FLOATS ? FLOATS / n : 1;
}

size_t batch_gradient_scratch(size_t n_row, size_t n)
{
    return n_row * batch_gradient_rows(n);
}

void batch_gradient_keep(struct batch_gradient *g, size_t first, size_t rows, const float *d)
{
    if (g->plain)
        memcpy(g->plain + first * g->n, d, rows * g->n * sizeof *d);
    else
        packed_put(&g->packed, first, rows, d);
}

void batch_gradient_multiply(const struct batch_gradient *g, const struct net *n, size_t n_shard,
                             const struct tensor *in, size_t first, size_t rows, float *out,
                             float *scratch)
{
    size_t m = 0;
    for (size_t s = 0; s < n_shard; s++) /* rows of x lie too far apart for the caches' sets */
        for (size_t r = 0; r < n->shard[s].n; r++, m++)
            memcpy(scratch + m * rows, n->shard[s].arena + in->value + r * g->k + first,
                   rows * sizeof *scratch);
    if (g->plain)
        gemm(true, false, rows, g->n, m, scratch, rows, g->plain, g->n, 0, out, g->n);
    else
        packed_transposed(&g->packed, m, rows, scratch, out);
}
