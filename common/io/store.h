#ifndef IO_STORE_H
#define IO_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"

/* Named objects, whole or not there: files below a directory (store_directory.c), or objects below
 * a prefix of an S3 bucket (store_s3.c). What a registry is made of (registry.h).
 *
 * A key is a relative path of plain parts ("model/3/models.tar"). An object appears with all its
 * bytes or not at all, also when the program is killed. Errors: ERR_RETRY for what may pass (a
 * server that is down, slow, or says so), ERR_IO for what will not, ERR_DATA where bytes are not
 * those that they must be. */

struct store;

/** What stands beside the bytes. */
struct store_object {
    uint64_t size;
    int64_t modified_s; /* Unix time of the last change */
    char tag[80];       /* another one after every change: the ETag; of a file: inode, size, time */
    char version[80];   /* of a versioned bucket: the version id of the object; else "" */
    char mark[HASH_HEX]; /* of an object in a bucket: by which its publisher knows it; else "" */
};

/**
 * Open PATH, file:PATH, file://PATH, or s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME&...]
 * (docs/formats.md, "registry"). Nothing is touched, no server is asked.
 *
 *   errors  ERR_USAGE: another scheme, no bucket, an unknown parameter; missing credentials are
 *           found by the first request
 */
int store_open(struct store **out, const char *url, struct err *e);
/** A directory, whatever its name looks like. */
int store_directory_open(struct store **out, const char *root, struct err *e);
void store_close(struct store *s);

/** PATH or s3://BUCKET/PREFIX: what messages call it. Borrowed. */
const char *store_name(const struct store *s);

/** A small object, followed by a NUL; *out is NULL if there is none. More than max bytes are
 * ERR_DATA. `about` may be NULL. */
int store_read(struct store *s, const char *key, size_t max, char **out, size_t *out_n,
               struct store_object *about, struct err *e);

/** Is it there, and how large? */
int store_look(struct store *s, const char *key, bool *out_found, struct store_object *about,
               struct err *e);

/**
 * An object into the file `path`, which is replaced when all bytes are there; it is not synced, as
 * nobody keeps a package longer than it takes to unpack it.
 *   path    NULL: read it and compare only
 *   sha256  it must have, else ERR_DATA; NULL: any
 * What is not there is ERR_DATA.
 */
int store_fetch(struct store *s, const char *key, const char *path, const char *sha256,
                struct err *e);

/** What is to be stored: a file, or bytes in memory. Borrowed. */
struct store_source {
    const char *path;  /* NULL: bytes */
    const char *bytes; /* (n) */
    size_t n;
    const char *sha256; /* of it: a file that changed meanwhile is refused (ERR_DATA) */
};

enum store_when {
    STORE_ALWAYS,
    STORE_IF_NEW,  /* nothing is there */
    STORE_IF_SAME, /* what is there has the tag given */
};

/**
 * Store an object.
 *   when, tag  the condition; tag is NULL but for STORE_IF_SAME
 *   out_done   false: the condition did not hold, nothing was changed. Of several that store a new
 *              object at once one is told true, where the store can tell; a server that cannot
 *              (501) is asked before and after, and what was lost meanwhile is ERR_DATA
 *   about      of what is there now; may be NULL
 * What was stored is read back and compared with sha256, unless the URL says verify=false.
 */
int store_put(struct store *s, const char *key, const struct store_source *from,
              enum store_when when, const char *tag, bool *out_done, struct store_object *about,
              struct err *e);

/**
 * Store an object at `key` in place of what is there, in two steps: all that may fail for want of
 * room or of the source comes first, so that nothing else has to be undone.
 *   from  and what it points at must live until the second step
 *   twin  key of an object of this store with the same bytes, from which a server copies; or NULL
 */
struct store_pending;
int store_prepare(struct store *s, const char *key, const struct store_source *from,
                  const char *twin, struct store_pending **out, struct err *e);

/** The second step; `about` may be NULL. `p` is gone afterwards, also on error. */
int store_finish(struct store_pending *p, struct store_object *about, struct err *e);

/** Instead of the second step: nothing stays. NULL is fine. */
void store_abandon(struct store_pending *p);

/** ERR_IO unless it is gone afterwards; what is not there is no error. */
int store_remove(struct store *s, const char *key, struct err *e);

/**
 * The names right below "<prefix>/" in byte order, of objects and of "directories" (which have
 * objects below them); the prefix "" is the root. (*out_n) owned by the caller, each and all.
 */
int store_list(struct store *s, const char *prefix, char ***out, size_t *out_n, struct err *e);

/**
 * Publishers of one model take turns where the store can lock (a directory on a file system that
 * can); elsewhere *out_held is false and nothing is promised. What publishers that died left under
 * "<prefix>/" (files that were never whole, parts of uploads older than a day) is taken away.
 */
int store_lock(struct store *s, const char *prefix, bool *out_held, struct err *e);
void store_unlock(struct store *s);

#endif
