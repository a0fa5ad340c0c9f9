/* Inverted dropout (Srivastava et al. 2014): while training every value is kept with probability 1
 * - rate and divided by it. The mask of a value is a hash of (draw, op, row of the batch, place in
 * the row as Keras orders it), so it depends neither on the thread nor on the layout, and backward
 * computes it again instead of keeping it. */
#include <string.h>

#include "models/nn/op.h"
#include "models/nn/simd.h"

static uint64_t mix(uint64_t z)
{
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t dropout_key(uint64_t draw, size_t op_number, size_t mask, size_t row)
{
    return mix(mix(draw) ^ mix(op_number * 4 + mask) ^ mix(~(uint64_t)row));
}

/* The 32-bit mixer is lowbias32 of C. Wellons (2018). */
NN_CLONES static void apply(float *out, const float *in, size_t n, uint32_t key0, uint32_t key1,
                            uint32_t first, uint32_t limit, float scale)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t x = (first + (uint32_t)i) * 0x9e3779b1u + key0;
        x ^= x >> 16;
        x *= 0x7feb352du;
        x ^= (x >> 15) ^ key1;
        x *= 0x846ca68bu;
        x ^= x >> 16;
        out[i] = (x >> 8) < limit ? 0.0f : in[i] * scale;
    }
}

void dropout_apply(float *out, const float *in, size_t n, uint64_t key, size_t first, double rate)
{
    apply(out, in, n, (uint32_t)key, (uint32_t)(key >> 32), (uint32_t)first,
          (uint32_t)(rate * 0x1p24), (float)(1 / (1 - rate)));
}

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    n->tensor[o->out].shape = op_in(o, n)->shape;
    o->keeps_in = o->keeps_out = false;
    return 0;
}

/* Every value of every row, in the order of the row's places. */
static void drop(const struct op *o, const struct pass *p, float *out, const float *in)
{
    const struct shape *s = &op_in(o, p->net)->shape;
    size_t n = p->shard->n;
    for (size_t r = 0; r < n; r++) {
        uint64_t key = dropout_key(p->draw, o->number, 0, p->shard->row + r);
        if (s->form == FORM_STEPS) {
            for (size_t t = p->shard->t0; t < p->shard->t1; t++)
                dropout_apply(out + (t * n + r) * s->c, in + (t * n + r) * s->c, s->c, key,
                              t * s->c, o->layer->rate);
        } else if (s->block == s->c) {
            size_t size = shape_size(s);
            dropout_apply(out + r * size, in + r * size, size, key, 0, o->layer->rate);
        } else {
            size_t at = r * shape_size(s);
            for (size_t k = 0; k < s->c; k += s->block)
                for (size_t i = 0; i < s->h * s->w; i++, at += s->block)
                    dropout_apply(out + at, in + at, s->block, key, i * s->c + k, o->layer->rate);
        }
    }
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    size_t first, n = live_rows(p, in, &first) * in->shape.c;
    if (p->training && o->layer->rate > 0)
        drop(o, p, value_of(p, out), value_of(p, in));
    else
        memcpy(value_of(p, out) + first, value_of(p, in) + first, n * sizeof(float));
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    if (in->wants_gradient)
        drop(o, p, gradient_of(p, in), gradient_of(p, out));
}

const struct op_kind op_dropout = { .plan = plan, .forward = forward, .backward = backward };
