#ifndef IO_REGISTRY_INNER_H
#define IO_REGISTRY_INNER_H

#include "io/registry.h"
#include "io/store.h"

/* What reading a registry and publishing in it share; nobody else needs it. */

/** <name>/<rest>: a key of the store, owned by the caller. */
char *registry_key(const char *name, const char *rest);

/** An object that holds a JSON object: a new reference, NULL if it is not there. `about` may be
 * NULL. */
int registry_read(const struct registry *r, const char *key, json_t **out,
                  struct store_object *about, struct err *e);

/** registry_current, and what current.json is now: `about`, a new reference to all of it (NULL
 * without one). Both may be NULL. */
int registry_read_current(const struct registry *r, const char *name, struct registry_current *out,
                          struct store_object *about, json_t **out_doc, struct err *e);

/** The fixed keys that current.json tells (NULL: there is none), {key, copy, status_key} as far as
 * they are known: a new reference. */
json_t *registry_keys_in(const json_t *current);

/** The same of a request. `copy_sha256` is the hash of its `copy`, if it has one. */
json_t *registry_keys_of(const struct registry_request *q, const char *copy_sha256);

/** The package of a version (name, version, sha256 of q) into the directory `dir`, of the caller
 * alone. *out, owned by the caller: the path of its member there, NULL: of itself. ERR_DATA, ERR_IO
 * as of store_fetch and tarfile_read. */
int registry_unpack(const struct registry *r, const struct registry_request *q, const char *member,
                    const char *dir, char **out, struct err *e);

/** Copy a JSON text of 1 to size - 1 bytes; false if it is none. */
bool registry_text(const json_t *j, char *out, size_t size);

/** The number that a name <number><ending> says; 0 if it is none. */
int64_t registry_number(const char *name, const char *ending);

#endif
