/* exec_local: pidfds, one signalfd and one timerfd in one epoll; no polling, no threads. */
#define _GNU_SOURCE
#include "runner/execute/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/cgroup.h"
#include "runner/execute/joblog.h"
#include "runner/execute/proc.h"
#include "runner/execute/spawn.h"

enum {
    MAX_LINE = 65536,     /* of an event; a longer one is dropped */
    LAST_WAIT_MS = 10000, /* for a process that KILL does not end (it hangs in the kernel) */
};

enum phase {
    FREE,      /* this slot holds no job */
    ALIVE,     /* its first process runs */
    LINGERING, /* that has ended, others of the job have not */
    GONE,      /* nothing is left; its last lines are being delivered */
};

struct job {
    enum phase phase;
    size_t key;
    pid_t pid;         /* and its process group */
    int pidfd, events; /* events: read end; -1 */
    char *mark;        /* owned */
    int64_t kill_after_ms;
    int64_t timeout_at, kill_at, lost_at; /* -1: none */
    bool stopping;                        /* TERM was sent: what lives on has until kill_at */
    bool killing;                         /* KILL was sent */
    struct exec_end end;
    struct cgroup group; /* path NULL: none */
    struct joblog log;   /* empty where the job writes to the file itself */
    struct str line;     /* bytes of the channel not delivered yet */
    size_t n_given;      /* of them the line that was delivered last */
    bool skipping;       /* inside a line that is too long */
};

struct local {
    int epoll, signals, timer;
    int64_t armed_for;
    sigset_t old_mask;
    struct job *job;
    size_t n_job;
    struct cgroups groups;
    struct cgroup *spare; /* (n_spare) empty groups of jobs that have ended */
    size_t n_spare, n_group;
};

enum { SIGNALS = 0, TIMER = 1, FIRST_JOB = 2 };

/* epoll data: from FIRST_JOB on these of every slot */
enum end { PROCESS, CHANNEL, LOG, N_END };

static int64_t monotonic_ms(void *self)
{
    struct timespec t;
    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int watch(struct local *x, int fd, uint64_t data, struct err *e)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.u64 = data };
    return epoll_ctl(x->epoll, EPOLL_CTL_ADD, fd, &ev) < 0 ? err_sys(e, "cannot watch a descriptor")
                                                           : 0;
}

/* ---- start ---- */

static size_t free_slot(struct local *x)
{
    for (size_t i = 0; i < x->n_job; i++)
        if (x->job[i].phase == FREE)
            return i;
    x->job = mem_grow(x->job, x->n_job, sizeof *x->job);
    return x->n_job++;
}

static void forget_job(struct job *j)
{
    close_fd(&j->pidfd);
    close_fd(&j->events);
    free(j->mark);
    joblog_release(&j->log);
    str_release(&j->line);
    *j = (struct job){
        .pidfd = -1, .events = -1, .log = { .pipe = -1, .file = -1 }, .group = { .fd = -1 }
    };
}

/* A control group for the job, one that is empty now or a new one; none is no error. Memory is
 * counted for the life of a group: a job whose memory is bounded has one for itself. */
static void take_group(struct local *x, const struct exec_job *job, struct job *j)
{
    char name[CGROUP_NAME];
    cgroup_name(job->mark, name);
    if (x->n_spare > 0 && job->memory == 0 && cgroup_is_there(&x->spare[x->n_spare - 1]))
        j->group = x->spare[--x->n_spare];
    else if (!cgroup_make(&x->groups, name, x->n_group++, &j->group))
        return;
    j->end.in_group = true;
    j->end.memory_by_group = job->memory > 0 && cgroup_limit(&x->groups, &j->group, job->memory);
}

/* One that something lives in is left alone, and so to the next run's recovery. */
static void give_group(struct local *x, struct job *j)
{
    if (j->end.n_left > 0) {
        cgroup_forget(&j->group);
    } else if (j->end.memory_by_group) {
        cgroup_remove(&j->group);
    } else if (j->group.path) {
        x->spare = mem_grow(x->spare, x->n_spare, sizeof *x->spare);
        x->spare[x->n_spare++] = j->group;
    }
    j->group = (struct cgroup){ .fd = -1 };
}

