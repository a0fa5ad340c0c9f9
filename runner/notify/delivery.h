#ifndef RUNNER_DELIVERY_H
#define RUNNER_DELIVERY_H

#include "base/err.h"
#include "runner/show/show.h"
#include "runner/notify/outbox.h"

/* Sending what is in the outbox. Each message is one process of refit-notify, which gets channel
 * and message on its standard input; the secrets of the channel are looked up there, never here.
 * One process of a project sends at a time (.refit/.outbox.lock), so that a message goes twice only
 * when a sender dies between sending and noting it. */

enum {
    DELIVERY_PARALLEL = 16,
    DELIVERY_AFTER_RUN_MS = 10000, /* how long the end of a run waits for the world */
};

struct delivery_wish {
    bool waiting;      /* also what is not due yet */
    int64_t budget_ms; /* after that nothing more is started and no server is waited for; a command
                          has its minute */
    void (*tell)(void *self, const struct outbox_row *row); /* after each attempt; may be NULL */
    void *self;
};

/** Send until nothing is left, each message once. What does not arrive is no error: it stays in the
 * outbox. */
int outbox_deliver(struct state *s, const struct delivery_wish *wish, struct err *e);

/** A document that is not in the outbox (a test) to each of n channels; out[i] is 0, or as
 * refit-notify ended, and reason[i] (owned by the caller) says why. `check`: nothing is sent. */
int delivery_try(const char *const *channel, const char *const *document, size_t n, bool check,
                 int *out, char **reason, struct err *e);

/** At the end of a run: send what is due, tell failures as warnings and with `verbose` successes.
 */
void outbox_deliver_after_run(struct state *s, struct show *show, bool verbose);

#endif
