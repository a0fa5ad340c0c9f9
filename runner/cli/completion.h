#ifndef RUNNER_COMPLETION_H
#define RUNNER_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "runner/cli/words.h"

/* Completion scripts of shells from the tables of the command line. */

enum { BEFORE_COMMAND = 63, ONLY_HELP = 62 }; /* ids that no command has */

void completion_bash(const struct words *w, struct str *out);
void completion_zsh(const struct words *w, struct str *out);

/** What stands for a placeholder (n bytes; `o` is its option, NULL for a word): "=a,b" for these
 * words, or what is to be asked for: stages, runs, schedules, params, profiles, files, directories.
 * Nothing is added where anything may stand. */
void completion_kind(const char *placeholder, size_t n, const struct option *o, struct str *to);

/** The next of a command's words ("RUN [STAGE...]"): its bounds without brackets and dots; NULL
 * after the last. */
const char *completion_word(const char *p, const char **out, size_t *out_n, bool *out_repeats);

/** Does the option take a value? */
bool completion_has_value(const struct option *o);

#endif
