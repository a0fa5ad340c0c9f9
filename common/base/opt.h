#ifndef BASE_OPT_H
#define BASE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The option table of a program: the only place where an option is described. From it come
 * --help, defaults, ranges, did-you-mean, and --describe (the table as JSON), which the runner
 * holds against the pipeline file. Every program also has --check, --threads, --version. */

/** The values of a list option: several behind the flag, or the flag repeated, in order. `item` is
 * owned by the process. */
struct opt_list {
    size_t n;
    const char **item; /* pointers into argv */
};

enum opt_kind { OPT_KIND_IN, OPT_KIND_OUT, OPT_KIND_PARAM };
enum opt_type {
    OPT_TYPE_PATH,
    OPT_TYPE_TEXT,
    OPT_TYPE_INT,
    OPT_TYPE_REAL,
    OPT_TYPE_BOOL,
    OPT_TYPE_CHOICE
};

struct opt {
    const char *name;
    enum opt_kind kind;
    enum opt_type type;
    bool list;
    size_t offset;
    /* from here on by designated initialiser */
    const char *help;
    bool optional;     /* an in or out that may be absent (its field is NULL then); a param without
                          default */
    bool writes;       /* a text that names a file which the program writes, as an out does */
    bool side;         /* a configuration file that --check reads: schema, network, feature spec */
    bool file_default; /* int, real: unset (INT64_MIN, NAN) unless given: a side file has the
                          default */
    double def;        /* int, real, bool */
    const char *text;  /* default of text and choice */
    double min, max;   /* int, real; both 0: no limit */
    const char *unit;
    const char *choices; /* choice: "random|stratified" */
    const char *format;  /* in, out: "hdf5:refit.table", "json", "html", "tar", "directory" */
    bool bare; /* list of texts: NAME=VALUE that stands alone on the command line is one of it */
    const char *only_if; /* "family=network|logistic": the option is for these values of that one */
};

/* The row does not compile if the field has another type than the option. */
#define OPT_AT(T, f, want) .name = #f, .offset = _Generic(((T *)0)->f, want : offsetof(T, f))
#define OPT_IN(T, f)       OPT_AT(T, f, const char *), .kind = OPT_KIND_IN, .type = OPT_TYPE_PATH
#define OPT_INS(T, f) \
    OPT_AT(T, f, struct opt_list), .kind = OPT_KIND_IN, .type = OPT_TYPE_PATH, .list = true
#define OPT_OUT(T, f)  OPT_AT(T, f, const char *), .kind = OPT_KIND_OUT, .type = OPT_TYPE_PATH
#define OPT_TEXT(T, f) OPT_AT(T, f, const char *), .kind = OPT_KIND_PARAM, .type = OPT_TYPE_TEXT
#define OPT_TEXTS(T, f) \
    OPT_AT(T, f, struct opt_list), .kind = OPT_KIND_PARAM, .type = OPT_TYPE_TEXT, .list = true
#define OPT_CHOICE(T, f) OPT_AT(T, f, const char *), .kind = OPT_KIND_PARAM, .type = OPT_TYPE_CHOICE
#define OPT_INT(T, f)    OPT_AT(T, f, int64_t), .kind = OPT_KIND_PARAM, .type = OPT_TYPE_INT
#define OPT_REAL(T, f)   OPT_AT(T, f, double), .kind = OPT_KIND_PARAM, .type = OPT_TYPE_REAL
#define OPT_BOOL(T, f)   OPT_AT(T, f, bool), .kind = OPT_KIND_PARAM, .type = OPT_TYPE_BOOL

#define OPT_INT_UNSET INT64_MIN

/** A program that reads files and writes files. */
struct stage {
    const char *name;
    const char *purpose;    /* one line */
    const char *more;       /* paragraphs and examples at the end of --help; may be NULL */
    const struct opt *opts; /* ends with a row without name */
    size_t size;            /* of the struct params that the rows point into */
    int (*run)(const void *params, struct err *e);
    int (*check)(const void *params,
                 struct err *e); /* --check: side files and how options fit; may be NULL.
                                    Required files may be absent (NULL) here */
};

/** What opt_parse found besides the params. */
enum opt_verb { OPT_RUN, OPT_CHECK, OPT_HELP, OPT_DESCRIBE, OPT_VERSION };

/**
 * Fill `params` (stage->size bytes) with defaults, then from argv. Text fields point into argv or
 * the table. --check lets required options be absent.
 *   errors  ERR_USAGE with the option, the found and the wanted value
 */
int opt_parse(const struct stage *stage, int argc, char **argv, void *params,
              enum opt_verb *out_verb, struct err *e);

/**
 * Can the files be written that the options name, without harm? An output is no input and no other
 * output (whatever the way to it), no device or directory, and its directory, if there, lets files
 * be made. Asked before any work, for a rename at the end of it asks nothing.
 *   errors  ERR_USAGE, ERR_IO with the option and the path
 */
int opt_check_files(const struct stage *stage, const void *params, struct err *e);

/** The main() of every stage: parse, then run, check, or print help; reports errors; exit status.
 */
int stage_main(const struct stage *stage, int argc, char **argv);

/** Worker threads: --threads, else REFIT_THREADS, else the processors this process may use. Not
 *  part of any result: outputs are the same for every number. */
int opt_threads(void);

/** The table as JSON text (see docs/stages.md), owned by the caller. */
char *opt_describe(const struct stage *stage);

#endif
