#ifndef RUNNER_MANIFEST_H
#define RUNNER_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/read/makers.h"
#include "runner/read/channel.h"
#include "runner/read/program.h"
#include "runner/schedule/schedule.h"

struct state;

/* read: the pipeline file as the runner understands it. Everything is resolved here: the profile is
 * merged, -p is applied, ${params.x}, ${env.X} are replaced, defaults are filled in, names are
 * checked against each other and against the --describe of every program. Later rooms find no YAML.
 *
 * Texts marked "template" may still hold references that only a run can resolve (${deps.n},
 * ${outs.n},
 * ${checkpoint}, ${run.id}, ${run.dir}, ${run.attempt}), and $$ for a dollar: argv.h turns them
 * into what a process is started with. */

struct mark {
    size_t line, column; /* in the pipeline file, from 1 */
};

/** A dep, an out, or one entry of `code`. */
struct file_ref {
    char *name;  /* option name; for an entry of a plain list and of `code` the path itself */
    char **path; /* (n_path) normalised ("./a//b" is "a/b"), globs not yet expanded; an out and
                    `code` have one */
    size_t n_path;
    bool list;     /* deps: written as a list or holding a glob: the flag is repeated */
    bool optional; /* deps: `optional: true`, or the program can do without it */
    bool persist;  /* outs: staged as a copy of the last committed one */
    char *format; /* outs: "hdf5:refit.table", "json", "tar"...; from the file or --describe; may be
                     NULL */
    char **require; /* outs: what it must contain (datasets, keys) */
    size_t n_require;
    struct mark at;
};

struct param {
    char *name;
    char **value; /* (n_value) template; canonical by the option's type (1e-3 is 0.001); one unless
                     `list` */
    size_t n_value;
    bool list;
    struct mark at;
};

/** Attempts after one that failed: see retry.h. */
struct retry {
    int64_t max; /* further attempts after the first */
    int64_t delay_ms, max_delay_ms;
    double backoff; /* delay grows by this factor */
    double jitter;  /* and is up to this share longer or shorter */
    int *on_exit;   /* (n_on_exit) the exit statuses that are tried again; owned */
    size_t n_on_exit;
    bool on_timeout;
};

/** What the stages above must have come to for this one to run; the truth table is condition.h. */
enum run_if {
    RUN_IF_ALL_SUCCESS,
    RUN_IF_NONE_FAILED,
    RUN_IF_ALWAYS,
};

/** So many stages of a pool run at a time. */
struct pool {
    char *name;
    int64_t slots;
};

enum { NO_POOL = -1 };

struct stage_spec {
    char *name;
    char *program; /* path of the executable: in libexec for `run:`; cmd[0], found by PATH if it has
                      no slash; NULL for a shell command */
    char *run;     /* the program's name for `run:`; NULL for `cmd:` */
    char **cmd; /* (n_cmd) template, for `cmd:`; a single text goes to sh -c (shell is true, n_cmd
                   1) */
    size_t n_cmd;
    bool shell;
    const struct program
        *described; /* the options of `run`; NULL for `cmd:`; borrowed from the manifest */
    struct file_ref *dep, *out, *code;
    size_t n_dep, n_out, n_code;
    struct param *param;
    size_t n_param;
    size_t *needs; /* (n_needs) indices of enabled stages */
    size_t n_needs;
    bool enabled, always_changed, frozen;
    enum run_if run_if;
    char *checkpoint; /* path kept across attempts, passed as --checkpoint; NULL */
    char **env; /* (n_env) template "NAME=value" declared for this stage (pipeline's and its own,
                   sorted) */
    size_t n_env;
    char **secret; /* (n_secret) names, sorted; each is in manifest.secret */
    size_t n_secret;
    struct retry retry;
    int64_t timeout_ms; /* 0: none */
    int64_t kill_after_ms;
    int64_t pool;     /* index in manifest.pool; NO_POOL */
    int64_t priority; /* of the ready stages the one with the highest starts first */
    int64_t cpus;     /* so many of -j, and threads; 0: one of -j, threads for all processors */
    int64_t memory;   /* bytes; 0: no limit */
    int64_t log_max;  /* bytes; 0: no limit */
    int nice;         /* added to the runner's own */
    struct mark at;
};

/** A secret: where its value is found. Never the value. */
struct secret_ref {
    char *name;       /* what the stage sees */
    char *env, *file; /* exactly one */
    struct mark at;
};

/** How much of the history is kept: what is among the newest `runs` or younger than `days`. */
struct retention {
    int64_t runs, days;
};

struct manifest {
    char *path; /* of the pipeline file, as given */
    char *name, *description;
    int64_t jobs;             /* 0: number of processors */
    struct stage_spec *stage; /* (n_stage) in the order of the file */
    size_t n_stage;
    struct makers makers;       /* of their outs */
    struct stage_spec *on_exit; /* what runs last, whatever became of the run; NULL: nothing */
    int64_t timeout_ms;         /* of the whole run; 0: none */
    struct pool *pool;
    size_t n_pool;
    char *
        *outside; /* (n_outside) "NAME=value" of the runner's environment that the file refers to */
    size_t n_outside;
    struct secret_ref *secret;
    size_t n_secret;
    struct schedule *schedule;
    size_t n_schedule;
    struct channels channels; /* who is told what */
    struct program **program; /* (n_program) every program that a stage runs, once */
    size_t n_program;
    struct retention retention;
    char **profile; /* (n_profile) names of the profiles of the file */
    size_t n_profile;
};

/** What the command line adds to the file. */
struct manifest_options {
    const char *profile;    /* NULL: none */
    const char *const *set; /* (n_set) "name=value" (a pipeline param) or "stage.name=value" (a
                               stage's); literal */
    size_t n_set;
    const char *const *outside; /* (n_outside) "NAME=value", taken instead of the environment */
    size_t n_outside;
    const char *libexec; /* where the programs of `run:` are; NULL: ../libexec/refit beside the
                            running program */
};

/**
 * Read, resolve and check a pipeline file (docs/pipeline.md). A dep whose producer is disabled is
 * left out here. o       may be NULL: nothing added s       where --describe and file hashes are
 * cached; NULL: every program is asked errors  ERR_USAGE with file:line:column (or "-p
 * name=value"), found and wanted; ERR_IO. m is then empty
 */
int manifest_read(struct manifest *m, const char *path, const struct manifest_options *o,
                  struct state *s, struct err *e);

void manifest_release(struct manifest *m);

/** Free what one stage owns. */
void stage_release(struct stage_spec *s);

/** Index of the stage of that name. ERR_USAGE with a did-you-mean. */
int manifest_stage(const struct manifest *m, const char *name, size_t *out, struct err *e);

/** "path:line:column: text" with ERR_USAGE. */
int manifest_fail(const struct manifest *m, struct mark at, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
