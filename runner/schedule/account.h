#ifndef RUNNER_ACCOUNT_H
#define RUNNER_ACCOUNT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "runner/memory/state.h"
#include "runner/schedule/crew.h"
#include "runner/schedule/fire.h"

/* What whoever fires schedules tells of it. */

/** What became of a run that was started. */
struct outcome {
    char *state;  /* owned; NULL: its row is gone, it gave way */
    char *reason; /* owned, may be NULL */
    int exit_code;
    bool queued; /* its runner has not even begun */
};

/** `status` is that of its process, -1 if that is not known. */
int outcome_read(struct state *s, const char *run, int status, struct outcome *out, struct err *e);

/** The same of a member of the crew that has ended; where another process was quicker to start the
 * run, that one is watched now, and *out_followed is true. */
int outcome_follow(struct crew *c, struct state *s, const struct crew_event *event,
                   struct outcome *out, bool *out_followed, struct err *e);
json_t *outcome_json(const char *run, const struct outcome *o);
void outcome_release(struct outcome *o);

/** The worse of two exit statuses: 0, blocked, nothing but stages that failed, all else. */
int outcome_worse(int a, int b);

/** "2026-11-23 00:00:00 UTC" */
void account_add_time(struct str *out, int64_t at_s);

/** "weekly of 2026-11-23 00:00:00 UTC: missed (catchup: none)" */
void account_add_fired(struct str *out, const struct fired *f, int64_t now_s);
json_t *account_fired(const char *pipeline, const struct fired *f);

#endif
