#ifndef CRASHLAB_RECORDER_H
#define CRASHLAB_RECORDER_H

#include "base/err.h"
#include "tests/tools/crashlab/disk.h"

/** What a program and its descendants did to the current directory. All zeros is nothing. */
struct record {
    struct disk before;    /* what was there; knows the nodes that were made later too */
    struct change *change; /* (n_change) in order; owned */
    size_t n_change;
};

/** Run argv and write down every change below the current directory (shared memory files of SQLite,
 * *-shm, are left out: they do not outlive the power). *out_status is that of waitpid. ERR_IO. */
int record_run(struct record *r, char *const *argv, int *out_status, struct err *e);
void record_release(struct record *r);

/** Does the call change something that others can see: a file, a name, a process? */
bool record_changes(long nr, const uint64_t *arg, const char **out_name);

/** "rename a.txt -> b.txt", for people; owned by the caller. */
char *record_text(const struct change *c);

#endif
