#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/trees/class_counts.h"

/* ---- scratch ---- */

struct grower *grower_new(const struct grow_data *data, const struct grow_options *options)
{
    struct grower *g = mem_calloc(1, sizeof *g);
    size_t ld = data->ld, C = data->n_class;
    g->data = *data;
    g->options = *options;
    g->order = mem_calloc(data->d + 1, sizeof *g->order);
    g->lo = mem_calloc(ld, sizeof *g->lo);
    g->hi = mem_calloc(ld, sizeof *g->hi);
    g->missing = mem_calloc(ld, sizeof *g->missing);
    g->present = mem_calloc(C + 2, sizeof *g->present);
    g->all.class = mem_calloc(C + 1, sizeof(double));
    g->left.class = mem_calloc(C + 1, sizeof(double));
    g->right.class = mem_calloc(C + 1, sizeof(double));
    g->gap.class = mem_calloc(C + 1, sizeof(double));
    size_t B = SCAN_BLOCK, k = options->max_features;
    g->room = k == data->d ? ld : (k + B - 1) / B * B;
    g->column = mem_calloc(g->room, sizeof *g->column);
    g->threshold = mem_calloc(g->room, sizeof *g->threshold);
    g->count = mem_calloc(g->room, sizeof *g->count);
    g->weight = mem_calloc(g->room, sizeof *g->weight);
    g->y = mem_calloc(g->room, sizeof *g->y);
    g->class = mem_calloc(g->room, (C + 1) * sizeof *g->class);
    return g;
}

void grower_free(struct grower *g)
{
    if (!g)
        return;
    void *owned[] = { g->row,       g->other,       g->order,     g->lo,     g->hi,
                      g->missing,   g->present,     g->all.class, g->column, g->left.class,
                      g->gap.class, g->right.class, g->threshold, g->count,  g->weight,
                      g->y,         g->class,       g->item,      g->spare,  g };
    counts_free(g->counts);
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
}

/* ---- the criterion ---- */

/* x log x */
static double xlogx(double x)
{
    return x > 0 ? x * log(x) : 0;
}

double grow_score(const struct grower *g, const struct grow_sum *s)
{
    double sum = 0;
    if (s->weight <= 0)
        return 0;
    if (g->data.n_class == 0)
        return s->y * s->y / s->weight;
    if (g->options.criterion == GROW_ENTROPY) {
        for (size_t k = 0; k < g->n_present; k++)
            sum += xlogx(s->class[g->present[k]]);
        return sum - xlogx(s->weight);
    }
    for (size_t k = 0; k < g->n_present; k++)
        sum += s->class[g->present[k]] * s->class[g->present[k]];
    return sum / s->weight;
}

double grow_cut_score(struct grower *g)
{
    struct grow_sum *right = &g->right;
    size_t min = g->options.min_leaf;
    right->count = g->all.count - g->left.count;
    if (g->left.count < (double)min || right->count < (double)min)
        return -(double)INFINITY;
    right->weight = g->all.weight - g->left.weight;
    right->y = g->all.y - g->left.y;
    for (size_t k = 0; k < g->n_present; k++) {
        int32_t c = g->present[k];
        right->class[c] = g->all.class[c] - g->left.class[c];
    }
    return grow_score(g, &g->left) + grow_score(g, right);
}

void grow_keep(struct grower *g, struct cut *best, const struct cut *cut, struct rng *rng)
{
    if (!(cut->score > -(double)INFINITY) || cut->score < best->score)
        return;
    g->ties = cut->score > best->score ? 1 : g->ties + 1;
    if (g->ties == 1 || rng_below(rng, g->ties) == 0)
        *best = *cut;
}

static void clear_classes(const struct grower *g, struct grow_sum *s)
{
    for (size_t k = 0; k < g->n_present; k++)
        s->class[g->present[k]] = 0;
}

void grow_sum_missing(struct grower *g, const struct scan_row *row, size_t n, uint32_t column)
{
    struct grow_sum *s = &g->gap;
    clear_classes(g, s);
    s->count = s->weight = s->y = 0;
    for (size_t i = 0; i < n; i++) {
        if (!isnan(g->data.x[row[i].row * g->data.ld + column]))
            continue;
        s->count++;
        s->weight += row[i].weight;
        if (g->data.n_class)
            s->class[row[i].class] += row[i].weight;
        else
            s->y += row[i].weight * row[i].y;
    }
}

/* ---- the nodes ---- */

/* Sums of a node's rows into g->all; is there anything left to tell apart? */
static bool sum_node(struct grower *g, const struct scan_row *row, size_t n)
{
    struct grow_sum *s = &g->all;
    bool differs = false;
    clear_classes(g, s);
    g->n_present = 0;
    s->count = (double)n;
    s->weight = s->y = 0;
    for (size_t i = 0; i < n; i++) {
        s->weight += row[i].weight;
        if (g->data.n_class) {
            double *of_class = &s->class[row[i].class];
            if (*of_class == 0)
                g->present[g->n_present++] = row[i].class;
            *of_class += row[i].weight;
        } else {
            s->y += row[i].weight * row[i].y;
            differs |= row[i].y != row[0].y;
        }
    }
    return g->data.n_class ? g->n_present > 1 : differs;
}

uint32_t grow_column(struct grower *g, size_t i, struct rng *rng)
{
    size_t at = i + (size_t)rng_below(rng, g->data.d - i);
    uint32_t column = g->order[at];
    g->order[at] = g->order[i];
    g->order[i] = column;
    return column;
}

