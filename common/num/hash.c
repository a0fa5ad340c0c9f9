#include "num/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

void hash_init(struct hash *h)
{
    sha256_init(&h->ctx);
}

void hash_add(struct hash *h, const void *bytes, size_t n)
{
    sha256_update(&h->ctx, n, bytes);
}

void hash_add_text(struct hash *h, const char *text)
{
    uint8_t length[8];
    size_t n = strlen(text);
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)n >> (8 * i));
    hash_add(h, length, sizeof length);
    hash_add(h, text, n);
}

void hash_raw(struct hash *h, uint8_t out[SHA256_DIGEST_SIZE])
{
    sha256_digest(&h->ctx, SHA256_DIGEST_SIZE, out);
}

void hash_hex(struct hash *h, char out_hex[HASH_HEX])
{
    static const char digit[] = "0123456789abcdef";
    uint8_t digest[SHA256_DIGEST_SIZE];
    hash_raw(h, digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        out_hex[2 * i] = digit[digest[i] >> 4];
        out_hex[2 * i + 1] = digit[digest[i] & 15];
    }
    out_hex[HASH_HEX - 1] = '\0';
}

void hash_bytes(const void *bytes, size_t n, char out_hex[HASH_HEX])
{
    struct hash h;
    hash_init(&h);
    hash_add(&h, bytes, n);
    hash_hex(&h, out_hex);
}

int hash_file(const char *path, char out_hex[HASH_HEX], uint64_t *out_size, struct err *e)
{
    enum { CHUNK = 1 << 18, SMALL = 1 << 14 };
    uint8_t small[SMALL], *chunk = small; /* most files need no allocation */
    size_t room = SMALL;
    struct hash h;
    struct stat st;
    uint64_t size = 0;
    ssize_t got;
    int rc = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */

    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        rc = err_set(e, ERR_IO, "'%s' is not a regular file", path);
        goto out;
    }
    if (st.st_size >= SMALL)
        chunk = mem_calloc(room = CHUNK, 1);
    hash_init(&h);
    while ((got = read(fd, chunk, room)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = err_sys(e, "cannot read '%s'", path);
            goto out;
        }
        hash_add(&h, chunk, (size_t)got);
        size += (uint64_t)got;
    }
    hash_hex(&h, out_hex);
    if (out_size)
        *out_size = size;
out:
    if (chunk != small)
        free(chunk);
    close(fd);
    return rc;
}
