#ifndef RUNNER_RUN_H
#define RUNNER_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/commit/commit.h"
#include "runner/execute/exec.h"
#include "runner/plan/files.h"
#include "runner/plan/graph.h"
#include "runner/memory/ledger.h"
#include "runner/execute/lock.h"
#include "runner/execute/pool.h"
#include "runner/read/manifest.h"
#include "runner/plan/plan.h"
#include "runner/plan/queue.h"
#include "runner/show/show.h"
#include "runner/commit/staging.h"
#include "runner/memory/state.h"

/* A run: before its first stage (begin.c), the loop over plan, execute and commit (run.c), one
 * attempt of a stage in it (attempt.c), after its last stage (end.c). */

enum work_state {
    WORK_OFF,        /* disabled or not selected */
    WORK_PENDING,    /* a stage above is not settled */
    WORK_READY,      /* to be started when there is a slot */
    WORK_RUNNING,    /* its process runs */
    WORK_CHECKING,   /* refit-check looks at its outputs */
    WORK_COMMITTING, /* its outputs are hashed and put in place */
    WORK_DELAYED,    /* waits for its next attempt */
    WORK_SUCCEEDED,
    WORK_REUSED,
    WORK_SKIPPED,
    WORK_BLOCKED,
    WORK_FAILED,
    WORK_TIMED_OUT,
    WORK_ABORTED,
    WORK_UPSTREAM_FAILED,
    WORK_NOT_STARTED, /* the run was stopping */
    WORK_STATES,      /* how many there are */
};

struct metric {
    char *name;
    int64_t step;
    double value; /* NAN: none */
};

/** One stage in a run. */
struct work {
    const struct stage_spec *spec; /* borrowed */
    size_t index;
    enum work_state state; /* changed by work_enter alone */
    size_t n_open;         /* edges from stages above that are not settled */
    bool force;
    struct decision decision;
    bool decided; /* `decision` is final */
    char *reason; /* why it is in this state; owned */
    /* the attempt */
    int64_t number; /* from 1 */
    struct staging staging;
    char *log;                  /* owned */
    bool blocked;               /* it ended with 98 */
    bool machine;               /* it failed for the machine's sake: a full disk... */
    bool timed_out;             /* its end is our doing */
    bool in_group;              /* it had a control group */
    bool memory_by_group;       /* which bounded its memory */
    int64_t memory_peak;        /* bytes there; -1: not known */
    int64_t began;              /* since 1970 */
    int64_t began_mono, due_ms; /* monotonic */
    struct exec_usage usage;
    int exit_code, signal;
    int64_t done, total; /* progress */
    char unit[32], note[64];
    bool own_note;         /* the stage says what there is to say; else the last metric is it */
    struct intent intent;  /* from its end to the record of its commit */
    struct digest *digest; /* (intent.n_out) while threads hash the outputs; owned, see commits.c */
    size_t n_digest;       /* of them not done */
    bool big;              /* they keep a processor busy; from its end to the record */
    struct metric *metric; /* (n_metric) */
    char **warning;        /* (n_warning) */
    size_t n_metric, n_warning;
};

/** Stages of a run, borrowed. */
struct work_list {
    struct work **item; /* (n) owned */
    size_t n;
};
void work_list_release(struct work_list *l);

/** What a run was asked for; kept with it, so that `retry` can do the same again. */
struct run_options {
    char *file, *profile; /* profile NULL: none */
    char **set;           /* (n_set) -p */
    char **target;        /* (n_target) */
    size_t n_set, n_target;
    char *single, *from; /* NULL: none */
    char **force_stage;  /* (n_force_stage) these run even if up to date */
    size_t n_force_stage;
    char **outside; /* (n_outside) "NAME=value": what ${env.NAME} stood for */
    size_t n_outside;
    bool force, keep_going;
    bool strict; /* a stage fails whose inputs were edited while it ran */
    int64_t jobs;
    int64_t timeout_ms; /* of the whole run; 0: the file's */
    /* not kept */
    char *queued;    /* the run of a schedule that this one is; NULL: one of its own */
    int64_t wait_ms; /* for the lock; LOCK_FOREVER */
    char *snapshot; /* path of the pipeline file's copy that is read instead; NULL: `file` itself */
    char *retry_of; /* NULL */
};

