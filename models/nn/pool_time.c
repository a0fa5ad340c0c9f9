/* Maximum or mean over the steps of a row: in (T, n, C), out (n, C). Under a mask the padding does
 * not count, and a row without words becomes zeros. The maximum's gradient goes to the first step
 * that has it; state 0: that step, as int32 (n, C). */
#include <string.h>

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

NN_CLONES static void raise(float *restrict y, int32_t *restrict at, const float *restrict x,
                            int32_t t, size_t C)
{
    for (size_t j = 0; j < C; j++) {
        at[j] = x[j] > y[j] ? t : at[j];
        y[j] = x[j] > y[j] ? x[j] : y[j];
    }
}

static void forward(const struct op *o, const struct pass *p)
{
    size_t n = p->shard->n, C = op_in(o, p->net)->shape.c, first;
    const float *x = value_of(p, op_in(o, p->net));
    float *y = value_of(p, op_out(o, p->net));
    int32_t *at = places_of(p, o, 0);
    for (size_t r = 0; r < n; r++, y += C, at += C) {
        size_t count = live_steps(o, p, r, &first);
        memset(y, 0, C * sizeof *y);
        for (size_t t = first; t < first + count; t++) {
            const float *step = x + (t * n + r) * C;
            if (o->layer->mean) {
                for (size_t j = 0; j < C; j++)
                    y[j] += step[j] / (float)count;
            } else if (t == first) {
                memcpy(y, step, C * sizeof *y);
                for (size_t j = 0; j < C; j++)
                    at[j] = (int32_t)t;
            } else {
                raise(y, at, step, (int32_t)t, C);
            }
        }
    }
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net);
    size_t n = p->shard->n, C = in->shape.c, first;
    const float *dy = gradient_of(p, op_out(o, p->net));
    const int32_t *at = places_of(p, o, 0);
    if (!in->wants_gradient)
        return;
    float *dx = gradient_of(p, in);
    for (size_t r = 0; r < n; r++, dy += C, at += C) {
        size_t count = live_steps(o, p, r, &first);
        for (size_t t = p->shard->t0; t < p->shard->t1; t++) {
            float *step = dx + (t * n + r) * C;
            bool live = t >= first && t < first + count;
            for (size_t j = 0; j < C; j++)
                step[j] = !live                 ? 0.0f
                          : o->layer->mean      ? dy[j] / (float)count
                          : at[j] == (int32_t)t ? dy[j]
                                                : 0.0f;
        }
    }
}

const struct op_kind op_pool_time = { .plan = plan, .forward = forward, .backward = backward };
