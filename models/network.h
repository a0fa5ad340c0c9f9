#ifndef MODELS_NETWORK_H
#define MODELS_NETWORK_H

#include "models/family.h"
#include "models/nn/net.h"

/** State of the family of networks: what a network file describes, on the inputs that its branches
 * read. All owned. */
struct network {
    struct nn_spec spec;
    struct nn_dims dims;
    struct net *net;
    float *last; /* (n_weight) of the last epoch, and how they came to be; NULL: not wanted */
    char *last_training; /* JSON */
};

/**
 * Begin with the weights of published models, one over the other, where they fit: tensors of the
 * same name, an embedding word by word, the layer of the classes label by label, what stands on
 * feature columns column by column, the head only from a model of the same branches. What does not
 * fit keeps its initial weights; the log names it.
 *   m       a network with initial weights, its inputs and classes
 *   path    (n) model files
 *   errors  ERR_DATA if one is no model of this family, or nothing of it fits
 */
int network_warm_start(struct model *m, const char *const *path, size_t n, struct err *e);

#endif
