#ifndef RUNNER_OCCASION_H
#define RUNNER_OCCASION_H

#include <stdbool.h>

#include "base/err.h"
#include "runner/memory/state.h"
#include "runner/read/channel.h"

/* What there is to tell: which messages the end of a run and missed instants put into the outbox.
 * Both inside state_begin and state_commit. */

/**
 * After ledger_run_end or ledger_lose, in the same transaction: the messages that the end of this
 * run asks for. `late`: it is told by another runner than its own.
 */
int occasion_run_ended(struct state *s, const struct channels *c, const char *run, bool late,
                       struct err *e);

/** In every transaction that may have put ticks into the states missed or overlapped, as its last
 * step: messages for those of the pipeline that nobody was told of; they count as told then, also
 * where there is nobody to tell. */
int occasion_ticks(struct state *s, const struct channels *c, const char *pipeline, struct err *e);

#endif
