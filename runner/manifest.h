#ifndef RUNNER_MANIFEST_H
#define RUNNER_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* read: the pipeline file as the runner understands it. Everything is resolved here: the profile is merged, -p is
 * applied, ${params.x}, ${env.X} are replaced, defaults are filled in, names are checked against each other and
 * against the --describe of every program. Later rooms find no YAML and no text to interpret. */

struct mark {
    size_t line, column; /* in the pipeline file, from 1 */
};

/** A dep, an out, or one entry of `code`. */
struct file_ref {
    char *name;          /* option name; "" for entries of a plain list */
    char **path;         /* (n_path) as written, references replaced, globs not yet expanded */
    size_t n_path;
    bool list;           /* deps: written as a list or holding a glob: the flag is repeated */
    bool optional;       /* deps */
    bool persist;        /* outs: staged as a copy of the last committed one */
    char *format;        /* outs: "hdf5:refit.table", "json", "tar"...; from the file or --describe; may be NULL */
    char **require;      /* outs: what it must contain (datasets, keys) */
    size_t n_require;
    struct mark at;
};

struct param {
    char *name;
    char **value;        /* (n_value) canonical text; one unless `list` */
    size_t n_value;
    bool list;
    struct mark at;
};

struct retry {
    int64_t max;         /* further attempts after the first; on exit 75 */
    int64_t delay_ms;
    double backoff;      /* delay grows by this factor */
};

struct stage_spec {
    char *name;
    char *program;       /* path of the executable for `run:`; NULL for cmd */
    char **cmd;          /* (n_cmd) for `cmd:`; a single text goes to sh -c (shell is true, n_cmd 1) */
    size_t n_cmd;
    bool shell;
    struct file_ref *dep, *out, *code;
    size_t n_dep, n_out, n_code;
    struct param *param;
    size_t n_param;
    size_t *needs;       /* (n_needs) indices of stages */
    size_t n_needs;
    bool enabled, always_changed, frozen;
    char *checkpoint;    /* path kept across attempts, passed as --checkpoint; NULL */
    char **env;          /* (n_env) "NAME=value" declared for this stage (pipeline's and its own, sorted) */
    size_t n_env;
    char **secret;       /* (n_secret) names */
    size_t n_secret;
    struct retry retry;
    int64_t timeout_ms;  /* 0: none */
    int64_t kill_after_ms;
    int64_t cpus;        /* of -j; 0: all that the machine has */
    struct mark at;
};

/** A secret: where its value is found. Never the value. */
struct secret_ref {
    char *name;          /* what the stage sees */
    char *env, *file;    /* exactly one */
};

enum schedule_kind { SCHEDULE_WEEKLY, SCHEDULE_DAILY, SCHEDULE_CRON };

/** Read and validated; fired by the scheduler. */
struct schedule {
    char *name;
    enum schedule_kind kind;
    uint64_t minutes, hours_days_months[3]; /* see manifest.c: bit sets of a five-field cron line */
    char *timezone;
    char *catchup, *overlap;
    int64_t catchup_window_ms;
    size_t *target, *force;
    size_t n_target, n_force;
    struct mark at;
};

struct manifest {
    char *path;          /* of the pipeline file, as given */
    char *name, *description;
    int64_t jobs;        /* 0: number of processors */
    struct stage_spec *stage;
    size_t n_stage;
    struct secret_ref *secret;
    size_t n_secret;
    struct schedule *schedule;
    size_t n_schedule;
};

/** What the command line adds to the file. */
struct manifest_options {
    const char *profile;         /* NULL: none */
    const char *const *set;      /* (n_set) "name=value" or "stage.name=value" */
    size_t n_set;
};

void manifest_release(struct manifest *m);

#endif
