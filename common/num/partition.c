#include "num/partition.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/rng.h"

static const double ROUNDING = 1e-9; /* 0.1 * 30 is meant to be 3 */

void partition_shares(double share[N_PARTITION])
{
    double rest = 1 - share[PARTITION_TRAIN] - share[PARTITION_VALIDATION] - share[PARTITION_TEST];
    share[PARTITION_NOTHING] = rest > ROUNDING ? rest : 0;
}

/* Training must not end empty-handed because everything else was rounded up: take one from the
 * largest other side. */
static void give_training_one(size_t n, const double share[N_PARTITION], size_t size[N_PARTITION])
{
    int from = PARTITION_VALIDATION;
    if (n == 0 || size[PARTITION_TRAIN] || share[PARTITION_TRAIN] <= 0)
        return;
    for (int k = PARTITION_TEST; k < N_PARTITION; k++)
        if (size[k] > size[from])
            from = k;
    size[from]--;
    size[PARTITION_TRAIN]++;
}

static size_t at_most(double wanted, size_t limit)
{
    return wanted < (double)limit ? (size_t)wanted : limit;
}

void partition_sizes(size_t n, const double share[N_PARTITION], size_t out_size[N_PARTITION])
{
    double slack = ROUNDING * (double)n;
    size_t left = n;
    out_size[PARTITION_TEST] = at_most(ceil(share[PARTITION_TEST] * (double)n - slack), left);
    left -= out_size[PARTITION_TEST];
    out_size[PARTITION_VALIDATION] = at_most(ceil(share[PARTITION_VALIDATION] * (double)n - slack),
                                             left);
    left -= out_size[PARTITION_VALIDATION];
    out_size[PARTITION_TRAIN] = share[PARTITION_NOTHING] > 0
                                    ? at_most(floor(share[PARTITION_TRAIN] * (double)n + slack),
                                              left)
                                    : left;
    out_size[PARTITION_NOTHING] = left - out_size[PARTITION_TRAIN];
    give_training_one(n, share, out_size);
}

/* The first rows of the shuffled list go to training, the next to validation, and so on. */
static void hand_out(uint8_t *side, const size_t *row, const size_t size[N_PARTITION])
{
    static const uint8_t name[N_PARTITION] = { 0, 1, 2, PARTITION_SIDE_NOTHING };
    for (int k = 0; k < N_PARTITION; k++)
        for (size_t i = 0; i < size[k]; i++)
            side[*row++] = name[k];
}

void partition_random(uint8_t *side, const size_t *row, size_t n, const double share[N_PARTITION],
                      uint64_t seed)
{
    size_t size[N_PARTITION], *mixed = mem_calloc(n, sizeof *mixed);
    struct rng rng;
    if (n)
        memcpy(mixed, row, n * sizeof *mixed);
    rng_init(&rng, seed, 0);
    rng_shuffle(&rng, mixed, n);
    partition_sizes(n, share, size);
    hand_out(side, mixed, size);
    free(mixed);
}

struct timed {
    int64_t value;
    size_t row;
};

