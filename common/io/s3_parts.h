#ifndef IO_S3_PARTS_H
#define IO_S3_PARTS_H

#include "io/s3_list.h"
#include "io/s3_source.h"

/* A source in parts, as an upload sends them (s3_upload.h). */

struct s3_part {
    char sha256[HASH_HEX];
    uint8_t md5[MD5_DIGEST_SIZE]; /* if has_md5 */
    char tag[80];                 /* the server's ETag of it; "": not there yet */
};

/** All zeros is none. */
struct s3_parts {
    struct s3_source source;
    uint64_t size; /* bytes of each but the last one */
    size_t n;
    struct s3_part *part; /* (n), owned */
    bool has_md5;
};

/**
 * Open the source and hash it, each part and with them the whole, so that what is sent is what was
 * promised. Parts have place.part_size, more where there would be above 10,000 of them; their MD5
 * is computed if place.md5.
 *
 *   errors  ERR_DATA: the source is not as from->sha256 says; ERR_IO
 */
int s3_parts_open(struct s3_parts *out, const struct s3_place *place,
                  const struct store_source *from, struct err *e);
void s3_parts_release(struct s3_parts *p);

uint64_t s3_part_offset(const struct s3_parts *p, size_t i);
uint64_t s3_part_size(const struct s3_parts *p, size_t i);

/** Take over the tags of parts that have arrived, if each of them is ours by size and MD5, which
 * is computed for that. n > 0. */
int s3_parts_take(struct s3_parts *p, const struct s3_arrived *arrived, size_t n, bool *out_ours,
                  struct err *e);

/** The body of CompleteMultipartUpload: all have a tag. */
void s3_parts_document(const struct s3_parts *p, struct str *out);

#endif
