#ifndef RUNNER_FAILURE_H
#define RUNNER_FAILURE_H

#include "runner/execute/run.h"

/* An attempt that did not do its work. */

/** What it left running and was killed, what its log lacks: warnings. */
void failure_warn(struct run *r, struct work *w, const struct exec_end *end);

/** It does not count while something of it, which cannot be killed, may still write. */
int failure_of_survivors(struct run *r, struct work *w, const struct exec_end *end, struct err *e);

/** It failed, by its exit status, a signal or its time: for good, or until its next attempt. */
int failure_or_retry(struct run *r, struct work *w, const struct exec_end *end, struct err *e);

#endif
