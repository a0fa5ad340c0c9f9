/* See optimizer.h. A worker takes a piece of the parameters at a time, sums its gradient over the
 * shards and steps it while it is in the cache; every weight is on its own, so the order does not
 * matter. The norm is summed piece by piece, in the order of the pieces. */
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

enum { ROWS_A_TASK = 64 };

static size_t row_tasks(size_t n_row)
{
    return (n_row + ROWS_A_TASK - 1) / ROWS_A_TASK;
}

/* A step's sweep over all weights. Task i is piece i, or some rows of a table. */
struct sweep {
    struct optimizer *o;
    struct net *n;
    struct rule rule;
    size_t n_shard; /* 0: the gradients are in the block, else still apart */
    bool squares;   /* the norm is wanted */
    bool steps;     /* the rule is known */
};

static void step_at(const struct sweep *s, size_t at, size_t n, const float *g, bool decays)
{
    struct optimizer *o = s->o;
    float *w = s->n->weight + at;
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

static void visit(const struct sweep *s, size_t task, size_t at, size_t n, const float *g,
                  bool decays)
{
    double square = s->squares ? sum_squares(g, n) : 0;
    s->n->square[task] += square;
    if (s->steps && isfinite(square)) /* else the training ends, and says where it came from */
        step_at(s, at, n, g, decays);
}

static void sweep_piece(const struct sweep *s, size_t i, int worker)
{
    struct net *n = s->n;
    struct piece *p = &n->piece[i];
    size_t offset = n->param[p->param].offset;
    if (s->n_shard)
        p->penalty = 0;
    for (size_t at = p->first, floats; at < p->first + p->n; at += floats) {
        floats = gradient_tile_floats(n, p, at);
        const float *g = s->n_shard ? gradient_tile(n, s->n_shard, p, at, worker)
                                    : n->gradient + offset + at;
        visit(s, i, offset + at, floats, g, n->plan[p->param].kernel);
    }
}

/* The rows of a table lie anywhere in memory: ask for them in time. */
static void fetch_row(const struct sweep *s, const struct touched *t, size_t w)
{
    if (w >= t->n || !s->steps)
        return;
    size_t at = s->n->param[t->param].offset + (size_t)t->id[w] * t->width;
    fetch_floats(s->n->weight + at, t->width, FETCH_NEAR);
    if (s->o->m)
        fetch_floats(s->o->m + at, t->width, FETCH_NEAR);
    if (s->o->v)
        fetch_floats(s->o->v + at, t->width, FETCH_NEAR);
}

static void sweep_rows(const struct sweep *s, const struct touched *t, size_t task, size_t first,
                       float *leaf)
{
    enum { AHEAD = 3 };
    const struct net *n = s->n;
    size_t offset = n->param[t->param].offset;
    for (size_t w = first; w < first + AHEAD; w++)
        fetch_row(s, t, w);
    for (size_t w = first; w < t->n && w < first + ROWS_A_TASK; w++) {
        size_t at = offset + (size_t)t->id[w] * t->width;
        fetch_row(s, t, w + AHEAD);
        visit(s, task, at, t->width,
              s->n_shard ? touched_row(t, n, s->n_shard, w, leaf) : n->gradient + at, false);
    }
}

static void sweep_task(void *arg, size_t i, int worker)
{
    const struct sweep *s = arg;
    struct net *n = s->n;
    if (s->squares)
        n->square[i] = 0;
    if (i < n->n_piece) {
        sweep_piece(s, i, worker);
        return;
    }
    size_t task = i - n->n_piece, k = 0;
    for (; task >= row_tasks(n->touched[k]->n); k++)
        task -= row_tasks(n->touched[k]->n);
    sweep_rows(s, n->touched[k], i, task * ROWS_A_TASK,
               n->scratch + (size_t)worker * n->scratch_floats);
}

size_t optimizer_tasks(const struct net *n)
{
    size_t n_task = n->n_piece;
    for (size_t k = 0; k < n->n_touched; k++)
        n_task += row_tasks(n->touched[k]->most);
    return n_task;
}

static struct rule rule_of(const struct optimizer *o, double rate, double norm)
{
    double t = (double)o->step, corrected = rate;
    if (o->kind != OPTIMIZER_SGD)
        corrected = rate * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t));
    bool clips = o->clip_norm > 0 && norm > o->clip_norm;
    return (struct rule){ .scale = clips ? (float)(o->clip_norm / norm) : 1,
                          .rate = (float)corrected,
                          .keep = (float)(1 - rate * o->weight_decay),
                          .momentum = (float)o->momentum };
}

/* Without clipping one sweep does everything; with it, the step waits for the norm. */
static double step(struct optimizer *o, struct net *n, size_t n_shard, double rate)
{
    size_t n_task = n->n_piece;
    bool clips = o->clip_norm > 0;
    struct sweep s = { .o = o, .n = n, .n_shard = n_shard, .squares = true, .steps = !clips };
    double sum = 0;

    for (size_t k = 0; k < n->n_touched; k++)
        n_task += row_tasks(n->touched[k]->n);
    o->step++;
    n->prepared = false;
    if (clips && n_shard) {
        gradient_gather(n, n_shard);
        s.n_shard = 0;
    }
    s.rule = rule_of(o, rate, 0);
    workers_run(n->workers, n_task, sweep_task, &s);
    for (size_t i = 0; i < n_task; i++)
        sum += n->square[i];
    if (clips && isfinite(sum)) {
        s.rule = rule_of(o, rate, sqrt(sum));
        s.squares = false;
        s.steps = true;
        workers_run(n->workers, n_task, sweep_task, &s);
    }
    if (!isfinite(sum))
        o->step--;
    return sqrt(sum);
}

double optimizer_step(struct optimizer *o, struct net *n, double rate)
{
    return step(o, n, 0, rate);
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
    size_t n_shard = net_run_shards(n, b, draw);
    if (net_loss(n, b->n, 0, &out->loss, &out->right, e))
        return name_layer(n, b, draw, out->loss, e);
    out->gradient_norm = step(o, n, n_shard, rate);
    if (!isfinite(out->gradient_norm))
        err_set(e, ERR_DATA, "the gradients are not finite");
    else if (net_loss(n, b->n, gradient_penalty(n), &out->loss, &out->right, e) == 0)
        return 0;
    return name_layer(n, b, draw, out->loss, e);
}
