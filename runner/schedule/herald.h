#ifndef RUNNER_HERALD_H
#define RUNNER_HERALD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/schedule/account.h"
#include "runner/schedule/fire.h"

/* What the daemon says: lines on standard output, or with `json` a document a line for each event.
 */
struct herald {
    bool json, quiet;
};

/** A line that is no event. */
void herald_say(const struct herald *h, const char *text);
void herald_fired(const struct herald *h, const char *pipeline, const struct firing *f,
                  int64_t now_s);
void herald_outcome(const struct herald *h, const char *run, const struct outcome *o);

/** On standard error, whatever is wanted quiet. */
void herald_complain(const struct herald *h, const char *text);

/** The same of an error, which is empty then. */
void herald_error(const struct herald *h, struct err *e);

#endif
