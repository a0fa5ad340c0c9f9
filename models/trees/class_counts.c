#include "models/trees/class_counts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { FEW = 16, NEAR_BYTES = 1 << 20 }; /* classes; what a second cache holds */

struct class_counts {
    int32_t *row;            /* (n) in the order of the nodes; with them: */
    int32_t *class, *weight; /* (n) weight is NULL: all 1 */
    int32_t *spare;          /* (n) */
    float *value, *kept;     /* (n) of the column that is tried; of the best one so far */
    uint32_t kept_column;
    /* Columns of the rows begin .. end - 1, so few that they stay in a cache, side by side; those
     * rows are numbered from 0 on. */
    float *near; /* (d, room) */
    size_t room, begin, end;
    struct cut *cut; /* (max_features) */
};

static struct class_counts *counts_new(const struct grower *g)
{
    size_t n = g->data.n + 2 * SCAN_BLOCK;
    struct class_counts *t = mem_calloc(1, sizeof *t);
    t->row = mem_calloc(n, sizeof *t->row);
    t->class = mem_calloc(n, sizeof *t->class);
    t->spare = mem_calloc(n, sizeof *t->spare);
    t->value = mem_calloc(n, sizeof *t->value);
    t->kept = mem_calloc(n, sizeof *t->kept);
    t->cut = mem_calloc(g->options.max_features, sizeof *t->cut);
    t->room = NEAR_BYTES / (g->data.d * sizeof *t->near);
    t->near = mem_aligned_raw(g->data.d, t->room * sizeof *t->near);
    return t;
}

void counts_free(struct class_counts *t)
{
    if (!t)
        return;
    void *owned[] = {
        t->row, t->class, t->weight, t->spare, t->value, t->kept, t->near, t->cut, t
    };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
}

static bool are_whole(const double *weight, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(weight[i] >= 0 && weight[i] <= INT32_MAX && weight[i] == floor(weight[i])))
            return false;
        sum += weight[i];
    }
    return sum <= INT32_MAX;
}

bool counts_suits(const struct grow_data *data, const struct grow_options *options)
{
    return data->n_class > 0 && data->n_class <= FEW && !options->best && data->n <= INT32_MAX;
}

size_t counts_begin(struct grower *g, const double *weight)
{
    const struct grow_data *data = &g->data;
    size_t n = 0;
    if (!data->column || (weight && !are_whole(weight, data->n)))
        return 0;
    if (!g->counts)
        g->counts = counts_new(g);
    struct class_counts *t = g->counts;
    t->begin = t->end = 0;
    if (weight && !t->weight)
        t->weight = mem_calloc(data->n + 2 * SCAN_BLOCK, sizeof *t->weight);
    for (size_t i = 0; i < data->n; i++) {
        t->row[n] = (int32_t)i;
        t->class[n] = data->class[i];
        if (t->weight)
            t->weight[n] = weight ? (int32_t)weight[i] : 1;
        n += !weight || weight[i] > 0;
    }
    return n;
}

bool counts_node(struct grower *g, size_t first, size_t n)
{
    enum { SIDES = 4 }; /* so that one sum need not wait for the one before */
    const struct class_counts *t = g->counts;
    const int32_t *class = t->class + first, *weight = t->weight ? t->weight + first : NULL;
    int32_t sum[SIDES][FEW] = { 0 };
    for (size_t i = 0; i < n; i++)
        sum[i % SIDES][class[i]] += weight ? weight[i] : 1;
    g->all.count = (double)n;
    g->all.weight = 0;
    g->n_present = 0;
    for (int32_t c = 0; c < (int32_t)g->data.n_class; c++) {
        g->all.class[c] = sum[0][c] + sum[1][c] + sum[2][c] + sum[3][c];
        g->all.weight += g->all.class[c];
        if (g->all.class[c] > 0)
            g->present[g->n_present++] = c;
    }
    return g->n_present > 1;
}

static const float *column_of(const struct grower *g, size_t first, uint32_t column)
{
    const struct class_counts *t = g->counts;
    return first >= t->begin && first < t->end ? t->near + column * t->room
                                               : g->data.column + column * g->data.n;
}

/* Some rows of the matrix into the columns, a line of the cache at a time. */
static void turn_rows(const struct grower *g, const int32_t *row, size_t n, float *near)
{
    enum { LINE = 16, MOST = 64 };
    size_t room = g->counts->room, ld = g->data.ld;
    const float *x = g->data.x;
    for (size_t i = 0; i < n; i++) /* those of the next call; behind the last row is room, too */
        for (size_t j = 0; j < ld && j < MOST; j += LINE)
            __builtin_prefetch(x + (size_t)row[i + SCAN_BLOCK] * ld + j, 0, 2);
    for (size_t j = 0; j < g->data.d; j++)
        for (size_t i = 0; i < n; i++)
            near[j * room + i] = x[(size_t)row[i] * ld + j];
}

/* Where the columns that the subtree of a node will try are more than there are, all of them are
 * brought together. */
