#ifndef RUNNER_INPUTS_H
#define RUNNER_INPUTS_H

#include <jansson.h>
#include <stdbool.h>

#include "runner/plan/plan.h"

/* The inputs document of a stage: everything that its outputs depend on. Its hash is the
 * fingerprint.
 *
 *   schema   version of this document
 *   argv     ["train"] for run:, the words for cmd:, ["sh", "-c", text]; references by their name
 *   program  SHA-256 of the executable; null for the shell
 *   code     {path: sha256}
 *   deps     {name: [[path, sha256]...]} in the order in which the program gets them
 *   outs     {name: path}
 *   params   {name: text or [text...]}, canonical
 *   env      {NAME: value}, what the file declares
 *   secrets  [name...]
 */

enum { INPUTS_SCHEMA = 1 };

/**
 * Build it. The hash of what a stage above has yet to make (above_runs, NULL: none) is null, and
 * *out_complete false. out_dep  (n_dep of the stage) the files found, owned by the caller errors
 * ERR_USAGE with file:line:column: a dep, program or code that does not exist; ERR_IO
 */
int inputs_build(const struct graph *g, size_t stage, const bool *above_runs,
                 const struct file_view *files, json_t **out, struct path_list *out_dep,
                 bool *out_complete, struct err *e);

/** The paths of all deps and code that such a document names, added to `out`. */
void inputs_paths(const json_t *inputs, struct path_list *out);

/** Have the files that `inputs` was built from still the content that it says? False also where
 * only building it again can tell: a pattern, a file that cannot be read. */
bool inputs_hold(const struct stage_spec *s, const json_t *inputs, const struct file_view *files);

#endif
