/* Jobs of this machine: see job.h. */
#define _GNU_SOURCE
#include "runner/execute/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "runner/execute/proc.h"
#include "runner/execute/spawn.h"

enum {
    MAX_LINE = 65536,     /* of an event; a longer one is dropped */
    LAST_WAIT_MS = 10000, /* for a process that KILL does not end (it hangs in the kernel) */
};

int64_t monotonic_ms(void *self)
{
    struct timespec t;
    (void)self;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int watch(struct local *x, int fd, uint64_t data, struct err *e)
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

void job_forget(struct job *j)
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

void job_give_group(struct local *x, struct job *j)
{
    if (j->end.n_left > 0) {
        cgroup_forget(&j->group);
    } else if (j->end.memory_by_group || j->group.killed) {
        cgroup_remove(&j->group);
    } else if (j->group.path) {
        x->spare = mem_grow(x->spare, x->n_spare, sizeof *x->spare);
        x->spare[x->n_spare++] = j->group;
    }
    j->group = (struct cgroup){ .fd = -1 };
}

int job_start(void *self, size_t key, const struct exec_job *job, char **out_handle, struct err *e)
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
    rc = process_handle(j->pid, &j->pidfd, e);
    if (rc == 0 && j->pidfd >= 0)
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
        job_give_group(x, j);
        job_forget(j);
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

void job_stop(struct local *x, struct job *j, bool at_once)
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

void job_cancel(void *self, size_t key, bool at_once)
{
    struct local *x = self;
    for (size_t i = 0; i < x->n_job; i++) {
        struct job *j = &x->job[i];
        if (j->key != key || (j->phase != ALIVE && j->phase != LINGERING))
            continue;
        if (j->stopping && !at_once)
            continue;
        j->end.cancelled = true;
        job_stop(x, j, at_once);
    }
}

size_t jobs_clear(void *self, const char *mark)
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

/* ---- end ---- */

void job_check_gone(struct local *x, struct job *j)
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

void job_read_events(struct job *j)
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

void job_reap(struct local *x, struct job *j)
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
    job_check_gone(x, j);
}

bool job_take_line(struct job *j, const char **out)
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
