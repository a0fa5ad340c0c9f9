/* Embedding: word number -> vector. ids (B, T), table (V, E), out (T, n, E). The gradient touches
 * only the rows of the table whose words are in the batch (touched.c). */
#include <assert.h>
#include <string.h>

#include "models/nn/op.h"

/* A place is row * T + t; those of a word ascend. */
static void chain(struct touched *t, const struct net *n)
{
    const struct nn_batch *b = t->batch;
    size_t T = n->dims.length;
    for (size_t r = 0; r < b->n; r++) {
        size_t first = 0, count = T;
        if (t->op->branch->mask) {
            count = (size_t)b->n_word[r];
            first = t->op->branch->pad_front ? T - count : 0;
        }
        for (size_t place = r * T + first; place < r * T + first + count; place++)
            touched_add(t, b->ids[place], (int32_t)place);
    }
}

static const float *arrived(const struct touched *t, const struct net *n, int32_t place,
                            size_t *shard)
{
    size_t T = n->dims.length, row = (size_t)place / T, step = (size_t)place % T;
    while (row >= n->shard[*shard].row + n->shard[*shard].n)
        ++*shard;
    const struct shard *h = &n->shard[*shard];
    return h->arena + n->tensor[t->op->out].gradient + (step * h->n + row - h->row) * t->width;
}

static int plan(struct net *n, struct op *o, struct err *e)
{
    size_t E = (size_t)o->layer->size, V = n->dims.vocabulary, T = n->dims.length;
    if (V == 0 || T == 0)
        return err_set(e, ERR_USAGE, "the network reads words, but there are none");
    if (n->dims.batch > INT32_MAX / T)
        return err_set(e, ERR_USAGE, "%zu rows of %zu words in a batch: want at most %d words",
                       n->dims.batch, T, INT32_MAX);
    n->tensor[o->out].shape = (struct shape){ FORM_STEPS, T, 1, 1, E, E };
    n->tensor[o->out].wants_gradient = true;
    op_add_param(n, o, "embeddings", INIT_UNIFORM, false, (size_t[]){ V, E }, 2);
    n->plan[o->param[0]].sparse = true;
    o->scratch = n->n_shard * E; /* the leaves of touched_row */
    o->keeps_in = o->keeps_out = false;

    struct touched *t = touched_new(n, o, V, n->dims.batch * T);
    t->chain = chain;
    t->arrived = arrived;
    return 0;
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct shard *s = p->shard;
    if (!op_out(o, p->net)->stored) /* lstm_input.c takes the rows itself */
        return;
    size_t E = (size_t)o->layer->size, T = p->net->dims.length;
    const float *table = weight_of(p->net, o, 0);
    float *out = value_of(p, op_out(o, p->net)) + s->t0 * s->n * E;
    for (size_t t = s->t0; t < s->t1; t++) {
        for (size_t r = 0; r < s->n; r++, out += E) {
            int32_t id = p->batch->ids[(s->row + r) * T + t];
            assert(id >= 0 && (size_t)id < p->net->dims.vocabulary);
            memcpy(out, table + (size_t)id * E, E * sizeof *out);
        }
    }
}

static void backward(const struct op *o, const struct pass *p)
{
    (void)o, (void)p; /* touched_row does it, for all shards together */
}

const struct op_kind op_embedding = { .plan = plan, .forward = forward, .backward = backward };
