#ifndef MODELS_RATE_SCHEDULE_H
#define MODELS_RATE_SCHEDULE_H

#include <stddef.h>

#include "models/nn/training.h"

/**
 * The learning rate of a step, from the rate that the plateau rule has come to (`base`) and the
 * keys schedule, schedule_* and warmup:
 *
 *   warm-up  base (s + 1) / w for the first w = warmup x N steps, rounded up (Goyal et al. 2017,
 *            section 2.2)
 *   none     base
 *   cosine   base (f + (1 - f) (1 + cos(pi x)) / 2), where x goes from 0 after the warm-up to 1
 *            after the last of all epochs, and f is schedule_floor (Loshchilov & Hutter 2017, eq.
 *            5, without restarts)
 *   step     base schedule_factor^k, k = whole periods of schedule_every epochs that have passed
 *
 *   step          s, of the whole training, from 0
 *   epoch_steps   N, steps of one epoch
 */
double schedule_rate(const struct nn_training *t, double base, size_t step, size_t epoch_steps);

#endif
