#include "io/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum { RAW = 64 * 1024, BOMB_FROM = 16 << 20 };

/* Windows-1252, 0x80 to 0x9F (WHATWG encoding standard); 0: undefined there. */
static const uint16_t windows_1252[32] = {
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178,
};

int source_open(struct source *s, const char *path, enum source_encoding encoding, double max_ratio,
                struct err *e)
{
    struct stat st;
    *s = (struct source){ .path = path, .encoding = encoding, .max_ratio = max_ratio };
    /* a FIFO must not wait for its writer */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    s->fd = fd;
    if (fstat(fd, &st) < 0)
        return err_sys(e, "cannot look at '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_IO, "'%s' is not a regular file", path);
    s->size = st.st_size;
    s->changed = st.st_mtim;
    return 0;
}

/* At the end of what was there on opening: is it still the same file? One that grew is. */
static int check_unchanged(const struct source *s, struct err *e)
{
    struct stat st;
    if (fstat(s->fd, &st) < 0)
        return err_sys(e, "cannot look at '%s'", s->path);
    if (st.st_size < s->size || s->taken < s->size)
        return err_set(e, ERR_RETRY, "'%s' was cut while it was read: %lld bytes, want %lld",
                       s->path, (long long)(st.st_size < s->size ? st.st_size : s->taken),
                       (long long)s->size);
    if (st.st_size == s->size &&
        (st.st_mtim.tv_sec != s->changed.tv_sec || st.st_mtim.tv_nsec != s->changed.tv_nsec))
        return err_set(e, ERR_RETRY, "'%s' was written to while it was read", s->path);
    return 0;
}

/* Bytes as they lie in the file. */
static int read_raw(struct source *s, void *out, size_t n, size_t *out_n, struct err *e)
{
    ssize_t got = 0;
    *out_n = 0;
    if ((int64_t)n > s->size - s->taken)
        n = (size_t)(s->size - s->taken);
    if (n) {
        do
            got = read(s->fd, out, n);
        while (got < 0 && errno == EINTR);
        if (got < 0)
            return err_sys(e, "cannot read '%s'", s->path);
    }
    if (got == 0)
        return check_unchanged(s, e);
    if (s->hash)
        hash_add(s->hash, out, (size_t)got);
    s->taken += got;
    *out_n = (size_t)got;
    return 0;
}

static int fill_raw(struct source *s, struct err *e)
{
    if (!s->raw)
        s->raw = mem_calloc(RAW, 1);
    s->at_raw = 0;
    return read_raw(s, s->raw, RAW, &s->n_raw, e);
}

/* ---- gzip ------------------------------------------------------------------------------------ */

static int check_bomb(const struct source *s, struct err *e)
{
    if (s->unpacked < BOMB_FROM || (double)s->unpacked <= s->max_ratio * (double)s->taken)
        return 0;
    return err_set(e, ERR_DATA,
                   "'%s' is packed more than %g times: %lld bytes came out of the first %lld",
                   s->path, s->max_ratio, (long long)s->unpacked, (long long)s->taken);
}

/* Between two members: 1 another begins, 0 the end (zeros may fill it up, as gzip has it). */
static int next_member(struct source *s, struct err *e)
{
    for (;;) {
        while (s->at_raw < s->n_raw && s->raw[s->at_raw] == 0)
            s->at_raw++;
        if (s->at_raw < s->n_raw)
            break;
        if (fill_raw(s, e))
            return -1;
        if (s->n_raw == 0)
            return 0;
    }
    s->member_ended = false;
    inflateReset(s->zip);
    return 1;
}

static int read_zip(struct source *s, void *out, size_t n, size_t *out_n, struct err *e)
{
    z_stream *z = s->zip;
    int rc = 0;
    z->next_out = out;
    z->avail_out = (uInt)n;
    while (z->avail_out == n) {
        int more = s->member_ended ? next_member(s, e) : 1;
        if (more <= 0)
            return more ? e->code : 0;
        if (s->at_raw == s->n_raw && (rc = fill_raw(s, e)))
            return rc;
        if (s->n_raw == 0)
            return err_set(e, ERR_DATA, "'%s' ends inside of its gzip data: truncated", s->path);
        z->next_in = s->raw + s->at_raw;
        z->avail_in = (uInt)(s->n_raw - s->at_raw);
        int told = inflate(z, Z_NO_FLUSH);
        s->at_raw = s->n_raw - z->avail_in;
        if (told == Z_STREAM_END)
            s->member_ended = true;
        else if (told != Z_OK && told != Z_BUF_ERROR)
            return err_set(e, told == Z_MEM_ERROR ? ERR_MEMORY : ERR_DATA,
                           "'%s': damaged gzip data before byte %lld: %s", s->path,
                           (long long)s->taken, z->msg ? z->msg : "no reason given");
    }
    *out_n = n - z->avail_out;
    s->unpacked += (int64_t)*out_n;
    return check_bomb(s, e);
}

/* ---- beginning and encoding
 * ---------------------------------------------------------------------------------------- */

static int unpacked_read(struct source *s, void *out, size_t n, size_t *out_n, struct err *e)
{
    *out_n = 0;
    if (s->zip)
        return read_zip(s, out, n, out_n, e);
    if (s->at_raw < s->n_raw) { /* what was read to look at the beginning */
        size_t left = s->n_raw - s->at_raw;
        *out_n = left < n ? left : n;
        memcpy(out, s->raw + s->at_raw, *out_n);
        s->at_raw += *out_n;
        return 0;
    }
    return read_raw(s, out, n, out_n, e);
}

/* At least three bytes, unless the file is shorter. */
static int first_bytes(struct source *s, unsigned char *out, size_t n, size_t *out_n, struct err *e)
{
    size_t got;
    int rc = 0;
    *out_n = 0;
    do {
        if ((rc = unpacked_read(s, out + *out_n, n - *out_n, &got, e)))
            return rc;
        *out_n += got;
    } while (got && *out_n < 3);
    return 0;
}

static int start(struct source *s, unsigned char *out, size_t n, size_t *out_n, struct err *e)
{
    int rc;
    s->started = true;
    if ((rc = fill_raw(s, e)))
        return rc;
    if (s->n_raw >= 2 && s->raw[0] == 0x1F && s->raw[1] == 0x8B) {
        s->zip = mem_calloc(1, sizeof *s->zip);
        if (inflateInit2(s->zip, 15 + 16) != Z_OK)
            return err_set(e, ERR_MEMORY, "'%s': zlib cannot start", s->path);
    }
    if ((rc = first_bytes(s, out, n, out_n, e)))
        return rc;
    if (*out_n >= 2 && (memcmp(out, "\xFF\xFE", 2) == 0 || memcmp(out, "\xFE\xFF", 2) == 0))
        return err_set(e, ERR_DATA, "'%s' is UTF-16, want UTF-8", s->path);
    if (*out_n >= 3 && memcmp(out, "\xEF\xBB\xBF", 3) == 0) {
        s->encoding = SOURCE_UTF8;
        s->marked = true;
        *out_n -= 3;
        memmove(out, out + 3, *out_n);
        return *out_n ? 0 : unpacked_read(s, out, n, out_n, e);
    }
    return 0;
}

static size_t put_code(unsigned code, unsigned char *out)
{
    if (code < 0x80) {
        out[0] = (unsigned char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (unsigned char)(0xC0 | code >> 6);
        out[1] = (unsigned char)(0x80 | (code & 0x3F));
        return 2;
    }
    out[0] = (unsigned char)(0xE0 | code >> 12);
    out[1] = (unsigned char)(0x80 | (code >> 6 & 0x3F));
    out[2] = (unsigned char)(0x80 | (code & 0x3F));
    return 3;
}

/* The n bytes at the end of a block of 3 n become UTF-8 at its beginning, which never overtakes. */
static size_t convert(enum source_encoding encoding, unsigned char *out, size_t n)
{
    const unsigned char *in = out + 2 * n;
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned code = in[i];
        if (encoding == SOURCE_WINDOWS1252 && code >= 0x80 && code < 0xA0) {
            code = windows_1252[code - 0x80];
            if (code == 0) {
                out[at++] = 0xFF;
                continue;
            }
        }
        at += put_code(code, out + at);
    }
    return at;
}

int source_read(struct source *s, char *text, size_t n, size_t *out_n, struct err *e)
{
    unsigned char *out = (unsigned char *)text;
    size_t want = s->encoding == SOURCE_UTF8 ? n : n / 3;
    int rc;

    *out_n = 0;
    if ((rc = s->started ? unpacked_read(s, out, want, out_n, e) : start(s, out, want, out_n, e)))
        return rc;
    if (s->encoding != SOURCE_UTF8 && *out_n) {
        memmove(out + 2 * *out_n, out, *out_n);
        *out_n = convert(s->encoding, out, *out_n);
    }
    return 0;
}

int source_skip(struct source *s, int64_t at, struct err *e)
{
    int rc = 0;
    s->started = true;
    while (rc == 0 && s->taken < at) {
        size_t got, n = at - s->taken < RAW ? (size_t)(at - s->taken) : RAW;
        if (!s->raw)
            s->raw = mem_calloc(RAW, 1);
        rc = read_raw(s, s->raw, n, &got, e);
        if (rc == 0 && got == 0)
            rc = err_set(e, ERR_DATA, "'%s' ends before byte %lld", s->path, (long long)at);
    }
    return rc;
}

void source_close(struct source *s)
{
    if (s->fd > 0)
        close(s->fd);
    if (s->zip)
        inflateEnd(s->zip);
    free(s->zip);
    free(s->raw);
    *s = (struct source){ 0 };
}
