/* Tables of which a batch reads a few rows (an embedding, a bag of n-grams): where it reads them,
 * and the gradients of these rows. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/gemm.h"
#include "models/nn/op.h"
#include "models/nn/simd.h"

struct touched *touched_new(struct net *n, const struct op *o, size_t n_id, size_t n_place)
{
    struct touched *t = mem_calloc(1, sizeof *t);
    *t = (struct touched){ .param = o->param[0],
                           .width = n->param[o->param[0]].shape[1],
                           .op = o,
                           .most = n_id < n_place ? n_id : n_place };
    t->arriving = t->width;
    t->nth = mem_calloc(n_id, sizeof *t->nth);
    t->id = mem_calloc(t->most, sizeof *t->id);
    t->next = mem_calloc(n_place, sizeof *t->next);
    t->head = mem_calloc(n_id, sizeof *t->head);
    t->tail = mem_calloc(n_id, sizeof *t->tail);
    memset(t->head, -1, n_id * sizeof *t->head);
    n->touched[n->n_touched++] = t;
    return t;
}

void touched_free(struct touched *t)
{
    if (!t)
        return;
    free(t->id);
    free(t->next);
    free(t->head);
    free(t->tail);
    free(t->nth);
    free(t);
}

void touched_add(struct touched *t, int32_t id, int32_t place)
{
    t->next[place] = -1;
    if (t->head[id] < 0) {
        t->head[id] = place;
        t->nth[id] = (int32_t)t->n;
        t->id[t->n++] = id;
    } else {
        t->next[t->tail[id]] = place;
    }
    t->tail[id] = place;
}

static void forget(struct touched *t, struct net *n)
{
    float *gradient = n->gradient + n->param[t->param].offset;
    for (size_t i = 0; i < t->n; i++) {
        t->head[t->id[i]] = -1;
        if (t->gathered)
            memset(gradient + (size_t)t->id[i] * t->width, 0, t->width * sizeof *gradient);
    }
    t->n = 0;
    t->gathered = false;
}

void touched_chain(struct net *n, const struct nn_batch *b)
{
    for (size_t k = 0; k < n->n_touched; k++) {
        struct touched *t = n->touched[k];
        forget(t, n);
        t->batch = b;
        t->chain(t, n);
    }
}

/* ---- gradients ---- */

struct sum {
    size_t width;
    bool there[NN_MAX_SHARDS]; /* the shard has the row */
    float *leaf;               /* (n_shard, width) */
};

/* First or further summand of a leaf. */
static void put(struct sum *s, size_t leaf, const float *x)
{
    if (s->there[leaf])
        add_floats(s->leaf + leaf * s->width, x, s->width);
    else
        memcpy(s->leaf + leaf * s->width, x, s->width * sizeof *x);
    s->there[leaf] = true;
}

static void put_scaled(struct sum *s, size_t leaf, const float *x, float factor)
{
    if (!s->there[leaf])
        memset(s->leaf + leaf * s->width, 0, s->width * sizeof *x);
    add_scaled(s->leaf + leaf * s->width, x, factor, s->width);
    s->there[leaf] = true;
}

static void merge(void *arg, size_t into, size_t from)
{
    struct sum *s = arg;
    if (s->there[from])
        put(s, into, s->leaf + from * s->width);
}

const float *touched_row(const struct touched *t, const struct net *n, size_t n_shard, size_t w,
                         float *leaf)
{
    return t->row ? t->row + w * t->width : touched_sum(t, n, n_shard, w, leaf);
}

const float *touched_sum(const struct touched *t, const struct net *n, size_t n_shard, size_t w,
                         float *leaf)
{
    struct sum s = { .width = t->arriving, .leaf = leaf };
    size_t shard = 0;
    for (int32_t place = t->head[t->id[w]]; place >= 0; place = t->next[place]) {
        const float *x = t->arrived(t, n, place, &shard);
        if (t->factor)
            put_scaled(&s, shard, x, t->factor[place]);
        else if (t->next[place] < 0 && place == t->head[t->id[w]])
            /* cppcheck-suppress returnDanglingLifetime ; x points into the arena */
            return x; /* the row is read once */
        else
            put(&s, shard, x);
    }
    reduce(n_shard, merge, &s);
    return leaf;
}

void touched_fetch(const struct touched *t, const struct net *n, size_t w)
{
    enum { MOST = 8 }; /* places: more would push each other out of the cache */
    size_t shard = 0;
    int32_t place = w < t->n ? t->head[t->id[w]] : -1;
    for (size_t i = 0; i < MOST && place >= 0; i++, place = t->next[place])
        fetch_floats(t->arrived(t, n, place, &shard), t->arriving, FETCH_FAR);
}

enum { ROWS_A_TASK = 32 };

struct gathering {
    struct net *n;
    struct touched *t;
    size_t n_shard;
};

static void gather_rows(void *arg, size_t task, int worker)
{
    const struct gathering *g = arg;
    const struct touched *t = g->t;
    struct net *n = g->n;
    float *leaf = n->scratch + (size_t)worker * n->scratch_floats;
    float *gradient = n->gradient + n->param[t->param].offset;
    for (size_t w = task * ROWS_A_TASK; w < t->n && w < (task + 1) * ROWS_A_TASK; w++)
        memcpy(gradient + (size_t)t->id[w] * t->width, touched_row(t, n, g->n_shard, w, leaf),
               t->width * sizeof *gradient);
}

void touched_gather(struct net *n, size_t n_shard)
{
    for (size_t k = 0; k < n->n_touched; k++) {
        struct gathering g = { n, n->touched[k], n_shard };
        g.t->gathered = true;
        workers_run(n->workers, (g.t->n + ROWS_A_TASK - 1) / ROWS_A_TASK, gather_rows, &g);
    }
}
