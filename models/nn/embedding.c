/* Embedding: word number -> vector. ids (B, T), table (V, E), out (T, n, E).
 *
 * The gradient touches only the rows of the table whose words are in the batch. It is summed after
 * all shards are done: a word's places within a shard in order, the shards by the tree of reduce().
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/gemm.h"
#include "models/nn/op.h"

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
    o->scratch = n->n_shard * E; /* the leaves of embedding_row */
    o->keeps_in = o->keeps_out = false;

    struct touched *t = n->touched = mem_calloc(1, sizeof *t);
    *t = (struct touched){ .param = o->param[0], .op = o };
    t->id = mem_calloc(n->dims.batch * T, sizeof *t->id);
    t->next = mem_calloc(n->dims.batch * T, sizeof *t->next);
    t->head = mem_calloc(V, sizeof *t->head);
    t->tail = mem_calloc(V, sizeof *t->tail);
    memset(t->head, -1, V * sizeof *t->head);
    return 0;
}

static void forward(const struct op *o, const struct pass *p)
{
    const struct shard *s = p->shard;
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
    (void)o, (void)p; /* embedding_row does it, for all shards together */
}

const struct op_kind op_embedding = { .plan = plan, .forward = forward, .backward = backward };

void touched_free(struct touched *t)
{
    if (!t)
        return;
    free(t->id);
    free(t->next);
    free(t->head);
    free(t->tail);
    free(t);
}

/* ---- the sparse gradient ---- */

static void forget(struct net *n)
{
    struct touched *t = n->touched;
    size_t E = (size_t)t->op->layer->size;
    float *gradient = n->gradient + n->param[t->param].offset;
    for (size_t i = 0; i < t->n; i++) {
        t->head[t->id[i]] = -1;
        if (t->gathered)
            memset(gradient + (size_t)t->id[i] * E, 0, E * sizeof *gradient);
    }
    t->n = 0;
    t->gathered = false;
}

/* A place is row * T + t; those of a word ascend. */
void embedding_chain(struct net *n, const struct nn_batch *b)
{
    struct touched *t = n->touched;
    size_t T = n->dims.length;
    if (!t)
        return;
    forget(n);
    for (size_t r = 0; r < b->n; r++) {
        size_t first = 0, count = T;
        if (t->op->branch->mask) {
            count = (size_t)b->n_word[r];
            first = t->op->branch->pad_front ? T - count : 0;
        }
        for (size_t place = r * T + first; place < r * T + first + count; place++) {
            int32_t id = b->ids[place];
            t->next[place] = -1;
            if (t->head[id] < 0) {
                t->head[id] = (int32_t)place;
                t->id[t->n++] = id;
            } else {
                t->next[t->tail[id]] = (int32_t)place;
            }
            t->tail[id] = (int32_t)place;
        }
    }
}

struct sum {
    size_t E;
    bool there[NN_MAX_SHARDS]; /* the shard has the word */
    float *leaf;               /* (n_shard, E) */
};

/* First or further summand of a leaf. */
static void put(struct sum *s, size_t leaf, const float *x)
{
    if (s->there[leaf])
        add_floats(s->leaf + leaf * s->E, x, s->E);
    else
        memcpy(s->leaf + leaf * s->E, x, s->E * sizeof *x);
    s->there[leaf] = true;
}

static void merge(void *arg, size_t into, size_t from)
{
    struct sum *s = arg;
    if (s->there[from])
        put(s, into, s->leaf + from * s->E);
}

const float *embedding_row(const struct net *n, size_t n_shard, size_t w, float *leaf)
{
    const struct touched *t = n->touched;
    struct sum s = { .E = (size_t)t->op->layer->size, .leaf = leaf };
    size_t T = n->dims.length, dx = n->tensor[t->op->out].gradient, shard = 0;
    for (int32_t place = t->head[t->id[w]]; place >= 0; place = t->next[place]) {
        size_t row = (size_t)place / T, step = (size_t)place % T;
        while (row >= n->shard[shard].row + n->shard[shard].n)
            shard++;
        const struct shard *h = &n->shard[shard];
        const float *x = h->arena + dx + (step * h->n + row - h->row) * s.E;
        if (t->next[place] < 0 && place == t->head[t->id[w]])
            return x; /* the word is there once */
        put(&s, shard, x);
    }
    reduce(n_shard, merge, &s);
    return leaf;
}

enum { WORDS_A_TASK = 32 };

struct gathering {
    struct net *n;
    size_t n_shard;
};

static void gather_words(void *arg, size_t task, int worker)
{
    const struct gathering *r = arg;
    struct net *n = r->n;
    const struct touched *t = n->touched;
    size_t E = (size_t)t->op->layer->size, last = (task + 1) * WORDS_A_TASK;
    float *leaf = n->scratch + (size_t)worker * n->scratch_floats;
    float *gradient = n->gradient + n->param[t->param].offset;
    for (size_t w = task * WORDS_A_TASK; w < t->n && w < last; w++)
        memcpy(gradient + (size_t)t->id[w] * E, embedding_row(n, r->n_shard, w, leaf),
               E * sizeof *gradient);
}

void embedding_gather(struct net *n, size_t n_shard)
{
    struct gathering r = { n, n_shard };
    if (!n->touched)
        return;
    n->touched->gathered = true;
    workers_run(n->workers, (n->touched->n + WORDS_A_TASK - 1) / WORDS_A_TASK, gather_words, &r);
}
