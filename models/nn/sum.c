/* Sum: the logits of the head and of the branches that end in the classes themselves, (n, C) each.
 */
#include <string.h>

#include "models/nn/gemm.h"
#include "models/nn/op.h"

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    n->tensor[o->out].shape = op_in(o, n)->shape;
    o->keeps_in = o->keeps_out = false;
    return 0;
}

static void forward(const struct op *o, const struct pass *p)
{
    size_t size = p->shard->n * op_out(o, p->net)->shape.c;
    float *out = value_of(p, op_out(o, p->net));
    memcpy(out, value_of(p, op_in(o, p->net)), size * sizeof *out);
    for (size_t k = 1; k < o->n_in; k++)
        add_floats(out, value_of(p, &p->net->tensor[o->in[k]]), size);
}

static void backward(const struct op *o, const struct pass *p)
{
    size_t size = p->shard->n * op_out(o, p->net)->shape.c;
    const float *dy = gradient_of(p, op_out(o, p->net));
    for (size_t k = 0; k < o->n_in; k++)
        memcpy(gradient_of(p, &p->net->tensor[o->in[k]]), dy, size * sizeof *dy);
}

const struct op_kind op_sum = { .plan = plan, .forward = forward, .backward = backward };
