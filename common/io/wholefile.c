#include "io/wholefile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int wholefile_read_open(int fd, const char *path, size_t max, char **out, size_t *out_n,
                        struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, ERR_IO, "'%s' is not a regular file", path);
    if ((uint64_t)st.st_size > max)
        return err_set(e, ERR_DATA, "'%s' has %lld bytes: want at most %zu", path,
                       (long long)st.st_size, max);
    size_t size = (size_t)st.st_size, n = 0;
    char *bytes = mem_calloc(size + 1, 1);
    while (n < size) {
        ssize_t got = read(fd, bytes + n, size - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(bytes);
            return err_sys(e, "cannot read '%s'", path);
        }
        if (got == 0)
            break; /* somebody made it shorter */
        n += (size_t)got;
    }
    *out = bytes;
    *out_n = n;
    return 0;
}

int wholefile_read(const char *path, size_t max, char **out, size_t *out_n, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    int rc = wholefile_read_open(fd, path, max, out, out_n, e);
    close(fd);
    return rc;
}
