#ifndef CRASHLAB_TRACEE_H
#define CRASHLAB_TRACEE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* A program under ptrace(2), seen at each system call. */

struct tracee_call {
    pid_t pid; /* thread that makes it */
    long nr;
    uint64_t arg[6];
    int64_t result; /* at its end; negative: -errno */
    int64_t note;   /* what `begins` has left for `ends` */
};

struct tracee_watch {
    void *self;
    bool descendants; /* its child processes too, not only its threads */
    /** Before the call: return true to kill the process with SIGKILL instead. May set c->note. */
    bool (*begins)(void *self, struct tracee_call *c);
    /** After it; NULL: not wanted. */
    void (*ends)(void *self, struct tracee_call *c);
};

/** Run argv until it and all that is watched have ended; *out_status is that of waitpid. ERR_IO if
 * there is no ptrace here. */
int tracee_run(char *const *argv, const struct tracee_watch *w, int *out_status, struct err *e);

/** Copy out of its memory; false if that is not mapped. */
bool tracee_read(pid_t pid, uint64_t address, void *out, size_t n);

/** A path argument; owned by the caller, NULL if it cannot be read. */
char *tracee_text(pid_t pid, uint64_t address);

#endif
