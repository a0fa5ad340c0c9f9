#include "models/trees/boost_tree.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

/** Sums over the rows of a leaf in one bin. */
struct bin_sum {
    double g, h;
    size_t n;
};

struct bin_cut {
    double gain; /* 0: none */
    size_t bin;  /* the last one on the left */
    bool missing_left;
};

struct boost_leaf {
    size_t begin, end, depth;
    uint32_t node;
    double g, h;
    struct bin_sum *sum; /* (d, BINS) */
    struct bin_cut cut;
    uint32_t column;
};

struct boost_grower {
    const struct bins *bins;
    struct boost_tree_options options;
    int threads;
    uint32_t *row, *other; /* (n) */
    float *pair;           /* (n, 2) derivatives of the rows of a leaf, in their order */
    const float *gradient, *hessian;
    struct boost_leaf *leaf;          /* (max_leaves) */
    struct bin_cut *cut;              /* (2, d) */
    struct boost_leaf *small, *large; /* the two that are looked at; large may be NULL */
};

struct boost_grower *boost_grower_new(const struct bins *bins,
                                      const struct boost_tree_options *options, int threads)
{
    struct boost_grower *g = mem_calloc(1, sizeof *g);
    g->bins = bins;
    g->options = *options;
    g->threads = threads;
    g->row = mem_calloc(bins->n, sizeof *g->row);
    g->other = mem_calloc(bins->n, sizeof *g->other);
    g->pair = mem_calloc(bins->n, 2 * sizeof *g->pair);
    g->leaf = mem_calloc(options->max_leaves, sizeof *g->leaf);
    g->cut = mem_calloc(2 * bins->d, sizeof *g->cut);
    return g;
}

void boost_grower_free(struct boost_grower *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->options.max_leaves; i++)
        free(g->leaf[i].sum);
    free(g->row);
    free(g->other);
    free(g->pair);
    free(g->leaf);
    free(g->cut);
    free(g);
}

/* ---- cuts ---- */

static double score(const struct boost_grower *g, double gradient, double hessian)
{
    return gradient * gradient / (hessian + g->options.l2);
}

/* Bins from low to high move to the left; those of missing values are there already, or never. */
static void sweep(const struct boost_grower *g, const struct boost_leaf *leaf, size_t column,
                  bool missing_left, struct bin_cut *best)
{
    enum { SMALLEST = 1000 }; /* 1 / the least sum of second derivatives */
    const struct bin_sum *sum = leaf->sum + column * BINS, *missing = &sum[BIN_MISSING];
    size_t total = leaf->end - leaf->begin, min = g->options.min_leaf,
           n_edge = g->bins->n_edge[column];
    struct bin_sum left = { 0 };
    double parent = score(g, leaf->g, leaf->h);
    if (missing_left)
        left = *missing;
    for (size_t b = 0; b <= n_edge; b++) {
        left.g += sum[b].g;
        left.h += sum[b].h;
        left.n += sum[b].n;
        size_t right = total - left.n;
        double h = leaf->h - left.h;
        if (sum[b].n == 0 || left.n < min || right < min || left.h * SMALLEST < 1 ||
            h * SMALLEST < 1 || (b == n_edge && (missing_left || missing->n == 0)))
            continue;
        double gain = score(g, left.g, left.h) + score(g, leaf->g - left.g, h) - parent;
        if (gain > best->gain)
            *best = (struct bin_cut){ gain, b, missing->n ? missing_left : 2 * left.n > total };
    }
}

static struct bin_cut best_of_column(const struct boost_grower *g, const struct boost_leaf *leaf,
                                     size_t column)
{
    struct bin_cut best = { 0 };
    sweep(g, leaf, column, false, &best);
    if (leaf->sum[column * BINS + BIN_MISSING].n)
        sweep(g, leaf, column, true, &best);
    return best;
}

/* Sums of the small leaf, and of the large one, which holds those of both. */
static void look_at_column(void *ctx, int worker, size_t j)
{
    struct boost_grower *g = ctx;
    struct boost_leaf *small = g->small, *large = g->large;
    struct bin_sum *sum = small->sum + j * BINS;
    const uint8_t *bin = g->bins->bin + j * g->bins->n;
    (void)worker;
    memset(sum, 0, BINS * sizeof *sum);
    for (size_t i = small->begin; i < small->end; i++) {
        struct bin_sum *s = &sum[bin[g->row[i]]];
        s->g += (double)g->pair[2 * i];
        s->h += (double)g->pair[2 * i + 1];
        s->n++;
    }
    g->cut[j] = best_of_column(g, small, j);
    if (!large)
        return;
    struct bin_sum *rest = large->sum + j * BINS;
    for (size_t b = 0; b < BINS; b++) {
        rest[b].g -= sum[b].g;
        rest[b].h -= sum[b].h;
        rest[b].n -= sum[b].n;
    }
    g->cut[g->bins->d + j] = best_of_column(g, large, j);
}

static void choose(const struct boost_grower *g, struct boost_leaf *leaf, const struct bin_cut *cut)
{
    const struct boost_tree_options *o = &g->options;
    leaf->cut = (struct bin_cut){ 0 };
    if (o->max_depth && leaf->depth >= o->max_depth)
        return;
    for (size_t j = 0; j < g->bins->d; j++)
        if (cut[j].gain > leaf->cut.gain) {
            leaf->cut = cut[j];
            leaf->column = (uint32_t)j;
        }
}

