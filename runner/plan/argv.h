#ifndef RUNNER_ARGV_H
#define RUNNER_ARGV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/read/manifest.h"
#include "runner/read/path.h"

/* What a process of a stage is started with, from the stage and the files of this attempt. */

/** The files of one attempt. All borrowed. */
struct attempt_files {
    const struct path_list *dep; /* (n_dep) per dep of the stage, globs expanded (struct decision
                                    has them); n is 0 where an optional one is absent */
    char *const *out;            /* (n_out) per out: the staging path */
    const char *checkpoint;      /* NULL if the stage has none */
    const char *run_id, *run_dir, *scheduled_at;
    const char *run_state; /* of on_exit: how the run ended */
    int64_t attempt;       /* from 1 */
};

/**
 * The arguments, NULL-terminated, argv[0] the program: freed by argv_free.
 *   run:  PROGRAM --dep path... --out path --param value... --checkpoint path (lists repeat the
 * flag; booleans are true/false) cmd:  its words with references replaced; a word that is nothing
 * but ${deps.n} becomes one word for each file shell: /bin/sh -c TEXT, references replaced and
 * quoted for the shell where needed ERR_USAGE where ${deps.n} stands inside a word and has not
 * exactly one file.
 */
int stage_argv(const struct stage_spec *s, const struct attempt_files *files, char ***out,
               struct err *e);

/** The declared environment "NAME=value" with references replaced, NULL-terminated: freed by
 * argv_free. No secrets. */
int stage_env(const struct stage_spec *s, const struct attempt_files *files, char ***out,
              struct err *e);

void argv_free(char **argv);

#endif
