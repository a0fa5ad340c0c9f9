#ifndef RUNNER_TICK_H
#define RUNNER_TICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runner/schedule/schedule.h"

/* When a schedule fires, and what becomes of the instants that have passed: pure functions of the
 * schedule, the time zone data and the times that are given. Nothing here reads a clock, a file of
 * ours or the memory. Instants are seconds since 1970 in UTC. */

/** How an instant stands to a change of the clocks. */
enum tick_clock {
    TICK_PLAIN,
    TICK_GAP,         /* the local time does not exist that day: moved to the first that does */
    TICK_FOLD_FIRST,  /* the local time exists twice that day: the first of them */
    TICK_FOLD_SECOND, /* the second */
};

/** One instant at which a schedule fires. */
struct tick {
    int64_t at_s;     /* names the run, whatever the jitter */
    int64_t due_s;    /* at_s plus the jitter of the schedule: when it is started */
    int64_t offset_s; /* local time minus UTC at at_s */
    enum tick_clock clock;
};

/**
 * The first instant after `after_s` at which `s` fires, within start and end; false if there is
 * none up to the year 9999. It is found for a schedule that is not enabled too. `pipeline` names
 * the jitter with the schedule.
 *
 * A schedule of times of day fires at a local time that a change of the clocks leaves out as
 * `gap` says, at one that comes twice as `fold` says. A schedule of every hour (all 24 in its
 * sets) means an interval: it fires whenever local time is in its sets, so in both passes of a
 * fold, and never for what a gap left out. Two firings at one instant are one.
 *
 * Cost: the zone is loaded, and then some 100 look-ups of its offset.
 */
bool tick_next(const struct schedule *s, const char *pipeline, int64_t after_s, struct tick *out);

/** What becomes of an instant that has passed. */
enum tick_fate {
    TICK_FIRE,
    TICK_MISSED, /* too late: `catchup` or `catchup_window` says so */
};

struct tick_decision {
    struct tick tick;
    enum tick_fate fate;
    const char *reason; /* of a missed one: "catchup: none", "older than catchup_window"...;
                           a literal */
};

struct tick_plan {
    struct tick_decision *list; /* (n) oldest first; owned */
    size_t n;
    size_t n_more;       /* missed ones before list[0], beyond TICK_MAX, not listed */
    int64_t watermark_s; /* all instants up to here are decided now */
    int64_t next_s;      /* when there is something to decide again; INT64_MAX: never */
};

enum {
    TICK_MAX = 1000,     /* decisions in one plan: the newest */
    TICK_ON_TIME_S = 60, /* fired so late, an instant counts as on time: no catching up */
};

/**
 * Decide every instant after `watermark_s` that is due at `now_s`. The watermark never moves back:
 * where the clock was set back, nothing is decided until it has passed the watermark again. A clock
 * that jumped ahead, a suspended machine and a runner that was down are the same: time has passed,
 * `catchup` decides what of it is made up for: `none` nothing; `latest` the newest instant, if it
 * is within the window; `all` each that is. What is on time fires always. A schedule that is not
 * enabled has nothing to decide, and its watermark follows the clock.
 */
void tick_plan(const struct schedule *s, const char *pipeline, int64_t watermark_s, int64_t now_s,
               struct tick_plan *out);
void tick_plan_release(struct tick_plan *p);

#endif