static void look_at(struct boost_grower *g, struct boost_leaf *small, struct boost_leaf *large)
{
    enum { WORTH_THREADS = 1 << 16 };
    size_t d = g->bins->d, n = small->end - small->begin;
    for (size_t i = small->begin; i < small->end; i++) {
        g->pair[2 * i] = g->gradient[g->row[i]];
        g->pair[2 * i + 1] = g->hessian[g->row[i]];
    }
    g->small = small;
    g->large = large;
    parallel_for(n * d < WORTH_THREADS ? 1 : g->threads, d, look_at_column, g);
    choose(g, small, g->cut);
    if (large)
        choose(g, large, g->cut + d);
}

/* ---- the tree ---- */

static void sum_leaf(const struct boost_grower *g, struct boost_leaf *leaf)
{
    leaf->g = leaf->h = 0;
    for (size_t i = leaf->begin; i < leaf->end; i++) {
        leaf->g += (double)g->gradient[g->row[i]];
        leaf->h += (double)g->hessian[g->row[i]];
    }
}

static size_t part(struct boost_grower *g, const struct boost_leaf *leaf)
{
    const uint8_t *bin = g->bins->bin + leaf->column * g->bins->n;
    uint32_t *row = g->row + leaf->begin;
    size_t n = leaf->end - leaf->begin, n_left = 0, n_right = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t here = row[i];
        bool left = bin[here] == BIN_MISSING ? leaf->cut.missing_left : bin[here] <= leaf->cut.bin;
        row[n_left] = here;
        g->other[n_right] = here;
        n_left += left;
        n_right += !left;
    }
    memcpy(row + n_left, g->other, n_right * sizeof *row);
    return leaf->begin + n_left;
}

static void make_children(const struct boost_grower *g, const struct boost_leaf *leaf,
                          struct tree *t)
{
    size_t n_edge = g->bins->n_edge[leaf->column];
    uint32_t child = (uint32_t)t->n_node;
    t->node = mem_grow(t->node, t->n_node++, sizeof *t->node);
    t->node = mem_grow(t->node, t->n_node++, sizeof *t->node);
    t->node[leaf->node] = (struct tree_node){
        .threshold = leaf->cut.bin < n_edge
                         ? g->bins->edge[leaf->column * MAX_EDGES + leaf->cut.bin]
                         : INFINITY, /* all but the missing ones */
        .child = child,
        .feature = leaf->column | (leaf->cut.missing_left ? TREE_MISSING_LEFT : 0),
    };
}

/* The leaf becomes its left child, `right` the other one; with `look` their cuts are found. */
static void split(struct boost_grower *g, struct boost_leaf *leaf, struct boost_leaf *right,
                  struct tree *t, bool look)
{
    struct boost_leaf *left = leaf;
    size_t middle = part(g, leaf);
    make_children(g, leaf, t);
    struct bin_sum *spare = right->sum;
    *right = *leaf;
    right->sum = spare;
    right->begin = left->end = middle;
    left->node = t->node[leaf->node].child;
    right->node = left->node + 1;
    right->depth = ++left->depth;
    sum_leaf(g, left);
    sum_leaf(g, right);
    left->cut = right->cut = (struct bin_cut){ 0 };
    if (!look)
        return;
    bool left_is_small = left->end - left->begin <= right->end - right->begin;
    if (!right->sum)
        right->sum = mem_calloc(g->bins->d, BINS * sizeof *right->sum);
    if (left_is_small) { /* the sums of the parent go to the larger one */
        struct bin_sum *swap = left->sum;
        left->sum = right->sum;
        right->sum = swap;
    }
    look_at(g, left_is_small ? left : right, left_is_small ? right : left);
}

static struct boost_leaf *best_leaf(struct boost_grower *g, size_t n)
{
    struct boost_leaf *best = &g->leaf[0];
    for (size_t i = 1; i < n; i++)
        if (g->leaf[i].cut.gain > best->cut.gain)
            best = &g->leaf[i];
    return best;
}

static void finish(const struct boost_grower *g, const struct boost_leaf *leaf, struct tree *t,
                   double *sum, size_t stride)
{
    double h = leaf->h + g->options.l2;
    float value = h > 0 ? (float)(-leaf->g / h * g->options.learning_rate) : 0;
    t->node[leaf->node] = (struct tree_node){ .threshold = value, .feature = TREE_LEAF };
    for (size_t i = leaf->begin; i < leaf->end; i++)
        sum[g->row[i] * stride] += (double)value;
}

size_t boost_grower_run(struct boost_grower *g, const float *gradient, const float *hessian,
                        double *sum, size_t stride, struct tree *out, double *gain)
{
    struct tree t = { .node = mem_grow(NULL, 0, sizeof *t.node), .n_node = 1 };
    struct boost_leaf *root = &g->leaf[0];
    size_t n_leaf = 1, n = g->bins->n;
    g->gradient = gradient;
    g->hessian = hessian;
    for (size_t i = 0; i < n; i++)
        g->row[i] = (uint32_t)i;
    *root = (struct boost_leaf){ .end = n, .sum = root->sum };
    if (!root->sum)
        root->sum = mem_calloc(g->bins->d, BINS * sizeof *root->sum);
    sum_leaf(g, root);
    look_at(g, root, NULL);
    while (n_leaf < g->options.max_leaves) {
        struct boost_leaf *leaf = best_leaf(g, n_leaf);
        if (!(leaf->cut.gain > 0))
            break;
        gain[leaf->column] += leaf->cut.gain;
        split(g, leaf, &g->leaf[n_leaf], &t, n_leaf + 1 < g->options.max_leaves);
        n_leaf++;
    }
    for (size_t i = 0; i < n_leaf; i++)
        finish(g, &g->leaf[i], &t, sum, stride);
    t.node = mem_realloc(t.node, t.n_node, sizeof *t.node);
    *out = t;
    return n_leaf - 1;
}