struct run {
    struct run_options o;
    struct state *s;
    struct manifest m;
    struct graph g;
    struct lock lock;
    struct executor x;
    struct files files;
    struct file_view file_view;
    struct state_history past;
    struct history_view history;
    struct show show;
    bool verbose, no_notify;
    struct work *work;    /* (m.n_stage) */
    char *id, *directory; /* NULL until there is work */
    char *scheduled_at;   /* the instant that it is for */
    char *here;           /* absolute current directory */
    char **secret;        /* (m.n_secret) "NAME=value"; NULL where no stage of this run names it */
    struct mask mask;     /* their values, in what stages write */
    int64_t jobs;
    bool idle;                /* everything was up to date */
    int64_t n_slot;           /* of `jobs` in use */
    size_t n_in[WORK_STATES]; /* stages in each state */
    struct queue look;        /* pending stages: something above them has changed */
    struct queue
        ready; /* to be started; entries whose state is another one by now count for nothing */
    struct queue delayed;           /* by the instant of the next attempt */
    struct pool *pool;              /* hashes big outputs; NULL until there is one */
    struct work_list ended;         /* to be committed */
    struct work_list placed;        /* committed, to be synced and recorded */
    struct staging_spare spare;     /* staging directories of stages that are done */
    int64_t record_at;              /* when at the latest, if there are any */
    int64_t placed_ms;              /* what the stages took that they are of */
    int64_t unsynced_ms;            /* what the stages took whose records a power cut would lose */
    int64_t timeout_ms, timeout_at; /* of the whole run; at: monotonic, -1 none */
    bool timed_out;                 /* it is over */
    int64_t progress_ms;            /* when it was written, on the monotonic clock */
    bool progress_new;              /* an event has come since */
    struct queue *pool_wait;        /* (m.n_pool) ready stages that wait for a place in the pool */
    int64_t *pool_used;             /* (m.n_pool) */
    bool stopping; /* a stage failed, without -k: start nothing more but `run_if: always` */
    bool halted;   /* told to stop: start nothing more at all */
    const char *first_failed; /* the stage; NULL: none */
    int signal;               /* that told us to stop; 0 */
};

/** "succeeded"... as the memory has it. */
const char *work_state_name(enum work_state state);

/** It has a process, or will have another attempt by itself. */
bool work_is_active(enum work_state state);

/* work.c */

/** The stage gets another state; a settled one lets those below be looked at. A stage that is
 * WORK_DELAYED waits until w->due_ms. */
void work_enter(struct run *r, struct work *w, enum work_state state);

/** Are so many of `jobs` free? */
bool work_has_room(const struct run *r, const struct work *w);

/** Put a ready stage aside until there is a place in its pool; false if there is one. */
bool work_wait_for_pool(struct run *r, const struct work *w, struct waiting at);

/** How many of `jobs` the stage takes. */
int64_t work_slots(const struct run *r, const struct work *w);

/** Before the loop: count what the states are that run_read has set. */
void work_count(struct run *r);

/* audience.c */

/** The channels of a pipeline whose file is not read yet: as it is now, or where that cannot be
 * read as an earlier run had it. *out is owned by the caller. */
void run_channels(struct run *r, const char *pipeline, struct channels *out);

/* take.c */

/** Become the queued run r->o.queued: wait for the lock of its pipeline as its `overlap` says, take
 * its options. The lock is held and the signals are taken over then. *out_ours is false, and it has
 * been told why, when another process has started it or it has given way. */
int run_take(struct run *r, const char *command, bool *out_ours, struct err *e);

/** Take the lock of a pipeline, waiting as r->o.wait_ms says, and saying for whom. */
int run_lock(struct run *r, const char *pipeline, const char *command, struct err *e);

/* begin.c */

/** The manifest, the graph, what is selected: r->o is filled in, r->s is open. */
int run_read(struct run *r, bool **out_selected, struct err *e);

