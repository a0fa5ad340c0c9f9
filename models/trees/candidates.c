/* Random thresholds: several columns are tried side by side. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "models/trees/grow_inner.h"

/* Ranges of all columns at once are cheaper than one by one where most are tried. */
static bool wants_all(const struct grower *g, size_t k)
{
    return g->data.d <= 64 || 8 * k >= g->data.d;
}

static void range_of(struct grower *g, const struct scan_row *row, size_t n, uint32_t column)
{
    scan_range_of(g->data.x, g->data.ld, row, n, column, &g->lo[column], &g->hi[column],
                  &g->missing[column]);
}

static void range_of_all(struct grower *g, const struct scan_row *row, size_t n)
{
    scan_range(g->data.x, g->data.ld, row, n, g->lo, g->hi);
    for (uint32_t j = 0; g->data.gaps && j < g->data.d; j++)
        if (g->data.gaps[j])
            range_of(g, row, n, j);
}

bool candidates_constant(const struct grower *g, uint32_t column)
{
    if (g->missing[column] && g->lo[column] <= g->hi[column])
        return false;
    return !(g->lo[column] < g->hi[column]);
}

float candidates_draw(const struct grower *g, uint32_t column, struct rng *rng)
{
    double lo = fmax((double)g->lo[column], -(double)FLT_MAX);
    double hi = fmin((double)g->hi[column], (double)FLT_MAX);
    float t = (float)(lo + rng_uniform(rng) * (hi - lo));
    return t < g->hi[column] && t >= g->lo[column] ? t : g->lo[column];
}

/* Columns in a random order until k that are not constant are found. */
static size_t draw_some(struct grower *g, const struct scan_row *row, size_t n, size_t k,
                        struct rng *rng)
{
    bool all = wants_all(g, k);
    size_t found = 0, d = g->data.d;
    if (all)
        range_of_all(g, row, n);
    for (size_t i = 0; i < d && found < k; i++) {
        uint32_t column = grow_column(g, i, rng);
        if (!all)
            range_of(g, row, n, column);
        if (candidates_constant(g, column))
            continue;
        g->column[found] = column;
        g->threshold[found++] = candidates_draw(g, column, rng);
    }
    return found;
}

static size_t draw_all(struct grower *g, const struct scan_row *row, size_t n, struct rng *rng)
{
    size_t found = 0;
    range_of_all(g, row, n);
    for (uint32_t j = 0; j < g->data.d; j++) {
        bool is = !candidates_constant(g, j);
        g->column[j] = j;
        g->threshold[j] = is ? candidates_draw(g, j, rng) : NAN;
        found += is;
    }
    return found ? g->data.d : 0;
}

static void take_left(struct grower *g, size_t j, size_t stride)
{
    g->left.count = g->count[j];
    if (g->data.n_class == 0) {
        g->left.weight = g->weight[j];
        g->left.y = g->y[j];
        return;
    }
    g->left.weight = 0;
    for (size_t k = 0; k < g->n_present; k++) {
        int32_t c = g->present[k];
        g->left.class[c] = g->class[(size_t)c * stride + j];
        g->left.weight += g->left.class[c];
    }
}

void candidates_score(struct grower *g, struct cut *cut)
{
    cut->missing_left = 2 * g->left.weight > g->all.weight;
    cut->score = grow_cut_score(g);
    if (!g->missing[cut->column])
        return;
    cut->missing_left = false;
    g->left.count += g->gap.count;
    g->left.weight += g->gap.weight;
    g->left.y += g->gap.y;
    for (size_t k = 0; k < g->n_present; k++)
        g->left.class[g->present[k]] += g->gap.class[g->present[k]];
    double score = grow_cut_score(g);
    if (score > cut->score) {
        cut->score = score;
        cut->missing_left = true;
    }
}

size_t candidates_most(const struct grower *g, size_t n)
{
    return n == 2 && !g->data.gaps ? 1 : g->options.max_features; /* all cuts of two are alike */
}

struct cut candidates_choose(struct grower *g, const struct scan_row *row, size_t n,
                             struct rng *rng)
{
    const struct grow_data *d = &g->data;
    struct cut best = { .score = -(double)INFINITY };
    size_t k = candidates_most(g, n);
    bool every = k == d->d;
    size_t found = every ? draw_all(g, row, n, rng) : draw_some(g, row, n, k, rng);
    size_t wide = (found + SCAN_BLOCK - 1) / SCAN_BLOCK * SCAN_BLOCK;
    for (size_t j = found; j < wide; j++) {
        g->column[j] = 0;
        g->threshold[j] = NAN;
    }
    if (found == 0)
        return best;
    const uint32_t *column = every ? NULL : g->column;
    if (d->n_class)
        scan_left_class(d->x, d->ld, row, n, column, g->threshold, wide, g->present, g->n_present,
                        g->count, g->class);
    else
        scan_left_y(d->x, d->ld, row, n, column, g->threshold, wide, g->count, g->weight, g->y);
    for (size_t j = 0; j < found; j++) {
        struct cut cut = { .column = g->column[j], .threshold = g->threshold[j] };
        if (isnan(cut.threshold))
            continue;
        take_left(g, j, wide);
        if (g->missing[cut.column])
            grow_sum_missing(g, row, n, cut.column);
        candidates_score(g, &cut);
        grow_keep(g, &best, &cut, rng);
    }
    return best;
}
