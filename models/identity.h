#ifndef MODELS_IDENTITY_H
#define MODELS_IDENTITY_H

#include "models/model.h"
#include "models/prep.h"
#include "models/rows.h"
#include "num/hash.h"

/**
 * Hashes of all that determines the outcome of a fit, part by part: version of the program and
 * kernels; the network file; effective options and seed; labels and sides; the content of every
 * input that the network reads; the initial weights (n_weight) if they are not the seed's own. A
 * text that is owned by the caller.
 *   cost  reads all inputs once: about a second for 1.3 GB of pictures
 */
char *identity_of_fit(const struct fit *fit, const struct nn_spec *spec, const struct prep *prep,
                      const struct rows *rows, const char *kernels, const float *weight,
                      size_t n_weight);

/** The first part in which two identities differ, for people; NULL if they are equal. */
const char *identity_difference(const char *a, const char *b);

#endif
