#ifndef IO_S3_SIGN_H
#define IO_S3_SIGN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

/* AWS Signature Version 4 (docs.aws.amazon.com, "Signature Version 4 signing process"; HMAC: RFC
 * 2104). Ours and not CURLOPT_AWS_SIGV4, because that one signs path and query as they are given,
 * sets no x-amz-content-sha256, cuts a key id at its first colon, signs whatever header stands in
 * the list (a removed one, too) and depends on libcurl's version: what is left to write by hand
 * would be most of this file, without a way to check it against AWS's published examples. */

/** A name and its value: a header (the name in lower case) or a parameter of a query. Borrowed. */
struct s3_pair {
    const char *name, *value;
};

/** Who signs. Everything owned; `token` and `source` may be NULL. */
struct s3_keys {
    char *id, *secret;
    char *token;  /* of a session */
    char *source; /* where they were found: what messages say in place of them */
};

void s3_keys_release(struct s3_keys *k);

/** What is signed. Borrowed. */
struct s3_signing {
    const char *method;
    const char *path;  /* from "/", encoded (s3_encode) */
    const char *query; /* as s3_query makes it, without "?"; "" */
    const struct s3_pair *header;
    size_t n_header;     /* in byte order of their names; host and x-amz-date are among them */
    const char *payload; /* x-amz-content-sha256: hexadecimal digest of the body */
    const char *time;    /* x-amz-date: 20150830T123600Z */
    const char *region;  /* us-east-1 */
    const char *service; /* s3 */
};

/** The value of the header Authorization, owned by the caller. */
char *s3_sign(const struct s3_signing *s, const struct s3_keys *k);

/** Percent-encode all bytes but A-Z a-z 0-9 - . _ ~, and "/" where it is kept (RFC 3986, 2.3). */
void s3_encode(struct str *out, const char *text, size_t n, bool keep_slash);

/** "a=1&b=2": encoded, in byte order of the encoded names. */
void s3_query(struct str *out, const struct s3_pair *pair, size_t n);

#endif
