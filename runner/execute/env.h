#ifndef RUNNER_ENV_H
#define RUNNER_ENV_H

#include "runner/plan/argv.h"
#include "runner/execute/run.h"

/* A clean environment: PATH and HOME as the runner has them, LANG=C.UTF-8, TZ=UTC, REFIT_THREADS,
 * one thread for OpenMP and OpenBLAS (the programs make their own), REFIT_RUN, then what the
 * pipeline file declares, then the secrets that the stage names. */

/** A list of "NAME=value": a later one replaces an earlier one of that name. All zeros is empty. */
struct env {
    char **entry; /* NULL-terminated once anything was set; owned */
    size_t n;
};

/** PATH, HOME, LANG and TZ. */
void env_plain(struct env *v);

/** Takes "NAME=value" over. */
void env_put(struct env *v, char *entry);

int env_make(struct env *v, const struct run *r, const struct work *w,
             const struct attempt_files *files, struct err *e);

/** Without what the pipeline file declares, and without secrets: for the runner's own helpers. */
void env_base(struct env *v, const struct run *r, const struct work *w);
void env_release(struct env *v);

/** "REFIT_RUN=<project>/.refit/runs/<run>/<stage>.<attempt>": how the processes of an attempt are
 * found again. */
char *env_mark(const struct run *r, const struct work *w);

/** The value of each secret that a stage to be run names, and the mask that hides them. ERR_USAGE
 * with its place in the pipeline file. */
int secrets_resolve(struct run *r, struct err *e);

/** Wipe them. */
void secrets_release(struct run *r);

#endif
