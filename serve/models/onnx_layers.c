#include <stdlib.h>

#include "base/mem.h"
#include "serve/models/onnx_network.h"

/* Weights, the layers of every branch, and which function is whose. */

/* ---- weights -------------------------------------------------------------------------------- */

enum { MAX_WEIGHT_BYTES = INT32_MAX }; /* the whole file must stay below 2 GB */

int onnx_weight_read(const struct onnx_work *w, const char *tensor, int rank,
                     struct onnx_weight *out, struct err *e)
{
    char *name = str_format("%s/%s.%s", w->weights, w->prefix, tensor);
    void *data = NULL;
    int rc = h5_read(w->h, name, H5_F32, rank, out->dims, &data, MAX_WEIGHT_BYTES, e);
    out->rank = rank;
    out->at = data;
    free(name);
    return rc;
}

struct onnx_value onnx_weight_constant(const struct onnx_work *w, const struct onnx_weight *x)
{
    return onnx_constant(w->g, ONNX_FLOAT, x->dims, (size_t)x->rank, x->at);
}

int onnx_weight(const struct onnx_work *w, const char *tensor, int rank, struct onnx_value *out,
                struct err *e)
{
    struct onnx_weight x = { 0 };
    int rc = onnx_weight_read(w, tensor, rank, &x, e);
    if (rc == 0)
        *out = onnx_weight_constant(w, &x);
    free(x.at);
    return rc;
}

/* ---- layers --------------------------------------------------------------------------------- */

struct onnx_value onnx_activated(struct onnx *g, struct onnx_value v, enum nn_activation how)
{
    return how == NN_ACT_RELU ? onnx_one(g, "Relu", v, NULL) : v;
}

bool onnx_is_masked(const struct onnx_work *w)
{
    return w->branch && w->branch->mask;
}

static int dense(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f, struct err *e)
{
    struct onnx_value kernel, bias;
    int rc;
    if ((rc = onnx_weight(w, "kernel", 2, &kernel, e)) ||
        (rc = onnx_weight(w, "bias", 1, &bias, e)))
        return rc;
    f->v = onnx_two(w->g, "MatMul", f->v, kernel);
    f->v = onnx_activated(w->g, onnx_two(w->g, "Add", f->v, bias), l->activation);
    return 0;
}

static int batch_norm(struct onnx_work *w, struct onnx_flow *f, struct err *e)
{
    static const char *const tensor[] = { "gamma", "beta", "moving_mean", "moving_variance" };
    struct str a = { 0 };
    struct onnx_value in[5] = { f->v };
    for (size_t i = 0; i < 4; i++) {
        int rc = onnx_weight(w, tensor[i], 1, &in[i + 1], e);
        if (rc)
            return rc;
    }
    onnx_real(&a, "epsilon", 1e-3f);
    onnx_node(w->g, "", "BatchNormalization", in, 5, &a, &f->v, 1);
    return 0;
}

static void flatten(struct onnx_work *w, struct onnx_flow *f)
{
    struct str a = { 0 };
    if (f->kind == PICTURE)
        f->v = onnx_permuted(w->g, f->v, (int64_t[]){ 0, 2, 3, 1 }, 4);
    else if (f->kind == STEPS && onnx_is_masked(w))
        f->v = onnx_choose(w->g, onnx_wider(w->g, w->live), f->v, onnx_scalar(w->g, 0));
    onnx_int(&a, "axis", 1);
    f->v = onnx_one(w->g, "Flatten", f->v, &a);
    f->kind = ROWS;
}

int onnx_layer(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f, struct err *e)
{
    switch (l->op) {
    case NN_EMBEDDING:
        return onnx_embedding(w, f, e);
    case NN_EMBEDDING_BAG:
        return onnx_embedding_bag(w, l, f, e);
    case NN_LSTM:
        return onnx_lstm(w, l, f, e);
    case NN_CONV2D:
        return onnx_conv2d(w, l, f, e);
    case NN_DENSE:
        return dense(w, l, f, e);
    case NN_BATCH_NORM:
        return batch_norm(w, f, e);
    case NN_MAXPOOL:
        onnx_maxpool(w, l, f);
        return 0;
    case NN_RELU:
        f->v = onnx_one(w->g, "Relu", f->v, NULL);
        return 0;
    case NN_FLATTEN:
        flatten(w, f);
        return 0;
    case NN_POOL_TIME:
        onnx_pool_time(w, l, f);
        return 0;
    case NN_POOL_SPACE:
        f->v = onnx_reduced(w->g, l->mean ? "ReduceMean" : "ReduceMax", f->v, (int64_t[]){ 2, 3 },
                            2);
        f->kind = ROWS;
        return 0;
    case NN_DROPOUT: /* of training alone */
    case NN_CONCAT:  /* done before the head */
        return 0;
    }
    return err_set(e, ERR_INTERNAL, "layer '%s' has no ONNX form", w->prefix);
}
