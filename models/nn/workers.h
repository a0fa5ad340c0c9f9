#ifndef NN_WORKERS_H
#define NN_WORKERS_H

#include <stddef.h>

#include "base/err.h"

/* A few threads that wait (asleep, not spinning) for tasks. Every thread that runs tasks has
 * flush-to-zero and denormals-are-zero set and one OpenMP thread: bits and speed depend on it. */
struct workers;

/** n >= 1 threads, the caller's own counted. ERR_IO if a thread cannot be made. */
int workers_new(struct workers **out, int n, struct err *e);
void workers_free(struct workers *w);

/** Run task(arg, 0 .. n_task - 1, worker) and return when all are done; `worker` is 0 .. n - 1.
 * Which worker takes which task is not fixed, so a result must not depend on it. One caller at a
 * time. */
void workers_run(struct workers *w, size_t n_task, void (*task)(void *arg, size_t i, int worker),
                 void *arg);

#endif
