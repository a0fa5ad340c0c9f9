/* Convolution (cross-correlation, as all networks mean it) with a square kernel k, stride 1, and
 * bias, then ReLU if asked for: y[i][j][o] = b[o] + sum over u, v, c of x[i + u - pad][j + v -
 * pad][c] W[u][v][c][o]. W (k, k, C, O); `valid`: pad 0, out H - k + 1; `same`: out H, pad (k - 1)
 * / 2 above and left, k / 2 below and right.
 *
 * Four ways, by a fixed rule on shape and processor: the first layer with its pooling in one pass
 * (pixel_conv.h), Winograd (winograd.h), else oneDNN's direct
 * kernels on channel blocks (dnnl_conv.h), else im2col and sgemm on NHWC (im2col.h). A max pooling
 * below is done here, a few pictures at a time: what the convolution
 * itself puts out, four times the rest of the layer, never leaves the cache. */
#include <stdlib.h>

#include "base/mem.h"
#include "models/nn/dnnl_conv.h"
#include "models/nn/gemm.h"
#include "models/nn/im2col.h"
#include "models/nn/op.h"
#include "models/nn/pixel_conv.h"
#include "models/nn/conv_pool.h"
#include "models/nn/winograd.h"

enum { KERNEL, BIAS };
enum { CHUNK_FLOATS = 1 << 16 }; /* of what a convolution puts out before it is pooled */

struct conv {
    struct conv_shape s;
    bool pixels;               /* pixel_conv, or */
    bool tiles;                /* Winograd, or */
    struct winograd *winograd; /* that, once it is made */
    struct dnnl_conv *dnnl;    /* or none of them: im2col */
    size_t nx, ny;             /* floats of a picture in and out */
    size_t chunk;              /* pictures at a time */
    size_t out;                /* where the scratch has room for that many, before pooling */
};

static struct conv_shape shape_of(const struct op *o, const struct net *n)
{
    const struct shape *in = &op_in(o, n)->shape;
    size_t k = (size_t)o->layer->kernel, less = o->layer->same ? 0 : k - 1;
    struct conv_shape s = { .ci = in->c,
                            .co = (size_t)o->layer->size,
                            .h = in->h,
                            .w = in->w,
                            .oh = in->h - less,
                            .ow = in->w - less,
                            .k = k,
                            .pad = o->layer->same ? (k - 1) / 2 : 0,
                            .block_in = in->block,
                            .relu = o->layer->activation == NN_ACT_RELU,
                            .data_gradient = op_in(o, n)->wants_gradient };
    s.block_out = n->block ? n->block : s.co;
    return s;
}

static void choose(struct net *n, struct conv *c)
{
    if (n->kernels == KERNELS_AUTO && winograd_fits(&c->s))
        c->tiles = true;
    else if (n->block && !(c->dnnl = dnnl_conv_new(&c->s, n->n_worker)))
        n->retry_plain = true;
}

static size_t scratch_of(const struct conv *c)
{
    return c->tiles  ? winograd_scratch(&c->s)
           : c->dnnl ? dnnl_conv_scratch(c->dnnl)
                     : im2col_scratch(&c->s);
}

static int plan(struct net *n, struct op *o, struct err *e)
{
    const struct tensor *in = op_in(o, n);
    size_t k = (size_t)o->layer->kernel;
    if (!o->layer->same && (in->shape.h < k || in->shape.w < k))
        return err_set(e, ERR_USAGE, "%s: a kernel of %zu does not fit into a picture of %zu x %zu",
                       o->name, k, in->shape.h, in->shape.w);
    struct conv *c = o->own = mem_calloc(1, sizeof *c);
    c->s = shape_of(o, n);
    c->nx = shape_size(&in->shape);
    c->ny = c->s.oh * c->s.ow * c->s.co;
    n->tensor[o->out].shape = (struct shape){ FORM_PICTURE, 1,       c->s.oh,
                                              c->s.ow,      c->s.co, c->s.block_out };
    n->tensor[o->out].wants_gradient = true;
    op_add_param(n, o, "kernel", INIT_GLOROT, true, (size_t[]){ k, k, c->s.ci, c->s.co }, 4);
    op_add_param(n, o, "bias", INIT_ZEROS, false, (size_t[]){ c->s.co }, 1);
    o->keeps_out = c->s.relu;
    o->flop = 2.0 * (double)(c->ny * k * k * c->s.ci);
    choose(n, c);
    o->own_floats = c->tiles ? winograd_floats(&c->s) : 0;
    c->chunk = c->tiles ? CHUNK_FLOATS / c->ny : 1;
    c->chunk = c->chunk < 1 ? 1 : c->chunk > n->shard_rows ? n->shard_rows : c->chunk;
    c->out = o->scratch = scratch_of(c) / 16 * 16 + 16;
    return 0;
}

static void make(struct net *n, struct op *o)
{
    struct conv *c = o->own;
    (void)n;
    if (c->tiles)
        c->winograd = winograd_new(&c->s);
}

