#ifndef BASE_PARALLEL_H
#define BASE_PARALLEL_H

#include <stddef.h>

/**
 * Call work(ctx, worker, i) once for every i in 0 .. n - 1, from n_thread threads; which worker
 * does which i is by chance, so results must depend on i alone. A worker's i rise. `worker` (0 ..
 * n_thread - 1) picks scratch memory; worker 0 is the calling thread, which may send events.
 * Returns when all are done. Signals are left to the calling thread. Where the system gives fewer
 * threads, those that there are do the work.
 */
void parallel_for(int n_thread, size_t n, void (*work)(void *ctx, int worker, size_t i), void *ctx);

#endif
