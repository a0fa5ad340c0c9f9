#ifndef RUNNER_LOCK_H
#define RUNNER_LOCK_H

#include <stdbool.h>
#include <stdint.h>

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

/** For lock_take. */
#define LOCK_AT_ONCE INT64_C(0)
#define LOCK_FOREVER INT64_C(-1)

/** ERR_RETRY (75) with the holder's name when another process holds it and does not let go within
 * `wait_ms`. `command` is what this one does. */
int lock_take(struct lock *l, const char *pipeline, const char *command, int64_t wait_ms,
              struct err *e);

/** The same for the one daemon that a pipeline has, by .refit/NAME.daemon.lock. */
int lock_take_daemon(struct lock *l, const char *pipeline, const char *command, struct err *e);

/** Say which run it is now. An error is not one of the run: messages only lose the name. */
void lock_name(struct lock *l, const char *run, const char *command);

/** Does a process hold the lock of this pipeline? */
bool lock_is_held(const char *pipeline);

/** Who holds it. `run` is "" while it plans. Texts owned, NULL while `id` is not known; all zeros
 * is nobody. */
struct lock_holder {
    bool held;
    struct proc_id id; /* pid 0: it has not said so yet */
    char *run, *command, *since;
};

void lock_holder(const char *pipeline, struct lock_holder *out);
void lock_holder_release(struct lock_holder *h);

void lock_release(struct lock *l);

#endif
