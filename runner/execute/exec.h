#ifndef RUNNER_EXEC_H
#define RUNNER_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "runner/execute/mask.h"

/* Seam: run a command. The runner's loop starts jobs and waits for reports; it neither knows nor
 * cares where a job runs. exec_local is the one for this machine. */

/** What a process is started with. All borrowed for the call. */
struct exec_job {
    char *const *argv; /* argv[0] is looked up by PATH if it has no slash */
    char *const *env;  /* the whole environment; exec_local adds REFIT_EVENTS */
    const char *mark;  /* one of `env`, "REFIT_RUN=...": what the job's processes are known by, also
                          to clear() */
    const char *log;   /* file that standard output and error are appended to */
    int64_t log_max;   /* bytes that it may have (see joblog.h); 0: no limit */
    const struct mask *mask; /* what must not appear in it; NULL: nothing. Borrowed to the end */
    bool events;             /* give it a channel for REFIT_EVENTS */
    int64_t timeout_ms;      /* 0: none */
    int64_t kill_after_ms;   /* from TERM to KILL */
    int64_t memory;          /* bytes; 0: no limit */
    int nice;                /* added to the runner's own */
};

/** What a job took, as wait4 says. */
struct exec_usage {
    int64_t user_us, system_us, max_rss_kb, read_blocks, write_blocks;
};

enum { EXEC_LEFT = 8 };

/** How it ended. */
struct exec_end {
    int exit_code; /* -1: by a signal */
    int signal;    /* 0: by itself */
    bool timed_out;
    bool cancelled;
    size_t n_stray;        /* processes that it left behind and that were killed */
    size_t n_left;         /* processes that could not be killed, and */
    pid_t left[EXEC_LEFT]; /* the first of them */
    bool in_group;         /* it had a control group of its own (cgroup.h) */
    bool memory_by_group;  /* which bounded its memory; else RLIMIT_DATA did */
    int64_t n_oom;         /* processes killed for lack of memory there */
    int64_t memory_peak;   /* bytes, of all its processes together; -1: not known */
    int64_t n_log_lost;    /* bytes that the log could not take, because of */
    int log_errno;
    struct exec_usage usage;
};

enum exec_kind {
    EXEC_ENDED,  /* job `key` and all its processes are gone */
    EXEC_EVENT,  /* job `key` wrote a line on its channel */
    EXEC_SIGNAL, /* this process was told to stop */
    EXEC_TIME,   /* `until_ms` is reached */
    EXEC_READY,  /* the descriptor of watch() has become readable */
};

struct exec_report {
    enum exec_kind kind;
    size_t key;
    struct exec_end end;
    const char *line; /* borrowed until the next call */
    int signal;
};

struct executor {
    void *self;
    /** Monotonic clock. */
    int64_t (*now_ms)(void *self);
    /** Start a job that reports as `key`. *out_handle is a text (owned by the caller) that survives
     * a restart of the runner. ERR_USAGE if the program cannot be executed, ERR_IO. */
    int (*start)(void *self, size_t key, const struct exec_job *job, char **out_handle,
                 struct err *e);
    /** Sleep until there is something to report, at the latest until `until_ms` (-1: for ever). */
    int (*wait)(void *self, int64_t until_ms, struct exec_report *out, struct err *e);
    /** Report when this descriptor becomes readable: one only. */
    int (*watch)(void *self, int fd, struct err *e);
    /** Stop a job: TERM, KILL after its kill_after_ms; KILL at once if `at_once`. It still reports
     * its end. */
    void (*cancel)(void *self, size_t key, bool at_once);
    /** Kill what a runner that died left running: all processes whose mark begins so. Returns how
     * many. */
    size_t (*clear)(void *self, const char *mark);
};

/**
 * Jobs as processes of this machine: each in its own session and, where that can be had, its own
 * control group, tied to the life of the runner, which adopts whatever they leave behind. SIGINT,
 * SIGTERM, SIGHUP and SIGCHLD are taken over until exec_local_close.
 */
int exec_local_open(struct executor *out, struct err *e);
void exec_local_close(struct executor *x);

#endif
