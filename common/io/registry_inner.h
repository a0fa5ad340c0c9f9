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

/** registry_current, and what current.json is now. */
int registry_read_current(const struct registry *r, const char *name, struct registry_current *out,
                          struct store_object *about, struct err *e);

/** Copy a JSON text of 1 to size - 1 bytes; false if it is none. */
bool registry_text(const json_t *j, char *out, size_t size);

/** The number that a name <number><ending> says; 0 if it is none. */
int64_t registry_number(const char *name, const char *ending);

#endif
