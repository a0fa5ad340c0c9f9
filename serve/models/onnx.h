#ifndef SERVE_ONNX_H
#define SERVE_ONNX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "io/h5.h"

/* ONNX files (onnx.ai, IR version 7, opset 13 and ai.onnx.ml 3; onnx.proto of release 1.8), written
 * field by field in the wire format of protocol buffers. All zeros is an empty graph. */

struct onnx {
    struct str node, constant, input, output, about; /* encoded fields of their message */
    size_t n_name;
};

/** A tensor in the graph; "" is an input that is left out. */
struct onnx_value {
    char name[32];
};

enum onnx_type { ONNX_FLOAT = 1, ONNX_UINT8 = 2, ONNX_INT32 = 6, ONNX_INT64 = 7, ONNX_DOUBLE = 11 };

/** Attributes of the next node, encoded. */
void onnx_int(struct str *attribute, const char *name, int64_t value);
void onnx_ints(struct str *attribute, const char *name, const int64_t *value, size_t n);
void onnx_real(struct str *attribute, const char *name, float value);
void onnx_reals(struct str *attribute, const char *name, const float *value, size_t n);
void onnx_text(struct str *attribute, const char *name, const char *value);
void onnx_texts(struct str *attribute, const char *name, const char *const *value, size_t n);

/** A node with n_out outputs (0 < n_out <= 3, to `out`). `attribute` may be NULL; it is empty
 * afterwards. `domain` is "" for ONNX's own. */
void onnx_node(struct onnx *g, const char *domain, const char *op, const struct onnx_value *in,
               size_t n_in, struct str *attribute, struct onnx_value *out, size_t n_out);

/** Nodes of one output. */
struct onnx_value onnx_one(struct onnx *g, const char *op, struct onnx_value a,
                           struct str *attribute);
struct onnx_value onnx_two(struct onnx *g, const char *op, struct onnx_value a,
                           struct onnx_value b);
struct onnx_value onnx_permuted(struct onnx *g, struct onnx_value v, const int64_t *order,
                                size_t n);
struct onnx_value onnx_cast(struct onnx *g, struct onnx_value v, enum onnx_type type);
/** (a, b) with one more axis of 1 at its end. */
struct onnx_value onnx_wider(struct onnx *g, struct onnx_value v);
struct onnx_value onnx_choose(struct onnx *g, struct onnx_value where, struct onnx_value yes,
                              struct onnx_value no);
/** Without these axes, by ReduceMean or ReduceMax; the sum over axis 1. */
struct onnx_value onnx_reduced(struct onnx *g, const char *op, struct onnx_value v,
                               const int64_t *axes, size_t n);
struct onnx_value onnx_sum(struct onnx *g, struct onnx_value v);
/** Side by side along axis 1; n >= 1, and a single one is itself. */
struct onnx_value onnx_concat(struct onnx *g, const struct onnx_value *v, size_t n);
/** Over axis 1. */
struct onnx_value onnx_softmax(struct onnx *g, struct onnx_value v);

/** A constant tensor; its values are copied. */
struct onnx_value onnx_constant(struct onnx *g, enum onnx_type type, const size_t *dims,
                                size_t rank, const void *data);
struct onnx_value onnx_scalar(struct onnx *g, float value);
struct onnx_value onnx_axes(struct onnx *g, const int64_t *value, size_t n);

/** An input (N, dims...) and the output (N, columns) of the graph; the first axis is free. A
 * dimension of 0 is free, too, and called `free`. */
struct onnx_value onnx_input(struct onnx *g, const char *name, enum onnx_type type,
                             const size_t *dims, size_t rank, const char *free);
void onnx_output(struct onnx *g, const char *name, enum onnx_type type, struct onnx_value value,
                 size_t columns);

/** A line of the model's metadata. */
void onnx_about(struct onnx *g, const char *key, const char *value);

/** Write the file, all or nothing. */
int onnx_write(const struct onnx *g, const char *path, struct err *e);
void onnx_release(struct onnx *g);

/* ---- models as graphs ---- */

/** The feature columns that a model file names, as the input `features`. */
int onnx_features(struct onnx *g, struct h5 *h, enum onnx_type type, struct onnx_value *out,
                  size_t *out_n, struct err *e);

/**
 * The network of a group of a model file ("" is the root, "parts/0"): from its inputs to the
 * probabilities (N, classes).
 *   inputs of the graph  text int32 (N, T), text_length int32 (N); ngrams int64 (N, M) and
 *                        ngram_values float (N, M), filled up with 0; pixels uint8 (N, h, w, 3);
 *                        features float (N, columns)
 *   errors               ERR_DATA: the file contradicts itself
 */
int onnx_network(struct onnx *g, struct h5 *h, const char *group, struct onnx_value *out,
                 struct err *e);

/** The trees of the families extra_trees and boosting: features float (N, columns) to
 * probabilities, or the number of a regression (n_class 0) as (N, 1). */
int onnx_trees(struct onnx *g, struct h5 *h, bool boosting, size_t n_class, struct onnx_value *out,
               struct err *e);

/** The family logistic: features double (N, columns) to probabilities, double. */
int onnx_logistic(struct onnx *g, struct h5 *h, size_t n_class, struct onnx_value *out,
                  struct err *e);

/** A model file as an ONNX file. `name` and `version` go to its metadata; both may be NULL. */
int onnx_export(const char *model, const char *path, const char *name, const char *version,
                struct err *e);

#endif
