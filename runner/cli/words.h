#ifndef RUNNER_WORDS_H
#define RUNNER_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct cli;

/* The tables of the command line, which stand in cli.c: the parser, the help texts, the man page
 * and the completions of shells are made from them. */

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
};

struct words cli_words(void);

#endif
