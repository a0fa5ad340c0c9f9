#ifndef IO_SOURCE_H
#define IO_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <zlib.h>

#include "base/err.h"
#include "num/hash.h"

/* The bytes of a file that was made elsewhere, as UTF-8: unpacked if it is gzip (RFC 1952, told by
 * its first bytes, several members too), converted from its encoding, without byte order mark. */

enum source_encoding { SOURCE_UTF8, SOURCE_LATIN1, SOURCE_WINDOWS1252 };

/** An open file. All zeros is "none"; source_close may always be called. */
struct source {
    const char *path; /* borrowed */
    int fd;           /* 0: none */
    enum source_encoding encoding;
    double max_ratio; /* unpacked to packed bytes; over it, past 16 MiB, the file is a bomb */
    int64_t size;     /* when it was opened: not more is read */
    int64_t taken;    /* bytes of the file that were read so far */
    int64_t unpacked; /* bytes that came out of the decompressor */
    struct timespec changed; /* when it was opened */
    bool started;            /* the beginning was looked at */
    bool member_ended;       /* gzip: between two members */
    bool marked;             /* it began with a byte order mark */
    z_stream *zip;           /* owned; NULL: not packed */
    unsigned char *raw;      /* owned: packed or encoded bytes */
    size_t n_raw, at_raw;
    struct hash *hash; /* borrowed, may be NULL: of the bytes of the file as they are read */
};

/**
 * Open a regular file.
 *   max_ratio  > 1: how many times as long as the file its content may be
 *   errors     ERR_IO: cannot be opened, or is no regular file (a FIFO is not waited for)
 */
int source_open(struct source *s, const char *path, enum source_encoding encoding, double max_ratio,
                struct err *e);

/**
 * Up to n (at least 16) more bytes; *out_n is 0 at the end alone. A byte that the encoding does not
 * have comes as 0xFF, which is no UTF-8. Bytes of UTF-8 are not checked. A byte order mark of UTF-8
 * is left out and overrules the encoding.
 *   errors  ERR_IO; ERR_DATA: UTF-16, gzip that is damaged, truncated or a bomb; ERR_RETRY: the
 *           file was cut or rewritten since it was opened
 */
int source_read(struct source *s, char *out, size_t n, size_t *out_n, struct err *e);

/** First of all, go to the byte `at` of a file that is neither packed nor has a mark; what is
 * passed is hashed. ERR_DATA if it is shorter. */
int source_skip(struct source *s, int64_t at, struct err *e);

void source_close(struct source *s);

#endif
