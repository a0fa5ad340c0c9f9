#ifndef IO_REGISTRY_H
#define IO_REGISTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"

/* Where models are published: a directory or an S3 bucket, given as store_open takes it
 * (docs/formats.md, "registry").
 *
 *   <root>/<model>/<version>/models.tar     immutable
 *   <root>/<model>/<version>/manifest.json  immutable: what is in it, its hash, its metrics
 *   <root>/<model>/<version>/log.txt        optional: what its run said
 *   <root>/<model>/current.json             {version, sha256, timestamp}: the model that is served
 *   <root>/<model>/history/<n>.json         immutable: one for each change of the current model
 *   <root>/<key>, <root>/<status>           optional: for readers that know one name only
 *
 * manifest.json comes first and claims the version: of several publishers one can store it. A
 * version whose models.tar is not there yet is unfinished; nobody but a publisher of the very same
 * package goes on with it. current.json is replaced after all else is stored: whenever a publisher
 * dies, the old or the new model is current, whole, and the next publisher goes on from there. An
 * entry of the history is written just before the change: `previous` in the next one tells if it
 * took place. */

/** All zeros is empty. */
struct registry {
    struct store *store; /* owned */
    /* Called before every step of a publication; tests stop there. May be NULL. */
    void (*before)(void *self, int step);
    void *self;
};

enum registry_step {
    REGISTRY_CLAIM,   /* manifest.json */
    REGISTRY_PACKAGE, /* models.tar */
    REGISTRY_COPY,    /* what goes to the key: all but its name */
    REGISTRY_HISTORY,
    REGISTRY_CURRENT,
    REGISTRY_KEY,
    N_REGISTRY_STEP
};

/** ERR_USAGE if the scheme is not known. Nothing is touched. */
int registry_open(struct registry *r, const char *url, struct err *e);
void registry_release(struct registry *r);

/** May this be a model's name, a version? Letters, digits, "." "_" "-", not starting with ".", at
 * most 64 bytes, and not "history" or "current.json". */
bool registry_name_ok(const char *name);

/** ERR_USAGE unless `key` is a relative path below the root, outside the model's own directory.
 * {version} may stand in it. */
int registry_check_key(const char *name, const char *key, struct err *e);

/** The same of both keys of a request, each may be NULL; and they are not the same. */
int registry_check_keys(const char *name, const char *key, const char *status, struct err *e);

/** The SHA-256 of a version's models.tar, as its manifest.json says. ERR_DATA if there is no such
 * version, or no hash. */
int registry_version_hash(const struct registry *r, const char *name, const char *version,
                          char out_hex[HASH_HEX], struct err *e);

/** The model that is served. All zeros if there is none. */
struct registry_current {
    bool found;
    char version[65];
    char sha256[HASH_HEX];
    char timestamp[32]; /* since when: "2026-11-21T10:00:00Z" */
};

/** ERR_DATA if current.json is damaged; a registry or model that does not exist yet is no error. */
int registry_current(const struct registry *r, const char *name, struct registry_current *out,
                     struct err *e);

/** manifest.json of a version: a new reference. ERR_DATA if there is no such version. */
int registry_manifest(const struct registry *r, const char *name, const char *version, json_t **out,
                      struct err *e);

struct registry_request {
    const char *name;
    const char *package; /* file to publish as models.tar */
    const char *sha256;  /* of it: what is copied must have it, else ERR_DATA */
    uint64_t size;       /* of it */
    const char *version; /* NULL: the next number */
    json_t *about;       /* becomes manifest.json, with version, sha256 and size added; borrowed */
    const char *key;     /* NULL: none */
    const char *copy;    /* file that lies at `key`; NULL: the package */
    const char *log;     /* file that is kept beside the package, as log.txt, unless there is one;
                            NULL: none */
    const char *status;  /* key of a JSON list of {current_version, timestamp}, which every change
                            of the current model is added to; NULL: none */
};

struct registry_result {
    char version[65], previous[65]; /* previous: "" if there was none */
    char *key;                      /* owned: where the copy lies, {version} filled in; NULL */
    int64_t history;                /* number of the last entry */
    bool created;                   /* a new version was made */
    bool changed;                   /* the current model is another one now */
    bool key_stays; /* of registry_set: what lies at the key is no part of the package; it stays */
    char timestamp[32];              /* of current.json: "2026-11-21T10:00:00Z" */
    char package_id[80], key_id[80]; /* version ids of a versioned bucket, of what was stored now:
                                        models.tar, the copy at the key; else "" */
};

/**
 * Publish a package and make it the current model. A package that is equal to the current one makes
 * no version; one that is equal to the version asked for, or to the newest, becomes current without
 * a new one.
 *
 *   errors  ERR_DATA: the version exists with other content, the package changed meanwhile, the
 * registry is damaged; ERR_RETRY: somebody else is publishing that version, or what may pass;
 * ERR_IO. What was current is then still current.
 */
int registry_publish(const struct registry *r, const struct registry_request *q,
                     struct registry_result *out, struct err *e);

/** Make a version that is there the current one (promote, or roll back): history, then
 * current.json, then the keys that its last publisher had, which current.json tells. ERR_DATA if it
 * is not there, whole. */
int registry_set(const struct registry *r, const char *name, const char *version,
                 struct registry_result *out, struct err *e);
void registry_result_release(struct registry_result *r);

/* ---- looking around ---- */

/** A version, newest first: numbers before other names, larger ones first. */
struct registry_version {
    char *version;    /* owned */
    json_t *manifest; /* owned */
    bool whole;       /* models.tar is there; else somebody is publishing it, or died */
    bool current;
    int64_t modified_s; /* Unix time of its models.tar or, without one, of its manifest.json */
};

/** The versions of a model: (*out_n), owned by the caller; none if the model is not there.
 * ERR_DATA: a damaged manifest. */
int registry_versions(const struct registry *r, const char *name, struct registry_version **out,
                      size_t *out_n, struct err *e);
void registry_versions_free(struct registry_version *v, size_t n);

/** The names of the models: (*out_n), owned by the caller. */
int registry_models(const struct registry *r, char ***out, size_t *out_n, struct err *e);

/** The history of the current model, oldest first: a new reference to an array of its entries. */
int registry_history(const struct registry *r, const char *name, json_t **out, struct err *e);

/** models.tar of a version into a file, which is there only if it has the hash that manifest.json
 * says. */
int registry_fetch(const struct registry *r, const char *name, const char *version,
                   const char *path, struct err *e);

/** Take a version away, its package first. ERR_USAGE: it is the current one. */
int registry_remove(const struct registry *r, const char *name, const char *version, struct err *e);

#endif
