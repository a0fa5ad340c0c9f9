#ifndef RUNNER_GC_H
#define RUNNER_GC_H

#include "runner/memory/state.h"
#include "runner/read/manifest.h"

/** At the end of a run, which holds the lock of the pipeline: apply `retention`, if anything is
 * due. What goes wrong is told in one line; it is no failure of the run. */
void gc_after_run(struct state *s, const struct manifest *m);

#endif