void conv2d_pool(struct net *n, struct op *o, struct op *pool)
{
    struct conv *c = o->own;
    struct tensor *in = &n->tensor[o->in[0]];
    o->pool = pool;
    pool->done_by = o;
    o->keeps_out = false;
    o->scratch = c->out + c->chunk * c->ny;
    n->tensor[o->out].stored = false;
    if (n->kernels != KERNELS_AUTO || in->from->kind != &op_pixels ||
        !pixel_conv_fits(&c->s, (size_t)pool->layer->size))
        return;
    dnnl_conv_free(c->dnnl);
    c->dnnl = NULL;
    c->pixels = true;
    o->scratch = pixel_conv_scratch(&c->s);
    in->stored = false;
    in->from->done_by = o;
}

static void prepare(const struct net *n, const struct op *o, size_t part)
{
    struct conv *c = o->own;
    (void)part;
    if (c->winograd)
        winograd_weights(c->winograd, weight_of(n, o, KERNEL), weight_of(n, o, BIAS));
    else if (c->dnnl)
        dnnl_conv_weights(c->dnnl, weight_of(n, o, KERNEL), weight_of(n, o, BIAS));
}

static void forward_pixels(const struct op *o, const struct pass *p)
{
    const struct conv *c = o->own;
    for (size_t r = 0; r < p->shard->n; r++) {
        struct pooled_row to = maxpool_row(o->pool, p, r);
        pixel_conv_forward(&c->s, weight_of(p->net, o, KERNEL), weight_of(p->net, o, BIAS),
                           p->batch->pixels[p->shard->row + r], to.y, to.place, p->scratch);
    }
}

static void backward_pixels(const struct op *o, const struct pass *p)
{
    const struct conv *c = o->own;
    for (size_t r = 0; r < p->shard->n; r++) {
        struct pooled_row at = maxpool_row(o->pool, p, r);
        pixel_conv_backward(&c->s, p->batch->pixels[p->shard->row + r], at.y, at.dy, at.place,
                            r == 0, dweight_of(p, o, KERNEL), dweight_of(p, o, BIAS), p->scratch);
    }
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct conv *c = o->own;
    const float *W = weight_of(p->net, o, KERNEL), *b = weight_of(p->net, o, BIAS);
    if (c->pixels) {
        forward_pixels(o, p);
        return;
    }
    for (size_t r = 0; r < p->shard->n; r += c->chunk) {
        size_t n = p->shard->n - r < c->chunk ? p->shard->n - r : c->chunk;
        const float *x = value_of(p, op_in(o, p->net)) + r * c->nx;
        float *y = o->pool ? p->scratch + c->out : value_of(p, op_out(o, p->net)) + r * c->ny;
        if (c->winograd)
            winograd_forward(c->winograd, n, x, y, p->scratch);
        else if (c->dnnl)
            dnnl_conv_forward(c->dnnl, p->worker, x, y, p->scratch);
        else
            im2col_forward(&c->s, W, b, x, y, p->scratch);
        if (o->pool)
            maxpool_rows(o->pool, p, r, n, y);
    }
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct conv *c = o->own;
    const struct tensor *in = op_in(o, p->net), *out = op_out(o, p->net);
    const float *W = weight_of(p->net, o, KERNEL);
    float *dW = dweight_of(p, o, KERNEL), *db = dweight_of(p, o, BIAS);

    if (c->pixels) {
        backward_pixels(o, p);
        return;
    }
    for (size_t r = 0; r < p->shard->n; r += c->chunk) {
        size_t n = p->shard->n - r < c->chunk ? p->shard->n - r : c->chunk;
        const float *x = value_of(p, in) + r * c->nx;
        float *dx = in->wants_gradient ? gradient_of(p, in) + r * c->nx : NULL, *dy;
        if (o->pool) {
            dy = p->scratch + c->out;
            maxpool_rows_back(o->pool, p, r, n, dy);
        } else {
            dy = gradient_of(p, out) + r * c->ny;
            if (c->s.relu)
                mask_relu(dy, value_of(p, out) + r * c->ny, n * c->ny);
        }
        if (c->winograd)
            winograd_backward(c->winograd, n, x, dy, dx, r == 0, p->scratch);
        else if (c->dnnl)
            dnnl_conv_backward(c->dnnl, p->worker, x, dy, dx, r == 0, p->scratch);
        else
            im2col_backward(&c->s, W, x, dy, dx, r == 0, dW, db, p->scratch);
    }
    if (c->winograd)
        winograd_gathered(c->winograd, dW, db, p->scratch);
    else if (c->dnnl)
        dnnl_conv_gathered(c->dnnl, p->worker, dW, db, p->scratch);
}

static const char *kernel(const struct op *o)
{
    const struct conv *c = o->own;
    return c->pixels  ? "bytes to pooled, 3 x 3 avx512"
           : c->tiles ? "Winograd F(4x4, 3x3) avx512"
           : c->dnnl  ? dnnl_conv_name(c->dnnl)
                      : "im2col + sgemm";
}

static void release(struct op *o)
{
    struct conv *c = o->own;
    if (c) {
        winograd_free(c->winograd);
        dnnl_conv_free(c->dnnl);
    }
    free(c);
}

const struct op_kind op_conv2d = { .plan = plan,
                                   .make = make,
                                   .prepare = prepare,
                                   .forward = forward,
                                   .backward = backward,
                                   .kernel = kernel,
                                   .release = release };
