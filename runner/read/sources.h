#ifndef RUNNER_SOURCES_H
#define RUNNER_SOURCES_H

#include "base/err.h"
#include "runner/read/manifest.h"

/** What a person wrote is nothing that a run replaces or removes: a checkpoint, which goes with the
 * commit, is no file that a stage reads, makes or keeps for itself, and neither a checkpoint nor an
 * output is the pipeline file or that of a secret. ERR_USAGE with file:line:column. */
int sources_check(const struct manifest *m, struct err *e);

#endif
