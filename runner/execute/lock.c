#define _GNU_SOURCE
#include "runner/execute/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

/* "pid 12, run ..., since ..." as the file says; the holder may be just about to write it. */
static void describe_holder(int fd, struct str *out)
{
    char text[MAX_HOLDER];
    const char *run, *command, *since;
    json_int_t pid;
    ssize_t n = pread(fd, text, sizeof text, 0);
    json_t *doc = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
    if (doc && json_unpack(doc, "{s:I, s:s, s:s, s:s}", "pid", &pid, "run", &run, "command",
                           &command, "since", &since) == 0)
        str_addf(out, ": pid %lld, %s%s, '%s', since %s", (long long)pid,
                 *run ? "run " : "planning", run, command, since);
    json_decref(doc);
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

int lock_take(struct lock *l, const char *pipeline, const char *command, struct err *e)
{
    struct flock want = whole_file();
    struct str who = { 0 };
    int rc = 0;

    *l = (struct lock){ .fd = -1, .path = lock_path(pipeline) };
    l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->fd < 0) {
        rc = err_sys(e, "cannot open '%s'", l->path);
    } else if (fcntl(l->fd, F_OFD_SETLK, &want) < 0) {
        if (errno == EAGAIN || errno == EACCES) {
            describe_holder(l->fd, &who);
            rc = err_set(e, ERR_RETRY, "another run of '%s' holds the lock%s", pipeline,
                         str_text(&who));
        } else {
            rc = err_sys(e, "cannot lock '%s'", l->path);
        }
    } else {
        l->held = true;
        lock_name(l, "", command);
    }
    str_release(&who);
    if (rc)
        lock_release(l);
    return rc;
}

bool lock_is_held(const char *pipeline)
{
    struct flock ask = whole_file();
    char *path = lock_path(pipeline);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &ask) == 0 && ask.l_type != F_UNLCK;
    if (fd >= 0)
        close(fd);
    free(path);
    return held;
}

void lock_release(struct lock *l)
{
    if (l->path && l->fd >= 0)
        close(l->fd);
    free(l->path);
    *l = (struct lock){ .fd = -1 };
}
