#ifndef MODELS_LIVE_H
#define MODELS_LIVE_H

#include "models/history.h"

/* What a training tells while it runs: the progress line, events, the log. Measured times go here
 * and nowhere else, for outputs have none. */

struct live {
    size_t total;                 /* steps of all epochs */
    size_t epochs;                /* at most */
    double begun, told, measured; /* clock: first step, last metrics of one, begin of the rate */
    double rows, rate;            /* since then; rows/s at the last look */
};

/** Seconds of a clock that never goes back. */
double live_clock(void);

/** A step was made: `epoch` has the means so far, over `epoch->rows`. */
void live_step(struct live *l, const struct history *h, const struct epoch *epoch, size_t rows);

/** An epoch has ended; its `rows` took so many seconds. */
void live_epoch(const struct live *l, const struct history *h, double rows, double took);

#endif
