/* A softmax of a branch's own: while training, the cross-entropy of softmax(x W + b) is added to
 * the loss, times training's `auxiliary`, so that a branch learns even where the others know the
 * answer already (Szegedy et al. 2015, section 5; Wang, Tran & Feiszli 2020 on why fusions are
 * lazy). Its output is its input. x (n, I), W (I, C), b (C). W and b are of no use after training:
 * model files do not have them. */
#include <string.h>

#include "models/nn/gemm.h"
#include "models/nn/op.h"

enum { KERNEL, BIAS };        /* parameters */
enum { LOGITS, PROBABILITY }; /* states (n, C): the logits become their gradient */

static int plan(struct net *n, struct op *o, struct err *e)
{
    struct tensor *out = &n->tensor[o->out];
    size_t I = op_in(o, n)->shape.c, C = n->dims.n_class;
    (void)e;
    out->shape = op_in(o, n)->shape;
    op_add_param(n, o, "kernel", INIT_GLOROT, false, (size_t[]){ I, C }, 2);
    op_add_param(n, o, "bias", INIT_ZEROS, false, (size_t[]){ C }, 1);
    for (size_t k = 0; k < o->n_param; k++)
        n->param[o->param[k]].scaffold = true;
    op_add_state(n, o, LOGITS, n->shard_rows * C);
    op_add_state(n, o, PROBABILITY, n->shard_rows * C);
    o->keeps_out = false;
    return 0;
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net);
    size_t I = in->shape.c, C = p->net->dims.n_class, rows = p->shard->n;
    float *x = value_of(p, in), *logits = state_of(p, o, LOGITS);
    double loss = 0;

    memcpy(value_of(p, op_out(o, p->net)), x, rows * I * sizeof *x);
    if (!p->training)
        return;
    gemm(false, false, rows, C, I, x, I, weight_of(p->net, o, KERNEL), C, 0, logits, C);
    add_bias(logits, rows, C, weight_of(p->net, o, BIAS), false);
    cross_entropy(p, logits, p->net->auxiliary, state_of(p, o, PROBABILITY), logits, &loss);
    p->shard->auxiliary += loss;
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    size_t I = in->shape.c, C = p->net->dims.n_class, rows = p->shard->n;
    const float *dlogits = state_of(p, o, LOGITS);

    gemm(true, false, I, C, rows, value_of(p, in), I, dlogits, C, 0, dweight_of(p, o, KERNEL), C);
    column_sum(dlogits, rows, C, dweight_of(p, o, BIAS));
    if (!in->wants_gradient)
        return;
    memcpy(gradient_of(p, in), gradient_of(p, out), rows * I * sizeof(float));
    gemm(false, true, rows, I, C, dlogits, C, weight_of(p->net, o, KERNEL), C, 1,
         gradient_of(p, in), I);
}

const struct op_kind op_auxiliary = { .plan = plan, .forward = forward, .backward = backward };
