/* See optimizer.h. A worker takes a piece of the parameters at a time; every weight is on its own,
 * so the order does not matter. The norm is summed piece by piece, in the order of the pieces. */
#include "models/nn/optimizer.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/nn/op.h"
#include "models/nn/overflow.h"
#include "models/nn/simd.h"

void optimizer_init(struct optimizer *o, const struct nn_training *t, size_t n)
{
    *o = (struct optimizer){ .kind = (enum nn_optimizer)t->optimizer,
                             .momentum = t->momentum,
                             .weight_decay = t->weight_decay,
                             .clip_norm = t->clip_norm,
                             .nesterov = t->nesterov != 0,
                             .n = n };
    if (o->kind != OPTIMIZER_SGD || o->momentum > 0)
        o->m = mem_aligned(n, sizeof *o->m);
    if (o->kind != OPTIMIZER_SGD)
        o->v = mem_aligned(n, sizeof *o->v);
}

void optimizer_release(struct optimizer *o)
{
    free(o->m);
    free(o->v);
    *o = (struct optimizer){ 0 };
}

/* One step in the terms of the loops below. */
struct rule {
    float scale; /* of the gradients, by clipping */
    float rate;
    float keep; /* 1 - rate x weight decay */
    float momentum;
};

NN_CLONES static void step_adam(float *restrict w, float *restrict m, float *restrict v,
                                const float *restrict g, size_t n, struct rule r)
{
    const float epsilon = 1e-7f;
    for (size_t i = 0; i < n; i++) {
        float d = r.scale * g[i];
        m[i] += (d - m[i]) * 0.1f;
        v[i] += (d * d - v[i]) * 0.001f;
        w[i] = r.keep * w[i] - r.rate * m[i] / (__builtin_sqrtf(v[i]) + epsilon);
    }
}

NN_CLONES static void step_plain(float *restrict w, const float *restrict g, size_t n,
                                 struct rule r)
{
    for (size_t i = 0; i < n; i++)
        w[i] = r.keep * w[i] - r.rate * (r.scale * g[i]);
}

NN_CLONES static void step_momentum(float *restrict w, float *restrict m, const float *restrict g,
                                    size_t n, struct rule r)
{
    for (size_t i = 0; i < n; i++) {
        m[i] = r.momentum * m[i] + r.scale * g[i];
        w[i] = r.keep * w[i] - r.rate * m[i];
    }
}

NN_CLONES static void step_nesterov(float *restrict w, float *restrict m, const float *restrict g,
                                    size_t n, struct rule r)
{
    for (size_t i = 0; i < n; i++) {
        float d = r.scale * g[i];
        m[i] = r.momentum * m[i] + d;
        w[i] = r.keep * w[i] - r.rate * (d + r.momentum * m[i]);
    }
}

/* In sixteen lanes, so that the order of the sum is the same for every kind of SIMD. */
NN_CLONES static double sum_squares(const float *restrict g, size_t n)
{
    double lane[16] = { 0 }, sum = 0;
    size_t i = 0;
    for (size_t end = n / 16 * 16; i < end; i += 16)
        for (size_t j = 0; j < 16; j++)
            lane[j] += (double)g[i + j] * (double)g[i + j];
    for (; i < n; i++)
        lane[0] += (double)g[i] * (double)g[i];
    for (size_t j = 0; j < 16; j++)
        sum += lane[j];
    return sum;
}

/* ---- over the network ---- */

enum { WORDS_A_TASK = 64 };

struct stepping {
    struct optimizer *o;
    struct net *n;
    struct rule rule;
    double *square; /* of each piece, then of each task of words */
};

static void step_at(const struct stepping *s, size_t at, size_t n, bool decays)
{
    struct optimizer *o = s->o;
    float *w = s->n->weight + at;
    const float *g = s->n->gradient + at;
    struct rule r = s->rule;
    if (!decays)
        r.keep = 1;
    if (o->kind != OPTIMIZER_SGD)
        step_adam(w, o->m + at, o->v + at, g, n, r);
    else if (!o->m)
        step_plain(w, g, n, r);
    else if (o->nesterov)
        step_nesterov(w, o->m + at, g, n, r);
    else
        step_momentum(w, o->m + at, g, n, r);
}

