#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "runner/memory/ledger.h"

/* Runs as JSON documents, and what the commands that look share. */

/** One run without its stages. New. */
json_t *report_head(const struct run_row *r);

/** One run with its stages and attempts; *out is new. */
int report_run(struct state *s, const struct run_row *run, json_t **out, struct err *e);

/** "2026-11-21T03:00:00.000Z"; null for 0. */
json_t *report_time(int64_t ms);

/** null unless it is known. */
json_t *report_int(bool known, int64_t value);

/** The text at a key; "" if there is none. */
const char *report_text(const json_t *doc, const char *key);

/** "2026-11-21 03:00:00 UTC" */
void report_add_time(struct str *out, int64_t ms);

/** Print a document on stdout, and let go of it. ERR_IO. */
int report_print(json_t *doc, struct err *e);

/** What is called running in a run whose runner is dead is lost with it. */
const char *report_seen(const struct run_row *run, const char *state);

/** The last attempt of a stage; NULL if it has none. */
const struct attempt_row *report_last(const struct stage_row *stage);

/** The state of a run or stage, in its colour if `colour`, filled up to `width`. */
void report_add_state(bool colour, const char *state, int width, struct str *out);

/** Columns for a list of names: the longest of at most 40 bytes. */
int report_width(int width, const char *name);

/** The two runs that are compared: those named; one name: it and the last run of its
 * pipeline; none: the last two of the pipeline that ran last (then the older one is `old`). */
int report_two(struct state *s, const char *const *name, size_t n, struct run_row *old,
               struct run_row *now, struct err *e);

/** "unknown stage 'x'; did you mean 'y'?" with ERR_USAGE; `hint` follows where nothing is near. */
int report_unknown(const char *what, const char *name, const char *const *known, size_t n,
                   const char *hint, struct err *e);

#endif
