#include "num/resize.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/resize_kernel.h"

void resize_init(struct resize *r, enum resize_filter filter, size_t in_width, size_t in_height,
                 size_t out_width, size_t out_height, uint8_t *out, size_t stride)
{
    assert(in_width >= 1 && in_height >= 1 && out_width >= 1 && out_height >= 1);
    assert(in_width <= RESIZE_MAX_IN && in_height <= RESIZE_MAX_IN);
    assert(out_width <= RESIZE_MAX_OUT && out_height <= RESIZE_MAX_OUT);
    *r = (struct resize){ .size = { .in_width = in_width,
                                    .in_height = in_height,
                                    .out_width = out_width,
                                    .out_height = out_height,
                                    .filter = filter,
                                    .code = resize_best_code() },
                          .out = out,
                          .stride = stride };
}

static void start(struct resize *r)
{
    const struct resize_plan *p = r->plan = resize_plan_take(&r->size);
    r->n_line = (3 * r->size.out_width + 16 + 63) / 64 * 64;
    r->line = mem_aligned(2 * r->n_line, sizeof *r->line);
    r->sum = mem_aligned(p->n_sum * r->n_line, sizeof *r->sum);
    if (p->n_padded)
        r->padded = mem_calloc(p->n_padded, 1);
}

static int16_t weight_of(const struct resize *r, size_t o, size_t y)
{
    size_t start = r->plan->down.start[o];
    return y >= start && y - start < r->plan->down.taps
               ? r->plan->down.weight[o * r->plan->down.taps + y - start]
               : 0;
}

/* Rows y and y + 1 (which may be past the end, and then has no weight). */
static void add_pair(struct resize *r, const uint8_t *even, const uint8_t *odd, size_t y)
{
    resize_across(r, even, odd);
    for (size_t o = r->open; o < r->size.out_height && r->plan->down.start[o] <= y + 1; o++) {
        bool complete = r->plan->last[o] <= y + 1;
        resize_down(r, &(struct resize_part){ .w0 = weight_of(r, o, y),
                                              .w1 = weight_of(r, o, y + 1),
                                              .first = r->plan->down.start[o] >= y,
                                              .sum = r->sum + o % r->plan->n_sum * r->n_line,
                                              .out = complete ? r->out + o * r->stride : NULL });
        if (complete)
            r->open = o + 1;
    }
}

void resize_row(struct resize *r, const uint8_t *rgb)
{
    size_t y = r->row++, n = 3 * r->size.in_width;
    assert(y < r->size.in_height);
    if (y == 0)
        start(r);
    if (y & 1) {
        add_pair(r, r->even, rgb, y - 1);
    } else if (y + 1 == r->size.in_height) {
        add_pair(r, rgb, rgb, y);
    } else {
        if (!r->even)
            r->even = mem_calloc(n, 1);
        memcpy(r->even, rgb, n);
    }
}

void resize_two_rows(struct resize *r, const uint8_t *even, const uint8_t *odd)
{
    size_t y = r->row;
    assert(y % 2 == 0 && y + 1 < r->size.in_height);
    if (y == 0)
        start(r);
    add_pair(r, even, odd, y);
    r->row += 2;
}

void resize_release(struct resize *r)
{
    resize_plan_give(r->plan);
    free(r->sum);
    free(r->line);
    free(r->padded);
    free(r->even);
    *r = (struct resize){ 0 };
}
