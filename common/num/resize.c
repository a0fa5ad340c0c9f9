#include "num/resize.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"

/* Output pixel o covers [o n_in / n_out, (o + 1) n_in / n_out): weights in units of 1 / n_out,
 * their sum is n_in. */
static struct resize_span shrink(size_t o, size_t n_in, size_t n_out)
{
    uint64_t from = (uint64_t)o * n_in, to = from + n_in;
    size_t start = (size_t)(from / n_out), last = (size_t)((to - 1) / n_out);
    struct resize_span s = { .start = start, .n = last - start + 1, .middle = (uint32_t)n_out };
    if (s.n == 1) {
        s.first = (uint32_t)n_in;
    } else {
        s.first = (uint32_t)((start + 1) * n_out - from);
        s.last = (uint32_t)(to - last * n_out);
    }
    return s;
}

/* The centre of o lies at (o + 1/2) n_in / n_out - 1/2: weights in units of 1 / (2 n_out), their
 * sum is 2 n_out. */
static struct resize_span grow(size_t o, size_t n_in, size_t n_out)
{
    int64_t unit = 2 * (int64_t)n_out, at = (2 * (int64_t)o + 1) * (int64_t)n_in - (int64_t)n_out;
    int64_t start = at < 0 ? 0 : at / unit, rest = at < 0 ? 0 : at % unit;
    struct resize_span s = { .start = (size_t)start, .n = 1, .first = (uint32_t)unit };
    if (rest && s.start + 1 < n_in) {
        s.n = 2;
        s.first = (uint32_t)(unit - rest);
        s.last = (uint32_t)rest;
    }
    return s;
}

/* Spans of a whole axis; returns the sum of the weights of one output pixel. */
static uint64_t axis(struct resize_span *span, size_t n_in, size_t n_out)
{
    for (size_t o = 0; o < n_out; o++)
        span[o] = n_in >= n_out ? shrink(o, n_in, n_out) : grow(o, n_in, n_out);
    return n_in >= n_out ? n_in : 2 * n_out;
}

void resize_init(struct resize *r, size_t in_width, size_t in_height, size_t out_width,
                 size_t out_height)
{
    assert(in_width >= 1 && in_height >= 1 && out_width >= 1 && out_height >= 1);
    assert(in_width <= RESIZE_MAX_IN && in_height <= RESIZE_MAX_IN);
    assert(out_width <= RESIZE_MAX_OUT && out_height <= RESIZE_MAX_OUT);
    *r = (struct resize){ .in_width = in_width,
                          .in_height = in_height,
                          .out_width = out_width,
                          .out_height = out_height,
                          .across = mem_calloc(out_width, sizeof *r->across),
                          .down = mem_calloc(out_height, sizeof *r->down),
                          .line = mem_calloc(3 * out_width, sizeof *r->line),
                          .sum = mem_calloc(3 * out_width * out_height, sizeof *r->sum) };
    r->total = axis(r->across, in_width, out_width) * axis(r->down, in_height, out_height);
}

/* Sums of at most 255 * RESIZE_MAX_IN (or 255 * 2 * RESIZE_MAX_OUT): 32 bits hold them. */
static void across(struct resize *r, const uint8_t *rgb)
{
    uint32_t *out = r->line;
    for (size_t o = 0; o < r->out_width; o++, out += 3) {
        const struct resize_span *s = &r->across[o];
        const uint8_t *p = rgb + 3 * s->start;
        uint32_t mid[3] = { 0 };
        for (int c = 0; c < 3; c++)
            out[c] = s->first * p[c];
        if (s->n == 1)
            continue;
        for (size_t i = 1; i + 1 < s->n; i++) {
            p += 3;
            mid[0] += p[0];
            mid[1] += p[1];
            mid[2] += p[2];
        }
        p += 3;
        for (int c = 0; c < 3; c++)
            out[c] += s->middle * mid[c] + s->last * p[c];
    }
}

static void add_line(uint64_t *restrict sum, const uint32_t *restrict line, size_t n,
                     uint32_t weight)
{
    for (size_t i = 0; i < n; i++)
        sum[i] += (uint64_t)weight * line[i];
}

void resize_row(struct resize *r, const uint8_t *rgb)
{
    size_t y = r->row++, n = 3 * r->out_width;
    assert(y < r->in_height);
    across(r, rgb);
    while (r->open < r->out_height && r->down[r->open].start + r->down[r->open].n <= y)
        r->open++;
    for (size_t o = r->open; o < r->out_height && r->down[o].start <= y; o++) {
        const struct resize_span *s = &r->down[o];
        size_t i = y - s->start;
        if (i < s->n)
            add_line(r->sum + o * n, r->line, n,
                     i == 0          ? s->first
                     : i + 1 == s->n ? s->last
                                     : s->middle);
    }
}

void resize_finish(const struct resize *r, uint8_t *out_rgb)
{
    assert(r->row == r->in_height);
    size_t n = 3 * r->out_width * r->out_height;
    uint64_t half = r->total / 2;
    double total = (double)r->total;
    /* The integer quotient, by the faster division of doubles: total <= 2^44, so numerators are
     * below 2^52, and a quotient that is no integer misses the next one by at least 1 / total, more
     * than the rounding of a double below 256. */
    for (size_t i = 0; i < n; i++)
        out_rgb[i] = (uint8_t)((double)(int64_t)(r->sum[i] + half) / total);
}

void resize_release(struct resize *r)
{
    free(r->sum);
    free(r->line);
    free(r->down);
    free(r->across);
    *r = (struct resize){ 0 };
}
