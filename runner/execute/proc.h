#ifndef RUNNER_PROC_H
#define RUNNER_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the kernel knows about processes (/proc). A pid alone may name another process tomorrow;
 * with the time at which it started, and the boot, it names one for ever. */

enum { PROC_BOOT = 37 }; /* bytes of a boot id with its NUL */

struct proc_id {
    int64_t pid, start; /* start: clock ticks since the boot */
    char boot[PROC_BOOT];
};

/** Whole small file of /proc or a file system like it, owned by the caller; NULL if it is empty or
 * cannot be read. */
char *proc_read(const char *path);

/** Who we are. */
struct proc_id proc_self(void);

/** Is exactly that process there, and not dead yet? */
bool proc_lives(const struct proc_id *id);

/** A pidfd of exactly that process, -1 if it is gone (or of another boot, or not to be seen from
 * here), and where the machine has none (process_handle of spawn.h). */
int proc_open(const struct proc_id *id);

/** By a pidfd; harmless when it is gone. */
void proc_signal(int pidfd, int sig);

/** Send a signal to exactly that process; false if it is gone or not to be seen from here. */
bool proc_tell(const struct proc_id *id, int sig);

/** Our direct children, those adopted as a subreaper too; the array is owned by the caller. */
pid_t *proc_children(size_t *out_n);

/** All processes that we may look at; owned by the caller. */
pid_t *proc_all(size_t *out_n);

/** Does the environment that the process was started with hold this "NAME=value"? With `prefix`:
 * begin so. */
bool proc_has_env(pid_t pid, const char *entry, bool prefix);

/** Processors that this process may use, at least 1. */
int proc_cpus(void);

#endif
