#ifndef RUNNER_CLI_H
#define RUNNER_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/show/exits.h"

/** The command line of refit, parsed once in cli.c and handed to the command. Texts point into
 * argv. */
struct cli {
    const char *file;    /* -f FILE: the pipeline file (default pipeline.yaml) */
    bool file_given;     /* -f was there */
    const char *profile; /* --profile NAME */
    const char **set;    /* (n_set) -p NAME=VALUE */
    size_t n_set;
    const char **name; /* (n_name) words after the command: stages, a run... */
    size_t n_name;
    const char *single, *from; /* -s STAGE, --from STAGE (next: TIME) */
    int64_t jobs;              /* -j N; 0: the file's, else the processors */
    bool dry_run, force, keep_going, json, quiet, verbose;
    bool current;       /* retry --current */
    bool strict;        /* run, retry --strict */
    bool no_notify;     /* run, retry --no-notify */
    bool test, due;     /* notify --test, --due */
    const char *event;  /* notify --event EVENT */
    bool check;         /* plan --check: exit 4 when there is work */
    const char *format; /* graph --format ascii|dot|mermaid|svg */
    const char *run;    /* --run RUN */
    int64_t limit;      /* history -n N */
    const char *since, *status, *pipeline, *schedule,
        *stage;         /* history: its filters; next --schedule */
    bool follow;        /* logs -f */
    int64_t attempt;    /* logs -a N; 0: the last */
    int64_t tail;       /* logs --tail N; -1: all */
    bool watch;         /* status -w */
    bool colour;        /* stdout (with --json stderr) is a terminal and nobody said no */
    bool error_colour;  /* stderr is one */
    bool programs;      /* schema --programs */
    const char *list;   /* completion --list */
    bool outside, keep; /* reproduce --outside, --keep */
    int64_t count;      /* next -n N; 0: not given */
    const char *queued; /* run --queued RUN */
    int64_t timeout_ms; /* --timeout DURATION; 0: not given */
    int64_t wait_ms;    /* --wait[=DURATION]; LOCK_FOREVER */
    const char *output; /* export -o DIR */
    const char *reason; /* approve --reason TEXT */
    const char **files; /* (n_files) -f of daemon and tick */
    size_t n_files;
    const char *on_stop; /* daemon --on-stop stop|finish */
    const char *to;      /* backfill --to */
    bool now;            /* stop --now */
};

/* The commands. Each returns the exit status; when `e` is set, main prints it and uses its code. */
int command_run(const struct cli *c, struct err *e);
int command_approve(const struct cli *c, struct err *e);
int command_retry(const struct cli *c, struct err *e);
int command_status(const struct cli *c, struct err *e);
int command_history(const struct cli *c, struct err *e);
int command_logs(const struct cli *c, struct err *e);
int command_plan(const struct cli *c, struct err *e);
int command_explain(const struct cli *c, struct err *e);
int command_validate(const struct cli *c, struct err *e);
int command_graph(const struct cli *c, struct err *e);
int command_metrics(const struct cli *c, struct err *e);
int command_diff(const struct cli *c, struct err *e);
int command_lineage(const struct cli *c, struct err *e);
int command_next(const struct cli *c, struct err *e);
int command_gc(const struct cli *c, struct err *e);
int command_verify(const struct cli *c, struct err *e);
int command_doctor(const struct cli *c, struct err *e);
int command_reproduce(const struct cli *c, struct err *e);
int command_completion(const struct cli *c, struct err *e);
int command_notify(const struct cli *c, struct err *e);
int command_export(const struct cli *c, struct err *e);
int command_daemon(const struct cli *c, struct err *e);
int command_tick(const struct cli *c, struct err *e);
int command_backfill(const struct cli *c, struct err *e);
int command_pause(const struct cli *c, struct err *e);
int command_resume(const struct cli *c, struct err *e);
int command_stop(const struct cli *c, struct err *e);
int command_schema(const struct cli *c, struct err *e);

#endif
