#ifndef RUNNER_LEDGER_H
#define RUNNER_LEDGER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/execute/exec.h"
#include "runner/execute/proc.h"
#include "runner/memory/state.h"

/* The part of the memory that tells what happened: runs, their stages, attempts, metrics and
 * warnings. Times are milliseconds since 1970 in UTC. Writers are called inside state_begin and
 * state_commit.
 *
 * States of a run:   running succeeded skipped blocked failed aborted lost
 * States of a stage: pending running succeeded reused skipped blocked failed timed_out aborted
 * upstream_failed off */

/** A run, its row. Texts owned; NULL where unknown. */
struct run_row {
    char *id, *pipeline, *state, *reason;
    char *options;  /* JSON: how it was started, for retry */
    char *retry_of; /* the run that this one continues */
    char *schedule; /* that started it */
    struct proc_id holder;
    int64_t began, ended, exit_code; /* ended 0: not ended */
    int64_t scheduled;               /* the instant of the schedule; 0: none */
};

struct attempt_row {
    char *stage, *state, *reason, *log;
    char *staging; /* JSON array: directories that hold outputs not committed */
    char *limits;  /* JSON object: what was in force; NULL while it runs */
    int64_t number, began, ended, exit_code, signal;
    struct exec_usage usage;
};

struct stage_row {
    char *stage, *state, *reason;
    struct attempt_row *attempt; /* (n_attempt) in order */
    size_t n_attempt;
};

void run_row_release(struct run_row *r);
void run_rows_free(struct run_row *r, size_t n);
void stage_rows_free(struct stage_row *s, size_t n);

/**
 * A new run, named by the UTC second in which it begins, "20261121-030000" (with "-2"... where that
 * is taken). Its directory .refit/runs/ID is made. *out_id is owned by the caller.
 */
int ledger_run_begin(struct state *s, const char *pipeline, const char *options,
                     const char *retry_of, char **out_id, struct err *e);

/** Is there a run of this name? */
int ledger_has_run(struct state *s, const char *run, bool *out, struct err *e);

/** How a run that a schedule made was started after all. */
int ledger_run_options(struct state *s, const char *run, const char *options, struct err *e);
int ledger_run_end(struct state *s, const char *run, const char *state, const char *reason,
                   int exit_code, struct err *e);

/** What became of a stage (so far). */
int ledger_stage(struct state *s, const char *run, size_t position, const char *stage,
                 const char *state, const char *reason, struct err *e);

int ledger_attempt_begin(struct state *s, const char *run, const struct attempt_row *a,
                         struct err *e);
int ledger_attempt_end(struct state *s, const char *run, const struct attempt_row *a,
                       struct err *e);

int ledger_metric(struct state *s, const char *run, const char *stage, int64_t attempt,
                  const char *name, int64_t step, double value, struct err *e);
int ledger_warning(struct state *s, const char *run, const char *stage, int64_t attempt,
                   const char *text, struct err *e);

/** The work that a checkpoint continues; "" if it is not known: what lies there is none of ours. */
int ledger_checkpoint(struct state *s, const char *pipeline, const char *stage, const char *path,
                      char out_fingerprint[HASH_HEX], struct err *e);

/** Inside a transaction; fingerprint "": it is gone. */
int ledger_checkpoint_put(struct state *s, const char *pipeline, const char *stage,
                          const char *path, const char *fingerprint, struct err *e);

/** Runs still called running, to be called lost by who holds the lock of the pipeline. */
int ledger_running(struct state *s, const char *pipeline, struct run_row **out, size_t *out_n,
                   struct err *e);

/** Such a run is lost: its running attempts and stages too. */
int ledger_lose(struct state *s, const char *run, struct err *e);

/** A stage of a dead run whose intent was found whole: it has succeeded (or is blocked) after all.
 */
int ledger_recovered(struct state *s, const char *run, const char *stage, int64_t attempt,
                     bool blocked, struct err *e);

/* Readers (recall.c; more of them in recall.h). A run called running whose runner is dead is shown
 * as lost. */

/** The last `limit` runs (0: all), newest first, of one pipeline (NULL: all). */
int ledger_runs(struct state *s, const char *pipeline, int64_t limit, struct run_row **out,
                size_t *out_n, struct err *e);

/** One run by its id or the beginning of it that no other has; the newest for NULL and "last".
 * ERR_USAGE with a did-you-mean if there is none. Every command that takes a RUN asks here. */
int ledger_run(struct state *s, const char *id, struct run_row *out, struct err *e);

int ledger_stages(struct state *s, const char *run, struct stage_row **out, size_t *out_n,
                  struct err *e);

/** The run in which the stage was last attempted; *out is NULL if never. */
int ledger_last_attempted(struct state *s, const char *stage, char **out, struct err *e);

/** The last value of each metric of an attempt, {"name": value}; and its warnings, ["text"]. Both
 * new. */
int ledger_metrics(struct state *s, const char *run, const char *stage, int64_t attempt,
                   json_t **out, struct err *e);
int ledger_warnings(struct state *s, const char *run, const char *stage, int64_t attempt,
                    json_t **out, struct err *e);

/** The instant that the run is for, "2026-11-21T03:00:00Z": that of its schedule, else when it
 * began; owned by the caller. */
char *ledger_scheduled_at(const struct run_row *r);

/** Milliseconds since 1970. */
int64_t ledger_now_ms(void);

#endif
