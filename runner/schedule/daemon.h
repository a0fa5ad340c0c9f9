#ifndef RUNNER_DAEMON_H
#define RUNNER_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Who starts what is due: a daemon that sleeps until then, or `refit tick`, which some other clock
 * calls. Both may do so side by side. */

struct daemon_options {
    const char *const *file; /* (n_file) pipeline files */
    size_t n_file;
    bool finish;  /* told to stop, let the runs end instead of stopping them */
    bool dry_run; /* tick -n: only tell */
    bool json;    /* tick: one document; daemon: a document a line for each event */
    bool quiet;
};

/** Until it is told to stop. ERR_RETRY: there is another daemon of one of these pipelines. */
int daemon_run(const struct daemon_options *o, struct err *e);

/** Start what is due now and wait for it. *out_status is that of the worst run; 0: nothing was due.
 */
int tick_run(const struct daemon_options *o, int *out_status, struct err *e);

#endif
