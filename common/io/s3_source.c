#include "io/s3_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

int s3_source_open(struct s3_source *out, const struct store_source *from, struct err *e)
{
    struct stat st;
    *out = (struct s3_source){ .from = from, .fd = -1, .size = from->n };
    if (!from->path)
        return 0;
    int fd = open(from->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", from->path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(e, ERR_IO, "'%s' is not a regular file", from->path);
    }
    out->fd = fd;
    out->size = (uint64_t)st.st_size;
    return 0;
}

void s3_source_close(struct s3_source *s)
{
    if (s->from && s->fd >= 0)
        close(s->fd);
    *s = (struct s3_source){ 0 };
}

struct s3_body s3_source_body(const struct s3_source *s, uint64_t offset, uint64_t n)
{
    return (struct s3_body){
        .bytes = s->fd < 0 ? s->from->bytes + offset : NULL, .fd = s->fd, .offset = offset, .n = n
    };
}

/* The next at most `room` bytes: into `chunk`, or where they are already. */
static ssize_t next(const struct s3_source *s, uint64_t offset, uint8_t *chunk, size_t room,
                    const uint8_t **out)
{
    ssize_t got = (ssize_t)room;
    *out = chunk;
    if (s->fd < 0)
        *out = (const uint8_t *)s->from->bytes + offset;
    else
        while ((got = pread(s->fd, chunk, room, (off_t)offset)) < 0 && errno == EINTR)
            ;
    return got;
}

int s3_source_digest(const struct s3_source *s, uint64_t offset, uint64_t n, struct s3_digests out,
                     struct err *e)
{
    enum { CHUNK = 1 << 17 };
    uint8_t *chunk = s->fd < 0 ? NULL : mem_calloc(CHUNK, 1);
    struct md5_ctx md5;
    struct hash sha256;
    int rc = 0;
    md5_init(&md5);
    hash_init(&sha256);
    while (n && rc == 0) {
        const uint8_t *bytes;
        ssize_t got = next(s, offset, chunk, n < CHUNK ? (size_t)n : CHUNK, &bytes);
        if (got < 0) {
            rc = err_sys(e, "cannot read '%s'", s->from->path);
        } else if (got == 0) {
            rc = err_set(e, ERR_DATA, "'%s' became shorter while it was read", s->from->path);
        } else {
            if (out.whole)
                hash_add(out.whole, bytes, (size_t)got);
            if (out.sha256)
                hash_add(&sha256, bytes, (size_t)got);
            if (out.md5)
                md5_update(&md5, (size_t)got, bytes);
            offset += (uint64_t)got;
            n -= (uint64_t)got;
        }
    }
    if (rc == 0 && out.sha256)
        hash_hex(&sha256, *out.sha256);
    if (rc == 0 && out.md5)
        md5_digest(&md5, MD5_DIGEST_SIZE, *out.md5);
    free(chunk);
    return rc;
}
