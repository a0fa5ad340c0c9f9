#include "models/nn/factor.h"

#include <string.h>

#include "models/nn/gemm.h"

void factor_init(struct factor *f, size_t k, size_t n, bool blas)
{
    *f = (struct factor){ .k = k, .n = n };
    if (blas || !packed_is_here())
        return;
    packed_init(&f->plain, k, n);
    packed_init(&f->transposed, n, k);
}

size_t factor_floats(size_t k, size_t n, bool blas)
{
    return blas || !packed_is_here() ? 0 : 2 * k * n;
}

void factor_release(struct factor *f)
{
    packed_release(&f->plain);
    packed_release(&f->transposed);
    *f = (struct factor){ 0 };
}

/* Rows of W in a part: some hundred kilobytes. */
static size_t part_rows(size_t n)
{
    enum { PART_FLOATS = 1 << 16 };
    size_t rows = PART_FLOATS / n / PACKED_ROWS * PACKED_ROWS;
    return rows ? rows : PACKED_ROWS;
}

size_t factor_parts(size_t k, size_t n)
{
    return (k + part_rows(n) - 1) / part_rows(n);
}

void factor_fill(struct factor *f, const float *w, bool back, size_t part)
{
    size_t rows = part_rows(f->n), from = part * rows, to = from + rows < f->k ? from + rows : f->k;
    if (!f->plain.panel)
        return;
    packed_fill(&f->plain, false, w, f->n, from, to);
    if (back)
        packed_fill(&f->transposed, true, w, f->n, from, to);
}

void factor_forth(const struct factor *f, const float *w, size_t m, const float *a, bool add,
                  float *c)
{
    if (f->plain.panel)
        packed_multiply(&f->plain, m, a, f->k, add, c, f->n);
    else
        gemm(false, false, m, f->n, f->k, a, f->k, w, f->n, add ? 1 : 0, c, f->n);
}

void factor_back(const struct factor *f, const float *w, size_t m, const float *a, bool add,
                 float *c)
{
    if (f->transposed.panel)
        packed_multiply(&f->transposed, m, a, f->n, add, c, f->k);
    else
        gemm(false, true, m, f->k, f->n, a, f->n, w, f->n, add ? 1 : 0, c, f->k);
}

void factor_gradient(const struct factor *f, size_t m, const float *a, const float *d, bool add,
                     float *g)
{
    if (!f->plain.panel)
        gemm(true, false, f->k, f->n, m, a, f->k, d, f->n, add ? 1 : 0, g, f->n);
    else if (m > 0)
        packed_gradient(m, f->k, f->n, a, d, add, g);
    else if (!add)
        memset(g, 0, f->k * f->n * sizeof *g);
}

const char *factor_kernel(const struct factor *f)
{
    return f->plain.panel ? packed_kernel() : "sgemm";
}
