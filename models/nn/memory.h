#ifndef NN_MEMORY_H
#define NN_MEMORY_H

#include "base/str.h"
#include "models/nn/net.h"

/** Bytes that training takes, planned before it begins. */
struct nn_memory {
    size_t weights;     /* weights and their gradients */
    size_t optimizer;   /* its state, and the kept weights */
    size_t kernels;     /* weights as the kernels want them */
    size_t activations; /* of all shards */
    size_t gradients;   /* of all shards, before they are summed */
    size_t scratch;     /* of all workers */
    size_t total;
};
struct nn_memory net_memory(const struct net *n, const struct nn_training *t);

/** "memory of training: 64.2 MB: ..." Appended to *out. */
void net_memory_text(const struct net *n, const struct nn_memory *m, struct str *out);

/**
 * Of a network whose sizes are planned and not yet allocated: is there room for it in `free_bytes`?
 * ERR_MEMORY with what it needs, what there is, and the largest batch that would fit.
 */
int net_check_memory(const struct net *n, const struct nn_training *t, uint64_t free_bytes,
                     struct err *e);

#endif
