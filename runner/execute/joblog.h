#ifndef RUNNER_JOBLOG_H
#define RUNNER_JOBLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "runner/execute/mask.h"

/* The log of a job that writes to a pipe: secrets are masked before anything reaches the disk, and
 * of a log that grows beyond its limit the first half and the end are kept, with a line between
 * them that tells what is missing. The file is never larger than the limit, also while the job
 * runs. */

struct joblog {
    int pipe, file;    /* -1: none */
    int64_t size, max; /* of the file; max 0: no limit */
    int64_t head;      /* bytes at the front that stay; 0: nothing was cut yet */
    int64_t cut;       /* bytes that are missing after them, and */
    int64_t mark;      /* bytes of the line that says so */
    int64_t n_lost;    /* bytes that could not be written, and */
    int why;           /* the first errno */
    struct mask_stream mask;
    struct str text;
};

/** Open (append to) the file; *out_write is the end of the pipe that the job gets, to be closed by
 * the caller. `mask` is borrowed until the end. ERR_IO; l is then empty. */
int joblog_open(struct joblog *l, const char *path, int64_t max, const struct mask *mask,
                int *out_write, struct err *e);

/** Take what there is to read, without waiting; the pipe is closed at its end. */
void joblog_read(struct joblog *l);

/** The job is gone: take the rest, close. Who else may hold the pipe is not waited for. */
void joblog_end(struct joblog *l);

void joblog_release(struct joblog *l);

#endif