static int by_value(const void *a, const void *b)
{
    const struct timed *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The rows by their value, equal ones in their own order: (n), owned by the caller. */
static struct timed *in_order(const size_t *row, size_t n, const int64_t *value)
{
    struct timed *t = mem_calloc(n, sizeof *t);
    for (size_t k = 0; k < n; k++)
        t[k] = (struct timed){ value[row[k]], row[k] };
    qsort(t, n, sizeof *t, by_value);
    return t;
}

/* Rows *i to below `end` get a name, and those behind them that have the value of the last one. */
static void name_part(uint8_t *out, const struct timed *t, size_t n, size_t *i, size_t end,
                      uint8_t name)
{
    size_t first = *i;
    for (; *i < n && (*i < end || (*i > first && t[*i].value == t[*i - 1].value)); (*i)++)
        out[t[*i].row] = name;
}

void partition_ordered(uint8_t *side, const size_t *row, size_t n, const int64_t *value,
                       const double share[N_PARTITION])
{
    static const struct {
        int part;
        uint8_t name;
    } order[N_PARTITION] = { { PARTITION_NOTHING, PARTITION_SIDE_NOTHING },
                             { PARTITION_TRAIN, 0 },
                             { PARTITION_VALIDATION, 1 },
                             { PARTITION_TEST, 2 } };
    struct timed *t = in_order(row, n, value);
    size_t size[N_PARTITION], i = 0, end = 0;
    partition_sizes(n, share, size);
    for (int k = 0; k < N_PARTITION; k++) {
        end += size[order[k].part];
        name_part(side, t, n, &i, end, order[k].name);
    }
    free(t);
}

void partition_ordered_folds(uint8_t *fold, const size_t *row, size_t n, const int64_t *value,
                             size_t n_fold)
{
    struct timed *t = in_order(row, n, value);
    size_t size = n / (n_fold + 1), i = 0;
    for (size_t k = 0; k <= n_fold; k++)
        name_part(fold, t, n, &i, n - (n_fold - k) * size,
                  k ? (uint8_t)(k - 1) : (uint8_t)PARTITION_SIDE_NOTHING);
    free(t);
}

void partition_class_sizes(size_t n, const double share[N_PARTITION], double behind[N_PARTITION],
                           size_t out_size[N_PARTITION])
{
    double part[N_PARTITION];
    size_t given = 0;
    for (int k = 0; k < N_PARTITION; k++) {
        double wanted = share[k] * (double)n;
        out_size[k] = at_most(floor(wanted + ROUNDING), n - given);
        part[k] = wanted - (double)out_size[k];
        given += out_size[k];
    }
    for (; given < n; given++) {
        int best = 0;
        for (int k = 1; k < N_PARTITION; k++) {
            double gain = part[k] - part[best];
            if (gain > ROUNDING ||
                (gain >= -ROUNDING && part[k] > ROUNDING && behind[k] > behind[best] + ROUNDING))
                best = k;
        }
        out_size[best]++;
        part[best] -= 1;
    }
    give_training_one(n, share, out_size);
    for (int k = 0; k < N_PARTITION; k++)
        behind[k] += share[k] * (double)n - (double)out_size[k];
}

/* Rows grouped by class, each class shuffled: (n) into `out`, class c at start[c] .. start[c + 1].
 */
static void by_class(const size_t *row, size_t n, const int32_t *code, size_t n_class,
                     uint64_t seed, size_t *out, size_t *start)
{
    size_t *at = mem_calloc(n_class + 1, sizeof *at);
    for (size_t i = 0; i < n; i++)
        start[code[row[i]] + 1]++;
    for (size_t c = 0; c < n_class; c++)
        start[c + 1] += start[c];
    memcpy(at, start, (n_class + 1) * sizeof *at);
    for (size_t i = 0; i < n; i++)
        out[at[code[row[i]]]++] = row[i];
    for (size_t c = 0; c < n_class; c++) {
        struct rng rng;
        rng_init(&rng, seed, c + 1);
        rng_shuffle(&rng, out + start[c], start[c + 1] - start[c]);
    }
    free(at);
}

void partition_stratified(uint8_t *side, const size_t *row, size_t n, const int32_t *code,
                          size_t n_class, const double share[N_PARTITION], uint64_t seed)
{
    size_t *mixed = mem_calloc(n, sizeof *mixed), *start = mem_calloc(n_class + 1, sizeof *start);
    double behind[N_PARTITION] = { 0 };
    by_class(row, n, code, n_class, seed, mixed, start);
    for (size_t c = 0; c < n_class; c++) {
        size_t size[N_PARTITION];
        partition_class_sizes(start[c + 1] - start[c], share, behind, size);
        hand_out(side, mixed + start[c], size);
    }
    free(start);
    free(mixed);
}

void partition_balanced(uint8_t *side, const size_t *row, size_t n, const int32_t *code,
                        size_t n_class, size_t n_train, size_t n_validation, uint64_t seed,
                        uint8_t *out_short)
{
    size_t *mixed = mem_calloc(n, sizeof *mixed), *start = mem_calloc(n_class + 1, sizeof *start);
    by_class(row, n, code, n_class, seed, mixed, start);
    for (size_t c = 0; c < n_class; c++) {
        size_t has = start[c + 1] - start[c], size[N_PARTITION] = { 0 };
        size[PARTITION_TRAIN] = has < n_train ? has : n_train;
        has -= size[PARTITION_TRAIN];
        size[PARTITION_VALIDATION] = has < n_validation ? has : n_validation;
        size[PARTITION_TEST] = has - size[PARTITION_VALIDATION];
        out_short[c] = start[c + 1] > start[c] &&
                       size[PARTITION_TRAIN] + size[PARTITION_VALIDATION] < n_train + n_validation;
        hand_out(side, mixed + start[c], size);
    }
    free(start);
    free(mixed);
}
