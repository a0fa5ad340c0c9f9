#ifndef RUNNER_SECRET_H
#define RUNNER_SECRET_H

#include "base/err.h"

/**
 * The value of a secret: of the environment variable `env`, or the first line of `file`; one of
 * them is NULL. *out is owned by the caller. ERR_USAGE if there is no such variable, ERR_IO.
 */
int secret_value(const char *name, const char *env, const char *file, char **out, struct err *e);

#endif
