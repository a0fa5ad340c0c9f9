#ifndef RUNNER_COMMANDLINE_H
#define RUNNER_COMMANDLINE_H

#include <stdbool.h>

#include "base/err.h"
#include "runner/cli/cli.h"
#include "runner/cli/words.h"

/** The parsed command line: what commands see, and what only main() does. The lists of cli have
 * room for argc texts. */
struct parsed {
    struct cli cli;
    const char *directory, *colour;
    bool help;
};

/** Whether an argument asks for the version. */
bool asks_version(const char *arg);

/** The options of all commands may stand before the command too. `*at` ends at the command, at
 * argc, or where the version is asked for. ERR_USAGE. */
int commandline_before(struct parsed *p, int argc, char **argv, int *at, struct err *e);

/** The arguments from `first` on, as command k knows them. ERR_USAGE. */
int commandline_parse(struct parsed *p, const struct command *k, int argc, char **argv, int first,
                      struct err *e);

#endif
