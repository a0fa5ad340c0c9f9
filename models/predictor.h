#ifndef MODELS_PREDICTOR_H
#define MODELS_PREDICTOR_H

#include "models/batch.h"

/** Rows through a network, in storage that stays for the next request: one that is no larger than
 * those before it allocates nothing (n-grams aside). All zeros is empty. */
struct predictor {
    bool ready;
    struct batcher batcher;
    int32_t *length; /* (room) owned, as are the rest: words of each row of the request */
    size_t *place;   /* (room) rows of the request, longest first */
    size_t room;
    size_t *row, *count; /* (batch), (T + 2) */
    float *probability;  /* (batch, n_class) */
};

/**
 * Class probabilities of n rows, in batches of dims->batch. Where the network skips padding, rows
 * of like length share a batch; a row's figures do not depend on who shares it (on processors with
 * packed.h's kernels not by a bit).
 *   prep, data  as batcher_init takes them; prep the same in every call
 *   row, out    as model_predict takes them
 */
void predictor_run(struct predictor *p, struct net *net, const struct nn_dims *dims,
                   const struct prep *prep, const struct model_data *data, const size_t *row,
                   size_t n, float *out);
void predictor_release(struct predictor *p);

#endif
