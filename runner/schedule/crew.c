#define _GNU_SOURCE
#include "runner/schedule/crew.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/lock.h"
#include "runner/execute/spawn.h"

enum { LOOK_AGAIN_MS = 500 };
enum { ON_SIGNAL = -1, ON_TIMER = -2, ON_ERRAND = -3 }; /* epoll data; else the pidfd */

/* ---- start ---- */

/* The program that we were started from, also when a newer one lies in its place now. */
static void find_self(char out[PATH_MAX])
{
    ssize_t n = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    char *deleted = n > 0 ? strstr(out, " (deleted)") : NULL;
    if (deleted)
        *deleted = '\0';
    if (access(out, X_OK) != 0)
        strncpy(out, "/proc/self/exe", PATH_MAX - 1);
}

static int spawn_self(char *const *argv, pid_t *out_pid, int *out_pidfd, struct err *e)
{
    char path[PATH_MAX];
    posix_spawnattr_t attr;
    sigset_t none;

    find_self(path);
    sigemptyset(&none);
    int failed = posix_spawnattr_init(&attr);
    if (!failed) {
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
        posix_spawnattr_setsigmask(&attr, &none);
        failed = posix_spawn(out_pid, path, NULL, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
    }
    if (failed) {
        errno = failed;
        return err_sys(e, "cannot start '%s'", path);
    }
    return process_handle(*out_pid, out_pidfd, e);
}

int runner_start(void *self, const char *run, pid_t *out_pid, int *out_pidfd, struct err *e)
{
    const bool *quiet = self;
    char name[] = "refit", verb[] = "run", flag[] = "--queued", silent[] = "-q";
    char *id = mem_strdup(run), *argv[] = { name, verb, flag, id, *quiet ? silent : NULL, NULL };
    int rc = spawn_self(argv, out_pid, out_pidfd, e);
    free(id);
    return rc;
}

static int watch(struct crew *c, int fd, int data, struct err *e)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = data };
    if (fd < 0) /* no pidfd: SIGCHLD tells */
        return 0;
    return epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? err_sys(e, "cannot watch a descriptor")
                                                           : 0;
}

static int add(struct crew *c, const struct member *m, struct err *e)
{
    int rc = watch(c, m->pidfd, m->pidfd, e);
    if (rc)
        return rc;
    c->member = mem_grow(c->member, c->n, sizeof *c->member);
    c->member[c->n++] = *m;
    return 0;
}

bool crew_adopt(struct crew *c, const char *run, const char *pipeline, const struct proc_id *holder)
{
    struct err ignored = { 0 };
    struct member m = { .run = mem_strdup(run),
                        .pipeline = mem_strdup(pipeline),
                        .pidfd = proc_open(holder),
                        .id = *holder };
    bool watched = (m.pidfd >= 0 || proc_lives(holder)) && add(c, &m, &ignored) == 0;
    if (!watched)
        member_release(&m);
    return watched;
}

int crew_start_run(struct crew *c, const char *run, const char *pipeline, struct err *e)
{
    struct member m = { .run = mem_strdup(run), .pipeline = mem_strdup(pipeline), .pidfd = -1 };
    int rc = c->starter.start(c->starter.self, run, &m.pid, &m.pidfd, e);
    if (rc || (rc = add(c, &m, e)))
        member_release(&m);
    return rc;
}

bool crew_has(const struct crew *c, const char *run)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->member[i].run, run) == 0)
            return true;
    return false;
}

static bool is_at_work(const struct crew *c, const char *pipeline)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->member[i].pipeline, pipeline) == 0)
            return true;
    return false;
}

int crew_start(struct crew *c, struct state *s, const char *pipeline, bool all, struct err *e)
{
    struct queued_run *list = NULL;
    size_t n = 0;
    int rc = ticks_queued(s, pipeline, &list, &n, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        bool waits = strcmp(list[i].overlap, TICKS_WAIT) == 0 ||
                     strcmp(list[i].overlap, TICKS_QUEUE) == 0;
        if (crew_has(c, list[i].run) || (waits && is_at_work(c, pipeline)) ||
            (!all && lock_is_held(pipeline)))
            continue;
        rc = crew_start_run(c, list[i].run, pipeline, e);
    }
    queued_runs_free(list, n);
    return rc;
}

/* ---- wait ---- */

int crew_open(struct crew *c, const struct starter *starter, struct err *e)
{
    sigset_t mask;
    int rc, handle = -1;

    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    if ((rc = process_handle(getpid(), &handle, e)) == 0 && handle < 0)
        sigaddset(&mask, SIGCHLD);
    close_fd(&handle);
    *c = (struct crew){ .starter = *starter,
                        .epoll = epoll_create1(EPOLL_CLOEXEC),
                        .signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK),
                        .timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK) };
    if (rc) {
        /* told */
    } else if (c->epoll < 0 || c->signals < 0 || c->timer < 0 ||
               sigprocmask(SIG_BLOCK, &mask, NULL) < 0) {
        rc = err_sys(e, "cannot wait for signals and times");
    } else if ((rc = watch(c, c->signals, ON_SIGNAL, e)) == 0) {
        rc = watch(c, c->timer, ON_TIMER, e);
    }
    if (rc)
        crew_close(c);
    return rc;
}

int crew_errand(struct crew *c, char *const *argv, struct err *e)
{
    int rc;
    assert(c->errand == 0);
    if ((rc = spawn_self(argv, &c->errand, &c->errand_fd, e)) == 0)
        rc = watch(c, c->errand_fd, ON_ERRAND, e);
    if (rc)
        c->errand = 0;
    return rc;
}

