#include "num/resize.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/resize_kernel.h"

enum { ONE = 1 << RESIZE_WEIGHT_BITS };

/* ---- weights ---- */

/* Input pixels start .. start + n - 1 of one output pixel: n = 1 has the weight `first` alone, n =
 * 2 no middle. */
struct span {
    size_t start, n;
    uint64_t first, middle, last;
};

/* Output pixel o covers [o n_in / n_out, (o + 1) n_in / n_out): weights in units of 1 / n_out,
 * their sum is n_in. */
static struct span shrink(size_t o, size_t n_in, size_t n_out)
{
    uint64_t from = (uint64_t)o * n_in, to = from + n_in;
    size_t start = (size_t)(from / n_out), last = (size_t)((to - 1) / n_out);
    struct span s = { .start = start, .n = last - start + 1, .middle = n_out };
    if (s.n == 1) {
        s.first = n_in;
    } else {
        s.first = (start + 1) * n_out - from;
        s.last = to - last * n_out;
    }
    return s;
}

/* The centre of o lies at (o + 1/2) n_in / n_out - 1/2: weights in units of 1 / (2 n_out), their
 * sum is 2 n_out. */
static struct span grow(size_t o, size_t n_in, size_t n_out)
{
    int64_t unit = 2 * (int64_t)n_out, at = (2 * (int64_t)o + 1) * (int64_t)n_in - (int64_t)n_out;
    int64_t start = at < 0 ? 0 : at / unit, rest = at < 0 ? 0 : at % unit;
    struct span s = { .start = (size_t)start, .n = 1, .first = (uint64_t)unit };
    if (rest && s.start + 1 < n_in) {
        s.n = 2;
        s.first = (uint64_t)(unit - rest);
        s.last = (uint64_t)rest;
    }
    return s;
}

/* Whole numbers with sum ONE, as differences of rounded sums: a thousand small weights do not all
 * become 0, and a mirrored picture has mirrored weights. Returns n. */
static size_t area_weights(size_t o, size_t n_in, size_t n_out, size_t *start, int16_t *out)
{
    struct span s = n_in >= n_out ? shrink(o, n_in, n_out) : grow(o, n_in, n_out);
    uint64_t total = n_in >= n_out ? n_in : 2 * n_out, sum = 0, before = 0;
    for (size_t i = 0; i < s.n; i++) {
        sum += i == 0 ? s.first : i + 1 == s.n ? s.last : s.middle;
        uint64_t now = (2 * ONE * sum + total) / (2 * total);
        out[i] = (int16_t)(now - before);
        before = now;
    }
    *start = s.start;
    return s.n;
}

static double sinc(double x)
{
    const double pi = 3.14159265358979323846;
    return fabs(x) < 1e-9 ? 1 : sin(pi * x) / (pi * x);
}

static double kernel(enum resize_filter filter, double x)
{
    x = fabs(x);
    if (filter == RESIZE_BILINEAR)
        return x < 1 ? 1 - x : 0;
    return x < 3 ? sinc(x) * sinc(x / 3) : 0;
}

static double reach_of(enum resize_filter filter, size_t n_in, size_t n_out)
{
    double scale = (double)n_in / (double)n_out;
    return (filter == RESIZE_LANCZOS ? 3 : 1) * (scale > 1 ? scale : 1);
}

static size_t kernel_weights(enum resize_filter filter, size_t o, size_t n_in, size_t n_out,
                             size_t *start, int16_t *out)
{
    double scale = (double)n_in / (double)n_out, wide = scale > 1 ? scale : 1;
    double reach = reach_of(filter, n_in, n_out), centre = ((double)o + .5) * scale - .5;
    double low = ceil(centre - reach), high = floor(centre + reach), total = 0, sum = 0, before = 0;
    size_t first = low > 0 ? (size_t)low : 0, last = high > 0 ? (size_t)high : 0;

    last = last < n_in ? last : n_in - 1;
    for (size_t i = first; i <= last; i++)
        total += kernel(filter, ((double)i - centre) / wide);
    for (size_t i = first; i <= last; i++) {
        sum += kernel(filter, ((double)i - centre) / wide);
        double now = floor(sum / total * ONE + .5);
        out[i - first] = (int16_t)(now - before);
        before = now;
    }
    *start = first;
    return last - first + 1;
}

static void axis_init(struct resize_axis *a, enum resize_filter filter, size_t n_in, size_t n_out)
{
    size_t most = filter == RESIZE_AREA ? n_in / n_out + 2
                                        : 2 * (size_t)ceil(reach_of(filter, n_in, n_out)) + 2;
    most = most < n_in ? most : n_in;
    a->taps = (most + 3) / 4 * 4;
    a->start = mem_calloc(n_out, sizeof *a->start);
    a->weight = mem_calloc(n_out * a->taps, sizeof *a->weight);
    for (size_t o = 0; o < n_out; o++) {
        int16_t *w = a->weight + o * a->taps;
        size_t n = filter == RESIZE_AREA ? area_weights(o, n_in, n_out, &a->start[o], w)
                                         : kernel_weights(filter, o, n_in, n_out, &a->start[o], w);
        assert(n <= a->taps);
    }
}

