#ifndef MODELS_AUGMENT_H
#define MODELS_AUGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/nn/spec.h"

/**
 * What training does to its rows so that no epoch sees the same ones. What is drawn for a row
 * depends on seed, epoch and the row's number in the table alone: not on batches, threads or
 * interruptions. All zeros: nothing is done.
 */
struct augment {
    uint64_t seed;
    bool flip;           /* pictures: left and right changed with probability 1/2 */
    size_t crop;         /* pictures: shifted by -crop .. crop pixels both ways */
    double brightness;   /* pictures: times a factor of 1 - b .. 1 + b */
    double word_dropout; /* words: unknown with this probability */
    bool drop_unknown;   /* and unknown words are left out */
    bool pad_front;
};

/** As the branches of a network say. */
void augment_init(struct augment *a, const struct nn_spec *spec, uint64_t seed);

/** Is anything done to pictures? */
bool augment_has_pictures(const struct augment *a);

/**
 * A picture (h, w, 3), flipped; then a window of its size cut out at a random place after the
 * border was repeated `crop` times on all sides (He et al. 2016, section 4.2, who pad with zeros);
 * then every value times one factor, rounded, at most 255. Integer arithmetic from the draws on.
 * crop < h and w; out is not in.
 */
void augment_picture(const struct augment *a, uint64_t epoch, size_t row, const uint8_t *in,
                     size_t h, size_t w, uint8_t *out);

/**
 * A row of word ids (T) with n words, as vocab_encode made it: every word becomes unknown with
 * probability word_dropout (Iyyer et al. 2015, section 4.2), and is left out if unknown words are.
 * Returns the words that are left.
 */
int32_t augment_words(const struct augment *a, uint64_t epoch, size_t row, int32_t *ids, size_t T,
                      int32_t n);

#endif
