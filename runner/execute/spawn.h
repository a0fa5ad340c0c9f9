#ifndef RUNNER_SPAWN_H
#define RUNNER_SPAWN_H

#include <sys/types.h>

#include "base/err.h"
#include "runner/execute/exec.h"

/**
 * Start a process: own session and process group, without a terminal; standard input from
 * /dev/null, output to `log_fd` (-1: appended to the job's log), no other descriptor, every signal
 * at its default, the job's limits, killed when the runner dies. `events_fd` (-1: none) becomes
 * descriptor 3 and REFIT_EVENTS=fd:3. ERR_USAGE if it cannot be executed: the text says why.
 */
int spawn_process(const struct exec_job *job, int events_fd, int log_fd, pid_t *out_pid,
                  struct err *e);

/** Close a descriptor, if it is open (>= 0), and make it -1; an epoll that watched it forgets it.
 */
void close_fd(int *fd);

#endif