static int local_start(void *self, size_t key, const struct exec_job *job, char **out_handle,
                       struct err *e)
{
    struct local *x = self;
    size_t slot = free_slot(x);
    struct job *j = &x->job[slot];
    int channel[2] = { -1, -1 }, rc = 0;
    struct spawn_ends ends = { -1, -1, -1 };

    *out_handle = NULL;
    *j = (struct job){ .key = key,
                       .pidfd = -1,
                       .events = -1,
                       .log = { .pipe = -1, .file = -1 },
                       .group = { .fd = -1 },
                       .end = { .memory_peak = -1 },
                       .kill_after_ms = job->kill_after_ms,
                       .kill_at = -1,
                       .timeout_at = -1,
                       .lost_at = -1 };
    if (job->events && pipe2(channel, O_CLOEXEC) < 0)
        return err_sys(e, "cannot make a pipe");
    j->events = channel[0];
    /* Only our end does not block: a stage need not know about EAGAIN. */
    if (j->events >= 0 && fcntl(j->events, F_SETFL, O_NONBLOCK) < 0)
        rc = err_sys(e, "cannot make a pipe");
    if (rc == 0 && (job->log_max > 0 || (job->mask && mask_any(job->mask))))
        rc = joblog_open(&j->log, job->log, job->log_max, job->mask, &ends.log, e);
    if (rc == 0) {
        take_group(x, job, j);
        ends.events = channel[1];
        ends.group = j->group.fd;
        rc = spawn_process(job, &ends, j->end.memory_by_group, &j->pid, e);
    }
    close_fd(&channel[1]);
    close_fd(&ends.log);
    if (rc)
        goto out;
    j->phase = ALIVE;
    j->mark = mem_strdup(job->mark);
    if (job->timeout_ms > 0)
        j->timeout_at = monotonic_ms(x) + job->timeout_ms;
    j->pidfd = (int)syscall(SYS_pidfd_open, j->pid, 0);
    if (j->pidfd < 0)
        rc = err_sys(e, "cannot watch process %d", (int)j->pid);
    if (rc == 0)
        rc = watch(x, j->pidfd, FIRST_JOB + N_END * slot + PROCESS, e);
    if (rc == 0 && j->events >= 0)
        rc = watch(x, j->events, FIRST_JOB + N_END * slot + CHANNEL, e);
    if (rc == 0 && j->log.pipe >= 0)
        rc = watch(x, j->log.pipe, FIRST_JOB + N_END * slot + LOG, e);
    if (rc) {
        kill(-j->pid, SIGKILL);
        waitpid(j->pid, NULL, 0);
    } else {
        *out_handle = str_format("%d", (int)j->pid);
    }
out:
    if (rc) {
        give_group(x, j);
        forget_job(j);
    }
    return rc;
}

/* ---- stop ---- */

/* A process that we adopted: is it of this job? One that shed its environment is when no other job
 * could own it. */
static bool belongs(struct local *x, const struct job *j, pid_t pid)
{
    if (getpgid(pid) == j->pid || cgroup_has(&j->group, pid) ||
        (!j->group.path && proc_has_env(pid, j->mark, false)))
        return true;
    for (size_t i = 0; i < x->n_job; i++)
        if (&x->job[i] != j && (x->job[i].phase == ALIVE || x->job[i].phase == LINGERING))
            return false;
    return true;
}

static bool is_leader(const struct local *x, pid_t pid)
{
    for (size_t i = 0; i < x->n_job; i++)
        if (x->job[i].phase == ALIVE && x->job[i].pid == pid)
            return true;
    return false;
}

static void note_left(struct job *j, size_t n_found, pid_t pid)
{
    if (n_found < EXEC_LEFT)
        j->end.left[n_found] = pid;
}

/* Send `sig` (0: none) to what the job still has besides its first process; returns how many there
 * are, seen from here: children of a stray become ours, and are seen, when it is dead. Where the
 * job has a group nothing is unseen. */
