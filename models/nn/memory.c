#include "models/nn/memory.h"

#include <stdio.h>

#include "models/nn/op.h"

/* Sizes that come from a network file may be beyond what 64 bits count: then SIZE_MAX. */
static size_t product(size_t a, size_t b)
{
    size_t out;
    return __builtin_mul_overflow(a, b, &out) ? SIZE_MAX : out;
}

static size_t sum(size_t a, size_t b)
{
    size_t out;
    return __builtin_add_overflow(a, b, &out) ? SIZE_MAX : out;
}

static size_t bytes(size_t a, size_t b)
{
    return product(product(a, b), sizeof(float));
}

struct nn_memory net_memory(const struct net *n, const struct nn_training *t)
{
    size_t states = t->optimizer != OPTIMIZER_SGD ? 2 : t->momentum > 0 ? 1 : 0, own = 0;
    for (size_t i = 0; i < n->n_op; i++)
        own = sum(own, n->op[i].own_floats);
    struct nn_memory m = {
        .weights = bytes(2, n->n_weight),
        .optimizer = bytes(states + (t->keep != KEEP_LAST), n->n_weight),
        .kernels = bytes(1, own),
        .activations = bytes(n->n_shard, n->arena_floats),
        .gradients = bytes(n->n_shard, n->shard_floats),
        .scratch = bytes((size_t)n->n_worker, n->scratch_floats),
    };
    m.total = sum(sum(sum(m.weights, m.optimizer), sum(m.kernels, m.activations)),
                  sum(m.gradients, m.scratch));
    return m;
}

void net_memory_text(const struct net *n, const struct nn_memory *m, struct str *out)
{
    str_addf(out,
             "memory of training: %.1f MB: weights and gradients %.1f, optimizer and kept weights "
             "%.1f, weights for kernels %.1f, activations %.1f, gradients of %zu shards %.1f, "
             "scratch of %d threads %.1f",
             (double)m->total / 1e6, (double)m->weights / 1e6, (double)m->optimizer / 1e6,
             (double)m->kernels / 1e6, (double)m->activations / 1e6, n->n_shard,
             (double)m->gradients / 1e6, n->n_worker, (double)m->scratch / 1e6);
}

int net_check_memory(const struct net *n, const struct nn_training *t, uint64_t free_bytes,
                     struct err *e)
{
    struct nn_memory m = net_memory(n, t);
    size_t fixed = m.total - m.activations, per_row = m.activations / n->dims.batch + 1;
    size_t fits = free_bytes > fixed ? (size_t)(free_bytes - fixed) / per_row : 0;
    if (m.total <= free_bytes)
        return 0;
    char advice[96] = "not even a batch of 1 would fit: want smaller layers or pictures";
    if (fits > 0)
        snprintf(advice, sizeof advice, "a batch of %zu would fit",
                 fits < n->dims.batch ? fits : n->dims.batch - 1);
    return err_set(e, ERR_MEMORY,
                   "the network needs %.1f MB, %.1f of them for batches of %zu rows, but %.1f MB "
                   "are free; %s",
                   (double)m.total / 1e6, (double)m.activations / 1e6, n->dims.batch,
                   (double)free_bytes / 1e6, advice);
}
