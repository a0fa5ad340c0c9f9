#include "num/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/rng.h"

static const double ROUNDING = 1e-9; /* 0.1 * 30 is meant to be 3 */

void draw_shares(double share[N_DRAW])
{
    double rest = 1 - share[DRAW_TRAIN] - share[DRAW_VALIDATION] - share[DRAW_TEST];
    share[DRAW_NOTHING] = rest > ROUNDING ? rest : 0;
}

/* Training must not end empty-handed because everything else was rounded up: take one from the
 * largest other side. */
static void give_training_one(size_t n, const double share[N_DRAW], size_t size[N_DRAW])
{
    int from = DRAW_VALIDATION;
    if (n == 0 || size[DRAW_TRAIN] || share[DRAW_TRAIN] <= 0)
        return;
    for (int k = DRAW_TEST; k < N_DRAW; k++)
        if (size[k] > size[from])
            from = k;
    size[from]--;
    size[DRAW_TRAIN]++;
}

static size_t at_most(double wanted, size_t limit)
{
    return wanted < (double)limit ? (size_t)wanted : limit;
}

void draw_sizes(size_t n, const double share[N_DRAW], size_t out_size[N_DRAW])
{
    double slack = ROUNDING * (double)n;
    size_t left = n;
    out_size[DRAW_TEST] = at_most(ceil(share[DRAW_TEST] * (double)n - slack), left);
    left -= out_size[DRAW_TEST];
    out_size[DRAW_VALIDATION] = at_most(ceil(share[DRAW_VALIDATION] * (double)n - slack), left);
    left -= out_size[DRAW_VALIDATION];
    out_size[DRAW_TRAIN] = share[DRAW_NOTHING] > 0
                               ? at_most(floor(share[DRAW_TRAIN] * (double)n + slack), left)
                               : left;
    out_size[DRAW_NOTHING] = left - out_size[DRAW_TRAIN];
    give_training_one(n, share, out_size);
}

/* The first rows of the shuffled list go to training, the next to validation, and so on. */
static void hand_out(uint8_t *side, const size_t *row, const size_t size[N_DRAW])
{
    static const uint8_t name[N_DRAW] = { 0, 1, 2, DRAW_SIDE_NOTHING };
    for (int k = 0; k < N_DRAW; k++)
        for (size_t i = 0; i < size[k]; i++)
            side[*row++] = name[k];
}

void draw_random(uint8_t *side, const size_t *row, size_t n, const double share[N_DRAW],
                 uint64_t seed)
{
    size_t size[N_DRAW], *mixed = mem_calloc(n, sizeof *mixed);
    struct rng rng;
    if (n)
        memcpy(mixed, row, n * sizeof *mixed);
    rng_init(&rng, seed, 0);
    rng_shuffle(&rng, mixed, n);
    draw_sizes(n, share, size);
    hand_out(side, mixed, size);
    free(mixed);
}

void draw_class_sizes(size_t n, const double share[N_DRAW], double behind[N_DRAW],
                      size_t out_size[N_DRAW])
{
    double part[N_DRAW];
    size_t given = 0;
    for (int k = 0; k < N_DRAW; k++) {
        double wanted = share[k] * (double)n;
        out_size[k] = at_most(floor(wanted + ROUNDING), n - given);
        part[k] = wanted - (double)out_size[k];
        given += out_size[k];
    }
    for (; given < n; given++) {
        int best = 0;
        for (int k = 1; k < N_DRAW; k++) {
            double gain = part[k] - part[best];
            if (gain > ROUNDING ||
                (gain >= -ROUNDING && part[k] > ROUNDING && behind[k] > behind[best] + ROUNDING))
                best = k;
        }
        out_size[best]++;
        part[best] -= 1;
    }
    give_training_one(n, share, out_size);
    for (int k = 0; k < N_DRAW; k++)
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

void draw_stratified(uint8_t *side, const size_t *row, size_t n, const int32_t *code,
                     size_t n_class, const double share[N_DRAW], uint64_t seed)
{
    size_t *mixed = mem_calloc(n, sizeof *mixed), *start = mem_calloc(n_class + 1, sizeof *start);
    double behind[N_DRAW] = { 0 };
    by_class(row, n, code, n_class, seed, mixed, start);
    for (size_t c = 0; c < n_class; c++) {
        size_t size[N_DRAW];
        draw_class_sizes(start[c + 1] - start[c], share, behind, size);
        hand_out(side, mixed + start[c], size);
    }
    free(start);
    free(mixed);
}

void draw_balanced(uint8_t *side, const size_t *row, size_t n, const int32_t *code, size_t n_class,
                   size_t n_train, size_t n_validation, uint64_t seed, uint8_t *out_short)
{
    size_t *mixed = mem_calloc(n, sizeof *mixed), *start = mem_calloc(n_class + 1, sizeof *start);
    by_class(row, n, code, n_class, seed, mixed, start);
    for (size_t c = 0; c < n_class; c++) {
        size_t has = start[c + 1] - start[c], size[N_DRAW] = { 0 };
        size[DRAW_TRAIN] = has < n_train ? has : n_train;
        has -= size[DRAW_TRAIN];
        size[DRAW_VALIDATION] = has < n_validation ? has : n_validation;
        size[DRAW_TEST] = has - size[DRAW_VALIDATION];
        out_short[c] = start[c + 1] > start[c] &&
                       size[DRAW_TRAIN] + size[DRAW_VALIDATION] < n_train + n_validation;
        hand_out(side, mixed + start[c], size);
    }
    free(start);
    free(mixed);
}