static void come_near(struct grower *g, size_t first, size_t n)
{
    struct class_counts *t = g->counts;
    size_t levels = 0;
    if ((first >= t->begin && first < t->end) || n > t->room)
        return;
    while (n >> levels)
        levels++;
    if (g->options.max_features * levels < g->data.d)
        return;
    for (size_t i = 0; i < n; i += SCAN_BLOCK)
        turn_rows(g, t->row + first + i, n - i < SCAN_BLOCK ? n - i : SCAN_BLOCK, t->near + i);
    for (size_t i = 0; i < n; i++)
        t->row[first + i] = (int32_t)i;
    t->begin = first;
    t->end = first + n;
}

/* Values of a column in the node's rows into t->value; are there two of them? */
static bool take_column(struct grower *g, size_t first, size_t n, uint32_t column)
{
    struct class_counts *t = g->counts;
    scan_values(column_of(g, first, column), t->row + first, n, t->value, &g->lo[column],
                &g->hi[column]);
    g->missing[column] = 0;
    for (size_t i = 0; i < n && grow_has_gaps(g, column); i++)
        g->missing[column] += isnan(t->value[i]) ? 1 : 0;
    return !candidates_constant(g, column);
}

static void sum_left(struct grower *g, size_t first, size_t n, float threshold)
{
    const struct class_counts *t = g->counts;
    const int32_t *class = t->class + first, *weight = t->weight ? t->weight + first : NULL;
    struct grow_sum *left = &g->left;
    left->weight = 0;
    int32_t sum[FEW];
    scan_left_whole(t->value, class, weight, n, threshold, g->present, g->n_present, sum);
    for (size_t k = 0; k < g->n_present; k++) {
        left->class[g->present[k]] = sum[k];
        left->weight += sum[k];
    }
    left->count = weight ? scan_left_rows(t->value, n, threshold) : left->weight;
}

static void sum_missing(struct grower *g, size_t first, size_t n)
{
    const struct class_counts *t = g->counts;
    struct grow_sum *gap = &g->gap;
    gap->count = gap->weight = 0;
    for (size_t k = 0; k < g->n_present; k++)
        gap->class[g->present[k]] = 0;
    for (size_t i = 0; i < n; i++) {
        double weight = t->weight ? t->weight[first + i] : 1;
        if (!isnan(t->value[i]))
            continue;
        gap->count++;
        gap->weight += weight;
        gap->class[t->class[first + i]] += weight;
    }
}

/* The cut of the column whose values are in t->value. */
static struct cut try_cut(struct grower *g, size_t first, size_t n, uint32_t column,
                          float threshold)
{
    struct cut cut = { .column = column, .threshold = threshold };
    sum_left(g, first, n, threshold);
    if (g->missing[column])
        sum_missing(g, first, n);
    candidates_score(g, &cut);
    return cut;
}

struct cut counts_choose(struct grower *g, size_t first, size_t n, struct rng *rng)
{
    struct class_counts *t = g->counts;
    struct cut best = { .score = -(double)INFINITY };
    double most = -(double)INFINITY;
    size_t k = candidates_most(g, n), found = 0;
    t->kept_column = UINT32_MAX;
    come_near(g, first, n);
    for (size_t i = 0; i < g->data.d && found < k; i++) {
        uint32_t column = k == g->data.d ? (uint32_t)i : grow_column(g, i, rng);
        if (!take_column(g, first, n, column))
            continue;
        struct cut cut = try_cut(g, first, n, column, candidates_draw(g, column, rng));
        if (cut.score > most) {
            float *swap = t->kept;
            t->kept = t->value;
            t->value = swap;
            t->kept_column = column;
            most = cut.score;
        }
        t->cut[found++] = cut;
    }
    g->ties = 0;
    for (size_t j = 0; j < found; j++)
        grow_keep(g, &best, &t->cut[j], rng);
    return best;
}

static size_t part_words(int32_t *word, int32_t *spare, const float *value, size_t n,
                         const struct cut *cut)
{
    size_t n_left = 0, n_right = 0;
    for (size_t i = 0; i < n; i++) {
        bool left = grow_goes_left(value[i], cut);
        int32_t here = word[i];
        word[n_left] = here;
        spare[n_right] = here;
        n_left += left;
        n_right += !left;
    }
    memcpy(word + n_left, spare, n_right * sizeof *word);
    return n_left;
}

size_t counts_part(struct grower *g, size_t first, size_t n, const struct cut *cut)
{
    struct class_counts *t = g->counts;
    if (t->kept_column != cut->column) { /* another one that was as good */
        take_column(g, first, n, cut->column);
        memcpy(t->kept, t->value, n * sizeof *t->kept);
    }
    if (t->weight)
        part_words(t->weight + first, t->spare, t->kept, n, cut);
    part_words(t->class + first, t->spare, t->kept, n, cut);
    return part_words(t->row + first, t->spare, t->kept, n, cut);
}
