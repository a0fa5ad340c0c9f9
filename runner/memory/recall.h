#ifndef RUNNER_RECALL_H
#define RUNNER_RECALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/memory/ledger.h"

/* Looking back: runs, ticks and attempts by filters, newest first. */

/** As ledger_stages, of one stage (NULL: all): none or one row. */
int recall_stages(struct state *s, const char *run, const char *stage, struct stage_row **out,
                  size_t *out_n, struct err *e);

/** All zeros: everything. Texts are borrowed. */
struct past_filter {
    int64_t limit;             /* 0: all */
    int64_t since;             /* milliseconds since 1970 */
    const char *const *status; /* (n_status) states of runs and ticks; none: any */
    size_t n_status;
    const char *pipeline, *schedule; /* NULL: any */
};

/** Does the filter take something in this state? */
bool past_wants(const struct past_filter *f, const char *state);

int past_runs(struct state *s, const struct past_filter *f, struct run_row **out, size_t *out_n,
              struct err *e);

/** How many stages of a run are in which state, {"succeeded": 3}; *out is new. */
int past_counts(struct state *s, const struct run_row *run, json_t **out, struct err *e);

/** How long the attempt of the last commit took; -1: none is known. */
int past_duration(struct state *s, const char *pipeline, const char *stage, int64_t *out_ms,
                  struct err *e);

/** A tick of a schedule that made no run. Texts owned. */
struct tick_row {
    char *pipeline, *schedule, *state, *reason; /* reason may be NULL */
    int64_t instant, decided;
};

int past_ticks(struct state *s, const struct past_filter *f, struct tick_row **out, size_t *out_n,
               struct err *e);
void tick_rows_free(struct tick_row *t, size_t n);

/** An attempt of one stage and the run it was in. Texts owned. */
struct past_attempt {
    char *run, *pipeline, *state, *reason;
    int64_t number, began, ended, exit_code, signal, max_rss_kb;
};

/** `status` and `since` are of the attempt. */
int past_attempts(struct state *s, const char *stage, const struct past_filter *f,
                  struct past_attempt **out, size_t *out_n, struct err *e);
void past_attempts_free(struct past_attempt *a, size_t n);

/** The last value of one metric in each run, {"run", "pipeline", "state", "began", "stage",
 * "value"}, newest first; `limit` 0: all. *out is a new list. */
int past_metric(struct state *s, const char *name, int64_t limit, json_t **out, struct err *e);

/** Every stage that has a row, every pipeline, every schedule, every metric: for a did-you-mean.
 * The query is one of PAST_*; the list of texts is owned by the caller. */
enum past_names { PAST_STAGES, PAST_PIPELINES, PAST_SCHEDULES, PAST_METRICS };
int past_names(struct state *s, enum past_names which, char ***out, size_t *out_n, struct err *e);

#endif
