#define _GNU_SOURCE /* pipe2, memfd_create */
#include "runner/read/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "runner/execute/spawn.h"

enum {
    MAX_PARALLEL = 64,
    LOOK_AGAIN_MS = 10, /* where nothing tells that a process has ended */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Standard output and error into pipes, standard input from `in` (-1: nowhere), default signals. 0,
 * or an errno. */
static int spawn(struct probe *p, int in, int out, int err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    int rc = posix_spawn_file_actions_init(&files);

    if (rc)
        return rc;
    if ((rc = posix_spawnattr_init(&attr)))
        goto no_attr;
    sigfillset(&all);
    sigemptyset(&none);
    if ((rc = in >= 0 ? posix_spawn_file_actions_adddup2(&files, in, 0)
                      : posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)) ||
        (rc = posix_spawn_file_actions_adddup2(&files, out, 1)) ||
        (rc = posix_spawn_file_actions_adddup2(&files, err, 2)) ||
        (rc = posix_spawnattr_setsigdefault(&attr, &all)) ||
        (rc = posix_spawnattr_setsigmask(&attr, &none)) ||
        (rc = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                  POSIX_SPAWN_SETPGROUP)))
        goto out;
    rc = posix_spawnp(&p->pid, p->argv[0], &files, &attr, p->argv, p->env ? p->env : environ);
out:
    posix_spawnattr_destroy(&attr);
no_attr:
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

/* What it is to read: in memory, so that nobody waits for it to be read. */
static int open_input(const struct probe *p, int *out_fd, struct err *e)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    for (size_t at = 0; fd >= 0 && at < p->n_input;) {
        ssize_t put = write(fd, p->input + at, p->n_input - at);
        if (put <= 0)
            close_fd(&fd);
        else
            at += (size_t)put;
    }
    if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(e, "cannot keep %zu bytes for '%s'", p->n_input, p->argv[0]);
    *out_fd = fd;
    return 0;
}

static int start(struct probe *p, int64_t timeout_ms, struct err *e)
{
    int out[2] = { -1, -1 }, err[2] = { -1, -1 }, in = -1, rc = 0;

    p->pid = 0;
    p->handle = p->fd[0] = p->fd[1] = -1;
    if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
        rc = err_sys(e, "cannot make a pipe");
        goto out;
    }
    if (p->input && (rc = open_input(p, &in, e)))
        goto out;
    int failed = spawn(p, in, out[1], err[1]);
    if (failed == EAGAIN || failed == ENOMEM) {
        errno = failed;
        rc = err_sys(e, "cannot start '%s'", p->argv[0]);
        goto out;
    }
    if (failed) {
        p->pid = 0;
        p->status = 127;
        str_addf(&p->err, "cannot start '%s': %s\n", p->argv[0], strerror(failed));
        goto out;
    }
    if ((rc = process_handle(p->pid, &p->handle, e))) {
        kill(-p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        p->pid = 0;
        goto out;
    }
    p->deadline_ms = now_ms() + (p->timeout_ms > 0 ? p->timeout_ms : timeout_ms);
    p->fd[0] = out[0];
    p->fd[1] = err[0];
    out[0] = err[0] = -1;
    for (int i = 0; i < 2; i++)
        fcntl(p->fd[i], F_SETFL, O_NONBLOCK);
out:
    close_fd(&in);
    close_fd(&out[0]);
    close_fd(&out[1]);
    close_fd(&err[0]);
    close_fd(&err[1]);
    return rc;
}

/* Take what there is; the descriptor is closed at its end. */
static void drain(struct probe *p, int i, size_t max_bytes)
{
    char chunk[8192];
    struct str *to = i == 0 ? &p->out : &p->err;
    while (p->fd[i] >= 0) {
        ssize_t got = read(p->fd[i], chunk, sizeof chunk);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            close_fd(&p->fd[i]);
        } else if (to->n + (size_t)got > max_bytes) {
            p->too_long = true;
            kill(-p->pid, SIGKILL);
            close_fd(&p->fd[i]);
        } else {
            str_add(to, chunk, (size_t)got);
        }
    }
}

/* It has ended: what is left in the pipes, its status. A grandchild that keeps a pipe open is not
 * waited for. */
static void finish(struct probe *p, size_t max_bytes)
{
    int status = 0;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    for (int i = 0; i < 2; i++) {
        drain(p, i, max_bytes);
        close_fd(&p->fd[i]);
    }
    close_fd(&p->handle);
    p->pid = 0;
    p->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Wait until something happens to one of the running probes, and take note of it. */
static int wait_some(struct probe **running, size_t n, size_t max_bytes, struct err *e)
{
    struct pollfd fds[3 * MAX_PARALLEL];
    int64_t now = now_ms(), wait = INT32_MAX;

    for (size_t i = 0; i < n; i++) {
        const struct probe *p = running[i];
        fds[3 * i] = (struct pollfd){ .fd = p->handle, .events = POLLIN };
        fds[3 * i + 1] = (struct pollfd){ .fd = p->fd[0], .events = POLLIN };
        fds[3 * i + 2] = (struct pollfd){ .fd = p->fd[1], .events = POLLIN };
        if (p->handle < 0 && wait > LOOK_AGAIN_MS)
            wait = LOOK_AGAIN_MS;
        if (p->timed_out)
            continue;
        wait = p->deadline_ms - now < wait ? p->deadline_ms - now : wait;
    }
    if (poll(fds, (nfds_t)(3 * n), wait < 0 ? 0 : (int)wait) < 0 && errno != EINTR)
        return err_sys(e, "cannot wait for programs");
    now = now_ms();
    for (size_t i = 0; i < n; i++) {
        struct probe *p = running[i];
        drain(p, 0, max_bytes);
        drain(p, 1, max_bytes);
        if (fds[3 * i].revents || (p->handle < 0 && process_has_ended(p->pid))) {
            finish(p, max_bytes);
        } else if (!p->timed_out && now >= p->deadline_ms) {
            p->timed_out = true;
            kill(-p->pid, SIGKILL);
        }
    }
    return 0;
}

int probe_run(struct probe *p, size_t n, size_t parallel, int64_t timeout_ms, size_t max_bytes,
              struct err *e)
{
    struct probe *running[MAX_PARALLEL];
    size_t n_running = 0, next = 0;
    int rc = 0;

    if (parallel < 1 || parallel > MAX_PARALLEL)
        parallel = parallel < 1 ? 1 : MAX_PARALLEL;
    while (rc == 0 && (next < n || n_running)) {
        while (rc == 0 && next < n && n_running < parallel) {
            if ((rc = start(&p[next], timeout_ms, e)) == 0 && p[next].pid)
                running[n_running++] = &p[next];
            next++;
        }
        if (rc == 0 && n_running)
            rc = wait_some(running, n_running, max_bytes, e);
        size_t left = 0;
        for (size_t i = 0; i < n_running; i++)
            if (running[i]->pid)
                running[left++] = running[i];
        n_running = left;
    }
    for (size_t i = 0; i < n_running; i++) {
        kill(-running[i]->pid, SIGKILL);
        finish(running[i], max_bytes);
    }
    return rc;
}

void probe_release(struct probe *p)
{
    str_release(&p->out);
    str_release(&p->err);
}
