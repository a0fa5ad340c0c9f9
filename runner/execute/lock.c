#define _GNU_SOURCE
#include "runner/execute/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/memory/state.h"

enum { MAX_HOLDER = 4096 };

static struct flock whole_file(void)
{
    return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

static char *lock_path(const char *pipeline)
{
    return str_format(STATE_DIR "/%s.lock", pipeline);
}

/* What the file says; the holder may be just about to write it. */
static void read_holder(int fd, struct lock_holder *out)
{
    char text[MAX_HOLDER];
    const char *run, *command, *since, *boot;
    json_int_t pid, start;
    ssize_t n = pread(fd, text, sizeof text, 0);
    json_t *doc = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
    *out = (struct lock_holder){ .held = true };
    if (doc && json_unpack(doc, "{s:I, s:I, s:s, s:s, s:s, s:s}", "pid", &pid, "start", &start,
                           "boot", &boot, "run", &run, "command", &command, "since", &since) == 0) {
        out->id = (struct proc_id){ .pid = pid, .start = start };
        snprintf(out->id.boot, sizeof out->id.boot, "%s", boot);
        out->run = mem_strdup(run);
        out->command = mem_strdup(command);
        out->since = mem_strdup(since);
    }
    json_decref(doc);
}

/* ": pid 12, run ..., since ..." */
static void describe_holder(int fd, struct str *out)
{
    struct lock_holder h;
    read_holder(fd, &h);
    if (h.id.pid)
        str_addf(out, ": pid %lld, %s%s, '%s', since %s", (long long)h.id.pid,
                 *h.run ? "run " : "planning", h.run, h.command, h.since);
    lock_holder_release(&h);
}

void lock_holder_release(struct lock_holder *h)
{
    free(h->run);
    free(h->command);
    free(h->since);
    *h = (struct lock_holder){ 0 };
}

void lock_name(struct lock *l, const char *run, const char *command)
{
    struct proc_id self = proc_self();
    char since[32];
    struct tm tm;
    time_t now = time(NULL);

    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &tm));
    json_t *doc = json_pack("{s:I, s:I, s:s, s:s, s:s, s:s}", "pid", (json_int_t)self.pid, "start",
                            (json_int_t)self.start, "boot", self.boot, "run", run, "command",
                            command, "since", since);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    /* Written before it is cut, so that a reader never finds nothing. */
    if (text && pwrite(l->fd, text, strlen(text), 0) == (ssize_t)strlen(text) &&
        ftruncate(l->fd, (off_t)strlen(text)) < 0)
        errno = 0;
    free(text);
    json_decref(doc);
}

static void time_is_up(int sig)
{
    (void)sig; /* fcntl returns EINTR */
}

/* Sleep in the kernel until the lock is ours; 0, or -1 with EINTR when the time is up. The alarm
 * comes again and again, so that one just before the call is not lost. */
static int wait_for(int fd, struct flock *want, int64_t wait_ms)
{
    struct sigaction act = { .sa_handler = time_is_up }, before;
    struct itimerval alarm = { .it_interval.tv_usec = 50000,
                               .it_value = { .tv_sec = wait_ms / 1000,
                                             .tv_usec = wait_ms % 1000 * 1000 } };
    if (wait_ms < 0)
        return fcntl(fd, F_OFD_SETLKW, want);
    sigaction(SIGALRM, &act, &before);
    setitimer(ITIMER_REAL, &alarm, NULL);
    int got = fcntl(fd, F_OFD_SETLKW, want), why = errno;
    setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
    sigaction(SIGALRM, &before, NULL);
    errno = why;
    return got;
}

/* `what` holds it, if somebody does: "another run of 'x'". Takes over `path`. */
static int take(struct lock *l, char *path, const char *what, const char *pipeline,
                const char *command, int64_t wait_ms, struct err *e)
{
    struct flock want = whole_file();
    struct str who = { 0 };
    int rc = 0;

    *l = (struct lock){ .fd = -1, .path = path };
    l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->fd < 0) {
        rc = err_sys(e, "cannot open '%s'", l->path);
    } else if (fcntl(l->fd, F_OFD_SETLK, &want) == 0 ||
               ((errno == EAGAIN || errno == EACCES) && wait_ms != LOCK_AT_ONCE &&
                wait_for(l->fd, &want, wait_ms) == 0)) {
        l->held = true;
        lock_name(l, "", command);
    } else if (errno == EAGAIN || errno == EACCES || errno == EINTR) {
        describe_holder(l->fd, &who);
        rc = err_set(e, ERR_RETRY, "%s '%s' holds the lock%s", what, pipeline, str_text(&who));
    } else {
        rc = err_sys(e, "cannot lock '%s'", l->path);
    }
    str_release(&who);
    if (rc)
        lock_release(l);
    return rc;
}

int lock_take(struct lock *l, const char *pipeline, const char *command, int64_t wait_ms,
              struct err *e)
{
    return take(l, lock_path(pipeline), "another run of", pipeline, command, wait_ms, e);
}

int lock_take_daemon(struct lock *l, const char *pipeline, const char *command, struct err *e)
{
    return take(l, str_format(STATE_DIR "/%s.daemon.lock", pipeline), "another daemon of", pipeline,
                command, LOCK_AT_ONCE, e);
}

/* A descriptor of the lock file, if a process holds the lock; -1. */
static int open_held(const char *pipeline)
{
    struct flock ask = whole_file();
    char *path = lock_path(pipeline);
    int fd = open(path, O_RDONLY | O_CLOEXEC); /* to ask is no matter of permissions to write */
    if (fd >= 0 && (fcntl(fd, F_OFD_GETLK, &ask) < 0 || ask.l_type == F_UNLCK)) {
        close(fd);
        fd = -1;
    }
    free(path);
    return fd;
}

bool lock_is_held(const char *pipeline)
{
    int fd = open_held(pipeline);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void lock_holder(const char *pipeline, struct lock_holder *out)
{
    int fd = open_held(pipeline);
    *out = (struct lock_holder){ 0 };
    if (fd < 0)
        return;
    read_holder(fd, out);
    close(fd);
    /* One that has only just taken it has not said so: the file still names the one before. */
    if (!proc_lives(&out->id)) {
        lock_holder_release(out);
        out->held = true;
    }
}

void lock_release(struct lock *l)
{
    if (l->path && l->fd >= 0)
        close(l->fd);
    free(l->path);
    *l = (struct lock){ .fd = -1 };
}
