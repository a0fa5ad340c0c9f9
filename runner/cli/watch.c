#define _GNU_SOURCE
#include "runner/cli/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

enum {
    REST_MS = 100,        /* what comes in quick succession is looked at once */
    LOOK_AGAIN_MS = 2000, /* where the end of the runner's process cannot be waited for */
};

int watch_open(struct watch *w, const struct run_row *run, struct err *e)
{
    char *directory = str_format(STATE_DIR "/runs/%s", run->id);
    int rc = 0;
    *w = (struct watch){ .opened = true, .runner = -1 };
    w->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    /* Not IN_CLOSE_WRITE: asking for the lock opens its file, and would wake us for ever. */
    if (w->events < 0 || inotify_add_watch(w->events, STATE_DIR, IN_MODIFY | IN_DELETE) < 0)
        rc = err_sys(e, "cannot watch '%s'", STATE_DIR);
    else if (inotify_add_watch(w->events, directory, IN_MOVED_TO | IN_CREATE) < 0 &&
             errno != ENOENT)
        rc = err_sys(e, "cannot watch '%s'", directory);
    if (rc == 0)
        w->runner = (int)syscall(SYS_pidfd_open, (pid_t)run->holder.pid, 0);
    free(directory);
    return rc;
}

int watch_file(struct watch *w, const char *path, struct err *e)
{
    if (inotify_add_watch(w->events, path, IN_MODIFY) < 0)
        return err_sys(e, "cannot watch '%s'", path);
    return 0;
}

int watch_wait(struct watch *w, int64_t at_most_ms, struct err *e)
{
    struct pollfd fd[] = { { .fd = w->events, .events = POLLIN },
                           { .fd = w->runner, .events = POLLIN } };
    struct timespec rest = { .tv_nsec = REST_MS * 1000000L };
    char events[4096];
    ssize_t n;

    if (w->runner < 0 && (at_most_ms < 0 || at_most_ms > LOOK_AGAIN_MS))
        at_most_ms = LOOK_AGAIN_MS;
    int got = poll(fd, 2, (int)at_most_ms);
    if (got < 0 && errno != EINTR)
        return err_sys(e, "cannot wait for the run");
    if (got > 0 && !fd[1].revents)
        nanosleep(&rest, NULL);
    while ((n = read(w->events, events, sizeof events)) > 0 || (n < 0 && errno == EINTR))
        ;
    if (n < 0 && errno != EAGAIN)
        return err_sys(e, "cannot wait for the run");
    if (fd[1].revents) { /* it has ended: say so once */
        close(w->runner);
        w->runner = -1;
    }
    return 0;
}

void watch_close(struct watch *w)
{
    if (!w->opened)
        return;
    if (w->events >= 0)
        close(w->events);
    if (w->runner >= 0)
        close(w->runner);
    *w = (struct watch){ 0 };
}
