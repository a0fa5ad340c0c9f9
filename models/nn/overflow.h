#ifndef NN_OVERFLOW_H
#define NN_OVERFLOW_H

#include "models/nn/net.h"

/* Where a training has gone wrong. A step that ends in a loss or a gradient that is no number is
 * computed once more, this time looking at what every operator leaves behind. */

/** What every operator is looked at for; made by overflow_name. */
struct overflow {
    float limit;   /* a magnitude above it, and what is no number, is found */
    size_t n_time; /* positions on a batch's way, see net_run.c */
    size_t *first; /* (n_shard) position of the first find of each shard, or n_time */
};

struct pass;
/** Look at what the operator at a position left in a shard; called by the engine. */
void overflow_look(struct overflow *o, const struct pass *p, size_t at);

/**
 * The first operator whose weights, activations or gradients are no numbers, or above `limit`, in
 * this batch (with the masks of `draw`): "the activations of 'text.1_lstm'", owned by the caller;
 * NULL if there is none. The weights must be those of the step in question.
 */
char *overflow_name(struct net *n, const struct nn_batch *b, uint64_t draw, float limit);

#endif
