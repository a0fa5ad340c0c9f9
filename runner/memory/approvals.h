#ifndef RUNNER_APPROVALS_H
#define RUNNER_APPROVALS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/memory/state.h"

/* Who let the outputs of a blocked stage count (exit 98), when and why. An approval is an intent
 * as a commit of a run is: recorded first, finished by commit_recover, so that it is whole whatever
 * happens. The history keeps the stage as blocked. */

struct approval {
    char *stage, *who, *reason;
    int64_t made; /* milliseconds since 1970 */
};

/** The approvals of a run, oldest first. */
int approvals_of(struct state *s, const char *run, struct approval **out, size_t *out_n,
                 struct err *e);
void approvals_free(struct approval *a, size_t n);

/** The one of that stage, NULL if there is none. */
const struct approval *approval_of(const struct approval *a, size_t n, const char *stage);

/** Inside a transaction. */
int approval_put(struct state *s, const char *run, const struct approval *a, struct err *e);

/**
 * The commit that an attempt of this run left, as an intent to make it count, but for `staged` of
 * its outs.
 *   errors  ERR_USAGE: it left none, or the stage was committed again since
 */
int approval_intent(struct state *s, const char *pipeline, const char *run, const char *stage,
                    struct intent *out, struct err *e);

/** Is the last commit of the stage a blocked one, which may be approved yet? */
int approval_awaited(struct state *s, const char *pipeline, const char *stage, bool *out,
                     struct err *e);

#endif
