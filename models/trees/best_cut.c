/* The best threshold of a column: its values in order, the rows moved to the left one by one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/trees/grow_inner.h"

/** A value, as a whole number of the same order, and its place among the node's rows. */
struct sort_item {
    uint32_t key, at;
};

static float value_of(uint32_t key)
{
    uint32_t bits = key & 0x80000000u ? key & 0x7fffffffu : ~key;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void insertion_sort(struct sort_item *item, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct sort_item now = item[i];
        size_t j = i;
        for (; j > 0 && item[j - 1].key > now.key; j--)
            item[j] = item[j - 1];
        item[j] = now;
    }
}

/* Least significant digit first, 8 bits at a time; digits that all items share are skipped. */
static void radix_sort(struct sort_item *item, struct sort_item *spare, size_t n)
{
    struct sort_item *from = item, *to = spare;
    for (int shift = 0; shift < 32; shift += 8) {
        size_t place[256] = { 0 }, sum = 0;
        for (size_t i = 0; i < n; i++)
            place[from[i].key >> shift & 255]++;
        if (place[from[0].key >> shift & 255] == n)
            continue;
        for (int b = 0; b < 256; b++) {
            size_t here = place[b];
            place[b] = sum;
            sum += here;
        }
        for (size_t i = 0; i < n; i++)
            to[place[from[i].key >> shift & 255]++] = from[i];
        struct sort_item *swap = from;
        from = to;
        to = swap;
    }
    if (from != item)
        memcpy(item, from, n * sizeof *item);
}

static void move_left(struct grower *g, const struct scan_row *r)
{
    g->left.count++;
    g->left.weight += r->weight;
    if (g->data.n_class)
        g->left.class[r->class] += r->weight;
    else
        g->left.y += r->weight * r->y;
}

static void sweep(struct grower *g, const struct scan_row *row, size_t n, bool missing_left,
                  struct cut *best)
{
    const struct sort_item *item = g->item;
    bool gaps = g->gap.count > 0;
    g->left.count = missing_left ? g->gap.count : 0;
    g->left.weight = missing_left ? g->gap.weight : 0;
    g->left.y = missing_left ? g->gap.y : 0;
    for (size_t k = 0; k < g->n_present; k++)
        g->left.class[g->present[k]] = missing_left ? g->gap.class[g->present[k]] : 0;
    for (size_t i = 0; i < n; i++) {
        move_left(g, &row[item[i].at]);
        bool last = i + 1 == n;
        if (last ? !gaps || missing_left : item[i].key == item[i + 1].key)
            continue;
        double score = grow_cut_score(g);
        if (!(score > best->score))
            continue;
        float low = value_of(item[i].key);
        best->score = score;
        best->threshold = last ? low : tree_between(low, value_of(item[i + 1].key));
        best->missing_left = gaps ? missing_left : 2 * g->left.weight > g->all.weight;
    }
}

struct cut best_cut(struct grower *g, const struct scan_row *row, size_t n, uint32_t column)
{
    enum { SMALL = 64 };
    struct cut best = { .column = UINT32_MAX, .score = -(double)INFINITY };
    size_t there = 0;
    if (!g->item) {
        g->item = mem_calloc(g->data.n, sizeof *g->item);
        g->spare = mem_calloc(g->data.n, sizeof *g->spare);
    }
    for (size_t i = 0; i < n; i++) {
        float value = g->data.x[row[i].row * g->data.ld + column];
        g->item[there] = (struct sort_item){ tree_key(value), (uint32_t)i };
        there += isnan(value) ? 0 : 1;
    }
    if (there == 0)
        return best;
    if (there <= SMALL)
        insertion_sort(g->item, there);
    else
        radix_sort(g->item, g->spare, there);
    if (there == n && g->item[0].key == g->item[n - 1].key)
        return best;
    best.column = column;
    grow_sum_missing(g, row, there < n ? n : 0, column);
    sweep(g, row, there, false, &best);
    if (there < n)
        sweep(g, row, there, true, &best);
    return best;
}
