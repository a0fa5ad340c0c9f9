#ifndef NN_LSTM_INPUT_H
#define NN_LSTM_INPUT_H

#include "models/nn/factor.h"
#include "models/nn/op.h"

/**
 * The product x W of an LSTM that reads an embedding, where x is rows of its table: a batch has
 * many words more than once, and with e_v the row of word v x W      is e_v W, computed once for
 * each word of the batch; its way back  needs s_v, the sum of the gradients d over the places of v:
 * the gradient of e_v is s_v W', that of W the sum over the words of e_v' s_v. So the three
 * products have as many rows as the batch has different words, and the embedding's output and its
 * gradient are stored nowhere. Not where the LSTM drops parts of its input: there every row of the
 * batch has an x of its own.
 */
struct lstm_input {
    const struct op *table;  /* the embedding; NULL: the LSTM reads x as it comes */
    struct touched *touched; /* owned by the net */
    float *product;          /* (words, 4H) owned: e_v W of the batch's words */
    float *gradient;         /* (words, E) owned: of e_v */
};

/** In plan(): is it so? Then the embedding's output is taken out of the arena; the op's scratch,
 * own memory and state 0, its gates, which live to the end of the batch, are asked for. */
bool lstm_input_plan(struct net *n, struct op *o);
void lstm_input_make(struct lstm_input *in, struct net *n, const struct op *o);
void lstm_input_release(struct lstm_input *in);

/** Training, before the shards: task i is some words of the batch. Returns the number of tasks. */
size_t lstm_input_tasks(const struct lstm_input *in);
void lstm_input_multiply(const struct lstm_input *in, const struct factor *f, const float *w,
                         const float *b, const struct pass *p, size_t task);

/** x W + b (4H) of row r of the shard at step t, which is a word: from lstm_input_multiply. */
const float *lstm_input_row(const struct lstm_input *in, const struct factor *f,
                            const struct pass *p, size_t r, size_t t);

/** Prediction: gates (steps, n, 4H) = x W of the shard, place by place. */
void lstm_input_places(const struct lstm_input *in, const struct factor *f, const float *w,
                       const struct pass *p, float *gates);

/** Training, after the shards: for the words of p->shard's part of them, the gradients of their
 * rows, and those of W and b as the shard's g (E, 4H) and g_bias (4H); d is what the shards have
 * left in the op's gates. */
void lstm_input_backward(const struct lstm_input *in, const struct factor *f, const float *w,
                         const struct pass *p, size_t n_shard, float *g, float *g_bias);

#endif
