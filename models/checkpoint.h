#ifndef MODELS_CHECKPOINT_H
#define MODELS_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "models/history.h"
#include "models/monitor.h"
#include "models/nn/optimizer.h"

/** Everything that changes while a network is trained, besides its weights: what has to be kept to
 * go on later. */
struct progress {
    struct history *history; /* borrowed: every finished epoch, every step */
    struct {
        int64_t step;             /* steps that are done */
        double loss, right, norm; /* sums: over rows, over rows, over steps */
    } epoch;                      /* the one under way */
    double learning_rate;         /* that the schedule starts from */
    struct plateau plateau;
    struct stopper stopper;
    struct optimizer optimizer;
    float *kept; /* (n_weight) owned: weights of the best epoch; NULL: the last ones are kept */
    double kept_value; /* monitored figure of that epoch */
    double seconds;    /* of training so far, with those before an interruption */
};

/**
 * Publish a refit.checkpoint. `identity` (identity.h) stands for all that determines the result: a
 * checkpoint of another training is never gone on from.
 */
int checkpoint_write(const char *path, const char *identity, const struct progress *p,
                     const float *weight, size_t n, struct err *e);

/**
 * May a checkpoint be written to `path`, and be removed at the end? Where nothing is, or a
 * checkpoint of any training, whole or damaged; what else lies there is somebody's work.
 *   errors  ERR_DATA: it is another program's, or of another kind
 */
int checkpoint_replaceable(const char *path, struct err *e);

/**
 * Go on from a checkpoint: true if the file is there, whole, and of the same identity and sizes;
 * `p` and `weight` (n) are then as they were written. Else nothing is changed, and a line in the
 * log says why. `p->history` tells how many steps and rows an epoch has; a training has
 * `max_epoch` epochs.
 */
bool checkpoint_read(const char *path, const char *identity, struct progress *p, float *weight,
                     size_t n, int64_t max_epoch);

#endif
