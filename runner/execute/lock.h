#ifndef RUNNER_LOCK_H
#define RUNNER_LOCK_H

#include <stdbool.h>

#include "base/err.h"
#include "runner/execute/proc.h"

/* One run at a time for each pipeline name: a lock of the open file description of
 * .refit/NAME.lock. The kernel releases it with the process, however that dies; F_OFD_GETLK asks
 * for it without taking it, so a reader can never be in a runner's way. Who holds it stands in the
 * file, for messages. */

struct lock {
    int fd;
    bool held;
    char *path; /* owned */
};

/** ERR_RETRY (75) with the holder's name when another process holds it. `command` is what this one
 * does. */
int lock_take(struct lock *l, const char *pipeline, const char *command, struct err *e);

/** Say which run it is now. An error is not one of the run: messages only lose the name. */
void lock_name(struct lock *l, const char *run, const char *command);

/** Does a process hold the lock of this pipeline? */
bool lock_is_held(const char *pipeline);

void lock_release(struct lock *l);

#endif
