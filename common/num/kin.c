#include "num/kin.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/partition.h"
#include "num/rng.h"

static size_t root(size_t *parent, size_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]]; /* path halving */
    return i;
}

/* The smaller row is the root, so that groups are found in order of first appearance. */
static void join(size_t *parent, size_t a, size_t b)
{
    a = root(parent, a), b = root(parent, b);
    if (a < b)
        parent[b] = a;
    else
        parent[a] = b;
}

size_t kin_groups(const int32_t *const *key, size_t n_key, size_t n_row, size_t *out_group)
{
    size_t *parent = mem_calloc(n_row, sizeof *parent), *first = mem_calloc(n_row, sizeof *first);
    size_t n = 0;
    for (size_t i = 0; i < n_row; i++)
        parent[i] = i;
    for (size_t k = 0; k < n_key; k++) {
        memset(first, 0, n_row * sizeof *first); /* of each key: its first row + 1 */
        for (size_t i = 0; i < n_row; i++) {
            if (key[k][i] < 0)
                continue;
            size_t *at = &first[key[k][i]];
            if (*at)
                join(parent, *at - 1, i);
            else
                *at = i + 1;
        }
    }
    for (size_t i = 0; i < n_row; i++) {
        size_t r = root(parent, i);
        out_group[i] = r == i ? n++ : out_group[r];
    }
    free(first);
    free(parent);
    return n;
}

/* ---- dealing ---- */

struct bundle {
    size_t start, n; /* its rows in the sorted list */
    size_t chance;   /* place in a random order */
};

static int larger_first(const void *a, const void *b)
{
    const struct bundle *x = a, *y = b;
    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return (x->chance > y->chance) - (x->chance < y->chance);
}

/* A row and its group. */
struct member {
    size_t group, row;
};

static int by_group(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The rows, group by group, and where each group lies. Returns how many there are. */
static size_t make_bundles(const size_t *row, size_t n, const size_t *group, uint64_t seed,
                           size_t *sorted, struct bundle *out)
{
    struct member *member = mem_calloc(n, sizeof *member);
    size_t n_out = 0, *order;
    struct rng rng;
    for (size_t i = 0; i < n; i++)
        member[i] = (struct member){ group ? group[row[i]] : row[i], row[i] };
    qsort(member, n, sizeof *member, by_group);
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && member[k].group == member[i].group; k++)
            sorted[k] = member[k].row;
        out[n_out++] = (struct bundle){ .start = i, .n = k - i };
    }
    free(member);
    order = mem_calloc(n_out, sizeof *order);
    for (size_t i = 0; i < n_out; i++)
        order[i] = i;
    rng_init(&rng, seed, 0);
    rng_shuffle(&rng, order, n_out);
    for (size_t i = 0; i < n_out; i++)
        out[i].chance = order[i];
    free(order);
    qsort(out, n_out, sizeof *out, larger_first);
    return n_out;
}

/* What each side still lacks: rows of every class, and of all. */
struct lack {
    const int32_t *code;
    size_t n_class, n_side;
    double *of_class; /* (n_side, n_class) owned */
    double *of_all;   /* (n_side) owned */
    double *size;     /* (n_class) owned: rows of the class */
};

static size_t class_of(const struct lack *l, size_t row)
{
    return l->code ? (size_t)l->code[row] : 0;
}

static size_t choose(const struct lack *l, const double *share, const size_t *row, size_t n)
{
    const double close = 1e-9;
    size_t best = l->n_side;
    double most = 0;
    for (size_t k = 0; k < l->n_side; k++) {
        double score = 0;
        if (share[k] <= 0)
            continue;
        for (size_t i = 0; i < n; i++) {
            size_t c = class_of(l, row[i]);
            score += l->of_class[k * l->n_class + c] / l->size[c];
        }
        score /= (double)n;
        if (best == l->n_side || score > most + close ||
            (score > most - close && l->of_all[k] > l->of_all[best] + close)) {
            best = k;
            most = score;
        }
    }
    return best;
}

void kin_deal(uint8_t *side, const size_t *row, size_t n, const size_t *group, const int32_t *code,
              size_t n_class, const double *share, size_t n_side, uint64_t seed)
{
    struct lack l = { .code = code, .n_class = code ? n_class : 1, .n_side = n_side };
    size_t *sorted = mem_calloc(n, sizeof *sorted);
    struct bundle *bundle = mem_calloc(n, sizeof *bundle);
    size_t n_bundle = make_bundles(row, n, group, seed, sorted, bundle);

    l.of_class = mem_calloc(n_side * l.n_class, sizeof *l.of_class);
    l.of_all = mem_calloc(n_side, sizeof *l.of_all);
    l.size = mem_calloc(l.n_class, sizeof *l.size);
    for (size_t i = 0; i < n; i++)
        l.size[class_of(&l, row[i])]++;
    for (size_t k = 0; k < n_side; k++) {
        l.of_all[k] = share[k] * (double)n;
        for (size_t c = 0; c < l.n_class; c++)
            l.of_class[k * l.n_class + c] = share[k] * l.size[c];
    }
    for (size_t b = 0; b < n_bundle; b++) {
        const size_t *its = sorted + bundle[b].start;
        size_t k = choose(&l, share, its, bundle[b].n);
        for (size_t i = 0; i < bundle[b].n; i++) {
            side[its[i]] = (uint8_t)k;
            l.of_class[k * l.n_class + class_of(&l, its[i])]--;
        }
        l.of_all[k] -= (double)bundle[b].n;
    }
    free(l.size);
    free(l.of_all);
    free(l.of_class);
    free(bundle);
    free(sorted);
}

/* ---- given sides ---- */

size_t kin_settle(uint8_t *side, const size_t *group, size_t n_row)
{
    uint8_t *least = mem_calloc(n_row, 1); /* of each group: its earliest side */
    size_t n = 0;
    memset(least, PARTITION_SIDE_NOTHING, n_row);
    for (size_t i = 0; i < n_row; i++)
        if (side[i] < least[group[i]])
            least[group[i]] = side[i];
    for (size_t i = 0; i < n_row; i++) {
        if (side[i] == least[group[i]])
            continue;
        n += side[i] != PARTITION_SIDE_NOTHING;
        side[i] = PARTITION_SIDE_NOTHING;
    }
    free(least);
    return n;
}

size_t kin_leaks(const uint8_t *side, const int32_t *key, size_t n_row)
{
    uint8_t *least = mem_calloc(n_row, 1); /* of each key */
    size_t n = 0;
    memset(least, PARTITION_SIDE_NOTHING, n_row);
    for (size_t i = 0; i < n_row; i++)
        if (key[i] >= 0 && side[i] < least[key[i]])
            least[key[i]] = side[i];
    for (size_t i = 0; i < n_row; i++)
        n += key[i] >= 0 && side[i] != PARTITION_SIDE_NOTHING && side[i] > least[key[i]];
    free(least);
    return n;
}
