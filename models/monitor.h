#ifndef MODELS_MONITOR_H
#define MODELS_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "models/nn/spec.h"

/* What is decided after every epoch from one of its figures: is it better, is it time for a lower
 * learning rate, is it time to stop. The rules are those of Keras' callbacks ReduceLROnPlateau and
 * EarlyStopping. Pure state machines, so that a checkpoint can keep them. */

/** Is a new value better than the best so far by more than min_delta? A loss falls, an accuracy
 * rises. */
bool monitor_better(enum nn_monitor what, double value, double best, double min_delta);

/** The value that any other one is better than. */
double monitor_worst(enum nn_monitor what);

/** Lower the learning rate when nothing has become better. */
struct plateau {
    enum nn_monitor monitor;
    double factor, min_delta;
    int64_t patience, cooldown;
    double best;
    int64_t wait, cooling; /* epochs without a better value; epochs of rest that remain */
};
void plateau_init(struct plateau *p, const struct nn_training *t);

/** After an epoch: the learning rate of the next one. */
double plateau_step(struct plateau *p, double value, double learning_rate);

/** Stop when nothing has become better. */
struct stopper {
    enum nn_monitor monitor;
    double min_delta;
    int64_t patience;
    double best;
    int64_t wait;
};
void stopper_init(struct stopper *s, const struct nn_training *t);

/** After epoch number `epoch` (from 1): stop now? Never after the first. */
bool stopper_step(struct stopper *s, int64_t epoch, double value);

#endif