static void axis_copy(struct resize_axis *to, const struct resize_axis *from, size_t n_out)
{
    to->taps = from->taps;
    to->start = mem_calloc(n_out, sizeof *to->start);
    to->weight = mem_calloc(n_out * to->taps, sizeof *to->weight);
    memcpy(to->start, from->start, n_out * sizeof *to->start);
    memcpy(to->weight, from->weight, n_out * to->taps * sizeof *to->weight);
}

/* ---- rows ---- */

/* The last input row of each output row that has a weight; none is before that of the row above. */
static void find_last(struct resize *r)
{
    const struct resize_axis *a = &r->down;
    r->last = mem_calloc(r->out_height, sizeof *r->last);
    for (size_t o = 0; o < r->out_height; o++) {
        size_t n = a->taps;
        while (n > 1 && a->weight[o * a->taps + n - 1] == 0)
            n--;
        r->last[o] = a->start[o] + n - 1;
        if (o && r->last[o] < r->last[o - 1])
            r->last[o] = r->last[o - 1];
    }
}

/* Most output rows to which one pair of input rows, an even one and the next, contributes. */
static size_t most_open(const struct resize *r)
{
    size_t most = 1, first = 0;
    for (size_t o = 0; o < r->out_height; o++) {
        while (r->last[first] / 2 < r->down.start[o] / 2)
            first++;
        most = o - first + 1 > most ? o - first + 1 : most;
    }
    return most;
}

void resize_init(struct resize *r, enum resize_filter filter, size_t in_width, size_t in_height,
                 size_t out_width, size_t out_height, uint8_t *out, size_t stride)
{
    assert(in_width >= 1 && in_height >= 1 && out_width >= 1 && out_height >= 1);
    assert(in_width <= RESIZE_MAX_IN && in_height <= RESIZE_MAX_IN);
    assert(out_width <= RESIZE_MAX_OUT && out_height <= RESIZE_MAX_OUT);
    *r = (struct resize){ .in_width = in_width,
                          .in_height = in_height,
                          .out_width = out_width,
                          .out_height = out_height,
                          .code = resize_best_code(),
                          .out = out,
                          .stride = stride };
    axis_init(&r->across, filter, in_width, out_width);
    if (in_height == in_width && out_height == out_width)
        axis_copy(&r->down, &r->across, out_height);
    else
        axis_init(&r->down, filter, in_height, out_height);
    find_last(r);
    r->n_sum = most_open(r);
    r->n_line = (3 * out_width + 16 + 63) / 64 * 64;
    r->line = mem_aligned(2 * r->n_line, sizeof *r->line);
    r->sum = mem_aligned(r->n_sum * r->n_line, sizeof *r->sum);
}

static int16_t weight_of(const struct resize *r, size_t o, size_t y)
{
    size_t start = r->down.start[o];
    return y >= start && y - start < r->down.taps ? r->down.weight[o * r->down.taps + y - start]
                                                  : 0;
}

/* Rows y and y + 1 are in `line` (y + 1 may be past the end, and then has no weight). */
static void add_pair(struct resize *r, size_t y)
{
    for (size_t o = r->open; o < r->out_height && r->down.start[o] <= y + 1; o++) {
        bool complete = r->last[o] <= y + 1;
        resize_down(r, &(struct resize_part){ .w0 = weight_of(r, o, y),
                                              .w1 = weight_of(r, o, y + 1),
                                              .first = r->down.start[o] >= y,
                                              .sum = r->sum + o % r->n_sum * r->n_line,
                                              .out = complete ? r->out + o * r->stride : NULL });
        if (complete)
            r->open = o + 1;
    }
}

void resize_row(struct resize *r, const uint8_t *rgb)
{
    size_t y = r->row++;
    assert(y < r->in_height);
    if (y == 0)
        resize_arrange(r);
    resize_across(r, rgb, (int)(y & 1));
    if (y & 1 || y + 1 == r->in_height)
        add_pair(r, y & ~(size_t)1);
}

static void axis_release(struct resize_axis *a)
{
    free(a->weight);
    free(a->start);
}

void resize_release(struct resize *r)
{
    axis_release(&r->across);
    axis_release(&r->down);
    free(r->sum);
    free(r->line);
    free(r->padded);
    free(r->at);
    free(r->pairs);
    free(r->step);
    free(r->last);
    *r = (struct resize){ 0 };
}
