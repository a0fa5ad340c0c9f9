#include "models/trees/walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define INLINE static inline __attribute__((always_inline))
#define PURE   0x80000000u /* key of a leaf: a class, else shares */
enum { TOP = 10 };         /* levels of which rows are sorted */

#define KEY_MISSING UINT32_MAX /* to the right of every threshold */

/* Of a link: the child stands in the low bits, so that a step adds to the link what it compares. */
enum { CHILD = (1 << 24) - 1, COLUMN = 25, MOST_COLUMNS = 1 << 7 };
#define MISSING_LEFT      (CHILD + 1u)
#define WIDE_MISSING_LEFT 0x80000000u

/* ---- keys ---- */

size_t walk_stride(size_t d)
{
    enum { LINE = 64 / sizeof(uint32_t) };
    return (d + LINE) / LINE * LINE; /* one more than d */
}

bool walk_keys(uint32_t *out, const double *x, size_t d)
{
    bool missing = false;
    for (size_t j = 0; j < d; j++) {
        bool gap = isnan(x[j]);
        out[j] = gap ? KEY_MISSING : tree_key((float)x[j]);
        missing |= gap;
    }
    out[d] = 0;
    return missing;
}

/* ---- layout ---- */

static uint32_t leaf_key(const struct tree_node *leaf)
{
    uint32_t bits;
    if (leaf->feature & TREE_PURE)
        return leaf->child | PURE;
    if (leaf->feature & TREE_SHARES)
        return leaf->child;
    memcpy(&bits, &leaf->threshold, sizeof bits);
    return bits;
}

/* Where each node goes: those of the first levels level by level, then the others in the order that
 * they have, in which a grown tree has every subtree in one piece. Owned by the caller. */
static uint32_t *find_places(struct walk *w, const struct tree *t)
{
    size_t n = t->n_node, n_leaf = 0, levels = 0, first[TOP + 2] = { 0 };
    uint32_t *place = mem_calloc(n, sizeof *place), *depth = place;
    for (size_t i = 0; i < n; i++) {
        const struct tree_node *node = &t->node[i];
        if (depth[i] <= TOP)
            first[depth[i] + 1]++;
        if (node->feature & TREE_LEAF) {
            levels += depth[i];
            n_leaf++;
        } else {
            depth[node->child] = depth[node->child + 1] = depth[i] + 1;
        }
    }
    for (int l = 0; l <= TOP; l++)
        first[l + 1] += first[l];
    w->n_top = first[TOP + 1];
    w->steps = levels / n_leaf;
    for (size_t i = 0; i < n; i++)
        place[i] = (uint32_t)first[depth[i] <= TOP ? depth[i] : TOP + 1]++;
    return place;
}

void walk_init(struct walk *w, const struct tree *tree, size_t d)
{
    size_t n = tree->n_node;
    bool wide = d >= MOST_COLUMNS || n > (size_t)CHILD + 1;
    *w = (struct walk){ .tree = tree, .n_node = n, .node = mem_aligned(n, sizeof *w->node) };
    if (wide)
        w->column = mem_aligned(n, sizeof *w->column);
    uint32_t *place = find_places(w, tree);
    for (size_t i = 0; i < n; i++) {
        struct tree_node from = tree->node[i];
        bool leaf = from.feature & TREE_LEAF, left = !leaf && (from.feature & TREE_MISSING_LEFT);
        uint32_t child = leaf ? place[i] : place[from.child];
        uint32_t column = leaf ? (uint32_t)d : from.feature & TREE_COLUMN;
        struct walk_node *to = &w->node[place[i]];
        to->key = leaf ? leaf_key(&from) : tree_key(from.threshold);
        if (wide) {
            to->link = child;
            w->column[place[i]] = column | (left ? WIDE_MISSING_LEFT : 0);
        } else {
            to->link = column << COLUMN | (left ? MISSING_LEFT : 0) | child;
        }
    }
    free(place);
}

void walk_release(struct walk *w)
{
    free(w->node);
    free(w->column);
    *w = (struct walk){ 0 };
}

/* ---- steps ---- */

/** A row on its way down. */
struct lane {
    uint32_t at, row;
};

/** What the steps of a tree read. */
struct down {
    const struct walk_node *node;
    const uint32_t *column, *x;
    size_t ld;
    bool missing, wide; /* known where it is compiled */
};

INLINE uint32_t child_of(const struct down *d, uint32_t at)
{
    return d->wide ? d->node[at].link : d->node[at].link & CHILD;
}

