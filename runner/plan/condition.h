#ifndef RUNNER_CONDITION_H
#define RUNNER_CONDITION_H

#include <stdbool.h>
#include <stddef.h>

#include "runner/read/manifest.h"

/* May a stage run, by what the stages directly above it have come to? A pure function of `run_if`
 * and of how many of them are in which state: the truth table of docs/pipeline.md. */

/** What a stage above has come to, the worse the later. One that is disabled or not selected does
 * not count. */
enum upstream {
    UPSTREAM_DONE, /* succeeded or reused */
    UPSTREAM_SKIPPED,
    UPSTREAM_BLOCKED,
    UPSTREAM_NOT_STARTED, /* the run was stopping */
    UPSTREAM_FAILED,      /* failed, timed_out, aborted or upstream_failed */
    UPSTREAM_OPEN,        /* not settled yet */
    UPSTREAM_KINDS
};

/** The stages directly above one, counted. All zeros: there are none. */
struct condition {
    size_t n[UPSTREAM_KINDS];
};

enum condition_answer {
    CONDITION_RUN,
    CONDITION_SKIPPED,
    CONDITION_BLOCKED,
    CONDITION_NOT_STARTED,
    CONDITION_FAILED, /* upstream_failed */
    CONDITION_WAIT,
};

/**
 * The worst of what is above decides; while one is open only a failure does (of `always` nothing).
 *   out_because  may be NULL: the kind that decided; UPSTREAM_DONE where nothing speaks against it
 */
enum condition_answer condition_answer(enum run_if rule, const struct condition *above,
                                       enum upstream *out_because);

/** "all_success", "none_failed", "always" */
const char *run_if_name(enum run_if rule);

/** What such a stage above did: "was skipped", "is blocked", "did not succeed", "was not started".
 */
const char *upstream_verb(enum upstream kind);

#endif