static size_t signal_strays(struct local *x, struct job *j, int sig)
{
    size_t n, n_found = 0;
    pid_t *child = proc_children(&n);
    for (size_t i = 0; i < n; i++) {
        if (is_leader(x, child[i]) || waitpid(child[i], NULL, WNOHANG) == child[i] ||
            !belongs(x, j, child[i]))
            continue;
        if (sig)
            kill(child[i], sig);
        note_left(j, n_found++, child[i]);
    }
    free(child);
    if (j->phase != ALIVE && kill(-j->pid, sig) == 0 && n_found == 0)
        note_left(j, n_found++, j->pid); /* a grandchild whose parent is not dead yet */
    return n_found;
}

static void stop_job(struct local *x, struct job *j, bool at_once)
{
    int64_t now = monotonic_ms(x);
    if (at_once || j->stopping) {
        j->stopping = true;
        j->kill_at = now;
        return;
    }
    j->stopping = true;
    j->kill_at = now + j->kill_after_ms;
    if (cgroup_signal(&j->group, SIGTERM) > 0)
        return;
    kill(-j->pid, SIGTERM);
    signal_strays(x, j, SIGTERM);
}

static void local_cancel(void *self, size_t key, bool at_once)
{
    struct local *x = self;
    for (size_t i = 0; i < x->n_job; i++) {
        struct job *j = &x->job[i];
        if (j->key != key || (j->phase != ALIVE && j->phase != LINGERING))
            continue;
        if (j->stopping && !at_once)
            continue;
        j->end.cancelled = true;
        stop_job(x, j, at_once);
    }
}

static size_t local_clear(void *self, const char *mark)
{
    struct local *x = self;
    char name[CGROUP_NAME];
    cgroup_name(mark, name);
    size_t n, in_group = cgroups_clear(&x->groups, name), n_killed = 0;
    for (int round = 0; round < 5; round++) { /* a process may fork while we look */
        size_t n_found = 0;
        pid_t *all = proc_all(&n);
        for (size_t i = 0; i < n; i++)
            if (all[i] != getpid() && proc_has_env(all[i], mark, true) &&
                kill(all[i], SIGKILL) == 0)
                n_found++;
        free(all);
        n_killed = round == 0 ? n_found : n_killed;
        if (n_found == 0)
            break;
    }
    return in_group + n_killed;
}

/* ---- watch ---- */

static bool is_due(int64_t at_ms, int64_t now)
{
    return at_ms >= 0 && now >= at_ms;
}

/* After the first process has ended, and again whenever another one has: is everything gone? */
static void check_gone(struct local *x, struct job *j)
{
    int64_t now = monotonic_ms(x);
    bool kill_now = !j->stopping || j->killing || is_due(j->kill_at, now);
    size_t n_group = cgroup_signal(&j->group, kill_now ? SIGKILL : 0);
    size_t n = signal_strays(x, j, kill_now ? SIGKILL : 0);

    n = n > n_group ? n : n_group;

    j->killing = kill_now;
    if (kill_now && j->lost_at < 0) {
        j->end.n_stray = n;
        j->lost_at = now + LAST_WAIT_MS;
    }
    if (n > 0 && (j->lost_at < 0 || now < j->lost_at)) {
        j->phase = LINGERING;
        return;
    }
    j->end.n_left = n;
    if (j->end.memory_by_group)
        j->end.n_oom = cgroup_oom(&j->group, &j->end.memory_peak);
    j->phase = GONE;
}

static void read_events(struct job *j)
{
    char chunk[8192];
    ssize_t got;
    while (j->events >= 0 && j->line.n < 4 * MAX_LINE) {
        got = read(j->events, chunk, sizeof chunk);
        if (got > 0)
            str_add(&j->line, chunk, (size_t)got);
        else if (got == 0 || (errno != EAGAIN && errno != EINTR))
            close_fd(&j->events);
        else if (errno == EAGAIN)
            return;
    }
}

