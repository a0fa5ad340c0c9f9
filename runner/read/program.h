#ifndef RUNNER_PROGRAM_H
#define RUNNER_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "num/hash.h"

struct state;

/* A program as the runner knows it: by what --describe says, never by a header. */

enum program_kind { PROGRAM_IN, PROGRAM_OUT, PROGRAM_PARAM };
enum program_type {
    PROGRAM_PATH,
    PROGRAM_TEXT,
    PROGRAM_INT,
    PROGRAM_REAL,
    PROGRAM_BOOL,
    PROGRAM_CHOICE
};

struct program_option {
    char *name;
    enum program_kind kind;
    enum program_type type;
    bool list, required, side;
    bool ranged; /* min <= value <= max */
    double min, max;
    char *unit, *format, *help; /* NULL if not given (or not remembered: help) */
    char *def;                  /* canonical text of the default; NULL if there is none */
    char **choice;              /* (n_choice) */
    size_t n_choice;
    char *only, *only_value; /* the option is for that value of that option; NULL */
};

struct program {
    char *name, *path;
    char sha256[HASH_HEX];         /* of the executable */
    struct program_option *option; /* (n_option) */
    size_t n_option;
};

/** The running program's absolute path; owned. ERR_IO. */
int program_self(char **out, struct err *e);

/** ../libexec/refit beside the running program; owned. ERR_IO. */
int program_directory(char **out, struct err *e);

/**
 * Ask the executables path[0..n) for --describe, those that `s` does not remember in parallel, and
 * remember them. Each may take 10 s and 1 MiB. s       may be NULL out     (n) new programs, each
 * freed with program_free; all NULL on error errors  ERR_USAGE: it does not exist, ends with
 * another status than 0, says something else; ERR_IO
 */
int program_describe(struct program **out, char *const *path, size_t n, struct state *s,
                     struct err *e);

/** Parse what --describe printed. ERR_DATA. */
int program_parse(struct program *p, const char *json, struct err *e);

void program_free(struct program *p);

/** The option of that name; NULL. */
const struct program_option *program_option(const struct program *p, const char *name);

#endif
