#include "base/parallel.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

struct job {
    atomic_size_t next;
    size_t n;
    void (*work)(void *ctx, int worker, size_t i);
    void *ctx;
};

struct worker {
    struct job *job;
    int index;
    pthread_t thread;
};

static void *run(void *arg)
{
    struct worker *w = arg;
    struct job *job = w->job;
    for (size_t i; (i = atomic_fetch_add(&job->next, 1)) < job->n;)
        job->work(job->ctx, w->index, i);
    return NULL;
}

void parallel_for(int n_thread, size_t n, void (*work)(void *ctx, int worker, size_t i), void *ctx)
{
    struct job job = { .n = n, .work = work, .ctx = ctx };
    size_t n_worker = n_thread > 1 ? (size_t)n_thread : 1, started = 1;
    sigset_t all, before;

    if (n_worker > n)
        n_worker = n ? n : 1;
    struct worker *w = mem_calloc(n_worker, sizeof *w);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (; started < n_worker; started++) {
        w[started] = (struct worker){ .job = &job, .index = (int)started };
        if (pthread_create(&w[started].thread, NULL, run, &w[started]) != 0)
            break;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    w[0] = (struct worker){ .job = &job };
    run(&w[0]);
    for (size_t i = 1; i < started; i++)
        pthread_join(w[i].thread, NULL);
    free(w);
}
