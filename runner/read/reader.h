#ifndef RUNNER_READER_H
#define RUNNER_READER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/yaml.h"
#include "runner/read/manifest.h"
#include "runner/read/reference.h"

/* What the parts of the reader of a pipeline file share (manifest.c, stage.c, fileref.c,
 * contract.c); nobody else needs it. */

struct reader {
    struct manifest *m;          /* being filled */
    const struct yaml *root;     /* profile and -p applied, nulls removed */
    const struct yaml *defaults; /* NULL if there are none */
    const char **stage_name;     /* (m->n_stage) borrowed from the tree */
    const char *libexec;
    struct stage_spec usual;       /* the limits of a stage without its own; see limits.c */
    struct reference_value *param; /* (n_param) of the pipeline */
    struct outside *outside;       /* variables of our own that the file refers to */
    struct reference_value *env;   /* (n_env) of the pipeline */
    size_t n_param, n_env;
    char *word,
        *word_program; /* the last command that was looked up by PATH, and where it is; owned */
};

/** Is the text a name: letters, digits, _ and -, 1 to 64 of them? */
bool is_name(const char *text);

/** Is it a name of an environment variable that a pipeline file may set (not REFIT_...)? */
bool is_variable(const char *text);

/** Read a mapping of environment variables on top of values that are there already (a name there is
 * replaced). */
int env_read(const struct yaml *map, const struct reference_scope *scope,
             struct reference_value **env, size_t *n_env, struct err *e);

/** The pipeline's params and env; `stage` NULL: no run-time references. */
struct reference_scope reader_scope(const struct reader *r, const struct yaml *stage);

void reference_values_release(struct reference_value *v, size_t n);

struct mark reader_mark(const struct yaml *node);

/* fileref.c */

/** One path: references replaced, not empty, normalised. */
int fileref_read_path(const struct yaml *node, const struct reference_scope *scope,
                      const char *what, char **out, struct err *e);

/** deps (PROGRAM_IN) or outs (PROGRAM_OUT): a mapping of names, or for a cmd a list of paths, which
 * are their own names. */
int fileref_read(const struct yaml *node, const struct stage_spec *s,
                 const struct reference_scope *scope, enum program_kind kind, struct file_ref **out,
                 size_t *out_n, struct err *e);
int fileref_read_code(const struct yaml *node, struct stage_spec *s,
                      const struct reference_scope *scope, struct err *e);
void fileref_release(struct file_ref *f, size_t n);

/* order.c: which stage comes when */

/** `pools` of the pipeline. */
int pools_read(struct reader *r, struct err *e);

/** run_if, pool and priority of a stage. */
int order_read(const struct reader *r, const struct yaml *map, struct stage_spec *s, struct err *e);

/* stage.c */

/** The program that stage i runs: sets run, program or cmd, shell, and enabled. */
int stage_read_program(struct reader *r, size_t i, const struct yaml *map, struct err *e);

/** Everything else; s->described is known. */
int stage_read(struct reader *r, size_t i, const struct yaml *map, struct err *e);

/** `on_exit` of the pipeline. */
int farewell_read(struct reader *r, struct err *e);

/* limits.c: how long, how often, with how much of the machine a stage runs */

/** A setting of the stage, or else of `defaults`; with `sub` one key of a mapping. NULL: neither.
 */
const struct yaml *reader_setting(const struct reader *r, const struct yaml *map, const char *key,
                                  const char *sub);

/** timeout, kill_after, retry, resources, log; map NULL: as `defaults` has them. */
int limits_read(struct reader *r, const struct yaml *map, struct stage_spec *s, struct err *e);

/** "50M" in bytes: K, M, G, T are powers of 1024. */
int size_read(const struct yaml *node, const char *what, int64_t min, int64_t *out, struct err *e);

/* guard.c */

/** Nothing in the tree refers to a variable that is the source of a secret. */
int secrets_guard(const struct yaml *node, const struct manifest *m, struct err *e);

/* channel.c */

/** The lists under `notify`. */
int channels_read(struct reader *r, struct err *e);

/* contract.c: a stage held against --describe of its program */

/** The option of that name and kind; ERR_USAGE with a did-you-mean where there is none. NULL
 * program: *out is NULL. */
int contract_option(const struct yaml *at, const struct stage_spec *s, const char *name,
                    enum program_kind kind, const struct program_option **out, struct err *e);

/** Check one value and make it canonical in place; a template that only a run can resolve must be
 * for a text. */
int contract_value(const struct yaml *at, const struct stage_spec *s,
                   const struct program_option *o, char **value, struct err *e);

/** "scheme://user:word@host": a file is no place for the word. */
bool url_has_password(const char *text);

/** What is missing, what belongs to another value of another option. */
int contract_check(const struct yaml *map, const struct stage_spec *s, struct err *e);

#endif
