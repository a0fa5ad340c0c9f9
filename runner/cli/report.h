#ifndef RUNNER_REPORT_H
#define RUNNER_REPORT_H

#include <jansson.h>

#include "base/err.h"
#include "runner/memory/ledger.h"

/* Runs as JSON documents and as text. */

/** One run with its stages and attempts; *out is new. */
int report_run(struct state *s, const struct run_row *run, json_t **out, struct err *e);

/** "2026-11-21T03:00:00.000Z"; null for 0. */
json_t *report_time(int64_t ms);

/** Print a document on stdout, and let go of it. ERR_IO. */
int report_print(json_t *doc, struct err *e);

#endif
