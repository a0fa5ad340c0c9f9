#include "num/paired.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "num/rng.h"

/** The differences that are not 0, and their sum. */
struct signs {
    double *d; /* (n) owned */
    size_t n;
    double sum, size; /* size: sum of |d| */
    uint64_t seed;
    double *drawn; /* (rounds) owned: sums under random signs */
};

/* Sums that differ by rounding are equal. */
static double slack(const struct signs *s)
{
    return 1e-12 * s->size;
}

static bool all_of_one_size(const struct signs *s)
{
    for (size_t i = 1; i < s->n; i++)
        if (fabs(s->d[i]) != fabs(s->d[0]))
            return false;
    return true;
}

/* Share of all 2^n signs with at most k of n positive. */
static double binomial_below(size_t k, size_t n)
{
    double sum = 0, all = (double)n * log(2), m = (double)n;
    for (size_t i = 0; i <= k; i++)
        sum += exp(lgamma(m + 1) - lgamma((double)i + 1) - lgamma(m - (double)i + 1) - all);
    return sum < 1 ? sum : 1;
}

static void sign_test(struct paired *out, const struct signs *s)
{
    size_t plus = 0;
    for (size_t i = 0; i < s->n; i++)
        plus += s->d[i] > 0;
    size_t fewer = plus < s->n - plus ? plus : s->n - plus;
    double both = 2 * binomial_below(fewer, s->n);
    out->p_worse = binomial_below(plus, s->n);
    out->p_value = both < 1 ? both : 1;
}

/* The sum with the signs of the bits of 64 rows at a time. */
static double random_sum(const struct signs *s, struct rng *r)
{
    double plus = 0;
    for (size_t i = 0; i < s->n; i += 64) {
        uint64_t bits = rng_u64(r);
        size_t end = s->n - i < 64 ? s->n : i + 64;
        for (size_t k = i; k < end; k++, bits >>= 1)
            plus += (double)(bits & 1) * s->d[k];
    }
    return 2 * plus - s->sum;
}

static void draw(void *ctx, int worker, size_t i)
{
    struct signs *s = ctx;
    struct rng r;
    (void)worker;
    rng_init(&r, s->seed, i + 1);
    s->drawn[i] = random_sum(s, &r);
}

static double sum_of_signs(const struct signs *s, size_t bits)
{
    double sum = 0;
    for (size_t k = 0; k < s->n; k++)
        sum += bits >> k & 1 ? s->d[k] : -s->d[k];
    return sum;
}

static void try_signs(struct paired *out, struct signs *s, int threads)
{
    size_t rounds = out->exact ? (size_t)1 << s->n : PAIRED_ROUNDS, low = 0, far = 0;
    s->drawn = mem_calloc(rounds, sizeof *s->drawn);
    if (out->exact)
        for (size_t i = 0; i < rounds; i++)
            s->drawn[i] = sum_of_signs(s, i);
    else
        parallel_for(threads, rounds, draw, s);
    for (size_t i = 0; i < rounds; i++) {
        low += s->drawn[i] <= s->sum + slack(s);
        far += fabs(s->drawn[i]) >= fabs(s->sum) - slack(s);
    }
    double more = out->exact ? 0 : 1;
    out->p_worse = ((double)low + more) / ((double)rounds + more);
    out->p_value = ((double)far + more) / ((double)rounds + more);
    free(s->drawn);
}

void paired_test(struct paired *out, const double *d, size_t n, uint64_t seed, int threads)
{
    struct signs s = { .d = mem_calloc(n + 1, sizeof *d), .seed = seed };
    for (size_t i = 0; i < n; i++) {
        if (d[i] == 0)
            continue;
        s.d[s.n++] = d[i];
        s.sum += d[i];
        s.size += fabs(d[i]);
    }
    bool one_size = all_of_one_size(&s);
    *out = (struct paired){ .n = n,
                            .n_differ = s.n,
                            .difference = n ? s.sum / (double)n : 0,
                            .p_value = 1,
                            .p_worse = 1,
                            .exact = one_size || s.n <= PAIRED_EXACT };
    if (s.n && one_size)
        sign_test(out, &s);
    else if (s.n)
        try_signs(out, &s, threads);
    free(s.d);
}
