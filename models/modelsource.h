#ifndef MODELS_MODELSOURCE_H
#define MODELS_MODELSOURCE_H

#include <jansson.h>

#include "base/err.h"
#include "models/model.h"
#include "num/hash.h"

/** Where a model is taken from: a file (refit.model, or the package models.tar), a folder that
 * refit-models pull made, or a registry.
 * Set `path`, or `registry` and `name`. All borrowed but what is owned. */
struct modelsource {
    const char *path;
    const char *registry, *name, *version; /* version NULL: the current one */
    const char *key;       /* public key that must have signed the package; NULL: any package */
    char *shown;           /* owned, from here on filled by modelsource_load: for messages */
    char *found;           /* owned: version of a package; NULL: none */
    char sha256[HASH_HEX]; /* of the package; "": a model file */
};

/**
 * Load it. Members of a package are held against its manifest, a package of a registry against the
 * hash that the registry has of it, before anything is read.
 *
 *   errors  ERR_DATA: what model_load and package_read refuse, a package without model.h5, no such
 *           model or version; ERR_USAGE, ERR_RETRY, ERR_IO as of the registry; ERR_IO;
 *           ERR_USAGE: a key, and no package that could be signed
 */
int modelsource_load(struct modelsource *s, int threads, struct model **out, struct err *e);

/** {path or registry and name, version, sha256, family, kind} of a model that was loaded: a new
 * reference. */
json_t *modelsource_json(const struct modelsource *s, const struct model *m);
void modelsource_release(struct modelsource *s);

#endif
