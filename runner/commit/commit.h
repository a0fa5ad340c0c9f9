#ifndef RUNNER_COMMIT_H
#define RUNNER_COMMIT_H

#include "base/err.h"
#include "runner/commit/staging.h"
#include "runner/memory/state.h"

/* commit: the outputs of a stage and the record of them, all or nothing.
 *
 *   1 prepare  every staged output is there, is hashed, and its bytes are on the disk
 *                                                              (commit_look, commit_digest)
 *   2 intent   the names under which they are staged (their directory, and its own name beside the
 *              target), then the intent, reach the disk        (commit_intend)
 *   3 place    each staged output changes places with the old one, by one atomic rename, or
 * (without an intent) replaces it (commit_place) 4 sync     the directories of the targets reach
 * the disk   (commit_sync) 5 record   the commit is recorded and the intent closed, in one
 * transaction that need not reach the disk at once (state_intent_close) 6 remove   the old outputs
 * and the staging directory, or keep it empty for another stage
 *
 * What holds after each step, whether the runner is killed or the power fails in it:
 *
 *   - after 1: the targets are as they were.
 *   - after 2: the same, and whatever happens from here on ends as the whole new set or the whole
 *     old one. The next start finds the intent; where every new output is still there, staged or
 *     in place, it finishes 3 to 6, else it takes back what was placed.
 *   - after 3: every target is the new one or (a power cut) the old one, each of them complete.
 *   - after 4: every target is the new one for good.
 *   - after 5: the commit is known, unless a power cut undoes the transaction: the intent is then
 *     still there, and is finished again. A record never reaches the disk before its targets.
 *   - after 6: nothing is left of it.
 *
 * A stage with one output needs no intent where that output can be lost and made again (it does not
 * persist) and one rename replaces it (it is no directory in place of another). Step 2 is then left
 * out: before and after the rename the set is complete, the old one or the new one. What a crash
 * between 3 and 5 costs is the record; the next run finds an output that it does not know and runs
 * the stage again.
 *
 * Several stages may go through a step together: one transaction holds the intents of all, one sync
 * serves the outputs that share a directory, one transaction records them all. To other programs
 * that look meanwhile, a set of several files is not one atomic change; to refit it is. */

/**
 * Step 1, first half: fill i->out from what the stage has written, and say whether the intent must
 * be recorded. Files get a modification time that is a little in the past, so that no later write
 * can share it and the hash can be cached. ERR_DATA: an output is missing, or is no file or
 * directory; ERR_IO.
 */
int commit_look(struct intent *i, const struct staging *staged, const struct stage_spec *stage,
                struct err *e);

/** Step 1, second half, for one output: its hash, its bytes on the disk. Touches nothing else, so
 * that a thread can do it. ERR_IO. */
int commit_digest(struct intent_out *o, struct err *e);

/** Step 2 for those that are `intended`. */
int commit_intend(struct state *s, struct intent *const *list, size_t n, struct err *e);

/** Step 3. On error what was placed is still there: commit_take_back. */
int commit_place(struct state *s, const struct intent *i, struct err *e);

/** Step 4. */
int commit_sync(const struct intent *const *list, size_t n, struct err *e);

/** Is an output still staged after step 3: a persistent one of a blocked attempt, which must not
 * replace the committed one before it is approved? */
bool commit_keeps_staged(const struct intent *i);

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
