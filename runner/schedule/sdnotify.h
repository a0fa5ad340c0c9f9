#ifndef RUNNER_SDNOTIFY_H
#define RUNNER_SDNOTIFY_H

#include <stdint.h>

/* The notification protocol of systemd (sd_notify(3)), by hand: datagrams of NAME=value lines to
 * the socket that $NOTIFY_SOCKET names. */

struct sdnotify {
    char *path;          /* owned; NULL: nobody listens */
    int64_t watchdog_ms; /* send WATCHDOG=1 so often; 0: not wanted */
};

/** Take what the environment says, and take it out of there: it is not for our children. */
void sdnotify_open(struct sdnotify *n);
void sdnotify_close(struct sdnotify *n);

/** "READY=1\nSTATUS=..."; harmless when nobody listens. */
void sdnotify_send(const struct sdnotify *n, const char *text);

#endif
