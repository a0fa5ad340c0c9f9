/* Maximum or mean over the pixels of each channel: in (n, C/b, H W, b), out (n, C). The maximum's
 * gradient goes to the first pixel that has it; state 0: that pixel, as int32 (n, C). */
#include "models/nn/op.h"
#include "models/nn/simd.h"

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    size_t C = op_in(o, n)->shape.c;
    n->tensor[o->out].shape = shape_rows(C);
    op_add_state(n, o, 0, n->shard_rows * C);
    o->keeps_in = o->keeps_out = false;
    return 0;
}

NN_CLONES static void largest(float *restrict y, int32_t *restrict at, const float *restrict x,
                              size_t n_pixel, size_t b)
{
    for (size_t j = 0; j < b; j++) {
        y[j] = x[j];
        at[j] = 0;
    }
    for (size_t i = 1; i < n_pixel; i++)
        for (size_t j = 0; j < b; j++) {
            at[j] = x[i * b + j] > y[j] ? (int32_t)i : at[j];
            y[j] = x[i * b + j] > y[j] ? x[i * b + j] : y[j];
        }
}

NN_CLONES static void average(float *restrict y, const float *restrict x, size_t n_pixel, size_t b)
{
    for (size_t j = 0; j < b; j++)
        y[j] = 0.0f;
    for (size_t i = 0; i < n_pixel; i++)
        for (size_t j = 0; j < b; j++)
            y[j] += x[i * b + j];
    for (size_t j = 0; j < b; j++)
        y[j] /= (float)n_pixel;
}

/* A row's maps follow each other, block after block: so do its output channels. */
static void forward(const struct op *o, const struct pass *p)
{
    const struct shape *s = &op_in(o, p->net)->shape;
    size_t b = s->block, n_pixel = s->h * s->w;
    const float *x = value_of(p, op_in(o, p->net));
    float *y = value_of(p, op_out(o, p->net));
    int32_t *at = places_of(p, o, 0);
    for (size_t m = 0; m < p->shard->n * s->c / b; m++, x += n_pixel * b, y += b, at += b) {
        if (o->layer->mean)
            average(y, x, n_pixel, b);
        else
            largest(y, at, x, n_pixel, b);
    }
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net);
    const struct shape *s = &in->shape;
    size_t b = s->block, n_pixel = s->h * s->w;
    const float *dy = gradient_of(p, op_out(o, p->net));
    const int32_t *at = places_of(p, o, 0);
    if (!in->wants_gradient)
        return;
    float *dx = gradient_of(p, in);
    for (size_t m = 0; m < p->shard->n * s->c / b; m++, dx += n_pixel * b, dy += b, at += b)
        for (size_t i = 0; i < n_pixel; i++)
            for (size_t j = 0; j < b; j++)
                dx[i * b + j] = o->layer->mean        ? dy[j] / (float)n_pixel
                                : at[j] == (int32_t)i ? dy[j]
                                                      : 0.0f;
}

const struct op_kind op_pool_space = { .plan = plan, .forward = forward, .backward = backward };
