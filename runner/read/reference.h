#ifndef RUNNER_REFERENCE_H
#define RUNNER_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "io/yaml.h"

struct secret_ref;

/* References in the texts of a pipeline file: ${params.x} and ${env.X} are replaced when it is
 * read, ${deps.n},
 * ${outs.n}, ${checkpoint}, ${run.id}, ${run.dir}, ${run.attempt} when a process is started. $$ is
 * a dollar; a dollar before anything else is itself. A text that is read once is a template: it
 * holds references of the second kind and $$ only. */

/** One piece of a text. */
enum piece_kind { PIECE_TEXT, PIECE_DOLLAR, PIECE_NAME, PIECE_UNCLOSED };
struct piece {
    enum piece_kind kind;
    const char *text; /* (n) in the text; of a name what stands between the braces */
    size_t n;
};

/** The piece at `p`; returns what follows it, NULL at the end of the text. */
const char *piece_next(const char *p, struct piece *out);

struct reference_value {
    char *name, *value; /* owned; the value is a template */
};

/** Variables of the runner's own environment that the file refers to. */
struct outside {
    const char *const *given; /* (n_given) "NAME=value": taken instead of the environment */
    size_t n_given;
    char **used; /* (n_used) "NAME=value", each once; owned */
    size_t n_used;
};

/** What can be referred to at some place of the file. All borrowed. */
struct reference_scope {
    const struct reference_value *param, *env; /* (n_param), (n_env); the first of a name counts */
    size_t n_param, n_env;
    const struct yaml *stage;        /* the stage's mapping; NULL: no run-time references here */
    const struct secret_ref *secret; /* (n_secret) that ${secrets.X} may name here; kept as it is */
    size_t n_secret;
    struct outside *outside; /* ${env.X} that the file does not declare */
    bool ending;             /* on_exit: ${run.state} too */
    bool shell;              /* a text for sh -c: values are quoted where the shell needs it */
};

/** Resolve a scalar into a new template. ERR_USAGE at the node: unknown name (did-you-mean),
 * unclosed brace. */
int reference_resolve(const struct yaml *at, const struct reference_scope *scope, char **out,
                      struct err *e);

/** Resolve a scalar into a new plain text; a reference that is known only at run time is an error.
 */
int reference_plain(const struct yaml *at, const struct reference_scope *scope, char **out,
                    struct err *e);

/** Has the template a reference that only a run can resolve? */
bool reference_open(const char *template);

/** Add the text with every dollar doubled: a template that stands for exactly this text. */
void reference_escape(const char *text, struct str *out);

/** Add the text as one word of the shell, in quotes unless it has only characters that mean nothing
 * to it. */
void reference_shell_word(const char *text, struct str *out);

/** The template as text: $$ is $, references stay as they are written; owned. */
char *reference_text(const char *template);

/** yaml_fail, but a node made from -p (line 0) is named by its file alone. */
int node_fail(const struct yaml *at, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
