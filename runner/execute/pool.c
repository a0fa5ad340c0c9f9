#include "runner/execute/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct task {
    void (*work)(void *arg);
    void *arg;
    struct task *next;
};

struct line {
    struct task *first, *last;
};

struct pool {
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t more;
    struct line todo, done;
    int n_todo, n_idle;
    bool closing;
    pthread_t *thread; /* (n_thread) owned; the loop's alone */
    int n_thread, n_wanted;
    int fd;
};

static void append(struct line *l, struct task *t)
{
    t->next = NULL;
    if (l->last)
        l->last->next = t;
    else
        l->first = t;
    l->last = t;
}

static struct task *take_first(struct line *l)
{
    struct task *t = l->first;
    if (t && !(l->first = t->next))
        l->last = NULL;
    return t;
}

static void *serve(void *arg)
{
    struct pool *p = arg;
    uint64_t one = 1;
    pthread_mutex_lock(&p->lock);
    while (!p->closing) {
        struct task *t = take_first(&p->todo);
        if (!t) {
            p->n_idle++;
            pthread_cond_wait(&p->more, &p->lock);
            p->n_idle--;
            continue;
        }
        p->n_todo--;
        pthread_mutex_unlock(&p->lock);
        t->work(t->arg);
        pthread_mutex_lock(&p->lock);
        append(&p->done, t);
        /* The counter cannot be full: it counts to 2^64. */
        if (write(p->fd, &one, sizeof one) < 0)
            abort();
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

int pool_new(struct pool **out, int n_thread, struct err *e)
{
    struct pool *p = mem_calloc(1, sizeof *p);
    *out = NULL;
    p->n_wanted = n_thread;
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->fd < 0) {
        free(p);
        return err_sys(e, "cannot make a descriptor for threads");
    }
    p->thread = mem_calloc((size_t)n_thread, sizeof *p->thread);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    *out = p;
    return 0;
}

/* With the lock: where those that wait are too few for what there is to do. */
static void start_thread(struct pool *p)
{
    sigset_t all, before;
    if (p->n_thread == p->n_wanted || p->n_idle > p->n_todo)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&p->thread[p->n_thread], NULL, serve, p) == 0)
        p->n_thread++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void pool_add(struct pool *p, void (*work)(void *arg), void *arg)
{
    struct task *t = mem_calloc(1, sizeof *t);
    *t = (struct task){ .work = work, .arg = arg };
    pthread_mutex_lock(&p->lock);
    start_thread(p);
    if (p->n_thread > 0) {
        append(&p->todo, t);
        p->n_todo++;
        pthread_cond_signal(&p->more);
    } else { /* the system gives none: it is done here, and found done */
        uint64_t one = 1;
        work(arg);
        append(&p->done, t);
        if (write(p->fd, &one, sizeof one) < 0)
            abort();
    }
    pthread_mutex_unlock(&p->lock);
}

void *pool_take(struct pool *p)
{
    uint64_t count;
    void *arg = NULL;
    pthread_mutex_lock(&p->lock);
    struct task *t = take_first(&p->done);
    if (!t && read(p->fd, &count, sizeof count) < 0)
        count = 0; /* nobody has written since */
    pthread_mutex_unlock(&p->lock);
    if (t)
        arg = t->arg;
    free(t);
    return arg;
}

int pool_fd(const struct pool *p)
{
    return p->fd;
}

void pool_free(struct pool *p)
{
    struct task *t;
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_thread; i++)
        pthread_join(p->thread[i], NULL);
    while ((t = take_first(&p->todo)) || (t = take_first(&p->done)))
        free(t);
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    close(p->fd);
    free(p->thread);
    free(p);
}
