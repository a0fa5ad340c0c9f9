#ifndef IO_S3_WIRE_H
#define IO_S3_WIRE_H

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "io/s3_place.h"
#include "io/s3_sign.h"
#include "num/hash.h"

/* One request and its answer, over libcurl. Nothing is judged and nothing is asked again here
 * (s3_call.h). Redirections are not followed: what is signed is for one host. */

/** How far something has come: bytes that were sent or received by all that work on it. */
struct s3_progress {
    _Atomic int64_t done;
    int64_t total; /* 0: what the server says */
};

/** A connection that is kept between requests; one for each thread. All zeros is none. */
struct s3_lane {
    CURL *curl;                   /* owned */
    bool speaks;                  /* sends progress events: the main thread alone */
    struct s3_progress *progress; /* borrowed; NULL: small things */
};

void s3_lane_release(struct s3_lane *l);

/** What is sent: bytes, or a part of a file. All zeros: nothing. Borrowed. */
struct s3_body {
    const char *bytes; /* NULL: from the file */
    int fd;
    uint64_t offset, n;
    const char *sha256; /* of it, in hexadecimal; NULL: of no bytes */
    const char *md5;    /* of it, in base64; NULL: not sent */
    bool trusted;       /* sha256 was computed just now: not again while it is sent */
};

/** Bytes that are written to a file at once: libcurl has them in pieces of 16 KiB. */
enum { S3_BLOCK = 1 << 18 };

/** Where the body of a 2xx answer goes: bytes in memory, at most `max`, or a file. */
struct s3_sink {
    size_t max;
    bool to_file;
    int fd;            /* -1: nowhere, hashed only */
    struct hash *hash; /* of all that came */
    uint64_t got;      /* bytes that came, over all requests: the next one asks for what follows */
    char *block;       /* (S3_BLOCK): those of them that are not in the file yet; NULL: no file */
    size_t n_block;
    char tag[80];   /* of the object that they are of */
    int file_errno; /* the file could not be written */
};

/** Forget what came: the file is empty again. */
void s3_sink_restart(struct s3_sink *s);

/** What came back. */
struct s3_answer {
    CURLcode failed;           /* CURLE_OK: there is a status */
    char why[CURL_ERROR_SIZE]; /* what libcurl says of it */
    int status;                /* 0: none */
    uint64_t size;             /* Content-Length, or the whole's of a Content-Range */
    int64_t modified_s;        /* Last-Modified, or 0 */
    long retry_after_s;        /* 0: not said */
    bool changed;              /* the source was not as its SHA-256 says: it was not sent whole */
    bool too_long;             /* more than the sink takes */
    char tag[80], version[80]; /* ETag as it stands, x-amz-version-id; "" */
    char mark[HASH_HEX];       /* x-amz-meta-put: which of several stored it; "" */
    char region[64];           /* x-amz-bucket-region: where the bucket is; "" */
    char location[200], date[40];
    struct str text; /* owned: the body, if it is not in a file; of errors at most 64 KiB */
};

void s3_answer_release(struct s3_answer *a);

struct s3_exchange {
    const char *method;
    const char *url;              /* whole */
    const struct s3_pair *header; /* all that are signed, and Authorization */
    size_t n_header;
    const struct s3_body *body; /* not NULL */
    struct s3_sink *sink;       /* not NULL */
    bool patient;               /* the server works on it for minutes, and says nothing meanwhile */
};

/** Ask once. `a` is empty before. Always has an answer, be it in `failed`. */
void s3_wire(struct s3_lane *l, const struct s3_place *p, const struct s3_exchange *x,
             struct s3_answer *a);

#endif
