#ifndef RUNNER_SPAWN_H
#define RUNNER_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "runner/execute/exec.h"

/** Descriptors for a new process, -1 where there is none; they stay the caller's. */
struct spawn_ends {
    int events; /* becomes descriptor 3, and REFIT_EVENTS=fd:3 */
    int log;    /* takes its output; else it is appended to the job's log */
    int group;  /* directory of the control group that it is born in */
};

/**
 * Start a process: own session and process group, without a terminal; standard input from
 * /dev/null, no descriptor that is not named here, every signal at its default, the job's limits
 * (memory not if `group_memory`), killed when the runner dies. ERR_USAGE if it cannot be executed:
 * the text says why.
 */
int spawn_process(const struct exec_job *job, const struct spawn_ends *given, bool group_memory,
                  pid_t *out_pid, struct err *e);

/**
 * What becomes readable when the process has ended, to be closed: a pidfd. -1 where this machine
 * has none (Linux before 5.3, the filter of a container, valgrind): SIGCHLD and waitpid then tell
 * the end of a child. ERR_IO.
 */
int process_handle(pid_t pid, int *out_fd, struct err *e);

/** Has this child ended? It is not waited for yet. */
bool process_has_ended(pid_t child);

/** Close a descriptor, if it is open (>= 0), and make it -1; an epoll that watched it forgets it.
 */
void close_fd(int *fd);

#endif
