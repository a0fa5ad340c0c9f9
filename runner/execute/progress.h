#ifndef RUNNER_PROGRESS_H
#define RUNNER_PROGRESS_H

#include <jansson.h>
#include <stdint.h>

struct run;

/* How far the running stages are, for `refit status`: .refit/runs/RUN/progress, one JSON object
 * {STAGE: {"done", "total", "unit", "note"}}. It is a courtesy, not a record: written at most once
 * a second and only after an event, replaced whole, never synced, gone with the end of the run; an
 * error there is nobody's. */

enum { PROGRESS_EVERY_MS = 1000 };

/** Write it if there is something new and the last time is long enough ago. */
void progress_write(struct run *r);

/** When there will be something to write, on the monotonic clock; -1: nothing new. */
int64_t progress_due(const struct run *r);

void progress_remove(struct run *r);

/** That of a run, new; NULL if there is none. */
json_t *progress_read(const char *run);

#endif
