#ifndef RUNNER_COMMIT_H
#define RUNNER_COMMIT_H

#include "base/err.h"
#include "runner/commit/staging.h"
#include "runner/memory/state.h"

/* commit: the outputs of a stage and the record of them, all or nothing.
 *
 *   1 prepare  every staged output is there, is hashed and is on the disk
 *   2 record the intent, durably                                   (state_intent_put)
 *   3 place    each staged output changes places with the old one, by one atomic rename;
 * directories synced 4 record the commit and close the intent, in one transaction
 * (state_intent_close; need not reach the disk before the next intent does: undone by a power cut,
 * it leaves the intent, which is finished again) 5 remove the staging directory: the old outputs
 *
 * A crash before 2 leaves the old set. After 2 the next start of a run finds the intent: where
 * every new output is still there, staged or in place, it finishes 3 to 5; else it takes back what
 * was placed. To other programs that look meanwhile, a set of several files is not one atomic
 * change; to refit it is. */

/**
 * Step 1: fill i->out from what the stage has written. Files get a modification time that is a
 * little in the past, so that no later write can share it and the hash can be cached. errors
 * ERR_DATA: an output is missing, or is no file or directory; ERR_IO
 */
int commit_prepare(struct intent *i, const struct staging *staged, const struct stage_spec *stage,
                   struct err *e);

/** Step 3, after the intent is recorded. On error what was placed is still there: commit_take_back.
 */
int commit_place(struct state *s, const struct intent *i, struct err *e);

/** Undo step 3 as far as it went. */
int commit_take_back(const struct intent *i, struct err *e);

/** One intent that was found and what became of it. */
struct recovery {
    char *run, *stage;
    int64_t attempt;
    bool forward, blocked;
};

/**
 * Finish or take back every intent of a pipeline; the holder of its lock calls this before anything
 * else. *out is owned by the caller (recovery_free).
 */
int commit_recover(struct state *s, const char *pipeline, struct recovery **out, size_t *out_n,
                   struct err *e);
void recovery_free(struct recovery *r, size_t n);

#endif
