/* Convolution (cross-correlation, as all networks mean it) with a square kernel k, stride 1, and
 * bias, then ReLU if asked for: y[i][j][o] = b[o] + sum over u, v, c of x[i + u - pad][j + v -
 * pad][c] W[u][v][c][o]. W (k, k, C, O); `valid`: pad 0, out H - k + 1; `same`: out H, pad (k - 1)
 * / 2 above and left, k / 2 below and right.
 *
 * Two ways: oneDNN's kernels on channel blocks (dnnl_conv.h), or, here, im2col and sgemm on NHWC, a
 * few rows of a picture at a time so that the columns stay in the cache. */
#include <string.h>

#include "models/nn/dnnl_conv.h"
#include "models/nn/gemm.h"
#include "models/nn/op.h"

enum { KERNEL, BIAS };
enum { COLUMN_FLOATS = 1 << 16 };

struct geometry {
    size_t k, pad, C, O, h, w, oh, ow; /* in and out */
    size_t rows;                       /* output rows per GEMM */
};

static struct geometry geometry(const struct op *o, const struct net *n)
{
    const struct shape *in = &op_in(o, n)->shape;
    size_t k = (size_t)o->layer->kernel, less = o->layer->same ? 0 : k - 1;
    struct geometry g = { k,
                          o->layer->same ? (k - 1) / 2 : 0,
                          in->c,
                          (size_t)o->layer->size,
                          in->h,
                          in->w,
                          in->h - less,
                          in->w - less,
                          1 };
    g.rows = COLUMN_FLOATS / (g.ow * k * k * g.C);
    g.rows = g.rows < 1 ? 1 : g.rows > g.oh ? g.oh : g.rows;
    return g;
}

static int plan(struct net *n, struct op *o, struct err *e)
{
    const struct tensor *in = op_in(o, n);
    size_t k = (size_t)o->layer->kernel;
    if (!o->layer->same && (in->shape.h < k || in->shape.w < k))
        return err_set(e, ERR_USAGE, "%s: a kernel of %zu does not fit into a picture of %zu x %zu",
                       o->name, k, in->shape.h, in->shape.w);
    struct geometry g = geometry(o, n);
    n->tensor[o->out].shape = (struct shape){ FORM_PICTURE, 1,   g.oh,
                                              g.ow,         g.O, n->block ? n->block : g.O };
    n->tensor[o->out].wants_gradient = true;
    op_add_param(n, o, "kernel", INIT_GLOROT, true, (size_t[]){ k, k, g.C, g.O }, 4);
    op_add_param(n, o, "bias", INIT_ZEROS, false, (size_t[]){ g.O }, 1);
    o->keeps_out = o->layer->activation == NN_ACT_RELU;
    o->flop = 2.0 * (double)(g.oh * g.ow * g.O * k * k * g.C);
    o->scratch = g.rows * g.ow * k * k * g.C;
    if (n->block) {
        struct dnnl_conv_shape s = { .n = n->shard_rows,
                                     .ci = g.C,
                                     .co = g.O,
                                     .h = g.h,
                                     .w = g.w,
                                     .oh = g.oh,
                                     .ow = g.ow,
                                     .k = k,
                                     .pad = g.pad,
                                     .block_in = in->shape.block,
                                     .block_out = n->block,
                                     .relu = o->layer->activation == NN_ACT_RELU,
                                     .data_gradient = in->wants_gradient };
        o->own = dnnl_conv_new(&s, n->n_worker);
        if (!o->own)
            n->retry_plain = true;
        else
            o->scratch = dnnl_conv_scratch(o->own);
    }
    return 0;
}

static void prepare(const struct net *n, const struct op *o)
{
    if (o->own)
        dnnl_conv_weights(o->own, weight_of(n, o, KERNEL), weight_of(n, o, BIAS));
}

/* Columns of output rows i0 .. i1 - 1 of one picture: (rows * ow, k k C). */
static void im2col(const struct geometry *g, const float *x, size_t i0, size_t i1, float *col)
{
    for (size_t i = i0; i < i1; i++)
        for (size_t j = 0; j < g->ow; j++)
            for (size_t u = 0; u < g->k; u++, col += g->k * g->C) {
                size_t y = i + u - g->pad; /* wraps below 0: then >= h too */
                size_t left = j < g->pad ? g->pad - j : 0, right = g->k;
                if (j + g->k > g->w + g->pad)
                    right = g->w + g->pad - j;
                if (y >= g->h) {
                    memset(col, 0, g->k * g->C * sizeof *col);
                    continue;
                }
                memset(col, 0, left * g->C * sizeof *col);
                memcpy(col + left * g->C, x + (y * g->w + j + left - g->pad) * g->C,
                       (right - left) * g->C * sizeof *col);
                memset(col + right * g->C, 0, (g->k - right) * g->C * sizeof *col);
            }
}