/** Stop what dead runs left running, finish or take back their commits, remove what they staged.
 * The lock is held. */
int run_recover(struct run *r, struct err *e);

/** Of a forced run that is retried, what has been done is not forced again. */
int run_unforce(struct run *r, struct err *e);

/** Decide what can be decided now; *out_work is the number of stages that run or may. */
int run_plan(struct run *r, size_t *out_work, struct err *e);

/** A name, a row in the memory, a directory with the pipeline file as it is now. */
int run_begin(struct run *r, const char *command, struct err *e);

/* run.c */

/** Until every stage is settled or nothing more is to start. */
int run_loop(struct run *r, struct err *e);

/** May the stage still be started, or tried again? */
bool run_may_start(const struct run *r, const struct work *w);

/** Start nothing more and stop what runs. */
void run_stop(struct run *r, bool at_once);

/** Has a stage a process? */
bool run_is_active(const struct run *r);

/* commits.c */

/** A stage has ended well: its outputs are to be committed. */
int commits_add(struct run *r, struct work *w, struct err *e);

/** EXEC_READY: threads have hashed outputs. */
int commits_digested(struct run *r, struct err *e);

/** Steps 1 to 3 of commit.h for all that were added, but for those whose outputs threads still
 * hash: they are settled. */
int commits_place(struct run *r, struct err *e);

/** Steps 4 to 6 for all that were placed, and whatever else waits to be written to the memory: call
 * it before anything that takes time. */
int commits_record(struct run *r, struct err *e);

/** The same at once, and nothing of the stages that are done stays beside their outputs. */
int commits_clear(struct run *r, struct err *e);

/** When commits_record has something to do though nothing ends; -1: never. */
int64_t commits_due(const struct run *r);

/* end.c */

/** Close the run's row and tell the result; `began` is on the monotonic clock. */
int run_end(struct run *r, int64_t began, int *out_status, struct err *e);

/** The runner itself failed: stop everything and say so, if that can still be written. */
void run_end_badly(struct run *r, const struct err *why);

/** The run as a JSON document on standard output. */
int run_print_json(struct run *r, struct err *e);

/* farewell.c */

/** Run on_exit of a run that is over, if that has not been done: `late` where its own runner could
 * not. What goes wrong is a warning. */
void farewell_run(struct run *r, const char *run, bool late);

/** The same for all runs of the pipeline whose runners died before it. */
void farewells_late(struct run *r);

/* attempt.c. What the stage itself does wrong ends in its state, only the runner's own trouble is
 * an error. */

/** Start the next attempt of a stage. */
int attempt_start(struct run *r, struct work *w, struct err *e);

/** Its process, or the check of its outputs, has ended. */
int attempt_ended(struct run *r, struct work *w, const struct exec_end *end, struct err *e);

/** The attempt is over without a commit; `state` is final for the stage, or WORK_DELAYED. */
int end_without_commit(struct run *r, struct work *w, enum work_state state, const char *reason,
                       struct err *e);

/** The stage gets its final state and it is shown; attempt_record, inside a transaction, makes it
 * known to the memory. */
void attempt_settled(struct run *r, struct work *w, enum work_state state, const char *reason);
int attempt_record(struct run *r, struct work *w, struct err *e);

/** The stage gets its final state, also in the memory; `reason` is copied. */
int work_settle(struct run *r, struct work *w, enum work_state state, const char *reason,
                struct err *e);

/* heard.c */

/** It wrote a line on its channel. */
void attempt_event(struct run *r, struct work *w, const char *line);

/** Tell it now, and keep it for the attempt's row; takes the text over. */
void attempt_warn(struct run *r, struct work *w, char *text);

/** Metrics and warnings. */
void attempt_forget_events(struct work *w);

/* options.c */

void run_options_release(struct run_options *o);

/** What the pipeline file is read with. Borrows from o. */
struct manifest_options run_manifest_options(const struct run_options *o);
char *run_options_text(const struct run_options *o); /* JSON, owned by the caller */
int run_options_parse(struct run_options *o, const char *text, struct err *e);

#endif
