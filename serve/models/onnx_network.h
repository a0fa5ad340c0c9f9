#ifndef SERVE_ONNX_NETWORK_H
#define SERVE_ONNX_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "models/nn/spec.h"
#include "serve/models/onnx.h"

/* Inside of onnx_network(): what models/nn computes, in ONNX's operators. Words are (N, T), steps
 * (N, T, C), pictures (N, C, h, w). Errors are ERR_DATA: the model file contradicts itself. */

enum onnx_flow_kind { WORDS, GRAMS, ROWS, STEPS, PICTURE };

/** What flows through the layers of a branch. */
struct onnx_flow {
    enum onnx_flow_kind kind;
    struct onnx_value v;
};

struct onnx_work {
    struct onnx *g;
    struct h5 *h;
    char *weights;                  /* group of the weights */
    size_t length;                  /* T */
    struct onnx_value n_word, live; /* int32 (N); bool (N, T): is it a word? */
    struct onnx_value grams, gram_values;
    const struct nn_branch *branch; /* NULL in the head */
    char prefix[64];                /* "text.1_lstm" */
};

/** The layer w->prefix as nodes behind *f, which becomes what it gives. */
int onnx_layer(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f, struct err *e);

/* ---- what layers share ---- */

struct onnx_weight {
    size_t dims[4];
    int rank;
    float *at; /* owned */
};

/** A weight of the layer w->prefix; out->at is freed by the caller. */
int onnx_weight_read(const struct onnx_work *w, const char *tensor, int rank,
                     struct onnx_weight *out, struct err *e);
struct onnx_value onnx_weight_constant(const struct onnx_work *w, const struct onnx_weight *x);

/** Both: a weight as it is. */
int onnx_weight(const struct onnx_work *w, const char *tensor, int rank, struct onnx_value *out,
                struct err *e);

struct onnx_value onnx_activated(struct onnx *g, struct onnx_value v, enum nn_activation how);

/** Does the branch leave out the steps that are no words? */
bool onnx_is_masked(const struct onnx_work *w);

/* ---- words ---- */

int onnx_read_text(struct onnx_work *w, const struct nn_branch *b, struct onnx_flow *f,
                   struct err *e);
int onnx_embedding(struct onnx_work *w, struct onnx_flow *f, struct err *e);
int onnx_embedding_bag(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f,
                       struct err *e);
int onnx_lstm(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f, struct err *e);
void onnx_pool_time(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f);

/* ---- pictures ---- */

int onnx_read_pixels(struct onnx_work *w, struct onnx_flow *f, struct err *e);
int onnx_conv2d(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f, struct err *e);
void onnx_maxpool(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f);

#endif