/* From a node to its child; of a narrow tree only the bits of CHILD tell which. */
INLINE uint32_t step(const struct down *d, uint32_t at, const uint32_t *x)
{
    at &= d->wide ? UINT32_MAX : CHILD;
    uint32_t link = d->node[at].link, column = d->wide ? d->column[at] : link;
    uint32_t value = x[d->wide ? column & ~WIDE_MISSING_LEFT : column >> COLUMN];
    if (d->missing) {
        bool left = column & (d->wide ? WIDE_MISSING_LEFT : MISSING_LEFT);
        value &= (uint32_t)(left & (value == KEY_MISSING)) - 1;
    }
    return link + (d->node[at].key < value);
}

/* Eight rows go down side by side, so that the wait for one node is the work on seven others. */
enum { LANES = 8, GROUP = 256, FEW = 4 };

INLINE void go_down(const struct down *d, struct lane *lane, size_t n, size_t steps)
{
    const uint32_t *x[LANES];
    uint32_t at[LANES];
    for (size_t k = 0; k < n; k++) {
        x[k] = d->x + lane[k].row * d->ld;
        at[k] = lane[k].at;
    }
    for (size_t s = 0; s < steps; s++)
        for (size_t k = 0; k < n; k++)
            at[k] = step(d, at[k], x[k]);
    for (size_t k = 0; k < n; k++)
        lane[k].at = at[k] & (d->wide ? UINT32_MAX : CHILD);
}

/** Where leaves are added. */
struct sums {
    const struct tree *tree;
    size_t n_class, stride;
    double *sum;
};

INLINE void add_leaf(const struct sums *to, uint32_t key, size_t row)
{
    double *sum = to->sum + row * to->stride;
    if (to->n_class == 0) {
        float value;
        memcpy(&value, &key, sizeof value);
        *sum += (double)value;
    } else if (key & PURE) {
        sum[key & ~PURE] += 1;
    } else {
        const float *share = to->tree->share + key * to->n_class;
        for (size_t k = 0; k < to->n_class; k++)
            sum[k] += (double)share[k];
    }
}

/** What comes after a group, fetched while it goes down. */
struct ahead {
    const uint32_t *row; /* (n) */
    size_t n;
    const char *node, *end;
};

enum { LINE = 64, MOST_LINES = 4, SECOND_CACHE = 2, FIRST_CACHE = 3 };

INLINE void fetch_row(const struct down *d, size_t row, int cache)
{
    const char *x = (const char *)(d->x + row * d->ld);
    for (size_t b = 0; b < d->ld * sizeof *d->x && b < MOST_LINES * LINE; b += LINE) {
        if (cache == SECOND_CACHE)
            __builtin_prefetch(x + b, 0, SECOND_CACHE);
        else
            __builtin_prefetch(x + b, 0, FIRST_CACHE);
    }
}

/* Into the second cache what the rows after this group read, into the first what the next eight of
 * this one do. */
INLINE void fetch(const struct down *d, const struct sums *to, const struct lane *next, size_t n,
                  const struct ahead *ahead, size_t chunk)
{
    enum { CHUNKS = GROUP / LANES, MOST = 8 };
    size_t lines = (size_t)(ahead->end - ahead->node) / LINE / CHUNKS + 1;
    lines = lines < MOST ? lines : MOST;
    for (size_t i = chunk * LANES; i < (chunk + 1) * LANES && i < ahead->n; i++) {
        fetch_row(d, ahead->row[i], SECOND_CACHE);
        __builtin_prefetch(to->sum + ahead->row[i] * to->stride, 1, SECOND_CACHE);
    }
    for (size_t i = chunk * lines; i < (chunk + 1) * lines && ahead->node + i * LINE < ahead->end;
         i++)
        __builtin_prefetch(ahead->node + i * LINE, 0, SECOND_CACHE);
    for (size_t k = 0; k < n; k++) {
        fetch_row(d, next[k].row, FIRST_CACHE);
        __builtin_prefetch(d->node + child_of(d, next[k].at), 0, FIRST_CACHE);
    }
}

/* Rows take some steps; those that are at a leaf then are added, the others packed. How many. */
INLINE size_t take_steps(const struct down *d, const struct sums *to, struct lane *live, size_t n,
                         size_t steps, const struct ahead *ahead)
{
    struct lane done[GROUP];
    size_t n_live = 0, n_done = 0;
    for (size_t i = 0; i < n; i += LANES) {
        size_t here = n - i < LANES ? n - i : LANES, left = n - i - here;
        if (ahead)
            fetch(d, to, live + i + here, left < LANES ? left : LANES, ahead, i / LANES);
        if (here == LANES)
            go_down(d, live + i, LANES, steps);
        else
            go_down(d, live + i, here, steps);
        for (size_t k = 0; k < here; k++) {
            struct lane l = live[i + k];
            bool moves = child_of(d, l.at) != l.at;
            live[n_live] = done[n_done] = l;
            n_live += moves;
            n_done += !moves;
        }
    }
    for (size_t i = 0; i < n_done; i++)
        add_leaf(to, d->node[done[i].at].key, done[i].row);
    return n_live;
}