/* Task i is piece i, or some words of the embedding: call `visit` for each stretch of its floats.
 */
static void visit_task(const struct stepping *s, size_t i,
                       void (*visit)(const struct stepping *s, size_t at, size_t n, bool decays,
                                     double *square))
{
    const struct net *n = s->n;
    if (i < n->n_piece) {
        const struct piece *p = &n->piece[i];
        visit(s, n->param[p->param].offset + p->first, p->n, n->plan[p->param].kernel,
              &s->square[i]);
        return;
    }
    const struct touched *t = n->touched;
    size_t E = (size_t)t->op->layer->size, first = (i - n->n_piece) * WORDS_A_TASK;
    for (size_t w = first; w < t->n && w < first + WORDS_A_TASK; w++)
        visit(s, n->param[t->param].offset + (size_t)t->id[w] * E, E, false, &s->square[i]);
}

static void visit_square(const struct stepping *s, size_t at, size_t n, bool decays, double *square)
{
    (void)decays;
    *square += sum_squares(s->n->gradient + at, n);
}

static void visit_step(const struct stepping *s, size_t at, size_t n, bool decays, double *square)
{
    (void)square;
    step_at(s, at, n, decays);
}

static void square_task(void *arg, size_t i, int worker)
{
    (void)worker;
    const struct stepping *s = arg;
    s->square[i] = 0;
    visit_task(s, i, visit_square);
}

static void step_task(void *arg, size_t i, int worker)
{
    (void)worker;
    visit_task(arg, i, visit_step);
}

static struct rule rule_of(const struct optimizer *o, double rate, double norm)
{
    double t = (double)o->step, corrected = rate;
    if (o->kind != OPTIMIZER_SGD)
        corrected = rate * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
    return (struct rule){ .scale = o->clip_norm > 0 && norm > o->clip_norm
                                       ? (float)(o->clip_norm / norm)
                                       : 1,
                          .rate = (float)corrected,
                          .keep = (float)(1 - rate * o->weight_decay),
                          .momentum = (float)o->momentum };
}

size_t optimizer_tasks(const struct net *n, size_t n_word)
{
    return n->n_piece + (n_word + WORDS_A_TASK - 1) / WORDS_A_TASK;
}

double optimizer_step(struct optimizer *o, struct net *n, double rate)
{
    size_t n_task = optimizer_tasks(n, n->touched ? n->touched->n : 0);
    double sum = 0, norm;
    struct stepping s = { .o = o, .n = n, .square = n->square };

    workers_run(n->workers, n_task, square_task, &s);
    for (size_t i = 0; i < n_task; i++)
        sum += s.square[i];
    norm = sqrt(sum);
    if (!isfinite(norm))
        return norm;
    o->step++;
    s.rule = rule_of(o, rate, norm);
    workers_run(n->workers, n_task, step_task, &s);
    return norm;
}

/* To what is wrong with a step add the first layer that it comes from. */
static int name_layer(struct net *n, const struct nn_batch *b, uint64_t draw, double loss,
                      struct err *e)
{
    static const char advice[] = "a lower learning rate, clip_norm or scaled columns may help";
    bool exploded = isfinite(loss) && loss > NET_EXPLODED;
    char *where = overflow_name(n, b, draw, exploded ? 1e6f : FLT_MAX);
    char *what = mem_strdup(e->text);
    if (where)
        err_set(e, ERR_DATA, "%s: %s are the first %s; %s", what, where,
                exploded ? "above 1e6" : "that are not finite", advice);
    else
        err_set(e, ERR_DATA, "%s; %s", what, advice);
    free(what);
    free(where);
    return e->code;
}

int optimizer_train(struct optimizer *o, struct net *n, const struct nn_batch *b, uint64_t draw,
                    double rate, struct nn_step *out, struct err *e)
{
    if (net_train(n, b, draw, &out->loss, &out->right, e))
        return name_layer(n, b, draw, out->loss, e);
    out->gradient_norm = optimizer_step(o, n, rate);
    if (isfinite(out->gradient_norm))
        return 0;
    err_set(e, ERR_DATA, "the gradients are not finite");
    return name_layer(n, b, draw, out->loss, e);
}
