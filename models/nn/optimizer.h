#ifndef NN_OPTIMIZER_H
#define NN_OPTIMIZER_H

#include "models/nn/net.h"
#include "models/nn/spec.h"

/**
 * How gradients become steps. With g a gradient, w a weight, r the learning rate of the step t
 * (from 1), and everything starting at 0:
 *
 *   adam   m += .1 (g - m),  v += .001 (g^2 - v),
 *          w -= r sqrt(1 - .999^t) / (1 - .9^t) m / (sqrt(v) + 1e-7)
 *          as Keras (Kingma & Ba 2015, the last remark of section 2: epsilon beside the uncorrected
 *          root)
 *   adamw  w -= r weight_decay w, then adam (Loshchilov & Hutter 2019, as Keras and PyTorch: the
 *          decay is scaled by the learning rate and is no part of m and v)
 *   sgd    m = momentum m + g,  w -= r weight_decay w,  w -= r m, or r (g + momentum m) if
 * `nesterov` as PyTorch (Sutskever et al. 2013; Keras keeps r m in place of m, which differs where
 * the learning rate changes), but for the decay, which is decoupled as in adamw
 *
 * weight_decay holds for kernels alone: not for embeddings, biases and norms. clip_norm: before all
 * that, every gradient is multiplied by clip_norm / max(norm, clip_norm), where norm is the
 * Euclidean norm over the gradients of all parameters, penalties included (Pascanu et al. 2013; as
 * Keras' global_clipnorm, and PyTorch's clip_grad_norm_ but for its 1e-6).
 *
 * Embeddings are stepped lazily: only the rows of words in the batch, and only their m and v decay
 * (Keras decays and moves all rows in every step; with 20,000 words that costs more than the rest
 * of the step).
 */
struct optimizer {
    enum nn_optimizer kind;
    double momentum, weight_decay, clip_norm; /* clip_norm 0: none */
    bool nesterov;
    size_t n; /* weights */
    int64_t step;
    float *m, *v; /* (n) owned; NULL where the kind has none: v of sgd, m of sgd without momentum */
};

/** What one step was like. */
struct nn_step {
    double loss;          /* as net_train tells it */
    size_t right;         /* rows whose largest probability was their label */
    double gradient_norm; /* Euclidean, of all gradients, before clipping */
};

/** For a network of n weights. */
void optimizer_init(struct optimizer *o, const struct nn_training *t, size_t n);

/**
 * One step of training: net_train and optimizer_step, to the bit, but in one sweep over the weights
 * that leaves the gradient block alone.
 *   errors  ERR_DATA if the loss or the gradients' norm is not finite, or the loss has exploded;
 *           names the first layer where (overflow.h). The weights are then those before the step,
 *           but where only gradients of other weights are not finite.
 */
int optimizer_train(struct optimizer *o, struct net *n, const struct nn_batch *b, uint64_t draw,
                    double rate, struct nn_step *out, struct err *e);

/** Step all weights by the gradients in the network's block. Returns the gradients' norm; if that
 * is not finite nothing is stepped. */
double optimizer_step(struct optimizer *o, struct net *n, double rate);
void optimizer_release(struct optimizer *o);

#endif
