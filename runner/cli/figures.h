#ifndef RUNNER_FIGURES_H
#define RUNNER_FIGURES_H

#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "runner/memory/ledger.h"

/* The figures of a run: what its stages said, and the numbers in the JSON files that they made. */

/**
 * {STAGE: {NAME: number or null}} in *out, new: for every stage that succeeded, is blocked or was
 * reused the last value of each metric that its attempt told, then OUT.KEY.KEY for every number of
 * an output *.json, as long as the file that lies there is still the one that was committed. Of a
 * stage that did not succeed what its last attempt told. Stages without figures are left out.
 */
int figures_of(struct state *s, const struct run_row *run, json_t **out, struct err *e);

/** What differs between the figures of one stage (NULL: none), [{"name", "old", "new"}], new. With
 * `all` those that are equal too. */
json_t *figures_compare(json_t *old, json_t *now, bool all);

/** "0.5 -> 0.4  (-0.1, -20 %)" */
void figures_add_change(const json_t *change, struct str *out);

#endif
