#include "models/nn/im2col.h"

#include <string.h>

#include "models/nn/gemm.h"

enum { COLUMN_FLOATS = 1 << 16 };

/* Output rows of one matrix product. */
static size_t rows_at_once(const struct conv_shape *s)
{
    size_t rows = COLUMN_FLOATS / (s->ow * s->k * s->k * s->ci);
    return rows < 1 ? 1 : rows > s->oh ? s->oh : rows;
}

size_t im2col_scratch(const struct conv_shape *s)
{
    return rows_at_once(s) * s->ow * s->k * s->k * s->ci;
}

/* Columns of output rows i0 .. i1 - 1 of one picture: (rows * ow, k k C). */
static void im2col(const struct conv_shape *g, const float *x, size_t i0, size_t i1, float *col)
{
    for (size_t i = i0; i < i1; i++)
        for (size_t j = 0; j < g->ow; j++)
            for (size_t u = 0; u < g->k; u++, col += g->k * g->ci) {
                size_t y = i + u - g->pad; /* wraps below 0: then >= h too */
                size_t left = j < g->pad ? g->pad - j : 0, right = g->k;
                if (j + g->k > g->w + g->pad)
                    right = g->w + g->pad - j;
                if (y >= g->h) {
                    memset(col, 0, g->k * g->ci * sizeof *col);
                    continue;
                }
                memset(col, 0, left * g->ci * sizeof *col);
                memcpy(col + left * g->ci, x + (y * g->w + j + left - g->pad) * g->ci,
                       (right - left) * g->ci * sizeof *col);
                memset(col + right * g->ci, 0, (g->k - right) * g->ci * sizeof *col);
            }
}

/* The reverse: add the columns' gradients to where they came from. */
static void col2im(const struct conv_shape *g, float *dx, size_t i0, size_t i1, const float *col)
{
    for (size_t i = i0; i < i1; i++)
        for (size_t j = 0; j < g->ow; j++)
            for (size_t u = 0; u < g->k; u++, col += g->k * g->ci) {
                size_t y = i + u - g->pad;
                size_t left = j < g->pad ? g->pad - j : 0, right = g->k;
                if (j + g->k > g->w + g->pad)
                    right = g->w + g->pad - j;
                if (y >= g->h)
                    continue;
                float *to = dx + (y * g->w + j + left - g->pad) * g->ci;
                const float *from = col + left * g->ci;
                for (size_t c = 0; c < (right - left) * g->ci; c++)
                    to[c] += from[c];
            }
}

void im2col_forward(const struct conv_shape *s, const float *W, const float *b, const float *x,
                    float *y, float *scratch)
{
    size_t K = s->k * s->k * s->ci, rows = rows_at_once(s);
    for (size_t i = 0; i < s->oh; i += rows) {
        size_t end = i + rows < s->oh ? i + rows : s->oh, m = (end - i) * s->ow;
        float *to = y + i * s->ow * s->co;
        im2col(s, x, i, end, scratch);
        gemm(false, false, m, s->co, K, scratch, K, W, s->co, 0, to, s->co);
        add_bias(to, m, s->co, b, s->relu);
    }
}

static void bias_gradient(const struct conv_shape *s, const float *dy, bool first, float *db)
{
    size_t n = s->oh * s->ow;
    if (first)
        memset(db, 0, s->co * sizeof *db);
    for (size_t i = 0; i < n; i++)
        for (size_t o = 0; o < s->co; o++)
            db[o] += dy[i * s->co + o];
}

void im2col_backward(const struct conv_shape *s, const float *W, const float *x, const float *dy,
                     float *dx, bool first, float *dW, float *db, float *scratch)
{
    size_t K = s->k * s->k * s->ci, rows = rows_at_once(s);
    bias_gradient(s, dy, first, db);
    if (dx)
        memset(dx, 0, s->h * s->w * s->ci * sizeof *dx);
    for (size_t i = 0; i < s->oh; i += rows, first = false) {
        size_t end = i + rows < s->oh ? i + rows : s->oh, m = (end - i) * s->ow;
        const float *d = dy + i * s->ow * s->co;
        im2col(s, x, i, end, scratch);
        gemm(true, false, K, s->co, m, scratch, K, d, s->co, first ? 0 : 1, dW, s->co);
        if (!dx)
            continue;
        gemm(false, true, m, K, s->co, d, s->co, W, s->co, 0, scratch, K);
        col2im(s, dx, i, end, scratch);
    }
}
