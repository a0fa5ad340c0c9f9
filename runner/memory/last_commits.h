#ifndef RUNNER_LAST_COMMITS_H
#define RUNNER_LAST_COMMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "runner/memory/state.h"

/* The last commits of many stages, read in two passes over the memory instead of two queries a
 * stage. */

struct last_commits;

/**
 * Read the last commits of a pipeline of n_stage stages; released by last_commits_free. Only what
 * is among the newest commits of the memory, twice as many as there are stages: a stage that it
 * does not know may still have one.
 */
int last_commits_read(struct state *s, const char *pipeline, size_t n_stage,
                      struct last_commits **out, struct err *e);
void last_commits_free(struct last_commits *l);

/** False: not known. *out_done: it counts; else it is blocked, and *out empty. */
bool last_commits_get(const struct last_commits *l, const char *stage, bool *out_done,
                      struct commit_record *out);

#endif
