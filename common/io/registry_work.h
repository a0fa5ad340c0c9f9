#ifndef IO_REGISTRY_WORK_H
#define IO_REGISTRY_WORK_H

#include "io/registry_inner.h"

/* A publication on its way: what registry_version.c, which makes the version, and
 * registry_publish.c, which makes it the current one, share. */

enum { REGISTRY_TRIES = 1000 }; /* against other publishers, before it is said that they win */

/** One change on its way. */
struct registry_work {
    const struct registry *r;
    const struct registry_request *q;
    struct registry_request *own; /* the same, if it is set that asks: keys are found on the way */
    bool alone;                   /* the store holds a lock: what is unfinished is nobody's */
    struct registry_current before;
    struct store_object current; /* current.json as `before` was read */
    json_t *said, *keys;         /* owned: the fixed keys that it told; those that it will tell */
    struct store_pending *key;   /* of this source, which it borrows: */
    struct store_source source;
    char copy_sha256[HASH_HEX];
    char *scratch, *unpacked; /* owned: a directory, what goes to the key from it */
    struct registry_result made;
};

/** Tell who looks on (registry.before). */
void registry_at_step(const struct registry_work *w, enum registry_step step);

/** <name>/<version>/<object>, owned by the caller. */
char *registry_version_key(const struct registry_work *w, const char *version, const char *object);

/** Store a JSON document, as store_put. */
int registry_put_json(const struct registry_work *w, const char *key, json_t *doc,
                      enum store_when when, const char *tag, bool *out_done, struct err *e);

/** The largest of the names <number><ending> below `dir`; 0 if there is none. */
int registry_newest_number(const struct registry_work *w, const char *dir, const char *ending,
                           int64_t *out, struct err *e);

/** Read current.json into `before`, `current` and `said`. */
int registry_read_before(struct registry_work *w, struct err *e);

/** What is there of a version: our package, another one, or the claim on one. */
enum {
    REGISTRY_NOT_THERE,
    REGISTRY_SAME,
    REGISTRY_OTHER,
    REGISTRY_UNFINISHED_SAME,
    REGISTRY_UNFINISHED_OTHER
};

/** Its manifest says so, and its bytes must agree (else ERR_DATA). *out_modified_s: of the
 * manifest. */
int registry_look_at_version(const struct registry_work *w, const char *version, int *out,
                             int64_t *out_modified_s, struct err *e);

/** This is the version that is made. */
void registry_name_version(struct registry_work *w, const char *version);

/** Choose the version and store the package under it, and the log if there is one, unless they are
 * there. Errors as registry_publish. */
int registry_settle_version(struct registry_work *w, struct err *e);

#endif
