/* Dense: y = x W + b, then ReLU if asked for. x (n, I) or (T, n, I), W (I, O), b (O). */
#include <stdlib.h>

#include "base/mem.h"
#include "models/nn/batch_gradient.h"
#include "models/nn/factor.h"
#include "models/nn/gemm.h"
#include "models/nn/op.h"

enum { KERNEL, BIAS };

struct dense {
    struct factor factor;
    bool whole;                     /* W's gradient is computed once a batch: */
    struct batch_gradient gradient; /* by this */
};

/* Rows are as many as the batch has. Steps are more than W has rows: a shard's product pays. */
static bool is_whole(const struct op *o, const struct net *n)
{
    return op_in(o, n)->shape.form == FORM_ROWS;
}

static void plan_whole(struct net *n, struct op *o, size_t O)
{
    struct param_plan *p = &n->plan[o->param[KERNEL]];
    p->whole = o;
    p->piece = batch_gradient_rows(O) * O;
    o->keeps_in_to_end = true;
    o->own_floats += batch_gradient_floats(n->dims.batch, O);
    o->scratch = p->piece + batch_gradient_scratch(n->dims.batch, O);
}

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
    if (is_whole(o, n))
        plan_whole(n, o, out.c);
    return 0;
}

static void make(struct net *n, struct op *o)
{
    struct dense *d = o->own = mem_calloc(1, sizeof *d);
    size_t I = op_in(o, n)->shape.c, O = op_out(o, n)->shape.c;
    bool blas = n->kernels != KERNELS_AUTO;
    factor_init(&d->factor, I, O, blas);
    d->whole = is_whole(o, n);
    if (d->whole)
        batch_gradient_init(&d->gradient, n->dims.batch, I, O, blas);
}

static void release(struct op *o)
{
    struct dense *d = o->own;
    if (d) {
        factor_release(&d->factor);
        batch_gradient_release(&d->gradient);
    }
    free(d);
}

static void prepare(const struct net *n, const struct op *o, size_t part)
{
    struct dense *d = o->own;
    factor_fill(&d->factor, weight_of(n, o, KERNEL), n->training, part);
}

static const char *kernel(const struct op *o)
{
    const struct dense *d = o->own;
    return factor_kernel(&d->factor);
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct dense *d = o->own;
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    size_t O = out->shape.c, first_in, first_out, rows = live_rows(p, in, &first_in);
    live_rows(p, out, &first_out);
    float *y = value_of(p, out) + first_out;
    factor_forth(&d->factor, weight_of(p->net, o, KERNEL), rows, value_of(p, in) + first_in, false,
                 y);
    add_bias(y, rows, O, weight_of(p->net, o, BIAS), o->layer->activation == NN_ACT_RELU);
}

static void backward(const struct op *o, const struct pass *p)
{
    struct dense *d = o->own;
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    size_t O = out->shape.c, first_in, first_out, rows = live_rows(p, in, &first_in);
    live_rows(p, out, &first_out);
    float *dy = gradient_of(p, out) + first_out;
    if (o->layer->activation == NN_ACT_RELU)
        mask_relu(dy, value_of(p, out) + first_out, rows * O);
    if (d->whole)
        batch_gradient_keep(&d->gradient, p->shard->row, rows, dy);
    else
        factor_gradient(&d->factor, rows, value_of(p, in) + first_in, dy, false,
                        dweight_of(p, o, KERNEL));
    column_sum(dy, rows, O, dweight_of(p, o, BIAS));
    if (in->wants_gradient)
        factor_back(&d->factor, weight_of(p->net, o, KERNEL), rows, dy, false,
                    gradient_of(p, in) + first_in);
}

static void gradient(const struct op *o, const struct net *n, size_t n_shard, size_t first,
                     size_t floats, float *out, float *scratch)
{
    const struct dense *d = o->own;
    size_t O = op_out(o, n)->shape.c;
    batch_gradient_multiply(&d->gradient, n, n_shard, op_in(o, n), first / O, floats / O, out,
                            scratch);
}

const struct op_kind op_dense = { .plan = plan,
                                  .make = make,
                                  .prepare = prepare,
                                  .forward = forward,
                                  .backward = backward,
                                  .gradient = gradient,
                                  .kernel = kernel,
                                  .release = release };
