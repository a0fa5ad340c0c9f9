/* exec_local: pidfds (without them SIGCHLD), one signalfd and one timerfd in one epoll; no polling,
 * no threads. */
#define _GNU_SOURCE
#include "runner/execute/exec.h"

#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "runner/execute/job.h"
#include "runner/execute/spawn.h"

/* A report that needs no waiting for. */
static bool ready(struct local *x, struct exec_report *out)
{
    for (size_t i = 0; i < x->n_job; i++) {
        struct job *j = &x->job[i];
        if (j->phase == FREE)
            continue;
        if (j->phase == GONE)
            job_read_events(j);
        if (job_take_line(j, &out->line)) {
            *out = (struct exec_report){ .kind = EXEC_EVENT, .key = j->key, .line = out->line };
            return true;
        }
        if (j->phase == GONE) {
            joblog_end(&j->log);
            j->end.n_log_lost = j->log.n_lost;
            j->end.log_errno = j->log.why;
            *out = (struct exec_report){ .kind = EXEC_ENDED, .key = j->key, .end = j->end };
            job_give_group(x, j);
            job_forget(j);
            return true;
        }
    }
    return false;
}

static void earlier(int64_t *t, int64_t other)
{
    if (other >= 0 && (*t < 0 || other < *t))
        *t = other;
}

/* What is due now; returns the next instant at which something is, -1 for never. */
static int64_t run_clock(struct local *x)
{
    int64_t next = -1, now = monotonic_ms(x);
    for (size_t i = 0; i < x->n_job; i++) {
        struct job *j = &x->job[i];
        if (j->phase == ALIVE && is_due(j->timeout_at, now)) {
            j->timeout_at = -1;
            if (!j->stopping) {
                j->end.timed_out = true;
                job_stop(x, j, false);
            }
        }
        if (j->phase == ALIVE && is_due(j->kill_at, now)) {
            j->kill_at =
                -1; /* once; what is left behind is killed when the first process is gone */
            j->killing = true;
            cgroup_signal(&j->group, SIGKILL);
            kill(-j->pid, SIGKILL);
        } else if (j->phase == LINGERING && (is_due(j->kill_at, now) || is_due(j->lost_at, now))) {
            job_check_gone(x, j);
            j->kill_at = -1;
        }
        if (j->phase == ALIVE) {
            earlier(&next, j->timeout_at);
            earlier(&next, j->kill_at);
        } else if (j->phase == LINGERING) {
            earlier(&next, j->kill_at);
            earlier(&next, j->lost_at);
        }
    }
    return next;
}

static int arm(struct local *x, int64_t at_ms, struct err *e)
{
    struct itimerspec t = { 0 };
    if (at_ms == x->armed_for)
        return 0;
    if (at_ms >= 0)
        t.it_value = (struct timespec){ .tv_sec = at_ms / 1000,
                                        .tv_nsec = at_ms % 1000 * 1000000 + 1 };
    if (timerfd_settime(x->timer, TFD_TIMER_ABSTIME, &t, NULL) < 0)
        return err_sys(e, "cannot set a timer");
    x->armed_for = at_ms;
    return 0;
}

/* A signal to this process; true if it is one to report. */
static bool read_signal(struct local *x, struct exec_report *out)
{
    struct signalfd_siginfo info;
    if (read(x->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return false;
    if (info.ssi_signo != SIGCHLD) {
        *out = (struct exec_report){ .kind = EXEC_SIGNAL, .signal = (int)info.ssi_signo };
        return true;
    }
    for (size_t i = 0; i < x->n_job; i++) {
        struct job *j = &x->job[i];
        if (j->phase == ALIVE && j->pidfd < 0)
            job_reap(x, j);
        else if (j->phase == LINGERING)
            job_check_gone(x, j);
    }
    return false;
}

static int local_wait(void *self, int64_t until_ms, struct exec_report *out, struct err *e)
{
    struct local *x = self;
    for (;;) {
        struct epoll_event ev;
        uint64_t ticks;
        int rc;
        int64_t next = run_clock(x);

        if (ready(x, out))
            return 0;
        bool due = until_ms >= 0 && monotonic_ms(x) >= until_ms; /* look, but do not wait */
        earlier(&next, until_ms);
        if (!due && (rc = arm(x, next, e)))
            return rc;
        int n = epoll_wait(x->epoll, &ev, 1, due ? 0 : -1);
        if (n < 0 && errno != EINTR)
            return err_sys(e, "cannot wait");
        if (n == 0 && due) {
            *out = (struct exec_report){ .kind = EXEC_TIME };
            return 0;
        }
        if (n <= 0)
            continue;
        if (ev.data.u64 == SIGNALS) {
            if (read_signal(x, out))
                return 0;
        } else if (ev.data.u64 == TIMER) {
            x->armed_for = -1;
            if (read(x->timer, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
                return err_sys(e, "cannot read the timer");
        } else if (ev.data.u64 == GIVEN) {
            *out = (struct exec_report){ .kind = EXEC_READY };
            return 0;
        } else {
            struct job *j = &x->job[(ev.data.u64 - FIRST_JOB) / N_END];
            enum end end = (enum end)((ev.data.u64 - FIRST_JOB) % N_END);
            if (end == CHANNEL)
                job_read_events(j);
            else if (end == LOG)
                joblog_read(&j->log);
            else
                job_reap(x, j);
        }
    }
}

static int local_watch(void *self, int fd, struct err *e)
{
    struct local *x = self;
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = GIVEN };
    return epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? err_sys(e, "cannot watch a descriptor")
                                                           : 0;
}

int exec_local_open(struct executor *out, struct err *e)
{
    struct local *x = mem_calloc(1, sizeof *x);
    sigset_t mask;
    int rc = 0;

    *out = (struct executor){ .self = x,
                              .now_ms = monotonic_ms,
                              .start = job_start,
                              .wait = local_wait,
                              .watch = local_watch,
                              .cancel = job_cancel,
                              .clear = jobs_clear };
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    sigprocmask(SIG_BLOCK, &mask, &x->old_mask);
    x->armed_for = -1;
    cgroups_find(&x->groups, "/proc/self");
    /* What we were started with, a lock of flock(1) say, is not for the jobs. */
    syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC);
    x->epoll = epoll_create1(EPOLL_CLOEXEC);
    x->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    x->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (x->epoll < 0 || x->signals < 0 || x->timer < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        rc = err_sys(e, "cannot prepare to run processes");
    if (rc == 0 && (rc = watch(x, x->signals, SIGNALS, e)) == 0)
        rc = watch(x, x->timer, TIMER, e);
    if (rc)
        exec_local_close(out);
    return rc;
}

void exec_local_close(struct executor *out)
{
    struct local *x = out->self;
    if (!x)
        return;
    for (size_t i = 0; i < x->n_job; i++) {
        if (x->job[i].phase == ALIVE) {
            cgroup_signal(&x->job[i].group, SIGKILL);
            kill(-x->job[i].pid, SIGKILL);
            waitpid(x->job[i].pid, NULL, 0);
        }
        job_give_group(x, &x->job[i]);
        job_forget(&x->job[i]);
    }
    for (size_t i = 0; i < x->n_spare; i++)
        cgroup_remove(&x->spare[i]);
    cgroups_release(&x->groups);
    free(x->spare);
    free(x->job);
    close_fd(&x->timer);
    close_fd(&x->signals);
    close_fd(&x->epoll);
    sigprocmask(SIG_SETMASK, &x->old_mask, NULL);
    free(x);
    *out = (struct executor){ 0 };
}
