#ifndef IO_S3_PLACE_H
#define IO_S3_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Where a bucket is and how it is asked: s3://BUCKET[/PREFIX][?NAME=VALUE&...] and the environment.
 * The prefix is taken as it stands (nothing in it is decoded); values of parameters are
 * percent-decoded. The parameters are listed in docs/formats.md, "registry".
 *
 * All zeros is empty. */
struct s3_place {
    char *name;     /* owned: s3://BUCKET/PREFIX, what messages call it */
    char *bucket;   /* owned */
    char *prefix;   /* owned: without "/" at its end; "" */
    char *region;   /* owned */
    char *endpoint; /* owned: https://HOST[:PORT][/PATH], as requests use it */
    char *host; /* owned: HOST[:PORT] of requests, with the bucket in front if that is the style */
    char *base; /* owned: path in front of a key, encoded: "", "/BUCKET", "/PATH/BUCKET" */
    char *profile; /* owned; NULL */
    bool tls;
    bool verify;           /* read back what was stored */
    bool md5;              /* Content-MD5 with parts and large objects, too */
    int attempts;          /* of one request */
    int parallel;          /* parts on their way at once */
    int connect_timeout_s; /* for a connection */
    int stall_timeout_s;   /* without 1000 bytes a second */
    uint64_t parts_above;  /* bytes; a larger object goes in parts */
    uint64_t part_size;    /* bytes */
    uint64_t max_rate;     /* bytes per second; 0: no limit */
};

/** ERR_USAGE with the URL and what is wrong in it. No server is asked, no credentials are read. */
int s3_place_parse(struct s3_place *out, const char *url, struct err *e);
void s3_place_release(struct s3_place *p);

#endif
