#ifndef RUNNER_CREW_H
#define RUNNER_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "runner/execute/proc.h"
#include "runner/memory/ticks.h"

/* The runs that this process has started or watches: a process of `refit run --queued` each, in a
 * session of its own, so that it outlives us. They, signals and one timer are waited for together,
 * without a wake-up in between. */

/** Seam: start the runner of a queued run. */
struct starter {
    void *self;
    /** *out_pid is a child of ours, *out_pidfd is as process_handle of spawn.h gives it. */
    int (*start)(void *self, const char *run, pid_t *out_pid, int *out_pidfd, struct err *e);
};

/** `refit run --queued` of the program that we are; `self` is a bool: they say nothing but errors.
 */
int runner_start(void *self, const char *run, pid_t *out_pid, int *out_pidfd, struct err *e);

struct member {
    char *run, *pipeline; /* owned */
    pid_t pid;            /* 0: not our child */
    int pidfd;         /* -1: none to be had; SIGCHLD tells the end of a child, of others a look */
    struct proc_id id; /* of one that is not our child */
};

struct crew {
    struct starter starter;
    int epoll, signals, timer; /* -1 */
    pid_t errand;              /* 0: nobody is out on one */
    int errand_fd;
    struct member *member; /* (n) */
    size_t n;
};

/** Take over SIGINT, SIGTERM and SIGHUP until the end of the process. */
int crew_open(struct crew *c, const struct starter *starter, struct err *e);

/** The runs go on. */
void crew_close(struct crew *c);

/** Watch a run that another process has started; false if its process is gone. */
bool crew_adopt(struct crew *c, const char *run, const char *pipeline,
                const struct proc_id *holder);

/**
 * Start what is queued of a pipeline: one that waits only when none of the pipeline is in the crew,
 * one that gives way or stops others in any case. Without `all` only while no run is going on: what
 * another process queued it most likely starts itself.
 */
int crew_start(struct crew *c, struct state *s, const char *pipeline, bool all, struct err *e);

/** Start this queued run. */
int crew_start_run(struct crew *c, const char *run, const char *pipeline, struct err *e);

bool crew_has(const struct crew *c, const char *run);

/** Wake at this second of the real clock, and when that is set; INT64_MAX: not. */
int crew_wake_at(struct crew *c, int64_t at_s, struct err *e);

/** Start the program that we are with other words (argv[0] is any); one errand at a time. Its end
 * is an event. */
int crew_errand(struct crew *c, char *const *argv, struct err *e);

enum crew_kind { CREW_ENDED, CREW_ERRAND, CREW_SIGNAL, CREW_CLOCK, CREW_TIMEOUT };

struct crew_event {
    enum crew_kind kind;
    struct member member; /* of CREW_ENDED: has left the crew; release it */
    int status;           /* its exit status, or the errand's; 128 + signal; -1: not our child */
    int signal;
};

/** `timeout_ms` -1: none. */
int crew_wait(struct crew *c, int timeout_ms, struct crew_event *out, struct err *e);
void member_release(struct member *m);

/** Send a signal to its runner. */
void member_signal(const struct member *m, int sig);

/** Tell all to stop; `at_once` kills their stages. */
void crew_stop(struct crew *c, bool at_once);

#endif
