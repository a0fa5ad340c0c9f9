#include "models/trees/forest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "models/trees/class_counts.h"
#include "models/trees/walk.h"

size_t forest_stride(size_t d)
{
    size_t B = SCAN_BLOCK;
    return (d + B - 1) / B * B;
}

void forest_release(struct forest *f)
{
    for (size_t t = 0; t < f->n_tree; t++)
        tree_release(&f->tree[t]);
    free(f->tree);
    free(f->base);
    *f = (struct forest){ 0 };
}

void forest_report_release(struct forest_report *r)
{
    free(r->importance);
    free(r->oob);
    *r = (struct forest_report){ 0 };
}

/* ---- fit ---- */

struct fitting {
    const struct grow_data *data;
    const double *weight;
    const struct forest_options *options;
    struct grower **grower; /* (threads) */
    double **bag;           /* (threads) (n) weights of the drawn rows */
    struct tree *tree;
    double *gain;      /* (n_tree, d) */
    uint64_t *outside; /* (n_tree, words) bits of the rows that a tree has not seen */
    size_t words;
};

/* Weights of n rows drawn with replacement. */
static void draw_bag(const struct fitting *f, size_t t, struct rng *rng, double *bag)
{
    size_t n = f->data->n;
    memset(bag, 0, n * sizeof *bag);
    for (size_t i = 0; i < n; i++)
        bag[rng_below(rng, n)]++;
    for (size_t i = 0; i < n; i++) {
        if (f->outside && bag[i] == 0)
            f->outside[t * f->words + i / 64] |= (uint64_t)1 << i % 64;
        bag[i] *= f->weight ? f->weight[i] : 1;
    }
}

static bool is_empty(const double *bag, size_t n)
{
    size_t i = 0;
    while (i < n && bag[i] <= 0)
        i++;
    return i == n;
}

static void fit_tree(void *ctx, int worker, size_t t)
{
    struct fitting *f = ctx;
    const double *weight = f->weight;
    struct rng rng;
    rng_init(&rng, f->options->seed, t + 1);
    if (!f->grower[worker])
        f->grower[worker] = grower_new(f->data, &f->options->grow);
    if (f->options->bootstrap) {
        if (!f->bag[worker])
            f->bag[worker] = mem_calloc(f->data->n, sizeof **f->bag);
        draw_bag(f, t, &rng, f->bag[worker]);
        if (!is_empty(f->bag[worker], f->data->n)) /* only rows of weight 0: then all rows */
            weight = f->bag[worker];
    }
    grower_run(f->grower[worker], weight, &rng, &f->tree[t], f->gain + t * f->data->d);
}

static void sum_importance(const struct fitting *f, double *out)
{
    size_t d = f->data->d, n_tree = f->options->n_tree;
    double total = 0;
    for (size_t t = 0; t < n_tree; t++) {
        const double *gain = f->gain + t * d;
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += gain[j];
        for (size_t j = 0; j < d && sum > 0; j++)
            out[j] += gain[j] / sum;
        total += sum > 0;
    }
    for (size_t j = 0; j < d && total > 0; j++)
        out[j] /= total;
}

/* A block of rows of which each is predicted by the trees that have not seen it. */
struct outside {
    const struct fitting *f;
    float *out;
    size_t n_output;
};
enum { OOB_ROWS = 1024 };

static void predict_outside(void *ctx, int worker, size_t block)
{
    const struct outside *o = ctx;
    const struct fitting *f = o->f;
    const struct grow_data *data = f->data;
    size_t C = o->n_output, first = block * OOB_ROWS;
    (void)worker;
    double *sum = mem_calloc(C, sizeof *sum);
    for (size_t i = first; i < data->n && i < first + OOB_ROWS; i++) {
        size_t n = 0;
        memset(sum, 0, C * sizeof *sum);
        for (size_t t = 0; t < f->options->n_tree; t++) {
            if (!(f->outside[t * f->words + i / 64] >> i % 64 & 1))
                continue;
            tree_add(&f->tree[t], data->x + i * data->ld, 1, data->ld, data->n_class, sum, C);
            n++;
        }
        for (size_t k = 0; k < C; k++)
            o->out[i * C + k] = n ? (float)(sum[k] / (double)n) : NAN;
    }
    free(sum);
}

/* Columns one after the other. Owned by the caller. */
static float *turn(const struct grow_data *data)
{
    enum { ROWS = 256 };
    size_t n = data->n, d = data->d;
    float *out = mem_aligned_raw(d, n * sizeof *out);
    for (size_t first = 0; first < n; first += ROWS)
        for (size_t j = 0; j < d; j++)
            for (size_t i = first; i < n && i < first + ROWS; i++)
                out[j * n + i] = data->x[i * data->ld + j];
    return out;
}

