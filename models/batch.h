#ifndef MODELS_BATCH_H
#define MODELS_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "models/augment.h"
#include "models/model.h"
#include "models/nn/net.h"
#include "models/prep.h"

/** Turns rows of the inputs into batches of the network, in storage that is made once. */
struct batcher {
    const struct prep *prep;       /* borrowed */
    struct model_data data;        /* borrowed members */
    size_t max;                    /* largest B */
    const int32_t *class_of_row;   /* borrowed; NULL: no labels */
    const float *weight_of_class;  /* borrowed; NULL: all 1 */
    const struct augment *augment; /* borrowed; NULL: none */
    size_t room_map;
    int32_t *map; /* dictionary of the tokens -> ids; the rest: (max) rows each, owned */
    int32_t *ids, *n_word, *label;
    const uint8_t **pixels;
    float *features, *weight;
    uint8_t *picture; /* (max, height, width, 3) augmented; NULL: the file's own are shown */
    struct gram_reader grams;
    int32_t *gram; /* (room_gram) */
    float *gram_value;
    size_t *gram_first, room_gram; /* gram_first: (max + 1) */
};

/** For data that prep_check has passed; class_of_row and weight_of_class may be NULL. */
void batcher_init(struct batcher *b, const struct prep *prep, const struct model_data *data,
                  size_t max, const int32_t *class_of_row, const float *weight_of_class);

/** Other data from now on, in the same storage. */
void batcher_turn(struct batcher *b, const struct model_data *data);

/** The rows `row` (n <= max) as a batch that is valid until the next call. */
void batcher_fill(struct batcher *b, const size_t *row, size_t n, struct nn_batch *out);

/** Words of every row of the inputs, as batches have them. Owned by the caller; NULL if there are
 * no words. */
int32_t *batcher_lengths(const struct batcher *b);

/** From now on batcher_fill_training does this to its rows; `a` must outlive the batcher. */
void batcher_augment(struct batcher *b, const struct augment *a);

/** batcher_fill for a step of training in epoch `epoch`, from 1. */
void batcher_fill_training(struct batcher *b, uint64_t epoch, const size_t *row, size_t n,
                           struct nn_batch *out);
void batcher_release(struct batcher *b);

#endif
