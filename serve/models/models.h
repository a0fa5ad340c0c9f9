#ifndef SERVE_MODELS_H
#define SERVE_MODELS_H

#include "io/registry.h"

/* refit-models: each command is a function of what its line said. */

struct call {
    struct registry registry;
    const char *const *word; /* (n_word) what stands behind the command */
    size_t n_word;
    bool json, dry_run, previous;
    const char *url;   /* of the registry, as it was given */
    const char *key;   /* pull, verify, export: public key that must have signed; NULL: none */
    const char *onnx;  /* export: the file */
    int64_t max_age_s; /* pull: -1: always */
    int64_t keep;      /* prune */
    int64_t older_s;   /* prune: -1: whatever age */
};

int models_list(const struct call *c, struct err *e);
int models_current(const struct call *c, struct err *e);
int models_history(const struct call *c, struct err *e);
int models_diff(const struct call *c, struct err *e);
int models_set(const struct call *c, struct err *e);
int models_verify(const struct call *c, struct err *e);
int models_prune(const struct call *c, struct err *e);
int models_pull(const struct call *c, struct err *e);
int models_keys(const struct call *c, struct err *e);
int models_export(const struct call *c, struct err *e);

/** What is served of a model. ERR_DATA if nothing is. */
int models_served(const struct call *c, const char *name, struct registry_current *out,
                  struct err *e);

/** The words that each command may have, NAME first: the version that is meant if a command may
 * leave it out: word i, else the current one. (65 bytes) to `out`. ERR_DATA if there is none. */
int models_version(const struct call *c, size_t i, char out[65], struct err *e);

/** The same of NAME or NAME@VERSION: (65 bytes) each. ERR_USAGE if it is neither. */
int models_what(const struct call *c, const char *word, char name[65], char version[65],
                struct err *e);

/** The package of a version as the file `tar`, held against its manifest and `key`; with `dir` its
 * members below that. Errors as of registry_fetch and package_read; files may be left. */
int models_fetch(const struct call *c, const char *name, const char *version, const char *tar,
                 const char *dir, struct err *e);

/** "12.3 MB", as short as it can be told. */
const char *models_size_text(json_int_t bytes, char out[32]);

/** Print a document as JSON on standard output; it is used up. Each call has one. */
void models_print(json_t *doc);

#endif
