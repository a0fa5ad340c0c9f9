/* Gradients across shards: the sum of a stretch of a parameter's gradient, with the penalty's, a
 * tile at a time, so that what comes next finds it in the cache. */
#include <string.h>

#include "models/nn/gemm.h"
#include "models/nn/op.h"
#include "models/nn/simd.h"

struct tile {
    const struct net *n;
    size_t offset, floats;
};

static void merge_tile(void *arg, size_t into, size_t from)
{
    const struct tile *t = arg;
    add_floats(t->n->shard[into].gradient + t->offset, t->n->shard[from].gradient + t->offset,
               t->floats);
}

/* g += l1 sign(w) + 2 l2 w; returns l1 sum|w| + l2 sum w^2, summed in sixteen lanes. */
NN_CLONES static double penalise(float *restrict g, const float *restrict w, size_t n, float l1,
                                 float l2)
{
    double ones[16] = { 0 }, squares[16] = { 0 }, one = 0, square = 0;
    size_t i = 0;
    for (size_t end = n / 16 * 16; i < end; i += 16)
        for (size_t j = 0; j < 16; j++) {
            float v = w[i + j], sign = v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : 0.0f;
            g[i + j] += l1 * sign + 2.0f * l2 * v;
            ones[j] += (double)(v * sign);
            squares[j] += (double)v * (double)v;
        }
    for (; i < n; i++) {
        float v = w[i], sign = v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : 0.0f;
        g[i] += l1 * sign + 2.0f * l2 * v;
        ones[0] += (double)(v * sign);
        squares[0] += (double)v * (double)v;
    }
    for (size_t j = 0; j < 16; j++) {
        one += ones[j];
        square += squares[j];
    }
    return (double)l1 * one + (double)l2 * square;
}

size_t gradient_tile_floats(const struct net *n, const struct piece *p, size_t at)
{
    enum { TILE = 1024 };
    size_t rest = p->first + p->n - at;
    return rest < TILE || n->plan[p->param].whole ? rest : TILE;
}

float *gradient_tile(struct net *n, size_t n_shard, struct piece *p, size_t at, int worker)
{
    const struct nn_param *param = &n->param[p->param];
    const struct param_plan *plan = &n->plan[p->param];
    size_t floats = gradient_tile_floats(n, p, at);
    float *g = n->gradient + param->offset + at; /* batch norm has its sum there */
    if (plan->whole) {
        g = n->scratch + (size_t)worker * n->scratch_floats;
        plan->whole->kind->gradient(plan->whole, n, n_shard, at, floats, g, g + plan->piece);
    } else if (plan->shard_offset != SIZE_MAX) {
        struct tile t = { n, plan->shard_offset + at, floats };
        reduce(n_shard, merge_tile, &t);
        g = n->shard[0].gradient + t.offset;
    }
    if (param->l1 > 0 || param->l2 > 0)
        p->penalty += penalise(g, n->weight + param->offset + at, floats, (float)param->l1,
                               (float)param->l2);
    return g;
}

struct gathering {
    struct net *n;
    size_t n_shard;
};

static void gather_piece(void *arg, size_t i, int worker)
{
    const struct gathering *r = arg;
    struct net *n = r->n;
    struct piece *p = &n->piece[i];
    p->penalty = 0;
    for (size_t at = p->first, floats; at < p->first + p->n; at += floats) {
        floats = gradient_tile_floats(n, p, at);
        float *g = gradient_tile(n, r->n_shard, p, at, worker);
        float *to = n->gradient + n->param[p->param].offset + at;
        if (g != to)
            memcpy(to, g, floats * sizeof *to);
    }
}

double gradient_gather(struct net *n, size_t n_shard)
{
    struct gathering r = { n, n_shard };
    touched_gather(n, n_shard);
    workers_run(n->workers, n->n_piece, gather_piece, &r);
    return gradient_penalty(n);
}

double gradient_penalty(const struct net *n)
{
    double sum = 0;
    for (size_t i = 0; i < n->n_piece; i++)
        sum += n->piece[i].penalty;
    return sum;
}
