#ifndef MODELS_VALIDATION_H
#define MODELS_VALIDATION_H

#include <stdbool.h>

#include "models/batch.h"
#include "models/rows.h"

/**
 * Mean cross-entropy in nats and accuracy over the validation rows, in inference mode, unweighted,
 * batch by batch; probabilities under 1e-7 count as 1e-7 (as in Keras). The network's penalties are
 * added to the loss, so that it is of one kind with that of training.
 *   probability  room, (b->max, C)
 *   stop         asked before every batch: true ends it, and then false is returned
 */
bool validate(struct net *net, struct batcher *b, const struct rows *rows, float *probability,
              bool (*stop)(const void *arg), const void *arg, double *out_loss,
              double *out_accuracy);

#endif
