#ifndef RUNNER_FAREWELLS_H
#define RUNNER_FAREWELLS_H

#include "base/err.h"
#include "runner/memory/ledger.h"
#include "runner/memory/state.h"
#include "runner/read/manifest.h"

/* on_exit of a run, kept with the run from its beginning until it has run: whoever holds the lock
 * next makes up for it where the runner died first. In the history it is one more stage of the run,
 * FAREWELL. */

#define FAREWELL "on_exit"

/** Inside the transaction that begins a run; spec NULL: nothing. */
int farewell_put(struct state *s, const char *run, size_t position, const struct stage_spec *spec,
                 struct err *e);

/** What is to run after this run: *out_found false if nothing is. `spec` is filled in with the
 * command, its environment and its time: stage_release. *out_number is that of the attempt. */
int farewell_get(struct state *s, const char *run, bool *out_found, struct stage_spec *spec,
                 int64_t *out_number, struct err *e);

/** Inside a transaction: what becomes of it. */
int farewell_stage(struct state *s, const char *run, const char *state, const char *reason,
                   struct err *e);

/** Inside a transaction: it has run. */
int farewell_done(struct state *s, const char *run, struct err *e);

/** Runs of the pipeline that are over and whose on_exit is not; the ids are owned by the caller. */
int farewells_due(struct state *s, const char *pipeline, char ***out, size_t *out_n, struct err *e);

#endif
