#ifndef IO_S3_H
#define IO_S3_H

#include "io/s3_list.h"
#include "io/store.h"

/* A bucket of Amazon S3, or of a server that speaks as it does (Amazon Simple Storage Service API
 * Reference, 2006-03-01). Keys are whole: no prefix is added here. Errors as s3_call has them. */

/** Nothing is asked, no credentials are read: errors are those of s3_place_parse. */
int s3_open(struct s3 **out, const char *url, struct err *e);
void s3_close(struct s3 *s);

/** Is it there? `version` as in s3_fetch; `about` may be NULL. */
int s3_look(struct s3 *s, const char *key, const char *version, bool *out_found,
            struct store_object *about, struct err *e);

/** A small object, as store_read. */
int s3_read(struct s3 *s, const char *key, size_t max, char **out, size_t *out_n,
            struct store_object *about, struct err *e);

/**
 * The bytes of an object into a file that is open and empty, from where it broke off if it did.
 *   version  of a versioned bucket; NULL or "": the newest
 *   fd       -1: nowhere
 *   out_hex  SHA-256 of what came
 * What is not there is ERR_DATA.
 */
int s3_fetch(struct s3 *s, const char *key, const char *version, int fd, char out_hex[HASH_HEX],
             struct err *e);

/** Store an object, as store_put, but for the reading back; `about` is not NULL. Above
 * place.parts_above it goes in parts (s3_upload.h). */
int s3_put(struct s3 *s, const char *key, const struct store_source *from, enum store_when when,
           const char *tag, bool *out_done, struct store_object *about, struct err *e);

/** Copy in the bucket, at most 5 GiB (what S3 copies in one request); `about` is not NULL. */
int s3_copy(struct s3 *s, const char *from, const char *to, struct store_object *about,
            struct err *e);

/** What is not there is no error. */
int s3_remove(struct s3 *s, const char *key, struct err *e);

/** ERR_DATA unless the object reads back with that SHA-256; `about` is of what was stored. One that
 * was stored as new is then taken away, so that no one takes it for whole, unless it is another
 * one by now. Nothing is asked with verify=false. */
int s3_verify(struct s3 *s, const char *key, const char *sha256, enum store_when when,
              const struct store_object *about, struct err *e);

/** Object, as an answer with its headers describes it. */
void s3_describe(const struct s3_answer *a, struct store_object *out);

/** Is the condition of a PUT met now? Without one nothing is asked. */
int s3_holds(struct s3 *s, const char *key, enum store_when when, const char *tag, bool *out_holds,
             struct err *e);

/** ERR_DATA: the condition held before, and yet another object is there. */
int s3_clash(const struct s3 *s, const char *key, struct err *e);

/** The header that makes a call conditional, and the statuses that say that it was not met; `tag`
 * is borrowed. */
void s3_require(struct s3_call *c, enum store_when when, const char *tag);

#endif
