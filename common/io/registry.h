#ifndef IO_REGISTRY_H
#define IO_REGISTRY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"

/* Where models are published: a directory, given as PATH or file:PATH (docs/formats.md,
 * "registry").
 *
 *   <root>/<model>/<version>/models.tar     immutable
 *   <root>/<model>/<version>/manifest.json  immutable: what is in it, its hash, its metrics
 *   <root>/<model>/current.json             {version, sha256, timestamp}: the model that is served
 *   <root>/<model>/history/<n>.json         immutable: one for each change of the current model
 *   <root>/<key>                            optional: for readers that know one name only
 *
 * A version directory is filled under another name and then renamed: it is there with everything or
 * not at all, and two publishers cannot both become version n. current.json is replaced by a rename
 * after all else is on disk: whenever a publisher dies, the old or the new model is current, whole,
 * and the next publisher goes on from there. An entry of the history is written just before the
 * change: `previous` in the next one tells if it took place. */

/** All zeros is empty. */
struct registry {
    char *url;  /* owned: as given */
    char *root; /* owned: the directory */
    /* Called before every step of a publication; tests stop there. May be NULL. */
    void (*before)(void *self, int step);
    void *self;
};

enum registry_step {
    REGISTRY_STAGE,   /* copy package and manifest under a hidden name */
    REGISTRY_VERSION, /* rename it to the version */
    REGISTRY_COPY,    /* what goes to the key, under a name of its own */
    REGISTRY_HISTORY,
    REGISTRY_CURRENT,
    REGISTRY_KEY, /* rename the copy to the key */
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

/** manifest.json of a version: a new reference. */
int registry_manifest(const struct registry *r, const char *name, const char *version, json_t **out,
                      struct err *e);

struct registry_request {
    const char *name;
    const char *package; /* file to publish as models.tar */
    const char *sha256;  /* of it: what is copied must have it, else ERR_DATA */
    const char *version; /* NULL: the next number */
    json_t *about;       /* becomes manifest.json, with version, sha256 and size added; borrowed */
    const char *key;     /* NULL: none */
    const char *copy;    /* file that lies at `key`; NULL: the package */
};

struct registry_result {
    char version[65], previous[65]; /* previous: "" if there was none */
    char *key;                      /* owned: where the copy lies, {version} filled in; NULL */
    int64_t history;                /* number of the last entry */
    bool created;                   /* a new version was made */
    bool changed;                   /* the current model is another one now */
    char timestamp[32];             /* of current.json: "2026-11-21T10:00:00Z" */
};

/**
 * Publish a package and make it the current model. A package that is equal to the current one makes
 * no version; one that is equal to the version asked for, or to the newest, becomes current without
 * a new one.
 *
 *   errors  ERR_DATA: the version exists with other content, the package changed meanwhile, the
 * registry is damaged; ERR_IO. What was current is then still current.
 */
int registry_publish(const struct registry *r, const struct registry_request *q,
                     struct registry_result *out, struct err *e);
void registry_result_release(struct registry_result *r);

#endif
