/* Adam. A worker takes a piece of the parameters at a time; every weight is on its own, so the
 * order does not matter. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/op.h"
#include "models/nn/simd.h"

void adam_init(struct adam *a, size_t n)
{
    *a = (struct adam){ .n = n,
                        .m = mem_aligned(n, sizeof *a->m),
                        .v = mem_aligned(n, sizeof *a->v) };
}

void adam_release(struct adam *a)
{
    free(a->m);
    free(a->v);
    *a = (struct adam){ 0 };
}

NN_CLONES static void update(float *restrict w, float *restrict m, float *restrict v,
                             const float *restrict g, size_t n, float rate)
{
    const float b1 = 0.9f, b2 = 0.999f, epsilon = 1e-7f;
    for (size_t i = 0; i < n; i++) {
        m[i] += (g[i] - m[i]) * (1.0f - b1);
        v[i] += (g[i] * g[i] - v[i]) * (1.0f - b2);
        w[i] -= rate * m[i] / (__builtin_sqrtf(v[i]) + epsilon);
    }
}

struct adam_run {
    struct adam *a;
    struct net *n;
    float rate;
};

static void update_at(const struct adam_run *r, size_t at, size_t n)
{
    update(r->n->weight + at, r->a->m + at, r->a->v + at, r->n->gradient + at, n, r->rate);
}

static void update_piece(void *arg, size_t i, int worker)
{
    const struct adam_run *r = arg;
    const struct piece *p = &r->n->piece[i];
    (void)worker;
    update_at(r, r->n->param[p->param].offset + p->first, p->n);
}

enum { WORDS_A_TASK = 64 };

static void update_words(void *arg, size_t task, int worker)
{
    const struct adam_run *r = arg;
    const struct touched *t = r->n->touched;
    size_t E = (size_t)t->op->layer->size;
    (void)worker;
    for (size_t w = task * WORDS_A_TASK; w < t->n && w < (task + 1) * WORDS_A_TASK; w++)
        update_at(r, r->n->param[t->param].offset + (size_t)t->id[w] * E, E);
}

void adam_step(struct adam *a, struct net *n, double learning_rate)
{
    a->step++;
    double t = (double)a->step, rate = learning_rate * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
    struct adam_run r = { a, n, (float)rate };
    workers_run(n->workers, n->n_piece, update_piece, &r);
    if (n->touched)
        workers_run(n->workers, (n->touched->n + WORDS_A_TASK - 1) / WORDS_A_TASK, update_words,
                    &r);
}
