#ifndef MODELS_ROLES_H
#define MODELS_ROLES_H

#include "base/err.h"
#include "io/table.h"

/* The roles of a table's columns as a model keeps them. */

void roles_copy(struct table_roles *to, const struct table_roles *from);

/** As JSON, owned by the caller: {"id", "label", "date", "image", "schema": text or null, "text",
 * "feature": list}. */
char *roles_to_json(const struct table_roles *r);

/** From that JSON. ERR_DATA if it is something else. */
int roles_from_json(struct table_roles *r, const char *json, struct err *e);

#endif