static struct cut choose(struct grower *g, const struct scan_row *row, size_t n, struct rng *rng)
{
    struct cut best = { .score = -(double)INFINITY };
    g->ties = 0;
    if (!g->options.best)
        return candidates_choose(g, row, n, rng);
    for (size_t i = 0, tried = 0; i < g->data.d && tried < g->options.max_features; i++) {
        uint32_t column = grow_column(g, i, rng);
        struct cut cut = best_cut(g, row, n, column);
        tried += cut.column == column; /* else it is constant */
        grow_keep(g, &best, &cut, rng);
    }
    return best;
}

/* Rows of the left side first, either side in its order; how many are left. */
static size_t part(struct grower *g, struct scan_row *row, size_t n, const struct cut *cut)
{
    size_t n_left = 0, n_right = 0;
    const float *x = g->data.x + cut->column;
    for (size_t i = 0; i < n; i++) {
        struct scan_row here = row[i];
        bool left = grow_goes_left(x[here.row * g->data.ld], cut);
        row[n_left] = here;
        g->other[n_right] = here;
        n_left += left;
        n_right += !left;
    }
    memcpy(row + n_left, g->other, n_right * sizeof *row);
    return n_left;
}

static struct tree_node leaf(struct grower *g, struct tree *t)
{
    size_t C = g->data.n_class;
    if (C == 0)
        return (struct tree_node){ .threshold = (float)(g->mean + g->all.y / g->all.weight),
                                   .feature = TREE_LEAF };
    if (g->n_present == 1)
        return (struct tree_node){ .child = (uint32_t)g->present[0],
                                   .feature = TREE_LEAF | TREE_PURE };
    t->share = mem_grow(t->share, t->n_share, C * sizeof *t->share);
    float *share = t->share + t->n_share * C;
    memset(share, 0, C * sizeof *share);
    for (size_t k = 0; k < g->n_present; k++)
        share[g->present[k]] = (float)(g->all.class[g->present[k]] / g->all.weight);
    return (struct tree_node){ .child = (uint32_t)t->n_share++,
                               .feature = TREE_LEAF | TREE_SHARES };
}

/** Rows of a node that is to be made. */
struct todo {
    size_t begin, end, depth;
    uint32_t node;
};

static bool may_split(const struct grower *g, size_t n, size_t depth)
{
    const struct grow_options *o = &g->options;
    return n >= o->min_split && n >= 2 * o->min_leaf && (o->max_depth == 0 || depth < o->max_depth);
}

static struct tree_node split(const struct cut *cut, struct tree *t)
{
    uint32_t child = (uint32_t)t->n_node;
    t->node = mem_grow(t->node, t->n_node++, sizeof *t->node);
    t->node = mem_grow(t->node, t->n_node++, sizeof *t->node);
    return (struct tree_node){ .threshold = cut->threshold,
                               .child = child,
                               .feature = cut->column |
                                          (cut->missing_left ? TREE_MISSING_LEFT : 0) };
}

static size_t begin(struct grower *g, const double *weight)
{
    size_t n = 0;
    double sum = 0, total = 0;
    if (!g->row) {
        g->row = mem_calloc(g->data.n, sizeof *g->row);
        g->other = mem_calloc(g->data.n, sizeof *g->other);
    }
    for (size_t i = 0; i < g->data.n; i++) {
        double w = weight ? weight[i] : 1;
        if (w <= 0)
            continue;
        struct scan_row *r = &g->row[n++];
        *r = (struct scan_row){ .row = (uint32_t)i, .weight = w };
        total += w;
        if (g->data.n_class)
            r->class = g->data.class[i];
        else
            sum += w * g->data.y[i];
    }
    g->mean = sum / total; /* squares of sums cancel less around it */
    for (size_t i = 0; i < n && g->data.n_class == 0; i++)
        g->row[i].y = g->data.y[g->row[i].row] - g->mean;
    return n;
}

void grower_run(struct grower *g, const double *weight, struct rng *rng, struct tree *out,
                double *gain)
{
    struct tree t = { .node = mem_grow(NULL, 0, sizeof *t.node), .n_node = 1 };
    struct todo *todo = mem_calloc(1, sizeof *todo);
    size_t n_todo = 1, C = g->data.n_class;
    for (size_t j = 0; j < g->data.d; j++)
        g->order[j] = (uint32_t)j; /* nothing is left of the tree before */
    todo[0].end = counts_begin(g, weight);
    bool whole = todo[0].end > 0;
    if (!whole)
        todo[0].end = begin(g, weight);
    while (n_todo) {
        struct todo now = todo[--n_todo];
        struct scan_row *row = whole ? NULL : g->row + now.begin;
        size_t n = now.end - now.begin;
        struct cut cut = { .score = -(double)INFINITY };
        bool differs = whole ? counts_node(g, now.begin, n) : sum_node(g, row, n);
        if (differs && may_split(g, n, now.depth))
            cut = whole ? counts_choose(g, now.begin, n, rng) : choose(g, row, n, rng);
        if (!(cut.score > -(double)INFINITY)) {
            t.node[now.node] = leaf(g, &t);
            continue;
        }
        double better = cut.score - grow_score(g, &g->all);
        gain[cut.column] += better > 0 ? better : 0;
        size_t middle = now.begin;
        middle += whole ? counts_part(g, now.begin, n, &cut) : part(g, row, n, &cut);
        struct tree_node made = split(&cut, &t);
        t.node[now.node] = made;
        todo = mem_grow(todo, n_todo, sizeof *todo);
        todo[n_todo++] = (struct todo){ middle, now.end, now.depth + 1, made.child + 1 };
        todo = mem_grow(todo, n_todo, sizeof *todo);
        todo[n_todo++] = (struct todo){ now.begin, middle, now.depth + 1, made.child };
    }
    free(todo);
    t.node = mem_realloc(t.node, t.n_node, sizeof *t.node);
    t.share = mem_realloc(t.share, t.n_share + 1, (C + !C) * sizeof *t.share);
    *out = t;
}
