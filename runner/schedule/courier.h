#ifndef RUNNER_COURIER_H
#define RUNNER_COURIER_H

#include <stdint.h>

#include "base/err.h"
#include "runner/memory/state.h"
#include "runner/schedule/crew.h"

/* How a daemon sends notifications: by an errand, `refit notify --due`, so that no server keeps it
 * waiting. Times are seconds since 1970. */

struct courier {
    int64_t next_s; /* look again then; INT64_MAX: there is nothing to send, or it is under way */
    int64_t rest_s; /* nothing is sent before this time */
};

/** All zeros but this. */
#define COURIER_IDLE ((struct courier){ .next_s = INT64_MAX })

/** Is something due? Then send it. After an error it is tried again a minute later. */
int courier_look(struct courier *k, struct crew *crew, struct state *s, int64_t now_s,
                 struct err *e);

/** The errand has ended; look again after this. If it could not send something, a minute later. */
void courier_back(struct courier *k, int status, int64_t now_s);

#endif
