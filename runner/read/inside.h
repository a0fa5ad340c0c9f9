#ifndef RUNNER_INSIDE_H
#define RUNNER_INSIDE_H

#include "base/err.h"
#include "runner/read/manifest.h"

/** No output and no checkpoint may leave the current directory by a symbolic link on its way.
 * ERR_USAGE with file:line:column: where it leads to. */
int inside_check(const struct manifest *m, struct err *e);

#endif
