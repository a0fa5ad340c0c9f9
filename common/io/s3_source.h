#ifndef IO_S3_SOURCE_H
#define IO_S3_SOURCE_H

#include <nettle/base64.h>
#include <nettle/md5.h>

#include "io/s3_wire.h"
#include "io/store.h"

/** What is uploaded, open. All zeros is none. */
struct s3_source {
    const struct store_source *from; /* borrowed */
    int fd;                          /* -1: bytes */
    uint64_t size;
};

/** ERR_IO: no regular file that can be read. */
int s3_source_open(struct s3_source *out, const struct store_source *from, struct err *e);
void s3_source_close(struct s3_source *s);

enum { S3_MD5_BASE64 = BASE64_ENCODE_RAW_LENGTH(MD5_DIGEST_SIZE) + 1 };

/** Digests of a piece; those that are NULL are not computed. */
struct s3_digests {
    struct hash *whole; /* gets the bytes, too */
    char (*sha256)[HASH_HEX];
    uint8_t (*md5)[MD5_DIGEST_SIZE];
};

/** Read the n bytes at offset. ERR_DATA if the file is shorter by now, ERR_IO. */
int s3_source_digest(const struct s3_source *s, uint64_t offset, uint64_t n, struct s3_digests out,
                     struct err *e);

/** The piece as a body to send. */
struct s3_body s3_source_body(const struct s3_source *s, uint64_t offset, uint64_t n);

#endif
