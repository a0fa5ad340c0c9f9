/* Batch normalisation (Ioffe & Szegedy 2015) as Keras does it: epsilon 1e-3, running statistics
 * with the layer's momentum (.99), the variance with divisor N. Statistics are per channel, over
 * rows (and pixels) of the whole batch: every shard gathers count, mean and sum of squared
 * deviations in double, and reduce() combines them by the rule of Chan, Golub & LeVeque (1983). y =
 * gamma (x - mean) / sqrt(var + eps) + beta. Of a single value (the last row of an epoch, alone in
 * its batch) statistics say nothing: it takes the running ones, as prediction does. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/op.h"
#include "models/nn/simd.h"

enum { GAMMA, BETA, MEAN, VARIANCE };
static const double epsilon = 1e-3;

struct norm {
    size_t C;
    double *count; /* (shards) values per channel */
    double *a,
        *b; /* (shards, C): mean and sum of squares forward, sum dy and sum dy xhat backward */
    float *mean, *scale; /* (C) of this batch: scale = 1 / sqrt(var + eps) */
    float *c1, *c2;      /* (C) backward: means of dy and of dy xhat */
};

/* A tensor seen as n * maps matrices of (inner, block): channel = map * block + j. */
struct lanes {
    size_t outer, maps, inner, block;
};

static struct lanes lanes(const struct op *o, const struct pass *p)
{
    const struct shape *s = &op_in(o, p->net)->shape;
    return (struct lanes){ p->shard->n, s->c / s->block, s->h * s->w, s->block };
}

static int plan(struct net *n, struct op *o, struct err *e)
{
    (void)e;
    const struct tensor *in = op_in(o, n);
    size_t C = in->shape.c;
    n->tensor[o->out].shape = in->shape;
    n->tensor[o->out].wants_gradient = true;
    op_add_param(n, o, "gamma", INIT_ONES, false, &C, 1);
    op_add_param(n, o, "beta", INIT_ZEROS, false, &C, 1);
    op_add_param(n, o, "moving_mean", INIT_ZEROS, false, &C, 1);
    op_add_param(n, o, "moving_variance", INIT_ONES, false, &C, 1);
    n->param[o->param[MEAN]].trainable = n->param[o->param[VARIANCE]].trainable = false;
    o->keeps_out = false;

    struct norm *b = o->own = mem_calloc(1, sizeof *b);
    b->C = C;
    b->count = mem_calloc(n->n_shard, sizeof *b->count);
    b->a = mem_calloc(n->n_shard * C, sizeof *b->a);
    b->b = mem_calloc(n->n_shard * C, sizeof *b->b);
    b->mean = mem_aligned(4 * C, sizeof *b->mean);
    b->scale = b->mean + C;
    b->c1 = b->scale + C;
    b->c2 = b->c1 + C;
    return 0;
}

NN_CLONES static void add_values(double *restrict sum, const float *restrict x, size_t inner,
                                 size_t block)
{
    for (size_t i = 0; i < inner; i++)
        for (size_t j = 0; j < block; j++)
            sum[j] += (double)x[i * block + j];
}

NN_CLONES static void add_squares(double *restrict sum, const double *restrict mean,
                                  const float *restrict x, size_t inner, size_t block)
{
    for (size_t i = 0; i < inner; i++)
        for (size_t j = 0; j < block; j++) {
            double d = (double)x[i * block + j] - mean[j];
            sum[j] += d * d;
        }
}

static void gather(const struct op *o, const struct pass *p)
{
    struct norm *b = o->own;
    struct lanes l = lanes(o, p);
    size_t shard = (size_t)(p->shard - p->net->shard), map = l.inner * l.block;
    const float *x = value_of(p, op_in(o, p->net));
    double *mean = b->a + shard * b->C, *squares = b->b + shard * b->C;

    memset(mean, 0, b->C * sizeof *mean);
    memset(squares, 0, b->C * sizeof *squares);
    b->count[shard] = (double)(l.outer * l.inner);
    for (size_t r = 0; r < l.outer * l.maps; r++)
        add_values(mean + r % l.maps * l.block, x + r * map, l.inner, l.block);
    for (size_t c = 0; c < b->C; c++)
        mean[c] /= b->count[shard];
    for (size_t r = 0; r < l.outer * l.maps; r++)
        add_squares(squares + r % l.maps * l.block, mean + r % l.maps * l.block, x + r * map,
                    l.inner, l.block);
}

static void merge(void *arg, size_t into, size_t from)
{
    struct norm *b = arg;
    double na = b->count[into], nb = b->count[from], n = na + nb;
    for (size_t c = 0; c < b->C; c++) {
        double *mean = &b->a[into * b->C + c], d = b->a[from * b->C + c] - *mean;
        *mean += d * nb / n;
        b->b[into * b->C + c] += b->b[from * b->C + c] + d * d * na * nb / n;
    }
    b->count[into] = n;
}

/* The running statistics, made ready once a batch. */
static void prepare(const struct net *n, const struct op *o, size_t part)
{
    (void)part;
    struct norm *b = o->own;
    const float *mean = weight_of(n, o, MEAN), *variance = weight_of(n, o, VARIANCE);
    for (size_t c = 0; c < b->C; c++) {
        b->mean[c] = mean[c];
        b->scale[c] = (float)(1 / sqrt((double)variance[c] + epsilon));
    }
}

