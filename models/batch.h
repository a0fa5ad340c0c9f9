#ifndef MODELS_BATCH_H
#define MODELS_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "models/model.h"
#include "models/nn/net.h"
#include "models/prep.h"

/** Turns rows of the inputs into batches of the network, in storage that is made once. */
struct batcher {
    const struct prep *prep;      /* borrowed */
    struct model_data data;       /* borrowed members */
    size_t max;                   /* largest B */
    const int32_t *class_of_row;  /* borrowed; NULL: no labels */
    const float *weight_of_class; /* borrowed; NULL: all 1 */
    int32_t *map; /* dictionary of the tokens -> ids; the rest: (max) rows each, owned */
    int32_t *ids, *n_word, *label;
    const uint8_t **pixels;
    float *features, *weight;
};

/** For data that prep_check has passed; class_of_row and weight_of_class may be NULL. */
void batcher_init(struct batcher *b, const struct prep *prep, const struct model_data *data,
                  size_t max, const int32_t *class_of_row, const float *weight_of_class);

/** The rows `row` (n <= max) as a batch that is valid until the next call. */
void batcher_fill(struct batcher *b, const size_t *row, size_t n, struct nn_batch *out);
void batcher_release(struct batcher *b);

#endif
