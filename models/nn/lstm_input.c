#include "models/nn/lstm_input.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/gemm.h"
#include "models/nn/simd.h"

enum { BLOCK = 64 }; /* words, or places, of one product */
enum { GATES = 0 };  /* the LSTM's state */

bool lstm_input_plan(struct net *n, struct op *o)
{
    struct tensor *in = &n->tensor[o->in[0]];
    size_t I = in->shape.c, width = 4 * (size_t)o->layer->size;
    size_t T = n->dims.length, V = n->dims.vocabulary, place = n->dims.batch * T;
    if (in->from->kind != &op_embedding || o->layer->rate > 0)
        return false;
    in->stored = false;
    op_add_state(n, o, GATES, T * n->shard_rows * width);
    n->room[n->n_room - 1].to_end = true;
    size_t scratch = n->n_shard * width + BLOCK * (width + I);
    o->scratch = o->scratch > scratch ? o->scratch : scratch;
    o->own_floats += (V < place ? V : place) * (width + I);
    return true;
}

static const float *arrived(const struct touched *t, const struct net *n, int32_t place,
                            size_t *shard)
{
    const struct op *lstm = n->tensor[t->op->out].to;
    size_t T = n->dims.length, row = (size_t)place / T, step = (size_t)place % T;
    while (row >= n->shard[*shard].row + n->shard[*shard].n)
        ++*shard;
    const struct shard *h = &n->shard[*shard];
    return h->arena + lstm->state[GATES] + ((step - h->t0) * h->n + row - h->row) * t->arriving;
}

void lstm_input_make(struct lstm_input *in, struct net *n, const struct op *o)
{
    size_t width = 4 * (size_t)o->layer->size;
    in->table = op_in(o, n)->from;
    for (size_t k = 0; k < n->n_touched; k++)
        if (n->touched[k]->op == in->table)
            in->touched = n->touched[k];
    in->product = mem_aligned(in->touched->most * width, sizeof *in->product);
    in->gradient = mem_aligned(in->touched->most * in->touched->width, sizeof *in->gradient);
    in->touched->arriving = width;
    in->touched->arrived = arrived;
    in->touched->row = in->gradient;
}

void lstm_input_release(struct lstm_input *in)
{
    free(in->product);
    free(in->gradient);
    *in = (struct lstm_input){ 0 };
}

/* ---- forward ---- */

static void take_row(const struct lstm_input *in, const struct net *n, int32_t id, float *out)
{
    size_t E = in->touched->width;
    memcpy(out, weight_of(n, in->table, 0) + (size_t)id * E, E * sizeof *out);
}

/* Rows x of words first .. first + count - 1 of the batch, which lie anywhere in the table. */
static void take_words(const struct lstm_input *in, const struct net *n, size_t first, size_t count,
                       float *x)
{
    enum { AHEAD = 4 };
    const struct touched *t = in->touched;
    const float *table = weight_of(n, in->table, 0);
    for (size_t i = 0; i < count; i++, x += t->width) {
        size_t ahead = first + i + AHEAD < t->n ? first + i + AHEAD : t->n - 1;
        fetch_floats(table + (size_t)t->id[ahead] * t->width, t->width, FETCH_NEAR);
        take_row(in, n, t->id[first + i], x);
    }
}

size_t lstm_input_tasks(const struct lstm_input *in)
{
    return in->touched->n ? (in->touched->n + BLOCK - 1) / BLOCK : 1;
}

void lstm_input_multiply(const struct lstm_input *in, const struct factor *f, const float *w,
                         const float *b, const struct pass *p, size_t task)
{
    const struct touched *t = in->touched;
    size_t first = task * BLOCK, count = t->n - first < BLOCK ? t->n - first : BLOCK;
    take_words(in, p->net, first, count, p->scratch);
    factor_forth(f, w, count, p->scratch, false, in->product + first * f->n);
    add_bias(in->product + first * f->n, count, f->n, b, false);
}

void lstm_input_places(const struct lstm_input *in, const struct factor *f, const float *w,
                       const struct pass *p, float *gates)
{
    const struct shard *s = p->shard;
    size_t n_place = (s->t1 - s->t0) * s->n, T = p->net->dims.length;
    for (size_t first = 0; first < n_place; first += BLOCK) {
        size_t count = n_place - first < BLOCK ? n_place - first : BLOCK;
        for (size_t i = 0; i < count; i++) {
            size_t t = s->t0 + (first + i) / s->n, r = (first + i) % s->n;
            take_row(in, p->net, p->batch->ids[(s->row + r) * T + t], p->scratch + i * f->k);
        }
        factor_forth(f, w, count, p->scratch, false, gates + first * f->n);
    }
}

const float *lstm_input_row(const struct lstm_input *in, const struct factor *f,
                            const struct pass *p, size_t r, size_t t)
{
    int32_t id = p->batch->ids[(p->shard->row + r) * p->net->dims.length + t];
    return in->product + (size_t)in->touched->nth[id] * f->n;
}

/* ---- backward ---- */

void lstm_input_backward(const struct lstm_input *in, const struct factor *f, const float *w,
                         const struct pass *p, size_t n_shard, float *g, float *g_bias)
{
    const struct touched *t = in->touched;
    size_t part = (size_t)(p->shard - p->net->shard);
    size_t from = t->n * part / n_shard, to = t->n * (part + 1) / n_shard;
    float *leaf = p->scratch, *sum = leaf + n_shard * f->n, *x = sum + BLOCK * f->n;
    memset(g_bias, 0, f->n * sizeof *g_bias);
    if (from == to)
        memset(g, 0, f->k * f->n * sizeof *g);
    for (size_t first = from; first < to; first += BLOCK) {
        size_t count = to - first < BLOCK ? to - first : BLOCK;
        for (size_t i = 0; i < count; i++) {
            touched_fetch(t, p->net, first + i + 1);
            memcpy(sum + i * f->n, touched_sum(t, p->net, n_shard, first + i, leaf),
                   f->n * sizeof *sum);
            add_floats(g_bias, sum + i * f->n, f->n);
        }
        take_words(in, p->net, first, count, x);
        factor_gradient(f, count, x, sum, first > from, g);
        factor_back(f, w, count, sum, false, in->gradient + first * f->k);
    }
}
