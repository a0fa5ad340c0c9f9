#ifndef RUNNER_OUTBOX_H
#define RUNNER_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/memory/state.h"
#include "runner/notify/message.h"
#include "runner/read/channel.h"

/* Notifications on their way: rows of the memory. They are put there (occasion.h) in the very
 * transaction that records what they tell of, so that neither a crash nor a server that is down
 * loses one; each is sent at least once (delivery.h).
 *
 * States: due (waits for its next attempt), delivered, failed (refused, or given up). */

enum {
    OUTBOX_KEEP_DAYS = 90,   /* what is done is remembered so long */
    OUTBOX_GIVE_UP_DAYS = 3, /* after its making */
};

/** One message for one channel. Texts owned; NULL where unknown. */
struct outbox_row {
    int64_t id;
    char *pipeline, *run, *event;
    char *name, *channel;     /* as in struct channel */
    char *document;           /* JSON */
    int64_t made, tried, due; /* since 1970; tried 0: never */
    int64_t attempts;
    char *state, *reason;
};

/** For programs, without what is sent; new. */
json_t *outbox_row_doc(const struct outbox_row *r);

void outbox_rows_free(struct outbox_row *r, size_t n);

/* Writers: inside state_begin and state_commit. */

/** Put a message there for one channel, due now. */
int outbox_put(struct state *s, const struct channel *c, const json_t *message, struct err *e);

/** What became of an attempt to send a message. */
enum outbox_outcome { OUTBOX_DELIVERED, OUTBOX_LATER, OUTBOX_REFUSED };

/**
 * Record an attempt that ended at `now_ms`: delivered; later: due again in 1 min, 5 min, 30 min,
 * then every 2 h (at least `wait_s`, as the server asked), until OUTBOX_GIVE_UP_DAYS have passed;
 * refused: failed. r has its new state afterwards. What is old is forgotten.
 */
int outbox_settle(struct state *s, struct outbox_row *r, enum outbox_outcome outcome,
                  const char *reason, int64_t wait_s, int64_t now_ms, struct err *e);

/* Readers. */

/** When the next message is due, since 1970; INT64_MAX: there is none. A daemon sets its timer by
 * it, and starts `refit notify --due -q` then. */
int outbox_next_due(struct state *s, int64_t *out_ms, struct err *e);

/** Messages that are due at `now_ms` (INT64_MAX: all that wait) and were not tried since
 * `untried_ms`, oldest first, at most `limit`. */
int outbox_due(struct state *s, int64_t now_ms, int64_t untried_ms, int64_t limit,
               struct outbox_row **out, size_t *out_n, struct err *e);

/** Those of a run (NULL: of all) that are not delivered. */
int outbox_open(struct state *s, const char *run, struct outbox_row **out, size_t *out_n,
                struct err *e);

#endif
