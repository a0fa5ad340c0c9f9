#define _GNU_SOURCE
#include "runner/execute/joblog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "io/outfile.h"
#include "runner/execute/spawn.h"

enum {
    PIPE_BYTES = 1 << 20, /* what a job may be ahead of us; the kernel's default is a sixteenth */
    CHUNK = 1 << 16,
    LINE = 4096, /* so far a cut may move to lie between two lines */
};

int joblog_open(struct joblog *l, const char *path, int64_t max, const struct mask *mask,
                int *out_write, struct err *e)
{
    int end[2] = { -1, -1 }, rc = 0, flags = O_RDWR | O_CREAT | O_CLOEXEC;

    *l = (struct joblog){ .pipe = -1, .file = open(path, flags, 0666), .max = max, .mask.m = mask };
    if (l->file < 0 && errno == ENOENT) {
        if ((rc = outfile_make_parent(path, e)))
            return rc;
        l->file = open(path, flags, 0666);
    }
    if (l->file < 0 || (l->size = lseek(l->file, 0, SEEK_END)) < 0)
        rc = err_sys(e, "cannot open the log '%s'", path);
    else if (pipe2(end, O_CLOEXEC) < 0 || fcntl(end[0], F_SETFL, O_NONBLOCK) < 0)
        rc = err_sys(e, "cannot make a pipe");
    else
        fcntl(end[0], F_SETPIPE_SZ, PIPE_BYTES); /* a user has so many large ones and no more */
    l->pipe = end[0];
    if (rc) {
        close_fd(&end[1]);
        joblog_release(l);
    }
    *out_write = end[1];
    return rc;
}

static void lose(struct joblog *l, size_t n)
{
    l->why = l->why ? l->why : errno;
    l->n_lost += (int64_t)n;
}

static bool put(struct joblog *l, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = pwrite(l->file, bytes, n, l->size);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            lose(l, n);
            return false;
        }
        bytes += done;
        n -= (size_t)done;
        l->size += done;
    }
    return true;
}

/* The end of the last line that ends before `at`, or `at` where the line is long. */
static int64_t line_end_before(const struct joblog *l, int64_t at)
{
    char text[LINE];
    int64_t from = at > LINE ? at - LINE : 0;
    ssize_t n = pread(l->file, text, (size_t)(at - from), from);
    const char *end = n > 0 ? memrchr(text, '\n', (size_t)n) : NULL;
    return end ? from + (end - text) + 1 : at;
}

static int64_t line_begin_after(const struct joblog *l, int64_t at)
{
    char text[LINE];
    ssize_t n = pread(l->file, text, sizeof text, at);
    const char *end = n > 0 ? memchr(text, '\n', (size_t)n) : NULL;
    return end ? at + (end - text) + 1 : at;
}

/* The file is full: its last quarter moves up to the half that stays. */
static void cut(struct joblog *l)
{
    char chunk[CHUNK];
    int64_t from = line_begin_after(l, l->size - l->max / 4), end = l->size;
    struct str mark = { 0 };
    ssize_t n = 1;

    if (l->head == 0)
        l->head = line_end_before(l, l->max / 2);
    l->cut += from - l->head - l->mark;
    str_addf(&mark, "%s[refit: %lld bytes are cut out here, the log was longer than %lld]\n",
             l->head == l->max / 2 ? "\n" : "", (long long)l->cut, (long long)l->max);
    l->mark = (int64_t)mark.n;
    l->size = l->head;
    put(l, mark.text, mark.n);
    str_release(&mark);
    for (; from < end && n > 0; from += n) {
        size_t want = end - from < CHUNK ? (size_t)(end - from) : CHUNK;
        n = pread(l->file, chunk, want, from);
        if (n > 0)
            put(l, chunk, (size_t)n);
    }
    if (ftruncate(l->file, l->size) < 0)
        lose(l, 0);
}

static void write_text(struct joblog *l)
{
    const char *bytes = str_text(&l->text);
    size_t n = l->text.n;
    while (n > 0) {
        if (l->max > 0 && l->size >= l->max)
            cut(l);
        size_t room = l->max > 0 && l->max - l->size < (int64_t)n ? (size_t)(l->max - l->size) : n;
        if (!put(l, bytes, room))
            break;
        bytes += room;
        n -= room;
    }
    str_clear(&l->text);
}

/* One piece; false if there is none now. */
static bool take(struct joblog *l, size_t *out_n)
{
    char chunk[CHUNK];
    ssize_t n;
    while ((n = read(l->pipe, chunk, sizeof chunk)) < 0 && errno == EINTR)
        ;
    if (n > 0) {
        mask_feed(&l->mask, chunk, (size_t)n, &l->text);
        write_text(l);
        *out_n += (size_t)n;
        return true;
    }
    if (n == 0 || errno != EAGAIN)
        close_fd(&l->pipe);
    return false;
}

void joblog_read(struct joblog *l)
{
    size_t n = 0;
    while (l->pipe >= 0 && n < PIPE_BYTES && take(l, &n))
        ;
}

void joblog_end(struct joblog *l)
{
    if (l->file < 0)
        return;
    joblog_read(l); /* no more than was in the pipe when the job ended */
    mask_end(&l->mask, &l->text);
    write_text(l);
    close_fd(&l->pipe);
    if (close(l->file) < 0)
        lose(l, 0);
    l->file = -1;
}

void joblog_release(struct joblog *l)
{
    close_fd(&l->pipe);
    close_fd(&l->file);
    mask_stream_release(&l->mask);
    str_release(&l->text);
    *l = (struct joblog){ .pipe = -1, .file = -1 };
}
