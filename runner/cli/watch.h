#ifndef RUNNER_WATCH_H
#define RUNNER_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/memory/ledger.h"

/* Waiting for a run to go on, without asking again and again: the memory being written to, the end
 * of the runner's process, a log that grows. All zeros is not opened. */
struct watch {
    int events; /* inotify */
    int runner; /* pidfd; -1: its process is gone, or not ours to see */
    bool opened;
};

/** Watch the memory, and the runner of this run. */
int watch_open(struct watch *w, const struct run_row *run, struct err *e);

/** Wake for writes to this file too. */
int watch_file(struct watch *w, const char *path, struct err *e);

/** Until something has happened, or `at_most_ms` are over (-1: no limit). It returns at most ten
 * times a second. */
int watch_wait(struct watch *w, int64_t at_most_ms, struct err *e);

void watch_close(struct watch *w);

#endif