/* ---- all rows ---- */

/* Rows in the order of the nodes of the first levels at which they are. */
static void sort_by_place(const struct walk *w, const struct walk_room *room, size_t n)
{
    uint32_t first[(2 << TOP) + 1] = { 0 };
    for (size_t i = 0; i < n; i++)
        first[room->at[i] + 1]++;
    for (size_t p = 0; p < w->n_top; p++)
        first[p + 1] += first[p];
    for (size_t i = 0; i < n; i++)
        room->order[first[room->at[i]]++] = (uint32_t)i;
}

/* Eight rows from the root on; behind the last row stands the first of them again. */
INLINE size_t start(struct lane *lane, size_t i, size_t n)
{
    size_t here = n - i < LANES ? n - i : LANES;
    for (size_t k = 0; k < LANES; k++)
        lane[k] = (struct lane){ 0, (uint32_t)(k < here ? i + k : i) };
    return here;
}

INLINE void walk_small(const struct down *d, size_t n, const struct sums *to)
{
    enum { STEPS = 2 };
    for (size_t i = 0; i < n; i += LANES) {
        struct lane lane[LANES];
        uint32_t moving;
        size_t here = start(lane, i, n);
        do {
            go_down(d, lane, LANES, STEPS);
            moving = 0;
            for (size_t k = 0; k < LANES; k++)
                moving |= child_of(d, lane[k].at) ^ lane[k].at;
        } while (moving);
        for (size_t k = 0; k < here; k++)
            add_leaf(to, d->node[lane[k].at].key, i + k);
    }
}

INLINE struct ahead after(const struct walk *w, const struct down *d, const struct walk_room *room,
                          size_t begin, size_t n)
{
    size_t m = n - begin < GROUP ? n - begin : GROUP, end = begin + m;
    size_t from = m ? child_of(d, room->at[room->order[begin]]) : 0;
    size_t until = end < n ? child_of(d, room->at[room->order[end]]) : w->n_node;
    return (struct ahead){ room->order + begin, m, (const char *)(d->node + from),
                           (const char *)(d->node + (until < from ? from : until)) };
}

INLINE void walk_large(const struct walk *w, const struct walk_room *room, const struct down *d,
                       size_t n, const struct sums *to)
{
    size_t steps = w->steps > TOP ? w->steps - TOP : 1;
    struct lane live[GROUP];
    for (size_t i = 0; i < n; i += LANES) {
        size_t here = start(live, i, n);
        go_down(d, live, LANES, TOP);
        for (size_t k = 0; k < here; k++)
            room->at[i + k] = live[k].at;
    }
    sort_by_place(w, room, n);
    for (size_t begin = 0; begin < n; begin += GROUP) {
        size_t m = n - begin < GROUP ? n - begin : GROUP;
        for (size_t i = 0; i < m; i++) {
            uint32_t row = room->order[begin + i];
            live[i] = (struct lane){ room->at[row], row };
        }
        struct ahead ahead = after(w, d, room, begin + m, n);
        m = take_steps(d, to, live, m, steps, &ahead);
        while (m)
            m = take_steps(d, to, live, m, FEW, NULL);
    }
}

INLINE void walk_all(const struct walk *w, const struct walk_room *room, const struct down *d,
                     size_t n, const struct sums *to)
{
    enum { LARGE = 1 << 14, MANY = 1 << 10 };
    if (w->n_node >= LARGE && n >= MANY)
        walk_large(w, room, d, n, to);
    else
        walk_small(d, n, to);
}

void walk_add(const struct walk *w, const struct walk_room *room, const uint32_t *x, size_t n,
              size_t ld, bool missing, size_t n_class, double *sum, size_t stride)
{
    struct sums to = { w->tree, n_class, stride, sum };
    if (w->column && missing)
        walk_all(w, room, &(struct down){ w->node, w->column, x, ld, true, true }, n, &to);
    else if (w->column)
        walk_all(w, room, &(struct down){ w->node, w->column, x, ld, false, true }, n, &to);
    else if (missing)
        walk_all(w, room, &(struct down){ w->node, NULL, x, ld, true, false }, n, &to);
    else
        walk_all(w, room, &(struct down){ w->node, NULL, x, ld, false, false }, n, &to);
}
