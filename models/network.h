#ifndef MODELS_NETWORK_H
#define MODELS_NETWORK_H

#include "models/family.h"
#include "models/nn/net.h"
#include "models/predictor.h"

/** State of the family of networks: what a network file describes, on the inputs that its branches
 * read. All owned. */
struct network {
    struct nn_spec spec;
    struct nn_dims dims;
    struct net *net;
    float *last; /* (n_weight) of the last epoch, and how they came to be; NULL: not wanted */
    char *last_training; /* JSON */
    struct predictor predictor;
};

void network_release(struct network *w);

/** Sizes of a network on these inputs. */
struct nn_dims network_dims(const struct prep *p, size_t n_class, size_t batch);

/** Class probabilities of n rows, as model_predict, on inputs that have been checked. */
void network_run(struct network *w, const struct prep *p, const struct model_data *data,
                 const size_t *row, size_t n, float *out);

/** Its tensors and their shapes, as lines of text. Appended to *out. */
void network_print(const struct network *w, struct str *out);

/** To and from a group of a model file; "" is the root. When reading, the inputs and classes are
 * known; on error what was read stays for network_release. */
int network_write(const struct network *w, struct h5 *h, const char *group, struct err *e);
int network_read(struct network *w, const struct prep *p, size_t n_class, struct h5 *h,
                 const char *group, int threads, struct err *e);

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
