#ifndef MODELS_TRAINER_H
#define MODELS_TRAINER_H

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
    uint64_t seed;
    const char *checkpoint; /* NULL: none */
    const char *identity;   /* hash of all that determines the result, for the checkpoint */
};

/**
 * Mini-batch training: every epoch all training rows in a new order (a function of seed and
 * epoch alone), then the validation rows; learning rate on plateau, early stopping and the choice
 * of the kept epoch by monitor.h. The network has the kept weights afterwards. Without validation
 * rows nothing is monitored and the last weights are kept. Each epoch is a line in the log, its
 * figures are events and an entry of `history`. errors  ERR_DATA if a loss is not finite (names
 * epoch and step); ERR_IO if a checkpoint cannot be written
 */
int trainer_run(const struct trainer *t, struct history *history, struct err *e);

#endif
