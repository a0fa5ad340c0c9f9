#ifndef RUNNER_PROBE_H
#define RUNNER_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

/* Short questions to programs (--describe, --check), and messages for them: run, wait, keep what
 * they print. */

struct probe {
    char *const *argv; /* borrowed; argv[0] is looked up by PATH if it has no slash */
    char *const *env;  /* borrowed; NULL: this process's environment */
    const char *input; /* (n_input) its standard input, borrowed; NULL: none */
    size_t n_input;
    int64_t timeout_ms;  /* 0: that of the call */
    struct str out, err; /* standard output and standard error; owned */
    int status;          /* exit status; 128 + number of the signal; 127: it could not be started */
    bool timed_out;      /* killed after timeout_ms */
    bool too_long;       /* killed because it printed more than max_bytes */
    pid_t pid;           /* from here on used while it runs */
    int handle, fd[2];
    int64_t deadline_ms;
};

/**
 * Run all n probes, at most `parallel` at a time. What a program says or how it ends is no error
 * here. errors  ERR_IO if the machine has no pipe or no process left; none runs on then
 */
int probe_run(struct probe *p, size_t n, size_t parallel, int64_t timeout_ms, size_t max_bytes,
              struct err *e);

void probe_release(struct probe *p);

#endif
