#ifndef RUNNER_TICKS_H
#define RUNNER_TICKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/memory/state.h"

/* The part of the memory that makes a schedule fire once: how far each schedule has been decided,
 * what became of each instant, and the runs that wait to be started. Instants are seconds since
 * 1970 in UTC. Writers are called inside state_begin and state_commit.
 *
 * States of an instant: fired, backfilled (it has a run); missed, overlapped, paused, disabled (it
 * has none, `reason` says why).
 *
 * A run of a schedule is made once, in state "queued", in the same transaction as its instant and
 * the watermark; only after that is anything started. Its runner takes it from "queued" to
 * "running". So a crash at any time leaves it queued, for whoever looks next, or running, and then
 * it is lost or not as any other run. */

/** How far a schedule has been decided. All zeros: never seen. */
struct schedule_mark {
    bool known;
    char *spec;          /* when it fires, canonical; owned */
    int64_t watermark_s; /* all instants up to here are decided */
    int64_t paused_ms;   /* since when; 0: it is not */
};

int ticks_mark(struct state *s, const char *pipeline, const char *schedule,
               struct schedule_mark *out, struct err *e);
void schedule_mark_release(struct schedule_mark *m);

/** Set both; the watermark only ahead. */
int ticks_mark_put(struct state *s, const char *pipeline, const char *schedule, const char *spec,
                   int64_t watermark_s, struct err *e);

/** 0 resumes. The schedule is known. */
int ticks_pause(struct state *s, const char *pipeline, const char *schedule, int64_t paused_ms,
                struct err *e);

/** An instant that makes no run; one that is decided already stays as it is. */
int ticks_skip(struct state *s, const char *pipeline, const char *schedule, int64_t at_s,
               const char *state, const char *reason, struct err *e);

/** What a queued run does where another one of its pipeline is going on. */
#define TICKS_SKIP   "skip"   /* it gives way */
#define TICKS_QUEUE  "queue"  /* it waits; a later one takes its place */
#define TICKS_CANCEL "cancel" /* it stops the other one */
#define TICKS_WAIT   "wait"   /* it waits its turn */

/** A run to be made. Borrowed. */
struct tick_order {
    const char *pipeline, *schedule;
    int64_t at_s;
    const char *state;   /* fired or backfilled */
    const char *overlap; /* TICKS_... */
    const char *options; /* run_options_text */
};

/** PIPELINE.SCHEDULE.20261123T000000Z, owned by the caller. */
char *ticks_run_id(const char *pipeline, const char *schedule, int64_t at_s);

/**
 * Queue the run of an instant. *out_new is false, and nothing is changed, when the instant has one
 * already; one that was missed, overlapped or paused gets it now. With TICKS_QUEUE the runs of the
 * pipeline that wait so far by TICKS_QUEUE give way.
 */
int ticks_queue(struct state *s, const struct tick_order *o, bool *out_new, struct err *e);

/** A queued run, of a schedule. Texts owned. */
struct queued_run {
    char *run, *pipeline, *overlap;
};

/** Those of one pipeline (NULL: all), in the order in which they were made. */
int ticks_queued(struct state *s, const char *pipeline, struct queued_run **out, size_t *out_n,
                 struct err *e);
void queued_runs_free(struct queued_run *q, size_t n);

/** A queued run becomes ours, and running; *out_ours is false if it is not queued any more. */
int ticks_take(struct state *s, const char *run, bool *out_ours, struct err *e);

/** A queued run is removed, its instant has overlapped; *out_done is false if it is not queued any
 * more. */
int ticks_give_way(struct state *s, const char *run, const char *reason, bool *out_done,
                   struct err *e);

/** A queued run is aborted before it began; *out_done as above. */
int ticks_abort(struct state *s, const char *run, const char *reason, bool *out_done,
                struct err *e);

/** The state of an instant, owned by the caller; NULL: it is not decided. */
int ticks_state(struct state *s, const char *pipeline, const char *schedule, int64_t at_s,
                char **out, struct err *e);

#endif
