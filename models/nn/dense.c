/* Dense: y = x W + b, then ReLU if asked for. x (n, I) or (T, n, I), W (I, O), b (O). */
#include <stdlib.h>

#include "base/mem.h"
#include "models/nn/factor.h"
#include "models/nn/gemm.h"
#include "models/nn/op.h"

enum { KERNEL, BIAS };

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    const struct shape *in = &op_in(o, n)->shape;
    struct shape out = *in;
    out.c = out.block = o->layer->size < 0 ? n->dims.n_class : (size_t)o->layer->size;
    n->tensor[o->out].shape = out;
    n->tensor[o->out].wants_gradient = true;
    op_add_param(n, o, "kernel", INIT_GLOROT, true, (size_t[]){ in->c, out.c }, 2);
    op_add_param(n, o, "bias", INIT_ZEROS, false, (size_t[]){ out.c }, 1);
    o->keeps_out = o->layer->activation == NN_ACT_RELU;
    o->flop = 2.0 * (double)(in->steps * in->c * out.c);
    o->parts = factor_parts(in->c, out.c);
    o->own_floats = factor_floats(in->c, out.c, n->kernels != KERNELS_AUTO);
    return 0;
}

static void make(struct net *n, struct op *o)
{
    o->own = mem_calloc(1, sizeof(struct factor));
    factor_init(o->own, op_in(o, n)->shape.c, op_out(o, n)->shape.c, n->kernels != KERNELS_AUTO);
}

static void release(struct op *o)
{
    if (o->own)
        factor_release(o->own);
    free(o->own);
}

static void prepare(const struct net *n, const struct op *o, size_t part)
{
    factor_fill(o->own, weight_of(n, o, KERNEL), n->training, part);
}

static const char *kernel(const struct op *o)
{
    return factor_kernel(o->own);
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    size_t O = out->shape.c, first_in, first_out, rows = live_rows(p, in, &first_in);
    live_rows(p, out, &first_out);
    float *y = value_of(p, out) + first_out;
    factor_forth(o->own, weight_of(p->net, o, KERNEL), rows, value_of(p, in) + first_in, false, y);
    add_bias(y, rows, O, weight_of(p->net, o, BIAS), o->layer->activation == NN_ACT_RELU);
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    size_t O = out->shape.c, first_in, first_out, rows = live_rows(p, in, &first_in);
    live_rows(p, out, &first_out);
    float *dy = gradient_of(p, out) + first_out;
    if (o->layer->activation == NN_ACT_RELU)
        mask_relu(dy, value_of(p, out) + first_out, rows * O);
    factor_gradient(o->own, rows, value_of(p, in) + first_in, dy, false, dweight_of(p, o, KERNEL));
    column_sum(dy, rows, O, dweight_of(p, o, BIAS));
    if (in->wants_gradient)
        factor_back(o->own, weight_of(p->net, o, KERNEL), rows, dy, false,
                    gradient_of(p, in) + first_in);
}

const struct op_kind op_dense = { .plan = plan,
                                  .make = make,
                                  .prepare = prepare,
                                  .forward = forward,
                                  .backward = backward,
                                  .kernel = kernel,
                                  .release = release };
