#ifndef RUNNER_WHEN_H
#define RUNNER_WHEN_H

#include "base/err.h"
#include "io/yaml.h"
#include "runner/schedule/schedule.h"

/* The part of schedule.c that reads weekly, daily or cron, whichever an entry has. */

/** Sets kind, name, text and when of `s`, and what is odd about them. ERR_USAGE at the node. */
int when_read(const struct yaml *map, const char *pipeline, struct schedule *s, struct err *e);

/** Add a sentence to what is legal but seldom meant; it is handed over. */
void schedule_warn(struct schedule *s, char *text);

#endif
