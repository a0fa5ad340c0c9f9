#ifndef RUNNER_INPUTS_H
#define RUNNER_INPUTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "runner/plan/plan.h"

/* The inputs document of a stage: everything that its outputs depend on, as text in the form of
 * canonical.h. The hash of that text is the fingerprint.
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
 * Append it to `out`. The hash of what a stage above has yet to make (above_runs, NULL: none) is
 * null, and *out_complete false.
 *   out_dep  (n_dep of the stage) the files found, appended; owned by the caller
 *   errors   ERR_USAGE with file:line:column: a dep, program or code that does not exist, a text
 *            that is not UTF-8; ERR_IO
 */
int inputs_build(const struct graph *g, size_t stage, const bool *above_runs,
                 const struct file_view *files, struct str *out, struct path_list *out_dep,
                 bool *out_complete, struct err *e);

/** Would it be the same if it were built now? False too where that cannot be told. */
bool inputs_hold(const struct graph *g, size_t stage, const char *inputs,
                 const struct file_view *files);

/** It as a document, new; NULL if it is damaged. */
json_t *inputs_read(const char *inputs);

/** The paths of all deps and code that such a document names, added to `out`. */
void inputs_paths(const json_t *inputs, struct path_list *out);

#endif