void member_release(struct member *m)
{
    free(m->run);
    free(m->pipeline);
    close_fd(&m->pidfd);
    *m = (struct member){ .pidfd = -1 };
}

void crew_close(struct crew *c)
{
    for (size_t i = 0; i < c->n; i++)
        member_release(&c->member[i]);
    free(c->member);
    if (c->errand > 0)
        close_fd(&c->errand_fd);
    close_fd(&c->timer);
    close_fd(&c->signals);
    close_fd(&c->epoll);
    *c = (struct crew){ .epoll = -1, .signals = -1, .timer = -1 };
}

int crew_wake_at(struct crew *c, int64_t at_s, struct err *e)
{
    /* An absolute time is cancelled by a clock that is set; without one there is nothing to miss.
     */
    struct itimerspec at = { .it_value.tv_sec = at_s == INT64_MAX ? 0 : (time_t)at_s };
    int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    return timerfd_settime(c->timer, flags, &at, NULL) < 0 ? err_sys(e, "cannot set the timer") : 0;
}

static int status_of(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static size_t member_of(const struct crew *c, int pidfd)
{
    size_t i = 0;
    while (i < c->n && c->member[i].pidfd != pidfd)
        i++;
    assert(i < c->n);
    return i;
}

static void take_ended(struct crew *c, size_t i, struct crew_event *out)
{
    int status = 0;
    *out = (struct crew_event){ .kind = CREW_ENDED, .member = c->member[i], .status = -1 };
    if (out->member.pidfd >= 0)
        epoll_ctl(c->epoll, EPOLL_CTL_DEL, out->member.pidfd, NULL);
    if (out->member.pid > 0 && waitpid(out->member.pid, &status, 0) == out->member.pid)
        out->status = status_of(status);
    memmove(&c->member[i], &c->member[i + 1], (c->n - i - 1) * sizeof *c->member);
    c->n--;
}

static void errand_ended(struct crew *c, struct crew_event *out)
{
    int status = 0;
    *out = (struct crew_event){ .kind = CREW_ERRAND, .status = -1 };
    if (c->errand_fd >= 0)
        epoll_ctl(c->epoll, EPOLL_CTL_DEL, c->errand_fd, NULL);
    if (waitpid(c->errand, &status, 0) == c->errand)
        out->status = status_of(status);
    close_fd(&c->errand_fd);
    c->errand = 0;
}

/* One of those without a pidfd has ended. One signal may stand for several of them. */
static bool take_unwatched(struct crew *c, struct crew_event *out)
{
    if (c->errand > 0 && c->errand_fd < 0 && process_has_ended(c->errand)) {
        errand_ended(c, out);
        return true;
    }
    for (size_t i = 0; i < c->n; i++) {
        const struct member *m = &c->member[i];
        if (m->pidfd < 0 && (m->pid > 0 ? process_has_ended(m->pid) : !proc_lives(&m->id))) {
            take_ended(c, i, out);
            return true;
        }
    }
    return false;
}

/* Nothing tells of the end of another's child without a pidfd. */
static int shortened(const struct crew *c, int timeout_ms)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->member[i].pidfd < 0 && c->member[i].pid == 0 &&
            (timeout_ms < 0 || timeout_ms > LOOK_AGAIN_MS))
            return LOOK_AGAIN_MS;
    return timeout_ms;
}

/* The signal that has come, 0 if there is none. */
static int read_signal(struct crew *c)
{
    struct signalfd_siginfo got;
    return read(c->signals, &got, sizeof got) == (ssize_t)sizeof got ? (int)got.ssi_signo : 0;
}

int crew_wait(struct crew *c, int timeout_ms, struct crew_event *out, struct err *e)
{
    struct epoll_event ev;
    uint64_t n_expired;
    int n, sig = 0;

    *out = (struct crew_event){ .kind = CREW_TIMEOUT };
    do {
        if (take_unwatched(c, out))
            return 0;
        n = epoll_wait(c->epoll, &ev, 1, shortened(c, timeout_ms));
        sig = n > 0 && ev.data.fd == ON_SIGNAL ? read_signal(c) : 0;
    } while ((n < 0 && errno == EINTR) || sig == SIGCHLD); /* EINTR: a debugger looks */
    if (n < 0)
        return err_sys(e, "cannot wait");
    if (n == 0)
        return 0;
    if (ev.data.fd == ON_SIGNAL) {
        if (sig)
            *out = (struct crew_event){ .kind = CREW_SIGNAL, .signal = sig };
    } else if (ev.data.fd == ON_TIMER) {
        /* ECANCELED: the clock was set. Either way it is time to look at it. */
        if (read(c->timer, &n_expired, sizeof n_expired) > 0 || errno == ECANCELED)
            out->kind = CREW_CLOCK;
    } else if (ev.data.fd == ON_ERRAND) {
        errand_ended(c, out);
    } else {
        take_ended(c, member_of(c, ev.data.fd), out);
    }
    return 0;
}

void member_signal(const struct member *m, int sig)
{
    if (m->pidfd >= 0)
        proc_signal(m->pidfd, sig);
    else if (m->pid > 0) /* our child: nobody else has its number before it is waited for */
        kill(m->pid, sig);
    else
        proc_tell(&m->id, sig);
}

void crew_stop(struct crew *c, bool at_once)
{
    for (size_t i = 0; i < c->n; i++) {
        member_signal(&c->member[i], SIGTERM);
        if (at_once) /* one of each is never merged into one */
            member_signal(&c->member[i], SIGINT);
    }
}
