#ifndef RUNNER_AGENDA_H
#define RUNNER_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "runner/memory/state.h"
#include "runner/read/channel.h"
#include "runner/schedule/schedule.h"

/* What whoever fires schedules keeps of a pipeline file. */

/** What goes with a schedule. All owned. */
struct agenda_entry {
    char *spec;    /* when it fires, canonical: another text is another schedule */
    char *options; /* what its runs are started with: run_options_text */
};

/** All zeros is the empty one. */
struct agenda {
    char *file, *pipeline; /* owned */
    struct file_stamp stamp;
    int64_t changed_s;          /* when the file was last changed or put there (its ctime) */
    struct schedule *schedule;  /* (n), owned */
    struct agenda_entry *entry; /* (n) */
    size_t n;
    struct channels told; /* who is told what is missed */
};

/** Read and check the pipeline file. ERR_USAGE, ERR_IO; `a` is then empty. */
int agenda_read(struct agenda *a, const char *file, struct state *s, struct err *e);
void agenda_release(struct agenda *a);

/** Is the file another one than the one that was read? */
bool agenda_is_old(const struct agenda *a);

#endif
