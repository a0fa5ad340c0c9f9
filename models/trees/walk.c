#include "models/trees/walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define PURE 0x80000000u

void walk_init(struct walk *w, const struct tree *tree)
{
    w->tree = tree;
    w->node = mem_aligned(tree->n_node, sizeof *w->node);
    for (size_t i = 0; i < tree->n_node; i++) {
        struct tree_node from = tree->node[i];
        struct walk_node *to = &w->node[i];
        *to = (struct walk_node){ from.threshold, from.child, from.feature & TREE_COLUMN,
                                  (from.feature & TREE_MISSING_LEFT) != 0 };
        if (!(from.feature & TREE_LEAF))
            continue;
        *to = (struct walk_node){ INFINITY, (uint32_t)i, 0, from.child };
        if (from.feature & TREE_PURE)
            to->extra |= PURE;
        else if (!(from.feature & TREE_SHARES))
            memcpy(&to->extra, &from.threshold, sizeof to->extra);
    }
}

void walk_release(struct walk *w)
{
    free(w->node);
    *w = (struct walk){ 0 };
}

static inline __attribute__((always_inline)) uint32_t
step(const struct walk_node *node, uint32_t at, const float *x, bool missing)
{
    const struct walk_node *here = node + at;
    float value = x[here->column];
    if (missing && isnan(value)) /* a leaf is its own left child */
        return here->child + (here->extra != 1 && here->child != at);
    return here->child + (value > here->threshold);
}

static inline void add_leaf(const struct walk *w, uint32_t at, size_t n_class, double *sum)
{
    uint32_t extra = w->node[at].extra;
    if (n_class == 0) {
        float value;
        memcpy(&value, &extra, sizeof value);
        *sum += (double)value;
    } else if (extra & PURE) {
        sum[extra & ~PURE] += 1;
    } else {
        const float *share = w->tree->share + extra * n_class;
        for (size_t k = 0; k < n_class; k++)
            sum[k] += (double)share[k];
    }
}

/* Eight rows go down side by side, so that the wait for one node is the work on seven others. With
 * `steps` they take so many, else they go down to their leaves. */
enum { LANES = 8, STEPS = 2 };
struct lanes {
    const float *x[LANES];
    uint32_t at[LANES];
};

static inline __attribute__((always_inline)) void
go_down(struct lanes *lanes, const struct walk_node *node, int steps, bool missing)
{
    struct lanes l = *lanes;
    uint32_t moving;
    do {
        for (int s = 0; s < (steps ? steps : STEPS); s++)
            for (int k = 0; k < LANES; k++)
                l.at[k] = step(node, l.at[k], l.x[k], missing);
        moving = 0;
        for (int k = 0; k < LANES && steps == 0; k++)
            moving |= node[l.at[k]].child ^ l.at[k];
    } while (moving);
    *lanes = l;
}

/* Rows in the order of the parts of the tree in which they are: a counting sort by the place of
 * their node, which stands near those below it. */
static void sort_by_place(const struct walk *w, const struct walk_room *room, size_t n)
{
    enum { PARTS = 2048 };
    size_t n_node = w->tree->n_node;
    uint32_t first[PARTS + 1] = { 0 };
    for (size_t i = 0; i < n; i++)
        first[(uint64_t)room->at[i] * PARTS / n_node + 1]++;
    for (int p = 0; p < PARTS; p++)
        first[p + 1] += first[p];
    for (size_t i = 0; i < n; i++)
        room->order[first[(uint64_t)room->at[i] * PARTS / n_node]++] = (uint32_t)i;
}

static inline __attribute__((always_inline)) void
walk_all(const struct walk *w, const struct walk_room *room, const float *x, size_t n, size_t ld,
         bool missing, size_t n_class, double *sum, size_t stride)
{
    enum { TOP = 10, AHEAD = 3 * LANES, LARGE = 1 << 14, LINE = 64 / sizeof(float) };
    bool sorts = w->tree->n_node >= LARGE && n >= LARGE / 16;
    for (size_t i = 0; i < n; i += LANES) {
        struct lanes l = { .at = { 0 } };
        for (size_t k = 0; k < LANES; k++)
            l.x[k] = x + (i + k < n ? i + k : i) * ld;
        if (sorts)
            go_down(&l, w->node, TOP, missing);
        else
            go_down(&l, w->node, 0, missing);
        for (size_t k = 0; k < LANES && i + k < n; k++) {
            if (sorts)
                room->at[i + k] = l.at[k];
            else
                add_leaf(w, l.at[k], n_class, sum + (i + k) * stride);
        }
    }
    if (!sorts)
        return;
    sort_by_place(w, room, n);
    for (size_t i = 0; i < n; i += LANES) {
        struct lanes l;
        for (size_t k = 0; k < LANES; k++) {
            uint32_t row = room->order[i + k < n ? i + k : i];
            l.x[k] = x + row * ld;
            l.at[k] = room->at[row];
            size_t ahead = i + k + AHEAD < n ? room->order[i + k + AHEAD] : row;
            for (size_t j = 0; j < ld && j < 4 * LINE; j += LINE)
                __builtin_prefetch(x + ahead * ld + j);
        }
        go_down(&l, w->node, 0, missing);
        for (size_t k = 0; k < LANES && i + k < n; k++)
            add_leaf(w, l.at[k], n_class, sum + room->order[i + k] * stride);
    }
}

void walk_add(const struct walk *w, const struct walk_room *room, const float *x, size_t n,
              size_t ld, bool missing, size_t n_class, double *sum, size_t stride)
{
    if (missing)
        walk_all(w, room, x, n, ld, true, n_class, sum, stride);
    else
        walk_all(w, room, x, n, ld, false, n_class, sum, stride);
}
