#ifndef MODELS_PREP_H
#define MODELS_PREP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "io/h5.h"
#include "models/model.h"
#include "models/grams.h"
#include "models/nn/spec.h"
#include "models/rows.h"
#include "models/vocab.h"

/**
 * What a model has learnt about its inputs from the training rows, and how they must have been
 * made: the part of a model that every family shares. Members of an input that is not read are 0.
 * All owned.
 */
struct prep {
    bool reads[N_NN_INPUT];
    struct vocab vocab;
    struct vocab_shape shape;
    struct grams grams;
    char *text_recipe; /* of text and ngrams */
    char *pixels_recipe;
    size_t height, width;
    char *features_state;
    char **feature; /* (n_feature) names of the columns */
    size_t n_feature;
};

enum { PREP_MAX_SIDE = 4096, PREP_MAX_FEATURE = 1 << 20 };

/**
 * Learn from the training rows what the branches of a network need. A branch whose input is there
 * but empty (no word, no picture in any training row; no feature column) is taken out of `spec`,
 * with a warning. errors  ERR_USAGE if a branch has no input file; ERR_DATA if pictures are not of
 * the size that the branch names, if the inputs are all empty, or a row is too long
 */
int prep_fit(struct prep *p, struct nn_spec *spec, const struct model_data *data,
             const struct rows *rows, struct err *e);

/** The same for a family that reads feature columns alone, with their gaps or not. errors ERR_USAGE
 * if they are not given, ERR_DATA if there are none, or they have gaps */
int prep_fit_features(struct prep *p, const struct model_data *data, bool gaps, struct err *e);

/** ERR_DATA if feature columns have gaps that were kept, or may have some in other rows. */
int prep_refuse_gaps(const struct featmat *f, struct err *e);

/** Are these inputs what the model was trained on? ERR_DATA names the input, found and wanted. */
int prep_check(const struct prep *p, const struct model_data *data, struct err *e);

/** To and from the groups text, ngrams, pixels and features of a model file. */
int prep_save(const struct prep *p, struct h5 *h, struct err *e);
int prep_load(struct prep *p, struct h5 *h, struct err *e);
void prep_release(struct prep *p);

#endif
