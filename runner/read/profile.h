#ifndef RUNNER_PROFILE_H
#define RUNNER_PROFILE_H

#include <stddef.h>

#include "base/err.h"
#include "io/yaml.h"

/* What is laid over the tree of a pipeline file before it is read: a profile, then -p. */

/**
 * Merge profiles.NAME into the root: mappings merge, all else replaces, null restores the default
 * (removes the key). ERR_USAGE: no such profile; it names a key, param or stage that the file has
 * not.
 */
int profile_apply(struct yaml *root, const char *name, struct err *e);

/** Put "name=value" into params, "stage.name=value" into the params of a stage; the value is taken
 * literally. */
int override_apply(struct yaml *root, const char *const *set, size_t n_set, struct err *e);

/** Remove every key whose value is null (`profiles` is left alone); a stage that is null is an
 * error. */
int null_apply(struct yaml *root, struct err *e);

#endif
