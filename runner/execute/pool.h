#ifndef RUNNER_POOL_H
#define RUNNER_POOL_H

#include "base/err.h"

/* A few threads for what takes long and must not hold up the loop: hashing and syncing big files.
 * Jobs are done in any order; a descriptor becomes readable when some are. */

struct pool;

/** The threads, n_thread at most, are started when jobs find none that is free; they take no
 * signals. */
int pool_new(struct pool **out, int n_thread, struct err *e);

/** work(arg) is called once by some thread; arg comes back from pool_take. */
void pool_add(struct pool *p, void (*work)(void *arg), void *arg);

/** One that is done, NULL if none is (any more). Call it until then when the descriptor is
 * readable. */
void *pool_take(struct pool *p);

int pool_fd(const struct pool *p);

/** Waits for what is being done; drops what has not begun. NULL is harmless. */
void pool_free(struct pool *p);

#endif