void forest_fit(struct forest *out, struct forest_report *report, const struct grow_data *data,
                const double *weight, const struct forest_options *options, int threads)
{
    size_t n_tree = options->n_tree, C = data->n_class ? data->n_class : 1;
    struct grow_data turned = *data;
    float *column = counts_suits(data, &options->grow) ? turn(data) : NULL;
    turned.column = column;
    struct fitting f = { .data = &turned, .weight = weight, .options = options };
    f.words = (data->n + 63) / 64;
    f.grower = mem_calloc((size_t)threads, sizeof(struct grower *));
    f.bag = mem_calloc((size_t)threads, sizeof(double *));
    f.tree = mem_calloc(n_tree, sizeof *f.tree);
    f.gain = mem_calloc(n_tree, data->d * sizeof *f.gain);
    if (options->bootstrap && options->oob)
        f.outside = mem_calloc(n_tree, f.words * sizeof *f.outside);
    parallel_for(threads, n_tree, fit_tree, &f);
    for (int i = 0; i < threads; i++) {
        grower_free(f.grower[i]);
        free(f.bag[i]);
    }
    report->importance = mem_calloc(data->d, sizeof *report->importance);
    sum_importance(&f, report->importance);
    if (f.outside) {
        report->oob = mem_calloc(data->n, C * sizeof *report->oob);
        struct outside o = { .f = &f, .out = report->oob, .n_output = C };
        parallel_for(threads, (data->n + OOB_ROWS - 1) / OOB_ROWS, predict_outside, &o);
    }
    *out = (struct forest){ .tree = f.tree,
                            .n_tree = n_tree,
                            .d = data->d,
                            .n_class = data->n_class,
                            .n_output = C,
                            .base = mem_calloc(C, sizeof *out->base),
                            .mean = true };
    free(f.grower);
    free(f.bag);
    free(column);
    free(f.gain);
    free(f.outside);
}

/* ---- predict ---- */

enum { BLOCK_BYTES = 1 << 23, MIN_BLOCK = 64, MAX_BLOCK = 1 << 16 };

struct forest_scratch {
    int threads;
    size_t n_tree;
    struct walk *walk;      /* (n_tree) */
    size_t block;           /* rows */
    uint32_t **x;           /* (threads) (block, walk_stride) */
    double **sum;           /* (threads) (block, n_output) */
    struct walk_room *room; /* (threads) */
};

struct laying {
    const struct forest *f;
    struct walk *walk;
};

static void lay_out(void *ctx, int worker, size_t t)
{
    const struct laying *l = ctx;
    (void)worker;
    walk_init(&l->walk[t], &l->f->tree[t], l->f->d);
}

struct forest_scratch *forest_scratch_new(const struct forest *f, int threads)
{
    struct forest_scratch *s = mem_calloc(1, sizeof *s);
    size_t ld = walk_stride(f->d), C = f->n_output;
    s->threads = threads;
    s->n_tree = f->n_tree;
    s->walk = mem_calloc(f->n_tree, sizeof *s->walk);
    struct laying l = { f, s->walk };
    parallel_for(threads, f->n_tree, lay_out, &l);
    s->block = BLOCK_BYTES / (ld * sizeof **s->x + C * sizeof(double));
    s->block = s->block < MIN_BLOCK ? MIN_BLOCK : s->block > MAX_BLOCK ? MAX_BLOCK : s->block;
    s->room = mem_calloc((size_t)threads, sizeof *s->room);
    s->x = mem_calloc((size_t)threads, sizeof(uint32_t *));
    s->sum = mem_calloc((size_t)threads, sizeof(double *));
    for (int i = 0; i < threads; i++) {
        s->x[i] = mem_aligned(s->block, ld * sizeof **s->x);
        s->sum[i] = mem_calloc(s->block, C * sizeof **s->sum);
        s->room[i].at = mem_calloc(s->block, sizeof(uint32_t));
        s->room[i].order = mem_calloc(s->block, sizeof(uint32_t));
    }
    return s;
}

void forest_scratch_free(struct forest_scratch *s)
{
    for (int i = 0; s && i < s->threads; i++) {
        free(s->x[i]);
        free(s->sum[i]);
        free(s->room[i].at);
        free(s->room[i].order);
    }
    for (size_t t = 0; s && t < s->n_tree; t++)
        walk_release(&s->walk[t]);
    if (s) {
        free(s->walk);
        free(s->room);
        free(s->x);
        free(s->sum);
    }
    free(s);
}

struct running {
    const struct forest *f;
    struct forest_scratch *s;
    const double *x;
    const size_t *row;
    size_t n, block;
    float *out;
};

static void run_block(void *ctx, int worker, size_t block)
{
    const struct running *r = ctx;
    const struct forest *f = r->f;
    size_t d = f->d, ld = walk_stride(d), C = f->n_output, first = block * r->block;
    size_t n = r->n - first < r->block ? r->n - first : r->block;
    uint32_t *x = r->s->x[worker];
    double *sum = r->s->sum[worker], scale = f->mean ? (double)f->n_tree : 1;
    bool missing = false;
    for (size_t i = 0; i < n; i++) {
        missing |= walk_keys(x + i * ld, r->x + r->row[first + i] * d, d);
        memcpy(sum + i * C, f->base, C * sizeof *sum);
    }
    for (size_t t = 0; t < f->n_tree; t++)
        walk_add(&r->s->walk[t], &r->s->room[worker], x, n, ld, missing, f->n_class,
                 sum + (f->n_class ? 0 : t % C), C);
    for (size_t i = 0; i < n * C; i++)
        r->out[first * C + i] = (float)(sum[i] / scale);
}

void forest_run(const struct forest *f, struct forest_scratch *s, const double *x,
                const size_t *row, size_t n, float *out)
{
    size_t threads = (size_t)s->threads, n_block = (n + s->block - 1) / s->block;
    if (n >= MIN_BLOCK * threads) /* as many for every thread */
        n_block = (n_block + threads - 1) / threads * threads;
    if (n == 0)
        return;
    struct running r = { f, s, x, row, n, (n + n_block - 1) / n_block, out };
    parallel_for(threads < n_block ? s->threads : (int)n_block, (n + r.block - 1) / r.block,
                 run_block, &r);
}
