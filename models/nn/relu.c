/* ReLU: y = max(x, 0). Any form. */
#include "models/nn/gemm.h"
#include "models/nn/op.h"
#include "models/nn/simd.h"

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    n->tensor[o->out].shape = op_in(o, n)->shape;
    o->keeps_in = false;
    return 0;
}

NN_CLONES static void clip(float *restrict y, const float *restrict x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

NN_CLONES static void pass_back(float *restrict dx, const float *restrict dy,
                                const float *restrict y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    size_t first, n = live_rows(p, in, &first) * in->shape.c;
    clip(value_of(p, out) + first, value_of(p, in) + first, n);
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    size_t first, n = live_rows(p, in, &first) * in->shape.c;
    if (in->wants_gradient)
        pass_back(gradient_of(p, in) + first, gradient_of(p, out) + first, value_of(p, out) + first,
                  n);
}

const struct op_kind op_relu = { .plan = plan, .forward = forward, .backward = backward };
