#ifndef RUNNER_WORDS_H
#define RUNNER_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cli;

/* The tables of the command line, the only place where commands and options are described: the
 * parser, the help texts, the man page and the completions of shells are made from them. */

enum { ID_BEFORE = 63 }; /* of the options that may stand in front of the command: those of all */

enum value { FLAG, TEXT, COUNT, LIST, FILES, COLOUR, WAIT, TIME };

struct option {
    char letter;            /* 0: none */
    const char *name;       /* without -- */
    const char *value_name; /* NULL for a flag; "a|b": one of these words */
    enum value value;       /* WAIT: it may be left out */
    uint64_t commands;      /* a bit each: 1 << id */
    size_t offset;          /* in struct cli */
    const char *help;
};

struct command {
    int id, group;
    const char *name;
    const char *words; /* "RUN [STAGE]", "[STAGE...]", "bash|zsh" */
    const char *purpose, *more;
    size_t least, most; /* number of words */
    int (*call)(const struct cli *, struct err *);
};

/** The tables. */
struct words {
    const struct command *command;
    size_t n_command;
    const struct option *option;
    size_t n_option;
    const char *const *group; /* the titles of the parts of the list of commands */
};

struct words cli_words(void);

static inline bool option_is_of(const struct option *o, int command)
{
    return o->commands & UINT64_C(1) << command;
}

#endif
