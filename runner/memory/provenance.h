#ifndef RUNNER_PROVENANCE_H
#define RUNNER_PROVENANCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"
#include "runner/memory/ledger.h"
#include "runner/plan/plan.h"

/* What was committed: by one run, and which commit a file came from or went into. */

/** A commit. All owned; all zeros is none. */
struct commit_row {
    int64_t id, attempt, made;      /* made: milliseconds since 1970 */
    char *pipeline, *stage, *state; /* state: "done" or "blocked" */
    struct commit_record record;    /* its run, fingerprint, inputs, outs */
};

void commit_row_release(struct commit_row *c);

/** ERR_DATA if it is damaged. */
int commit_row_read(struct state *s, int64_t id, struct commit_row *out, struct err *e);

/** The commit of a stage that counted at the end of a run: the run's own, or the one that it
 * reused. out->id is 0 if there is none: the stage did not get so far, or is NULL. */
int commit_row_in_run(struct state *s, const struct run_row *run, const struct stage_row *stage,
                      struct commit_row *out, struct err *e);

/** An output of a commit. */
struct made {
    int64_t commit;
    char *path; /* owned */
    char sha256[HASH_HEX];
};

/** A file or directory that stands in the inputs of a commit. */
struct used {
    int64_t commit;
    char *path; /* owned */
    char sha256[HASH_HEX];
};

/** All commits as an index of their outputs and inputs: one pass over the memory instead of a query
 * a file. All zeros is empty. */
struct provenance {
    struct made *made; /* (n_made) by path, then by commit */
    struct used *used; /* (n_used) by path, then by commit; empty until provenance_uses */
    size_t n_made, n_used;
};

int provenance_load(struct provenance *p, struct state *s, struct err *e);
int provenance_uses(struct provenance *p, struct state *s, struct err *e);
void provenance_release(struct provenance *p);

/** The newest commit before `before` (0: any) that made the path with this content (NULL: any); 0
 * if there is none. */
int64_t provenance_maker(const struct provenance *p, const char *path, const char *sha256,
                         int64_t before);

/** The newest commit that made this content, wherever; NULL if there is none. */
const struct made *provenance_content(const struct provenance *p, const char *sha256);

/** The commits before `before` whose outputs lie in the directory `path`, or that made a directory
 * above it; of each output the newest. Appended to *io. */
void provenance_around(const struct provenance *p, const char *path, int64_t before, int64_t **io,
                       size_t *io_n);

/** The commits that read this content at this path; and those after `after` that read a directory
 * above it, or what lies in it. path NULL: this content anywhere. Appended to *io, ascending where
 * it matters: a commit may come twice. */
void provenance_users(const struct provenance *p, const char *path, const char *sha256,
                      int64_t after, int64_t **io, size_t *io_n);

#endif
