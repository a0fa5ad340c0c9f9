#ifndef NN_NET_H
#define NN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "models/nn/spec.h"

/* The network engine. Below: B rows of a batch, T words, E embedding, H units, C classes.
 *
 * All parameters lie in one block, all gradients in another of the same shape, all activations in
 * one arena planned before the first step: no allocation while training. A batch is cut into
 * `shards`; every shard is computed by one worker thread with single-threaded kernels, and every
 * sum across shards goes through one fixed binary tree: the result is the same bits for any number
 * of threads. */

/** Sizes that come from the data. Inputs that the spec does not use may be 0. */
struct nn_dims {
    size_t vocabulary;    /* ids are 0 .. vocabulary - 1; 0 pad, 1 unknown */
    size_t length;        /* T */
    size_t height, width; /* of pictures, 3 channels */
    size_t n_feature;
    size_t n_gram;     /* n-grams are numbered 0 .. n_gram - 1 */
    size_t most_grams; /* of one row in training; 0: the network will only predict */
    size_t n_class;
    size_t batch; /* largest B */
};

/** Rows to compute. All borrowed. */
struct nn_batch {
    size_t n;              /* B <= dims.batch */
    const int32_t *ids;    /* (B, T) padded */
    const int32_t *n_word; /* (B) words of each row, 0 .. T: the rest is padding */
    const uint8_t *const
        *pixels;           /* (B) each (height, width, 3), 0 .. 255; the network sees value / 255 */
    const float *features; /* (B, n_feature) */
    const int32_t *label;  /* (B) 0 .. C - 1; training and evaluation only */
    const float *weight;   /* (B) weight of each row in the loss; NULL: all 1 */
    const int32_t *gram;   /* distinct n-grams of each row, one row behind the other */
    const float *gram_value;  /* what each counts */
    const size_t *gram_first; /* (B + 1) where each row begins, from 0 */
};

/** One parameter tensor: a view into the block. */
struct nn_param {
    char *name;       /* "text.1_lstm.kernel" */
    size_t offset, n; /* floats in the block */
    size_t shape[4];
    int rank;
    bool trainable;  /* batch norm's running statistics are not */
    bool of_classes; /* its last axis are the classes */
    bool scaffold;   /* of use in training alone: not in model files */
    double l1, l2;   /* penalty: the layer's and training's */
};

struct net;

/** Build for these sizes. The spec is copied. The thread that builds and every thread that trains
 * or predicts later gets one OpenMP thread and OpenBLAS one thread: `threads` workers, the caller
 * among them, are the parallelism. errors  ERR_USAGE if layers do not fit each other (names the
 * layer and the shapes), if an input that the network reads has size 0, or if OpenBLAS is the
 * serial one (wrong results) and threads > 1 */
int net_build(struct net **out, const struct nn_spec *spec, const struct nn_dims *dims, int threads,
              struct err *e);
void net_free(struct net *n);

/** Does oneDNN have kernels for this processor, in this build? If not, OpenBLAS stands in. */
bool net_has_onednn(void);

/** Draw initial weights as Keras does: Glorot uniform kernels, orthogonal recurrent kernels,
 * forget-gate bias 1, embeddings uniform +-0.05, batch norm 1/0. Each tensor from its own stream of
 * `seed`. */
void net_init(struct net *n, uint64_t seed);

/** The first layer to which one row of a batch says nothing: batch_norm over rows. NULL: none. */
const char *net_wants_rows(const struct net *n);

size_t net_n_param(const struct net *n);
const struct nn_param *net_params(const struct net *n);
size_t net_n_weight(
    const struct net *n); /* floats in all tensors, running statistics counted (as Keras counts) */
float *net_weights(struct net *n);   /* (n_weight) the block; whoever writes asks for it anew after
                                        every batch */
float *net_gradients(struct net *n); /* (n_weight) after net_train */

/** Which kernels were chosen for which layer, as JSON for the model file; owned by the caller. */
char *net_kernels(const struct net *n);

/**
 * Forward in training mode, loss = 1/B sum of w_r (-sum_c q_rc log p_rc) + penalties (as Keras
 * weighs samples: divided by the rows, not by the weights) + auxiliary losses, backward into the
 * gradient block. q is 1 for the row's label and else 0; with training's label_smoothing a it is
 * 1 - a + a / C and a / C (Szegedy et al. 2016, as Keras and PyTorch). Batch norm's running
 * statistics move.
 *   draw        seeds the dropout masks: the same draw gives the same masks
 *   out_loss    of this batch, penalties and auxiliary losses included
 *   out_right   rows whose largest probability is their label (may be NULL)
 *   errors      ERR_DATA if the loss is not finite, or its cross-entropy above NET_EXPLODED
 */
#define NET_EXPLODED 1e9
int net_train(struct net *n, const struct nn_batch *b, uint64_t draw, double *out_loss,
              size_t *out_right, struct err *e);

/** The part of the last batch's loss that the branches' own softmaxes added (auxiliary.c). */
double net_auxiliary_loss(const struct net *n);

/** Does a batch of shorter rows take less time (its text is masked)? */
bool net_skips_padding(const struct net *n);

/** Weights as the kernels of a prediction want them. The first net_predict after a change of
 * weights does it, unless it was done before. */
void net_prepare(struct net *n);

/** Forward in inference mode: class probabilities (B, C). */
void net_predict(struct net *n, const struct nn_batch *b, float *out_probability);

/** What one layer costs. */
struct nn_layer_time {
    const char *name; /* "text.1_lstm", borrowed; the last one is "loss" */
    double flop;      /* of one row forward, a multiplication and an addition counted as two */
    double forward_s, backward_s; /* processor time of all threads since net_clock */
};

/** Count, from now on and from 0, the processor time of every layer. */
void net_clock(struct net *n);

/** Layer i of the network, 0 .. in the order of computation; false past the last one. */
bool net_layer_time(const struct net *n, size_t i, struct nn_layer_time *out);

/**
 * To be called first in main() of every program that uses the engine. Debian's OpenBLAS takes some
 * new processors for a "Prescott" and is then four times slower: if its core type is not what the
 * processor can do (by mistake, or because OPENBLAS_CORETYPE says so: bits depend on it, and no
 * result may depend on the environment), one line goes to the log, OPENBLAS_CORETYPE,
 * OPENBLAS_NUM_THREADS=1 and OMP_NUM_THREADS=1 are set and /proc/self/exe is executed again, once.
 * Also sets flush-to-zero in the calling thread.
 */
int nn_start(int argc, char **argv, struct err *e);

#endif