static void join(const struct op *o, struct net *n, size_t n_shard)
{
    struct norm *b = o->own;
    double momentum = o->layer->rate;
    float *running_mean = n->weight + n->param[o->param[MEAN]].offset;
    float *running_variance = n->weight + n->param[o->param[VARIANCE]].offset;
    reduce(n_shard, merge, b);
    if (b->count[0] == 1) {
        prepare(n, o, 0);
        return;
    }
    for (size_t c = 0; c < b->C; c++) {
        double mean = b->a[c], variance = b->b[c] / b->count[0];
        b->mean[c] = (float)mean;
        b->scale[c] = (float)(1 / sqrt(variance + epsilon));
        running_mean[c] = (float)(momentum * (double)running_mean[c] + (1 - momentum) * mean);
        running_variance[c] = (float)(momentum * (double)running_variance[c] +
                                      (1 - momentum) * variance);
    }
}

NN_CLONES static void normalise(float *restrict y, const float *restrict x,
                                const float *restrict mean, const float *restrict scale,
                                const float *restrict gamma, const float *restrict beta,
                                size_t inner, size_t block)
{
    for (size_t i = 0; i < inner; i++)
        for (size_t j = 0; j < block; j++)
            y[i * block + j] = (x[i * block + j] - mean[j]) * scale[j] * gamma[j] + beta[j];
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct norm *b = o->own;
    struct lanes l = lanes(o, p);
    const float *gamma = weight_of(p->net, o, GAMMA), *beta = weight_of(p->net, o, BETA);
    const float *x = value_of(p, op_in(o, p->net));
    float *y = value_of(p, op_out(o, p->net));
    for (size_t r = 0; r < l.outer * l.maps; r++) {
        size_t c = r % l.maps * l.block, at = r * l.inner * l.block;
        normalise(y + at, x + at, b->mean + c, b->scale + c, gamma + c, beta + c, l.inner, l.block);
    }
}

NN_CLONES static void add_products(double *restrict dy_sum, double *restrict dyx_sum,
                                   const float *restrict dy, const float *restrict x,
                                   const float *restrict mean, const float *restrict scale,
                                   size_t inner, size_t block)
{
    for (size_t i = 0; i < inner; i++)
        for (size_t j = 0; j < block; j++) {
            double d = (double)dy[i * block + j];
            dy_sum[j] += d;
            dyx_sum[j] += d * (double)((x[i * block + j] - mean[j]) * scale[j]);
        }
}

static void gather_back(const struct op *o, const struct pass *p)
{
    struct norm *b = o->own;
    struct lanes l = lanes(o, p);
    size_t shard = (size_t)(p->shard - p->net->shard);
    const float *x = value_of(p, op_in(o, p->net)), *dy = gradient_of(p, op_out(o, p->net));
    double *sum = b->a + shard * b->C, *product = b->b + shard * b->C;

    memset(sum, 0, b->C * sizeof *sum);
    memset(product, 0, b->C * sizeof *product);
    b->count[shard] = (double)(l.outer * l.inner);
    for (size_t r = 0; r < l.outer * l.maps; r++) {
        size_t c = r % l.maps * l.block, at = r * l.inner * l.block;
        add_products(sum + c, product + c, dy + at, x + at, b->mean + c, b->scale + c, l.inner,
                     l.block);
    }
}

static void merge_back(void *arg, size_t into, size_t from)
{
    struct norm *b = arg;
    for (size_t c = 0; c < b->C; c++) {
        b->a[into * b->C + c] += b->a[from * b->C + c];
        b->b[into * b->C + c] += b->b[from * b->C + c];
    }
    b->count[into] += b->count[from];
}

static void join_back(const struct op *o, struct net *n, size_t n_shard)
{
    struct norm *b = o->own;
    float *dgamma = n->gradient + n->param[o->param[GAMMA]].offset,
          *dbeta = n->gradient + n->param[o->param[BETA]].offset;
    reduce(n_shard, merge_back, b);
    for (size_t c = 0; c < b->C; c++) {
        dbeta[c] = (float)b->a[c];
        dgamma[c] = (float)b->b[c];
        bool alone = b->count[0] == 1; /* its statistics do not depend on it */
        b->c1[c] = alone ? 0 : (float)(b->a[c] / b->count[0]);
        b->c2[c] = alone ? 0 : (float)(b->b[c] / b->count[0]);
    }
}

NN_CLONES static void pass_back(float *restrict dx, const float *restrict dy,
                                const float *restrict x, const float *restrict mean,
                                const float *restrict scale, const float *restrict gamma,
                                const float *restrict c1, const float *restrict c2, size_t inner,
                                size_t block)
{
    for (size_t i = 0; i < inner; i++)
        for (size_t j = 0; j < block; j++) {
            float xhat = (x[i * block + j] - mean[j]) * scale[j];
            dx[i * block + j] = gamma[j] * scale[j] * (dy[i * block + j] - c1[j] - xhat * c2[j]);
        }
}

static void backward(const struct op *o, const struct pass *p)
{
    const struct norm *b = o->own;
    struct lanes l = lanes(o, p);
    const struct tensor *in = op_in(o, p->net);
    const float *gamma = weight_of(p->net, o, GAMMA), *dy = gradient_of(p, op_out(o, p->net)),
                *x = value_of(p, in);
    if (!in->wants_gradient)
        return;
    for (size_t r = 0; r < l.outer * l.maps; r++) {
        size_t c = r % l.maps * l.block, at = r * l.inner * l.block;
        pass_back(gradient_of(p, in) + at, dy + at, x + at, b->mean + c, b->scale + c, gamma + c,
                  b->c1 + c, b->c2 + c, l.inner, l.block);
    }
}

static void release(struct op *o)
{
    struct norm *b = o->own;
    if (!b)
        return;
    free(b->count);
    free(b->a);
    free(b->b);
    free(b->mean);
    free(b);
}

const struct op_kind op_batch_norm = { .plan = plan,
                                       .prepare = prepare,
                                       .forward = forward,
                                       .backward = backward,
                                       .gather = gather,
                                       .join = join,
                                       .gather_back = gather_back,
                                       .join_back = join_back,
                                       .release = release };