static void reap(struct local *x, struct job *j)
{
    struct rusage ru;
    int status;
    if (wait4(j->pid, &status, WNOHANG, &ru) != j->pid)
        return;
    j->end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    j->end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    j->end.usage = (struct exec_usage){
        .user_us = (int64_t)ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec,
        .system_us = (int64_t)ru.ru_stime.tv_sec * 1000000 + ru.ru_stime.tv_usec,
        .max_rss_kb = ru.ru_maxrss,
        .read_blocks = ru.ru_inblock,
        .write_blocks = ru.ru_oublock,
    };
    close_fd(&j->pidfd);
    j->timeout_at = -1;
    j->phase = LINGERING;
    if (j->stopping && !j->killing && !j->group.path)
        signal_strays(x, j, SIGTERM); /* in other groups; they were not ours to see before */
    check_gone(x, j);
}

/* One whole line of the channel; the last one may lack its end. */
static bool take_line(struct job *j, const char **out)
{
    if (j->n_given) {
        size_t rest = j->line.n - j->n_given;
        memmove(j->line.text, j->line.text + j->n_given, rest + 1);
        j->line.n = rest;
        j->n_given = 0;
    }
    while (j->line.n > 0) {
        char *end = memchr(j->line.text, '\n', j->line.n);
        if (!end && j->phase != GONE && j->line.n <= MAX_LINE)
            return false;
        size_t n = end ? (size_t)(end - j->line.text) + 1 : j->line.n;
        bool drop = j->skipping || n > MAX_LINE || (!end && j->phase != GONE);
        j->skipping = !end;
        if (!drop) {
            if (end)
                *end = '\0';
            j->n_given = n;
            *out = j->line.text;
            return true;
        }
        memmove(j->line.text, j->line.text + n, j->line.n - n + 1);
        j->line.n -= n;
    }
    return false;
}

/* A report that needs no waiting for. */
static bool ready(struct local *x, struct exec_report *out)
{
    for (size_t i = 0; i < x->n_job; i++) {
        struct job *j = &x->job[i];
        if (j->phase == FREE)
            continue;
        if (j->phase == GONE)
            read_events(j);
        if (take_line(j, &out->line)) {
            *out = (struct exec_report){ .kind = EXEC_EVENT, .key = j->key, .line = out->line };
            return true;
        }
        if (j->phase == GONE) {
            joblog_end(&j->log);
            j->end.n_log_lost = j->log.n_lost;
            j->end.log_errno = j->log.why;
            *out = (struct exec_report){ .kind = EXEC_ENDED, .key = j->key, .end = j->end };
            give_group(x, j);
            forget_job(j);
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
                stop_job(x, j, false);
            }
        }
        if (j->phase == ALIVE && is_due(j->kill_at, now)) {
            j->kill_at =
                -1; /* once; what is left behind is killed when the first process is gone */
            j->killing = true;
            cgroup_signal(&j->group, SIGKILL);
            kill(-j->pid, SIGKILL);
        } else if (j->phase == LINGERING && (is_due(j->kill_at, now) || is_due(j->lost_at, now))) {
            check_gone(x, j);
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
    for (size_t i = 0; i < x->n_job; i++)
        if (x->job[i].phase == LINGERING)
            check_gone(x, &x->job[i]);
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
        } else {
            struct job *j = &x->job[(ev.data.u64 - FIRST_JOB) / N_END];
            enum end end = (enum end)((ev.data.u64 - FIRST_JOB) % N_END);
            if (end == CHANNEL)
                read_events(j);
            else if (end == LOG)
                joblog_read(&j->log);
            else
                reap(x, j);
        }
    }
}

int exec_local_open(struct executor *out, struct err *e)
{
    struct local *x = mem_calloc(1, sizeof *x);
    sigset_t mask;
    int rc = 0;

    *out = (struct executor){ .self = x,
                              .now_ms = monotonic_ms,
                              .start = local_start,
                              .wait = local_wait,
                              .cancel = local_cancel,
                              .clear = local_clear };
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
        give_group(x, &x->job[i]);
        forget_job(&x->job[i]);
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
