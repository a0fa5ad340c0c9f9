#ifndef MODELS_TRAINER_H
#define MODELS_TRAINER_H

#include <signal.h>

#include "base/err.h"
#include "models/batch.h"
#include "models/history.h"
#include "models/nn/net.h"
#include "models/rows.h"

/** A network, its data, and how to bring them together. All borrowed. */
struct trainer {
    struct net *net; /* with initial weights */
    const struct nn_training *options;
    const struct prep *prep;
    const struct model_data *data;
    const struct rows *rows;
    const float *weight_of_class;  /* (n_class); NULL: all 1 */
    const struct augment *augment; /* NULL: none */
    uint64_t seed;
    const char *checkpoint;                 /* NULL: none */
    double checkpoint_seconds;              /* between two of them at most, and a step */
    const volatile sig_atomic_t *interrupt; /* a signal that asks to stop; NULL: nobody asks */
    float *last;          /* (n_weight) out: weights of the last epoch; NULL: not wanted */
    const char *identity; /* of the fit (identity.h), for the checkpoint */
};

/**
 * Mini-batch training: every epoch all training rows in a new order (a function of seed and epoch
 * alone), then the validation rows; learning rate by schedule.h and, on plateau, early stopping and
 * the choice of the kept epoch by monitor.h. The network has the kept weights afterwards. Without
 * validation rows their figures are not monitored and the last weights are kept. A time budget
 * (max_minutes) cuts the epoch that it ends in: what is left of it is not trained, all else is as
 * after a whole one. Each epoch is a line in the log, its figures are events and an entry of
 * `history`.
 *
 * Checkpoints are written after a step or an epoch, and when *interrupt becomes other than 0;
 * training then ends, with ERR_RETRY. Gone on from one, the result has the bits of an undisturbed
 * training.
 *   errors  ERR_DATA if a loss is not finite (names epoch and step); ERR_IO if a checkpoint cannot
 *           be written; ERR_RETRY after an interruption
 */
int trainer_run(const struct trainer *t, struct history *history, struct err *e);

#endif
