#ifndef RUNNER_JOB_H
#define RUNNER_JOB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"
#include "runner/execute/cgroup.h"
#include "runner/execute/exec.h"
#include "runner/execute/joblog.h"

/* The jobs of exec_local, from the start of the process to the last of what it left behind: what
 * exec.c, the loop that waits, and job.c share. Nobody else needs it. */

enum phase {
    FREE,      /* this slot holds no job */
    ALIVE,     /* its first process runs */
    LINGERING, /* that has ended, others of the job have not */
    GONE,      /* nothing is left; its last lines are being delivered */
};

struct job {
    enum phase phase;
    size_t key;
    pid_t pid;         /* and its process group */
    int pidfd, events; /* -1: none; events: read end */
    char *mark;        /* owned */
    int64_t kill_after_ms;
    int64_t timeout_at, kill_at, lost_at; /* -1: none */
    bool stopping;                        /* TERM was sent: what lives on has until kill_at */
    bool killing;                         /* KILL was sent */
    struct exec_end end;
    struct cgroup group; /* path NULL: none */
    struct joblog log;   /* empty where the job writes to the file itself */
    struct str line;     /* bytes of the channel not delivered yet */
    size_t n_given;      /* of them the line that was delivered last */
    bool skipping;       /* inside a line that is too long */
};

struct local {
    int epoll, signals, timer;
    int64_t armed_for;
    sigset_t old_mask;
    struct job *job;
    size_t n_job;
    struct cgroups groups;
    struct cgroup *spare; /* (n_spare) empty groups of jobs that have ended */
    size_t n_spare, n_group;
};

enum { SIGNALS = 0, TIMER = 1, GIVEN = 2, FIRST_JOB = 3 };

/* epoll data: from FIRST_JOB on these of every slot */
enum end { PROCESS, CHANNEL, LOG, N_END };

/** Monotonic; `self` is not looked at. */
int64_t monotonic_ms(void *self);

/** Is that instant (-1: never) reached? */
static inline bool is_due(int64_t at_ms, int64_t now)
{
    return at_ms >= 0 && now >= at_ms;
}

/** Have the epoll tell `data` when there is something to read. */
int watch(struct local *x, int fd, uint64_t data, struct err *e);

/* Of struct executor; self is the struct local. */
int job_start(void *self, size_t key, const struct exec_job *job, char **out_handle, struct err *e);
void job_cancel(void *self, size_t key, bool at_once);
size_t jobs_clear(void *self, const char *mark);

/** TERM now and KILL later, or KILL now. */
void job_stop(struct local *x, struct job *j, bool at_once);

/** Its first process can be waited for. */
void job_reap(struct local *x, struct job *j);

/** After that, and again whenever another process has ended: is everything gone? */
void job_check_gone(struct local *x, struct job *j);

/** Take what its channel has. */
void job_read_events(struct job *j);

/** One whole line of the channel; the last one may lack its end. */
bool job_take_line(struct job *j, const char **out);

/** Its control group is for the next job; one that something lives in is left alone, and so to the
 * next run's recovery. */
void job_give_group(struct local *x, struct job *j);

/** Its slot is free. */
void job_forget(struct job *j);

#endif
