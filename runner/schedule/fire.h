#ifndef RUNNER_FIRE_H
#define RUNNER_FIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/memory/state.h"
#include "runner/schedule/agenda.h"

/* Schedules against the memory: what is due becomes queued runs, once. The time is given; nothing
 * here reads a clock or starts a process. */

/** What became of one instant. */
struct fired {
    const char *schedule; /* borrowed from the agenda */
    int64_t at_s, due_s;
    const char *state; /* as in the memory: fired, missed, paused, disabled */
    char *reason;      /* owned; NULL */
    char *run;         /* owned; NULL: none */
};

/** All zeros is the empty one. */
struct firing {
    struct fired *list; /* (n) a schedule after the other, each oldest first; owned */
    size_t n;
    size_t n_more;    /* decided and not listed: they are older, and too many */
    int64_t next_s;   /* when there is something to decide again; INT64_MAX: never */
    int64_t behind_s; /* so far is the clock behind what has been decided: it was set back, and
                         nothing fires until it is there again; 0: it is not */
};

/**
 * Decide all that is due of one pipeline at `now_s`. The rows of the instants, their queued runs
 * and the watermarks are written in one durable transaction, or nothing is. With `dry` nothing is
 * written.
 *
 * A schedule that is seen for the first time, or whose spec has changed, starts now: what is older
 * than TICK_ON_TIME_S, or than the last change of the pipeline file, is no concern of it. (So the
 * first call by a systemd timer, a second after the instant, is in time.)
 */
int fire_decide(struct state *s, const struct agenda *a, int64_t now_s, bool dry,
                struct firing *out, struct err *e);
void firing_release(struct firing *f);

/** From now on the instants of the i-th schedule are only recorded. */
int fire_pause(struct state *s, const struct agenda *a, size_t i, int64_t now_s, struct err *e);

/** It starts at now again; *out_n instants fell into the pause. */
int fire_resume(struct state *s, const struct agenda *a, size_t i, int64_t now_s, size_t *out_n,
                struct err *e);

#endif
