#ifndef RUNNER_RETRY_H
#define RUNNER_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "runner/read/manifest.h"

/* Is a stage tried again, and when? Pure. */

/** How an attempt ended. */
struct retry_case {
    int exit_code; /* -1: by a signal */
    bool timed_out;
    int64_t attempt; /* which it was, from 1 */
    uint64_t seed;   /* of the jitter: see retry_seed */
};

/**
 * Another attempt? The k-th further one follows min(max_delay, delay * backoff^(k-1)) later, times
 * 1 +- jitter. A signal is never tried again, nor is a stop by a person; 98, 99, 126 and 127 cannot
 * be in on_exit.
 */
bool retry_again(const struct retry *r, const struct retry_case *c, int64_t *out_delay_ms);

/** The same attempt always has the same seed; two stages, runs or attempts have different ones. */
uint64_t retry_seed(const char *run, const char *stage, int64_t attempt);

#endif
