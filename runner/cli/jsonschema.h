#ifndef RUNNER_JSONSCHEMA_H
#define RUNNER_JSONSCHEMA_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"

/** The JSON Schema (draft 2020-12) of the pipeline file, from the tables of keys.h; with `programs`
 * also what every program of libexec/refit says of its options. *out is new. ERR_USAGE, ERR_IO. */
int schema_build(bool programs, json_t **out, struct err *e);

#endif
