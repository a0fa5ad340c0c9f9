#ifndef IO_S3_CALL_H
#define IO_S3_CALL_H

#include "base/err.h"
#include "io/s3_wire.h"

/* A request to a bucket: signed, judged, and asked again for as long as that may help. */

/** A bucket as one program uses it. Threads share it, each with a lane of its own. */
struct s3 {
    struct s3_place place;
    struct s3_keys keys; /* empty until the first request */
    struct s3_lane lane; /* of the main thread */
    bool bare_tags;      /* If-Match of a PUT without quotes: radosgw 16 compares them, too */
};

enum { S3_MAX_ANSWER = 16 << 20 }; /* bytes of an answer that goes to no sink */

/** Statuses that are no error for the caller. */
enum s3_accept {
    S3_NOT_THERE = 1,       /* 404 of an object; a bucket that is not there is an error */
    S3_NOT_MET = 2,         /* 412 */
    S3_NOT_IMPLEMENTED = 4, /* 501 */
    S3_NO_RANGE = 8,        /* 416 */
    S3_ANY = 16,            /* whatever is not worth asking again */
};

struct s3_call {
    const char *action; /* "PutObject": as S3 and its policies call it */
    const char *method;
    const char *key;                    /* in the bucket; NULL: the bucket itself */
    struct s3_pair query[6], header[8]; /* further ones; header names in lower case */
    size_t n_query, n_header;
    struct s3_body body;
    struct s3_sink *sink; /* NULL: the answer's text in memory, at most S3_MAX_ANSWER */
    unsigned accept;      /* enum s3_accept */
    bool xml;             /* a 2xx answer must be well-formed XML, and no <Error> */
    bool patient;         /* as in s3_exchange */
};

/**
 * Do it: at most place.attempts times, after pauses of 0 .. 0.2 s * 2^attempt (at most 20 s), at
 * random ("full jitter": Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015),
 * or what Retry-After says.
 *
 *   a       empty before; released by the caller, on error too. a->status tells an accepted one
 *   unsure  may be NULL: set when an earlier attempt may have had its effect without our hearing it
 *   errors  ERR_RETRY: what may pass did not; ERR_IO: what will not; ERR_DATA: the bytes are not
 *           those that were signed, or the answer is longer than it may be. The text names the
 *           object, the action and what the server says; no key is in it
 */
int s3_call(struct s3 *s, struct s3_lane *lane, const struct s3_call *c, struct s3_answer *a,
            bool *unsure, struct err *e);

/** s3_call in the main thread's lane, of whose answer nothing but its being good is of interest. */
int s3_do(struct s3 *s, const struct s3_call *c, struct err *e);

/** Find the credentials, once. */
int s3_prepare_keys(struct s3 *s, struct err *e);

/** ", 123" as text for a query. */
struct s3_number {
    char text[24];
};
struct s3_number s3_number(uint64_t n);

#endif
