#ifndef IO_S3_LIST_H
#define IO_S3_LIST_H

#include "io/s3_call.h"

/* What S3 tells in pages of a thousand. Each function follows them to the last; ERR_DATA: a server
 * whose pages do not end. */

/**
 * The names between `prefix` and the next "/" or the end of the keys that begin with it, in byte
 * order, each once; those that begin with "." are left out. (*out_n) owned by the caller, each and
 * all.
 */
int s3_list_names(struct s3 *s, const char *prefix, char ***out, size_t *out_n, struct err *e);

/** An upload in parts that is neither complete nor aborted. */
struct s3_begun {
    char *key, *id; /* owned */
    int64_t initiated_s;
};

/** Those whose keys begin with `prefix`. One who may not list them is told that there are none. */
int s3_list_uploads(struct s3 *s, const char *prefix, struct s3_begun **out, size_t *out_n,
                    struct err *e);
void s3_begun_free(struct s3_begun *b, size_t n);

/** A part that has arrived. */
struct s3_arrived {
    long long number;
    uint64_t size;
    char tag[80];
};

/** Parts of an upload, owned by the caller; none if the upload is gone. */
int s3_list_parts(struct s3 *s, const char *key, const char *id, struct s3_arrived **out,
                  size_t *out_n, struct err *e);

#endif
