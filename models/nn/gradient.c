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

float *gradient_tile(struct net *n, size_t n_shard, size_t param, size_t at, size_t floats,
                     double *penalty)
{
    const struct nn_param *p = &n->param[param];
    size_t offset = n->plan[param].shard_offset;
    float *g = n->gradient + p->offset + at; /* batch norm has its sum there */
    if (offset != SIZE_MAX) {
        struct tile t = { n, offset + at, floats };
        reduce(n_shard, merge_tile, &t);
        g = n->shard[0].gradient + t.offset;
    }
    if (p->l1 > 0 || p->l2 > 0)
        *penalty += penalise(g, n->weight + p->offset + at, floats, (float)p->l1, (float)p->l2);
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
    struct piece *piece = &n->piece[i];
    size_t end = piece->first + piece->n;
    (void)worker;
    piece->penalty = 0;
    for (size_t at = piece->first; at < end; at += GRADIENT_TILE) {
        size_t floats = end - at < GRADIENT_TILE ? end - at : GRADIENT_TILE;
        float *g = gradient_tile(n, r->n_shard, piece->param, at, floats, &piece->penalty);
        float *to = n->gradient + n->param[piece->param].offset + at;
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
