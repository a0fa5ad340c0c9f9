#ifndef RUNNER_MESSAGE_H
#define RUNNER_MESSAGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/memory/ledger.h"
#include "runner/read/channel.h"

/* What a notification says, as the JSON document of docs/formats.md. All that is from outside
 * (logs, reasons) is made valid UTF-8 without control characters on its way in. */

enum {
    MESSAGE_TAIL_BYTES = 65536, /* more of a log is not looked at */
    MESSAGE_WARNINGS = 20,
};

/** Instants of one schedule that passed without a run, for one reason. Texts owned. */
struct missed {
    char *schedule, *state; /* "missed" or "overlapped", as the ticks are */
    char *reason;
    int64_t first_ms, last_ms; /* since 1970 */
    size_t n;
};

void missed_release(struct missed *m);

/** Of a run that has ended; `since` (NULL: nothing): what a recovery is one from. */
int message_of_run(struct state *s, const struct run_row *run, enum notify_event event, bool late,
                   const char *since, json_t **out, struct err *e);

json_t *message_of_missed(const char *pipeline, const struct missed *missed);

/** One that says that it is a test. */
json_t *message_of_test(const char *pipeline, enum notify_event event);

/** As one channel gets it: with the last `tail` lines of the stage's log, and the whole as text. */
json_t *message_for(const json_t *message, int64_t tail);

#endif
