/* Max pooling with a square window k and stride k; rows and columns that fill no window are left
 * out (floor). in (n, C/b, H, W, b), out (n, C/b, H/k, W/k, b). State 0: for every output the place
 * of its maximum in the window, the first one of equals, as bytes. */
#include <string.h>

#include "models/nn/conv_pool.h"
#include "models/nn/simd.h"

static int plan(struct net *n, struct op *o, struct err *e)
{
    struct shape s = op_in(o, n)->shape;
    size_t k = (size_t)o->layer->size;
    if (s.h < k || s.w < k)
        return err_set(e, ERR_USAGE, "%s: a window of %zu does not fit into a picture of %zu x %zu",
                       o->name, k, s.h, s.w);
    s.h /= k;
    s.w /= k;
    n->tensor[o->out].shape = s;
    /* The convolution above leaves the ReLU mask to us: after pooling it is a quarter of the work.
     */
    struct op *above = op_in(o, n)->from;
    if (above->kind == &op_conv2d) {
        o->relu_in = above->layer->activation == NN_ACT_RELU;
        conv2d_pool(n, above, o);
    }
    op_add_state(n, o, 0, (n->shard_rows * shape_size(&s) + 3) / 4);
    o->keeps_in = false;
    o->keeps_out = o->relu_in;
    return 0;
}

/* Eight channels at a time, as vectors of gcc and clang: neither makes them of a loop that mixes
 * floats and bytes. */
typedef float floats8 __attribute__((vector_size(32)));
typedef int32_t ints8 __attribute__((vector_size(32)));
typedef uint8_t bytes8 __attribute__((vector_size(8)));

/* Output pixels of one row. `x` is the first window's first pixel, b channels each; `row` floats to
 * its next row. */
NN_CLONES static void pick(float *restrict y, uint8_t *restrict place, const float *restrict x,
                           size_t b, size_t k, size_t row, size_t n_pixel)
{
    for (size_t i = 0; i < n_pixel; i++, y += b, place += b, x += k * b) {
        size_t j = 0;
        for (; j + 8 <= b; j += 8) {
            ints8 best, value, at = { 0 }, number = { 0 };
            memcpy(&best, x + j, sizeof best);
            for (size_t u = 0; u < k; u++)
                for (size_t v = 0; v < k; v++, number += 1) {
                    memcpy(&value, x + u * row + v * b + j, sizeof value);
                    ints8 more = (floats8)value > (floats8)best;
                    best = (more & value) | (~more & best);
                    at = (more & number) | (~more & at);
                }
            bytes8 narrow = __builtin_convertvector(at, bytes8);
            memcpy(y + j, &best, sizeof best);
            memcpy(place + j, &narrow, sizeof narrow);
        }
        for (; j < b && k > 0; j++) {
            size_t at = 0;
            for (size_t w = 1; w < k * k; w++)
                if (x[w / k * row + w % k * b + j] > x[at / k * row + at % k * b + j])
                    at = w;
            y[j] = x[at / k * row + at % k * b + j];
            place[j] = (uint8_t)at;
        }
    }
}

/* The way back: every place of the window gets the gradient or 0. */
NN_CLONES static void put(float *restrict dx, const float *restrict dy,
                          const uint8_t *restrict place, const float *restrict y, bool relu,
                          size_t b, size_t k, size_t row, size_t n_pixel)
{
    for (size_t i = 0; i < n_pixel; i++, y += b, dy += b, place += b, dx += k * b) {
        size_t j = 0;
        for (; j + 8 <= b; j += 8) {
            bytes8 narrow;
            ints8 g, number = { 0 };
            floats8 value;
            memcpy(&narrow, place + j, sizeof narrow);
            memcpy(&g, dy + j, sizeof g);
            memcpy(&value, y + j, sizeof value);
            ints8 at = __builtin_convertvector(narrow, ints8);
            if (relu)
                g &= value > 0.0f;
            for (size_t u = 0; u < k; u++)
                for (size_t v = 0; v < k; v++, number += 1) {
                    ints8 out = (at == number) & g;
                    memcpy(dx + u * row + v * b + j, &out, sizeof out);
                }
        }
        for (; j < b; j++)
            for (size_t w = 0; w < k * k; w++)
                dx[w / k * row + w % k * b + j] = place[j] == w && !(relu && !(y[j] > 0.0f)) ? dy[j]
                                                                                             : 0.0f;
    }
}

struct pooled_row maxpool_row(const struct op *o, const struct pass *p, size_t r)
{
    const struct tensor *out = op_out(o, p->net);
    size_t at = r * shape_size(&out->shape);
    return (struct pooled_row){ value_of(p, out) + at,
                                p->training ? gradient_of(p, out) + at : NULL,
                                (uint8_t *)state_of(p, o, 0) + at };
}

void maxpool_rows(const struct op *o, const struct pass *p, size_t r, size_t n, const float *x)
{
    const struct shape *in = &op_in(o, p->net)->shape, *out = &op_out(o, p->net)->shape;
    size_t k = (size_t)o->layer->size, b = in->block;
    struct pooled_row to = maxpool_row(o, p, r);
    for (size_t m = 0; m < n * in->c / b; m++, x += in->h * in->w * b)
        for (size_t i = 0; i < out->h; i++, to.y += out->w * b, to.place += out->w * b)
            pick(to.y, to.place, x + i * k * in->w * b, b, k, in->w * b, out->w);
}

void maxpool_rows_back(const struct op *o, const struct pass *p, size_t r, size_t n, float *dx)
{
    const struct shape *in = &op_in(o, p->net)->shape, *out = &op_out(o, p->net)->shape;
    size_t k = (size_t)o->layer->size, b = in->block, step = out->w * b;
    struct pooled_row at = maxpool_row(o, p, r);

    if (!at.dy)
        return; /* nothing is learnt */
    if (out->h * k != in->h || out->w * k != in->w)
        memset(dx, 0, n * shape_size(in) * sizeof *dx);
    for (size_t m = 0; m < n * in->c / b; m++, dx += in->h * in->w * b)
        for (size_t i = 0; i < out->h; i++, at.y += step, at.dy += step, at.place += step)
            put(dx + i * k * in->w * b, at.dy, at.place, at.y, o->relu_in, b, k, in->w * b, out->w);
}

static void forward(const struct op *o, const struct pass *p)
{
    if (!o->done_by)
        maxpool_rows(o, p, 0, p->shard->n, value_of(p, op_in(o, p->net)));
}

static void backward(const struct op *o, const struct pass *p)
{
    if (!o->done_by && op_in(o, p->net)->wants_gradient)
        maxpool_rows_back(o, p, 0, p->shard->n, gradient_of(p, op_in(o, p->net)));
}

const struct op_kind op_maxpool = { .plan = plan, .forward = forward, .backward = backward };
