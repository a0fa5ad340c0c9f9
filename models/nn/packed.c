#include "models/nn/packed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/packed_kernels.h"

static packed_panel_fn *panel_kernel(size_t *out_width)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        *out_width = PACKED_WIDTH_AVX512;
        return packed_panel_avx512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        *out_width = PACKED_WIDTH_AVX2;
        return packed_panel_avx2;
    }
#endif
    *out_width = 0;
    return NULL;
}

bool packed_is_here(void)
{
    size_t width;
    return panel_kernel(&width) != NULL;
}

const char *packed_kernel(void)
{
    size_t width;
    panel_kernel(&width);
    return width == PACKED_WIDTH_AVX512 ? "packed avx512" : "packed avx2";
}

void packed_init(struct packed *p, size_t k, size_t n)
{
    *p = (struct packed){ .k = k, .n = n };
    panel_kernel(&p->width);
    assert(p->width > 0);
    size_t n_panel = (n + p->width - 1) / p->width;
    p->panel = mem_aligned(n_panel * k * p->width, sizeof *p->panel);
}

void packed_release(struct packed *p)
{
    free(p->panel);
    *p = (struct packed){ 0 };
}

/* Rows of b, ldb apart, are rows of every panel from row `first` on. */
static void put_rows(struct packed *p, size_t first, size_t rows, const float *b, size_t ldb)
{
    for (size_t at = 0; at < p->n; at += p->width) {
        float *out = p->panel + at * p->k + first * p->width;
        size_t columns = p->n - at < p->width ? p->n - at : p->width;
        for (size_t i = 0; i < rows; i++)
            memcpy(out + i * p->width, b + i * ldb + at, columns * sizeof *out);
    }
}

/* b's rows are columns of some panels. */
static void fill_columns(struct packed *p, const float *b, size_t ldb, size_t from, size_t to)
{
    enum { BLOCK = 16 }; /* lines of b that stay in the cache meanwhile */
    assert(from % p->width == 0);
    for (size_t first = from; first < to; first += p->width) {
        float *out = p->panel + first * p->k;
        size_t columns = to - first < p->width ? to - first : p->width;
        for (size_t i0 = 0; i0 < p->k; i0 += BLOCK)
            for (size_t j = 0; j < columns; j++)
                for (size_t i = i0; i < p->k && i < i0 + BLOCK; i++)
                    out[i * p->width + j] = b[(first + j) * ldb + i];
    }
}

void packed_fill(struct packed *p, bool tb, const float *b, size_t ldb, size_t from, size_t to)
{
    if (tb)
        fill_columns(p, b, ldb, from, to);
    else
        put_rows(p, from, to - from, b + from * ldb, ldb);
}

void packed_put(struct packed *p, size_t first, size_t rows, const float *b)
{
    put_rows(p, first, rows, b, p->n);
}

/* Rows that stay in the second-level cache while the panels pass. */
enum { ROW_BLOCK = 96 };

void packed_multiply(const struct packed *p, size_t m, const float *a, size_t lda, bool add,
                     float *c, size_t ldc)
{
    size_t width;
    packed_panel_fn *multiply = panel_kernel(&width);
    for (size_t i = 0; i < m; i += ROW_BLOCK) {
        size_t rows = m - i < ROW_BLOCK ? m - i : ROW_BLOCK;
        for (size_t first = 0; first < p->n; first += width)
            multiply(false, rows, p->k, a + i * lda, lda, p->panel + first * p->k, add,
                     c + i * ldc + first, ldc, p->n - first < width ? p->n - first : width);
    }
}

enum {
    DEPTH = 256
}; /* of a panel of b: with its part of a and all of c in the second-level cache */

static packed_pack_fn *pack_kernel(size_t width)
{
#ifdef __x86_64__
    return width == PACKED_WIDTH_AVX512 ? packed_pack_avx512 : packed_pack_avx2;
#else
    (void)width;
    return NULL;
#endif
}

/* A panel that is wider than what is left of b, whose rows are ldb apart. */
static void copy_panel(float *panel, const float *b, size_t ldb, size_t depth, size_t columns,
                       size_t width)
{
    for (size_t r = 0; r < depth; r++) {
        memcpy(panel + r * width, b + r * ldb, columns * sizeof *b);
        memset(panel + r * width + columns, 0, (width - columns) * sizeof *b);
    }
}

void packed_gradient(size_t m, size_t k, size_t n, const float *a, const float *b, bool add,
                     float *c)
{
    float panel[DEPTH * PACKED_WIDTH_AVX512];
    size_t width;
    packed_panel_fn *multiply = panel_kernel(&width);
    packed_pack_fn *pack = pack_kernel(width);
    for (size_t i = 0; i < m; i += DEPTH, add = true) {
        size_t depth = m - i < DEPTH ? m - i : DEPTH;
        for (size_t first = 0; first < n; first += width) {
            size_t columns = n - first < width ? n - first : width, done = 0;
            const float *left = a + i * k, *right = b + i * n + first;
            if (columns == width && k >= PACKED_FIRST) {
                pack(depth, left, k, right, n, panel, add, c + first, n);
                done = PACKED_FIRST;
            } else {
                copy_panel(panel, right, n, depth, columns, width);
            }
            multiply(true, k - done, depth, left + done, k, panel, add, c + done * n + first, n,
                     columns);
        }
    }
}

void packed_transposed(const struct packed *p, size_t m, size_t k, const float *a, float *c)
{
    size_t width;
    packed_panel_fn *multiply = panel_kernel(&width);
    for (size_t i = 0; i < m; i += DEPTH) {
        size_t depth = m - i < DEPTH ? m - i : DEPTH;
        for (size_t first = 0; first < p->n; first += width)
            multiply(true, k, depth, a + i * k, k, p->panel + first * p->k + i * width, i > 0,
                     c + first, p->n, p->n - first < width ? p->n - first : width);
    }
}
