#ifndef MODELS_IDENTITY_H
#define MODELS_IDENTITY_H

#include "models/model.h"
#include "models/prep.h"
#include "models/rows.h"
#include "num/hash.h"

/**
 * Hash of all that determines the outcome of a fit: version of the program, network and effective
 * options, seed, kernels, the initial weights (n_weight) if they are not the seed's own, and the
 * content of every input that the network reads, of the labels and of the sides. cost  reads all
 * inputs once: about a second for 1.3 GB of pictures
 */
void identity_of_fit(const struct fit *fit, const struct nn_spec *spec, const struct prep *prep,
                     const struct rows *rows, const char *kernels, const float *weight,
                     size_t n_weight, char out_hex[HASH_HEX]);

#endif
