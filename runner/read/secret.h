#ifndef RUNNER_SECRET_H
#define RUNNER_SECRET_H

#include "base/err.h"

enum { SECRET_MAX = 65536 }; /* bytes of one */

/**
 * The value of a secret: that of the environment variable `env`, or of `file` all but the last
 * line's end, so that a key of many lines is one; one of the two is NULL. *out is owned by the
 * caller, who wipes it. errors  ERR_USAGE: there is none, it is empty, or no variable can hold it;
 * ERR_IO
 */
int secret_value(const char *name, const char *env, const char *file, char **out, struct err *e);

/** Wipe and free; NULL is harmless. */
void secret_free(char *value);

#endif
