#include "models/nn/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "base/mem.h"

#if REFIT_DNNL
/* Of libgomp, which oneDNN runs on; a value of each thread. No <omp.h>: clang would bring another
 * OpenMP. */
extern void omp_set_num_threads(int n);
#endif

struct workers {
    int n, n_started;
    pthread_t *thread;
    pthread_mutex_t lock;
    pthread_cond_t start, done;
    unsigned long round; /* of work; under the lock, as are the next four */
    int busy;
    bool stop;
    size_t n_task;
    void (*task)(void *arg, size_t i, int worker);
    void *arg;
    atomic_size_t next;
};

struct start {
    struct workers *w;
    int worker;
};

/* Returns what leave_fast_mode wants. The OpenMP count stays: it belongs to the thread, and nothing
 * of ours wants more. */
static unsigned enter_fast_mode(void)
{
    unsigned before = 0;
#if REFIT_DNNL
    omp_set_num_threads(1);
#endif
#ifdef __SSE__
    before = _mm_getcsr();
    _mm_setcsr(
        before |
        0x8040); /* flush-to-zero, denormals-are-zero: a denormal makes sgemm 200 times slower */
#endif
    return before;
}

static void leave_fast_mode(unsigned before)
{
#ifdef __SSE__
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static void take_tasks(struct workers *w, int worker)
{
    size_t i;
    while ((i = atomic_fetch_add(&w->next, 1)) < w->n_task)
        w->task(w->arg, i, worker);
}

static void *work(void *arg)
{
    struct start s = *(struct start *)arg;
    struct workers *w = s.w;
    unsigned long seen = 0;

    free(arg);
    enter_fast_mode();
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (w->round == seen && !w->stop)
            pthread_cond_wait(&w->start, &w->lock);
        if (w->stop)
            break;
        seen = w->round;
        pthread_mutex_unlock(&w->lock);
        take_tasks(w, s.worker);
        pthread_mutex_lock(&w->lock);
        if (--w->busy == 0)
            pthread_cond_signal(&w->done);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int workers_new(struct workers **out, int n, struct err *e)
{
    struct workers *w = mem_calloc(1, sizeof *w);
    leave_fast_mode(enter_fast_mode()); /* kernels planned by this thread are to be planned for one
                                           OpenMP thread */
    w->n = n < 1 ? 1 : n;
    w->thread = mem_calloc((size_t)w->n, sizeof *w->thread);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->start, NULL);
    pthread_cond_init(&w->done, NULL);
    for (int i = 1; i < w->n; i++) {
        struct start *s = mem_calloc(1, sizeof *s);
        *s = (struct start){ w, i };
        int rc = pthread_create(&w->thread[i], NULL, work, s);
        if (rc) {
            free(s);
            workers_free(w);
            errno = rc;
            return err_sys(e, "cannot start worker thread %d of %d", i + 1, n);
        }
        w->n_started++;
    }
    *out = w;
    return 0;
}

void workers_free(struct workers *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->start);
    pthread_mutex_unlock(&w->lock);
    for (int i = 1; i <= w->n_started; i++)
        pthread_join(w->thread[i], NULL);
    pthread_cond_destroy(&w->done);
    pthread_cond_destroy(&w->start);
    pthread_mutex_destroy(&w->lock);
    free(w->thread);
    free(w);
}

void workers_run(struct workers *w, size_t n_task, void (*task)(void *arg, size_t i, int worker),
                 void *arg)
{
    unsigned before = enter_fast_mode();
    if (w->n == 1 || n_task <= 1) {
        for (size_t i = 0; i < n_task; i++)
            task(arg, i, 0);
    } else {
        pthread_mutex_lock(&w->lock);
        w->task = task;
        w->arg = arg;
        w->n_task = n_task;
        atomic_store(&w->next, 0);
        w->busy = w->n - 1;
        w->round++;
        pthread_cond_broadcast(&w->start);
        pthread_mutex_unlock(&w->lock);
        take_tasks(w, 0);
        pthread_mutex_lock(&w->lock);
        while (w->busy > 0)
            pthread_cond_wait(&w->done, &w->lock);
        pthread_mutex_unlock(&w->lock);
    }
    leave_fast_mode(before);
}