/* The reverse: add the columns' gradients to where they came from. */
static void col2im(const struct geometry *g, float *dx, size_t i0, size_t i1, const float *col)
{
    for (size_t i = i0; i < i1; i++)
        for (size_t j = 0; j < g->ow; j++)
            for (size_t u = 0; u < g->k; u++, col += g->k * g->C) {
                size_t y = i + u - g->pad;
                size_t left = j < g->pad ? g->pad - j : 0, right = g->k;
                if (j + g->k > g->w + g->pad)
                    right = g->w + g->pad - j;
                if (y >= g->h)
                    continue;
                float *to = dx + (y * g->w + j + left - g->pad) * g->C;
                const float *from = col + left * g->C;
                for (size_t c = 0; c < (right - left) * g->C; c++)
                    to[c] += from[c];
            }
}

static void forward(const struct op *o, const struct pass *p)
{
    const float *x = value_of(p, op_in(o, p->net));
    float *y = value_of(p, op_out(o, p->net));
    if (o->own) {
        dnnl_conv_forward(o->own, p->worker, p->shard->n, x, y, p->scratch);
        return;
    }
    struct geometry g = geometry(o, p->net);
    const float *W = weight_of(p->net, o, KERNEL), *b = weight_of(p->net, o, BIAS);
    size_t K = g.k * g.k * g.C;
    for (size_t r = 0; r < p->shard->n; r++, x += g.h * g.w * g.C, y += g.oh * g.ow * g.O)
        for (size_t i = 0; i < g.oh; i += g.rows) {
            size_t end = i + g.rows < g.oh ? i + g.rows : g.oh, m = (end - i) * g.ow;
            float *to = y + i * g.ow * g.O;
            im2col(&g, x, i, end, p->scratch);
            gemm(false, false, m, g.O, K, p->scratch, K, W, g.O, 0, to, g.O);
            add_bias(to, m, g.O, b, o->layer->activation == NN_ACT_RELU);
        }
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    float *x = value_of(p, in), *dy = gradient_of(p, out), *dW = dweight_of(p, o, KERNEL),
          *db = dweight_of(p, o, BIAS);
    float *dx = in->wants_gradient ? gradient_of(p, in) : NULL;

    if (o->layer->activation == NN_ACT_RELU && !o->relu_done)
        mask_relu(dy, value_of(p, out), p->shard->n * shape_size(&out->shape));
    if (o->own) {
        dnnl_conv_backward(o->own, p->worker, p->shard->n, x, dy, dx, dW, db, p->scratch);
        return;
    }
    struct geometry g = geometry(o, p->net);
    const float *W = weight_of(p->net, o, KERNEL);
    size_t K = g.k * g.k * g.C;
    column_sum(dy, p->shard->n * g.oh * g.ow, g.O, db);
    if (dx)
        memset(dx, 0, p->shard->n * shape_size(&in->shape) * sizeof *dx);
    for (size_t r = 0; r < p->shard->n; r++, x += g.h * g.w * g.C, dy += g.oh * g.ow * g.O)
        for (size_t i = 0; i < g.oh; i += g.rows) {
            size_t end = i + g.rows < g.oh ? i + g.rows : g.oh, m = (end - i) * g.ow;
            const float *d = dy + i * g.ow * g.O;
            im2col(&g, x, i, end, p->scratch);
            gemm(true, false, K, g.O, m, p->scratch, K, d, g.O, r > 0 || i > 0, dW, g.O);
            if (!dx)
                continue;
            gemm(false, true, m, K, g.O, d, g.O, W, g.O, 0, p->scratch, K);
            col2im(&g, dx + r * g.h * g.w * g.C, i, end, p->scratch);
        }
}

static const char *kernel(const struct op *o)
{
    return o->own ? dnnl_conv_name(o->own) : "im2col + sgemm";
}

static void release(struct op *o)
{
    dnnl_conv_free(o->own);
}

const struct op_kind op_conv2d = { .plan = plan,
                                   .prepare = prepare,
                                   .forward = forward,
                                   .backward = backward,
                                   .kernel = kernel,
                                   .release = release };
