/* Concat: the rows of all branches side by side, in the order of the network file. */
#include <string.h>

#include "models/nn/op.h"

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    size_t c = 0;
    for (size_t k = 0; k < o->n_in; k++) {
        c += n->tensor[o->in[k]].shape.c;
        n->tensor[o->out].wants_gradient |= n->tensor[o->in[k]].wants_gradient;
    }
    n->tensor[o->out].shape = shape_rows(c);
    o->keeps_in = o->keeps_out = false;
    return 0;
}

static void forward(const struct op *o, const struct pass *p)
{
    size_t C = op_out(o, p->net)->shape.c, at = 0;
    float *out = value_of(p, op_out(o, p->net));
    for (size_t k = 0; k < o->n_in; k++) {
        const struct tensor *in = &p->net->tensor[o->in[k]];
        for (size_t r = 0; r < p->shard->n; r++)
            memcpy(out + r * C + at, value_of(p, in) + r * in->shape.c, in->shape.c * sizeof *out);
        at += in->shape.c;
    }
}

static void backward(const struct op *o, const struct pass *p)
{
    size_t C = op_out(o, p->net)->shape.c, at = 0;
    const float *dy = gradient_of(p, op_out(o, p->net));
    for (size_t k = 0; k < o->n_in; k++) {
        const struct tensor *in = &p->net->tensor[o->in[k]];
        for (size_t r = 0; r < p->shard->n && in->wants_gradient; r++)
            memcpy(gradient_of(p, in) + r * in->shape.c, dy + r * C + at, in->shape.c * sizeof *dy);
        at += in->shape.c;
    }
}

const struct op_kind op_concat = { .plan = plan, .forward = forward, .backward = backward };
