#ifndef RUNNER_PRUNE_H
#define RUNNER_PRUNE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "runner/memory/state.h"
#include "runner/read/manifest.h"
#include "runner/read/path.h"

/* What the memory lets go of. A run of a pipeline goes when it is older than the newest
 * `retention.runs` of them and ended more than `retention.days` ago, both; never one that runs or
 * is queued, that made the last commit of a stage, that is the last failed one, or that somebody is
 * still to be told of. With it go its rows and its directory, and the commits that neither are the
 * last of a stage nor were in force during a run that is kept.
 *
 * The caller holds the lock of the pipeline. Rows go first, in one transaction, then directories: a
 * crash between leaves directories without a row, which the next call finds. */

/** What was removed, or would be. All zeros is nothing. */
struct prune {
    struct path_list run;                /* runs */
    struct path_list directory;          /* their directories, and those without a row */
    int64_t n_commit, n_tick, n_message; /* of runs that are gone */
};

void prune_release(struct prune *p);

/** Is there anything to remove? One look-up: cheap enough for the end of every run. */
int prune_due(struct state *s, const char *pipeline, const struct retention *keep, int64_t now_ms,
              bool *out_due, struct err *e);

/** Remove it; with `dry` only say what. */
int prune_runs(struct state *s, const char *pipeline, const struct retention *keep, int64_t now_ms,
               bool dry, struct prune *out, struct err *e);

/** A file whose hash is worth keeping. */
struct prune_file {
    uint64_t device, inode;
};

/** Forget the hashes of all files but these, of all directories (they are made again from those),
 * and every --describe but those of `program` (n_program) hashes. Counts are rows removed. */
int prune_cache(struct state *s, const struct prune_file *keep, size_t n_keep,
                char (*program)[HASH_HEX], size_t n_program, bool dry, int64_t *out_file,
                int64_t *out_describe, struct err *e);

/** Write the log of the database back into it; where a quarter of it, and 1 MB, is free give that
 * back to the disk. Another process that is using it is no error: then it is left as it is. */
int prune_compact(struct state *s, struct err *e);

#endif
