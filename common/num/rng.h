#ifndef NUM_RNG_H
#define NUM_RNG_H

#include <stddef.h>
#include <stdint.h>

/**
 * Pseudo-random numbers: xoshiro256** 1.0 (Blackman & Vigna, ACM TOMS 47:4, 2021), seeded by
 * SplitMix64. The same seed and stream give the same numbers on every machine; two streams of one
 * seed are independent for our purposes.
 */
struct rng {
    uint64_t s[4];
};

void rng_init(struct rng *r, uint64_t seed, uint64_t stream);
uint64_t rng_u64(struct rng *r);

/** Uniform on 0 .. n - 1, n >= 1, without bias (Lemire, ACM TOMACS 29:1, 2019). */
uint64_t rng_below(struct rng *r, uint64_t n);

/** Uniform on [0, 1) with 53 random bits. */
double rng_uniform(struct rng *r);

/** Standard normal by the polar method (Marsaglia & Bray, SIAM Review 6, 1964). */
double rng_normal(struct rng *r);

/** Fisher-Yates shuffle of n indices. */
void rng_shuffle(struct rng *r, size_t *index, size_t n);

#endif
