#define _GNU_SOURCE /* O_TMPFILE, MADV_DONTNEED */
#include "io/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"

enum { FULL = 1 << 20 }; /* bytes: less stays in memory */

static int make_file(struct spill *s, struct err *e)
{
    int rc = outfile_make_parent(s->beside, e);
    if (rc)
        return rc;
    char *parent = str_parent(s->beside);
    s->fd = open(parent, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0) { /* a file system without */
        char *name = str_format("%s/.spill.XXXXXX", parent);
        s->fd = mkostemp(name, O_CLOEXEC);
        if (s->fd >= 0)
            unlink(name);
        free(name);
    }
    free(parent);
    if (s->fd >= 0)
        return 0;
    s->fd = 0;
    return err_sys(e, "cannot make a temporary file beside '%s'", s->beside);
}

static int write_all(struct spill *s, const char *bytes, size_t n, struct err *e)
{
    if (s->fd <= 0) {
        int rc = make_file(s, e);
        if (rc)
            return rc;
    }
    for (size_t done = 0; done < n;) {
        ssize_t got = write(s->fd, bytes + done, n - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_sys(e, "cannot write a temporary file beside '%s'", s->beside);
        done += (size_t)got;
    }
    s->n_file += n;
    return 0;
}

int spill_add(struct spill *s, const char *bytes, size_t n, struct err *e)
{
    size_t full = s->beside ? FULL : SIZE_MAX / 2;
    int rc;
    if (s->n + n > s->room && s->room < full) {
        while (s->room < full && s->room < s->n + n)
            s->room = s->room ? 2 * s->room : 4096;
        s->buffer = mem_realloc(s->buffer, s->room, 1);
    }
    if (s->n + n > s->room) {
        if ((rc = write_all(s, s->buffer, s->n, e)))
            return rc;
        s->n = 0;
        if (n > s->room)
            return write_all(s, bytes, n, e);
    }
    if (n)
        memcpy(s->buffer + s->n, bytes, n);
    s->n += n;
    return 0;
}

size_t spill_size(const struct spill *s)
{
    return s->n_file + s->n;
}

int spill_take(struct spill *s, char **out_bytes, size_t *out_mapped, struct err *e)
{
    int rc;
    *out_mapped = 0;
    if (s->fd <= 0) {
        *out_bytes = s->buffer ? s->buffer : mem_calloc(1, 1);
        s->buffer = NULL;
    } else {
        if ((rc = write_all(s, s->buffer, s->n, e)))
            return rc;
        void *map = mmap(NULL, s->n_file, PROT_READ, MAP_PRIVATE, s->fd, 0);
        if (map == MAP_FAILED)
            return err_sys(e, "cannot map a temporary file beside '%s'", s->beside);
        *out_bytes = map;
        *out_mapped = s->n_file;
    }
    spill_release(s);
    return 0;
}

void spill_forget(char *bytes, size_t from, size_t to)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), skip = (uintptr_t)(bytes + from) % page;
    if (to > from)
        madvise(bytes + from - skip, to - from + skip, MADV_DONTNEED);
}

void spill_release(struct spill *s)
{
    if (s->fd > 0)
        close(s->fd);
    free(s->buffer);
    *s = (struct spill){ .beside = s->beside };
}
