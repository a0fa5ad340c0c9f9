#ifndef RUNNER_OCCASION_H
#define RUNNER_OCCASION_H

#include <stdbool.h>

#include "base/err.h"
#include "runner/memory/state.h"
#include "runner/read/channel.h"

/* What there is to tell: which messages the end of a run and missed instants put into the outbox.
 * Inside state_begin and state_commit, but for occasion_lost. */

/**
 * After ledger_run_end or ledger_lose, in the same transaction: the messages that the end of this
 * run asks for. `late`: it is told by another runner than its own, unless that has been done.
 */
int occasion_run_ended(struct state *s, const struct channels *c, const char *run, bool late,
                       struct err *e);

/** In every transaction that may have put ticks into the states missed or overlapped, as its last
 * step: messages for those of the pipeline that nobody was told of; they count as told then, also
 * where there is nobody to tell. */
int occasion_ticks(struct state *s, const struct channels *c, const char *pipeline, struct err *e);

/**
 * For whoever starts runs but is no runner: tell of runs of the pipeline whose runners are dead.
 * The next runner, which cleans up after them and calls them lost, does not tell again. A
 * transaction of its own, if there is something to tell.
 */
int occasion_lost(struct state *s, const struct channels *c, const char *pipeline, struct err *e);

#endif
