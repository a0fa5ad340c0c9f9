#include "models/nn/overflow.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/nn/op.h"

static bool is_within(const float *x, size_t n, float limit)
{
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(x[i]) <= limit)) /* NaN compares false */
            return false;
    return true;
}

static bool tensor_is_within(const struct pass *p, const struct tensor *t, size_t where,
                             float limit)
{
    size_t first, n = live_rows(p, t, &first) * t->shape.c;
    return is_within(p->shard->arena + where + first, n, limit);
}

/* Words have no values; what one operator hands to the next piece by piece is nowhere. */
static bool is_stored(const struct tensor *t)
{
    return t->stored && shape_size(&t->shape) > 0;
}

static bool forward_is_within(const struct op *o, const struct pass *p, float limit)
{
    const struct tensor *out = op_out(o, p->net);
    return !is_stored(out) || tensor_is_within(p, out, out->value, limit);
}

static bool backward_is_within(const struct op *o, const struct pass *p, float limit)
{
    const struct net *n = p->net;
    for (size_t i = 0; i < o->n_in; i++) {
        const struct tensor *in = &n->tensor[o->in[i]];
        if (in->wants_gradient && is_stored(in) && !tensor_is_within(p, in, in->gradient, limit))
            return false;
    }
    for (size_t k = 0; k < o->n_param; k++)
        if (n->plan[o->param[k]].shard_offset != SIZE_MAX &&
            !is_within(dweight_of(p, o, k), n->param[o->param[k]].n, limit))
            return false;
    return true;
}

void overflow_look(struct overflow *o, const struct pass *p, size_t at)
{
    const struct net *n = p->net;
    size_t N = n->n_op, *first = &o->first[p->shard - n->shard];
    bool fine = true;
    if (*first < o->n_time)
        return;
    if (at < N)
        fine = forward_is_within(&n->op[at], p, o->limit);
    else if (at == N)
        fine = tensor_is_within(p, &n->tensor[n->logits], n->tensor[n->logits].gradient, o->limit);
    else
        fine = backward_is_within(&n->op[2 * N - at], p, FLT_MAX); /* a gradient may be large */
    if (!fine)
        *first = at;
}

static bool weights_are_numbers(const struct net *n, const struct op *o)
{
    for (size_t k = 0; k < o->n_param; k++) /* running statistics have moved with the step */
        if (n->param[o->param[k]].trainable &&
            !is_within(weight_of(n, o, k), n->param[o->param[k]].n, FLT_MAX))
            return false;
    return true;
}

/* The last operator, of those whose gradient no shard has by itself, with one that is not finite.
 */
static const struct op *whole_beyond(struct net *n, size_t n_shard)
{
    for (size_t i = n->n_piece; i-- > 0;) {
        struct piece *p = &n->piece[i];
        const struct op *o = n->plan[p->param].whole;
        if (o && !is_within(gradient_tile(n, n_shard, p, p->first, 0), p->n, FLT_MAX))
            return o;
    }
    return NULL;
}

char *overflow_name(struct net *n, const struct nn_batch *b, uint64_t draw, float limit)
{
    size_t N = n->n_op, at = 2 * N + 1;
    struct overflow o = { .limit = limit,
                          .n_time = at,
                          .first = mem_calloc(n->n_shard, sizeof *o.first) };
    for (size_t i = 0; i < N; i++)
        if (!weights_are_numbers(n, &n->op[i])) {
            free(o.first);
            return str_format("the weights of '%s'", n->op[i].name);
        }
    for (size_t s = 0; s < n->n_shard; s++)
        o.first[s] = at;
    size_t n_shard = net_look(n, b, draw, &o);
    for (size_t s = 0; s < n->n_shard; s++)
        at = o.first[s] < at ? o.first[s] : at;
    free(o.first);
    if (at > 2 * N) {
        const struct op *whole = whole_beyond(n, n_shard);
        return whole ? str_format("the gradients of '%s'", whole->name) : NULL;
    }
    if (at == N)
        return str_format("the gradients of '%s'", n->tensor[n->logits].from->name);
    const struct op *op = &n->op[at < N ? at : 2 * N - at];
    if (at < N && op->n_in == 1 && !op_in(op, n)->stored)
        op = op_in(op, n)->from; /* it could not be looked at by itself */
    return str_format(op->n_in == 0 ? "the values of '%s'"
                      : at < N      ? "the activations of '%s'"
                                    : "the gradients of '%s'",
                      op->name);
}
