#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/spec.h"
#include "serve/models/onnx.h"

/* What models/nn computes, in ONNX's operators. Words are (N, T), steps (N, T, C), pictures
 * (N, C, h, w). */

enum kind { WORDS, GRAMS, ROWS, STEPS, PICTURE };

struct flow {
    enum kind kind;
    struct onnx_value v;
};

struct work {
    struct onnx *g;
    struct h5 *h;
    char *weights;                  /* group of the weights */
    size_t length;                  /* T */
    struct onnx_value n_word, live; /* int32 (N); bool (N, T): is it a word? */
    struct onnx_value grams, gram_values;
    const struct nn_branch *branch; /* NULL in the head */
    char prefix[64];                /* "text.1_lstm" */
};

/* ---- weights -------------------------------------------------------------------------------- */

struct weight {
    size_t dims[4];
    int rank;
    float *at; /* owned */
};

enum { MAX_WEIGHT_BYTES = INT32_MAX }; /* the whole file must stay below 2 GB */

static int read_weight(const struct work *w, const char *tensor, int rank, struct weight *out,
                       struct err *e)
{
    char *name = str_format("%s/%s.%s", w->weights, w->prefix, tensor);
    void *data = NULL;
    int rc = h5_read(w->h, name, H5_F32, rank, out->dims, &data, MAX_WEIGHT_BYTES, e);
    out->rank = rank;
    out->at = data;
    free(name);
    return rc;
}

static struct onnx_value constant(const struct work *w, const struct weight *x)
{
    return onnx_constant(w->g, ONNX_FLOAT, x->dims, (size_t)x->rank, x->at);
}

/* A weight as it is. */
static int weight(const struct work *w, const char *tensor, int rank, struct onnx_value *out,
                  struct err *e)
{
    struct weight x = { 0 };
    int rc = read_weight(w, tensor, rank, &x, e);
    if (rc == 0)
        *out = constant(w, &x);
    free(x.at);
    return rc;
}

/* ---- small things --------------------------------------------------------------------------- */

static struct onnx_value permuted(struct onnx *g, struct onnx_value v, const int64_t *order,
                                  size_t n)
{
    struct str a = { 0 };
    onnx_ints(&a, "perm", order, n);
    return onnx_one(g, "Transpose", v, &a);
}

static struct onnx_value cast(struct onnx *g, struct onnx_value v, enum onnx_type type)
{
    struct str a = { 0 };
    onnx_int(&a, "to", type);
    return onnx_one(g, "Cast", v, &a);
}

/* (a, b) with one more axis of 1 at its end. */
static struct onnx_value wider(struct onnx *g, struct onnx_value v)
{
    return onnx_two(g, "Unsqueeze", v, onnx_axes(g, (int64_t[]){ -1 }, 1));
}

static struct onnx_value choose(struct onnx *g, struct onnx_value where, struct onnx_value yes,
                                struct onnx_value no)
{
    struct onnx_value in[] = { where, yes, no }, out;
    onnx_node(g, "", "Where", in, 3, NULL, &out, 1);
    return out;
}

static struct onnx_value activated(struct onnx *g, struct onnx_value v, enum nn_activation how)
{
    return how == NN_ACT_RELU ? onnx_one(g, "Relu", v, NULL) : v;
}

static bool is_masked(const struct work *w)
{
    return w->branch && w->branch->mask;
}

/* ---- layers --------------------------------------------------------------------------------- */

static int dense(struct work *w, const struct nn_layer *l, struct flow *f, struct err *e)
{
    struct onnx_value kernel, bias;
    int rc;
    if ((rc = weight(w, "kernel", 2, &kernel, e)) || (rc = weight(w, "bias", 1, &bias, e)))
        return rc;
    f->v = onnx_two(w->g, "MatMul", f->v, kernel);
    f->v = activated(w->g, onnx_two(w->g, "Add", f->v, bias), l->activation);
    return 0;
}

static int embedding(struct work *w, struct flow *f, struct err *e)
{
    struct onnx_value table;
    int rc = weight(w, "embeddings", 2, &table, e);
    if (rc)
        return rc;
    *f = (struct flow){ STEPS, onnx_two(w->g, "Gather", table, f->v) };
    return 0;
}

static int embedding_bag(struct work *w, const struct nn_layer *l, struct flow *f, struct err *e)
{
    struct onnx_value table, bias, sum;
    int rc;
    if ((rc = weight(w, "embeddings", 2, &table, e)) || (rc = weight(w, "bias", 1, &bias, e)))
        return rc;
    sum = onnx_two(w->g, "Mul", onnx_two(w->g, "Gather", table, w->grams),
                   wider(w->g, w->gram_values));
    struct str a = { 0 };
    struct onnx_value in[] = { sum, onnx_axes(w->g, (int64_t[]){ 1 }, 1) };
    onnx_int(&a, "keepdims", 0);
    onnx_node(w->g, "", "ReduceSum", in, 2, &a, &sum, 1);
    *f = (struct flow){ ROWS, activated(w->g, onnx_two(w->g, "Add", sum, bias), l->activation) };
    return 0;
}

/* Ours (in, input forget cell output) is theirs (input output forget cell, in). */
static struct onnx_value gates(const struct work *w, const struct weight *x)
{
    static const size_t from[] = { 0, 3, 1, 2 };
    size_t in = x->dims[0], H = x->dims[1] / 4;
    float *to = mem_calloc(in * H * 4, sizeof *to);
    for (size_t gate = 0; gate < 4; gate++)
        for (size_t j = 0; j < H; j++)
            for (size_t i = 0; i < in; i++)
                to[(gate * H + j) * in + i] = x->at[i * 4 * H + from[gate] * H + j];
    struct onnx_value v = onnx_constant(w->g, ONNX_FLOAT, (size_t[]){ 1, 4 * H, in }, 3, to);
    free(to);
    return v;
}

/* One bias: theirs are two that are added. */
static struct onnx_value gate_bias(const struct work *w, const struct weight *x)
{
    static const size_t from[] = { 0, 3, 1, 2 };
    size_t H = x->dims[0] / 4;
    float *to = mem_calloc(8 * H, sizeof *to);
    for (size_t gate = 0; gate < 4; gate++)
        memcpy(to + gate * H, x->at + from[gate] * H, H * sizeof *to);
    struct onnx_value v = onnx_constant(w->g, ONNX_FLOAT, (size_t[]){ 1, 8 * H }, 2, to);
    free(to);
    return v;
}

/* The first n steps of a row backwards (time_axis 0, (T, N, ..)). */
static struct onnx_value reversed(struct work *w, struct onnx_value v, struct onnx_value n)
{
    struct str a = { 0 };
    struct onnx_value in[] = { v, cast(w->g, n, ONNX_INT64) }, out;
    onnx_int(&a, "time_axis", 0);
    onnx_int(&a, "batch_axis", 1);
    onnx_node(w->g, "", "ReverseSequence", in, 2, &a, &out, 1);
    return out;
}

/* Padding that stands before the words stands behind them, or back: all steps backwards and then
 * those of words backwards again; the other way round. */
static struct onnx_value all_steps(struct work *w)
{
    int32_t T = (int32_t)w->length;
    struct onnx_value t = onnx_constant(w->g, ONNX_INT32, NULL, 0, &T);
    struct onnx_value zero = onnx_two(w->g, "Sub", w->n_word, w->n_word);
    return onnx_two(w->g, "Add", zero, t);
}

static struct onnx_value padding_behind(struct work *w, struct onnx_value v)
{
    return reversed(w, reversed(w, v, all_steps(w)), w->n_word);
}

static struct onnx_value padding_before(struct work *w, struct onnx_value v)
{
    return reversed(w, reversed(w, v, w->n_word), all_steps(w));
}

static int lstm(struct work *w, const struct nn_layer *l, struct flow *f, struct err *e)
{
    struct weight kernel = { 0 }, recurrent = { 0 }, bias = { 0 };
    struct str a = { 0 };
    struct onnx_value in[5] = { 0 }, out[2];
    bool turn = is_masked(w) && w->branch->pad_front;
    int rc;
    if ((rc = read_weight(w, "kernel", 2, &kernel, e)) ||
        (rc = read_weight(w, "recurrent_kernel", 2, &recurrent, e)) ||
        (rc = read_weight(w, "bias", 1, &bias, e)))
        goto end;
    in[0] = permuted(w->g, f->v, (int64_t[]){ 1, 0, 2 }, 3);
    if (turn)
        in[0] = padding_behind(w, in[0]);
    in[1] = gates(w, &kernel);
    in[2] = gates(w, &recurrent);
    in[3] = gate_bias(w, &bias);
    if (is_masked(w))
        in[4] = w->n_word;
    onnx_int(&a, "hidden_size", l->size);
    onnx_node(w->g, "", "LSTM", in, is_masked(w) ? 5 : 4, &a, out, 2);
    if (l->all_steps) {
        f->v = onnx_two(w->g, "Squeeze", out[0], onnx_axes(w->g, (int64_t[]){ 1 }, 1));
        if (turn)
            f->v = padding_before(w, f->v);
        f->v = permuted(w->g, f->v, (int64_t[]){ 1, 0, 2 }, 3);
    } else {
        f->v = onnx_two(w->g, "Squeeze", out[1], onnx_axes(w->g, (int64_t[]){ 0 }, 1));
        f->kind = ROWS;
    }
end:
    free(kernel.at);
    free(recurrent.at);
    free(bias.at);
    return rc;
}

/* Ours (row, column, in, out) is theirs (out, in, row, column). */
static int conv2d(struct work *w, const struct nn_layer *l, struct flow *f, struct err *e)
{
    struct weight x = { 0 };
    struct str a = { 0 };
    struct onnx_value bias, kernel;
    int64_t k = l->kernel, before = l->same ? (k - 1) / 2 : 0,
            behind = l->same ? k - 1 - before : 0;
    int rc;
    if ((rc = read_weight(w, "kernel", 4, &x, e)) || (rc = weight(w, "bias", 1, &bias, e))) {
        free(x.at);
        return rc;
    }
    kernel = permuted(w->g, constant(w, &x), (int64_t[]){ 3, 2, 0, 1 }, 4);
    onnx_ints(&a, "kernel_shape", (int64_t[]){ k, k }, 2);
    onnx_ints(&a, "pads", (int64_t[]){ before, before, behind, behind }, 4);
    struct onnx_value in[] = { f->v, kernel, bias };
    onnx_node(w->g, "", "Conv", in, 3, &a, &f->v, 1);
    f->v = activated(w->g, f->v, l->activation);
    free(x.at);
    return 0;
}

static void maxpool(struct work *w, const struct nn_layer *l, struct flow *f)
{
    struct str a = { 0 };
    onnx_ints(&a, "kernel_shape", (int64_t[]){ l->size, l->size }, 2);
    onnx_ints(&a, "strides", (int64_t[]){ l->size, l->size }, 2);
    f->v = onnx_one(w->g, "MaxPool", f->v, &a);
}

static int batch_norm(struct work *w, struct flow *f, struct err *e)
{
    static const char *const tensor[] = { "gamma", "beta", "moving_mean", "moving_variance" };
    struct str a = { 0 };
    struct onnx_value in[5] = { f->v };
    for (size_t i = 0; i < 4; i++) {
        int rc = weight(w, tensor[i], 1, &in[i + 1], e);
        if (rc)
            return rc;
    }
    onnx_real(&a, "epsilon", 1e-3f);
    onnx_node(w->g, "", "BatchNormalization", in, 5, &a, &f->v, 1);
    return 0;
}

static struct onnx_value reduce_over(struct onnx *g, const char *op, struct onnx_value v,
                                     const int64_t *axes, size_t n)
{
    struct str a = { 0 };
    onnx_ints(&a, "axes", axes, n);
    onnx_int(&a, "keepdims", 0);
    return onnx_one(g, op, v, &a);
}

static void pool_time(struct work *w, const struct nn_layer *l, struct flow *f)
{
    static const int64_t time[] = { 1 };
    struct onnx *g = w->g;
    f->kind = ROWS;
    if (!is_masked(w)) {
        f->v = reduce_over(g, l->mean ? "ReduceMean" : "ReduceMax", f->v, time, 1);
        return;
    }
    struct onnx_value live = wider(g, w->live), n = wider(g, cast(g, w->n_word, ONNX_FLOAT)),
                      zero = onnx_scalar(g, 0), one = onnx_scalar(g, 1);
    if (l->mean) {
        struct str a = { 0 };
        struct onnx_value in[] = { choose(g, live, f->v, zero), onnx_axes(g, time, 1) }, sum;
        onnx_int(&a, "keepdims", 0);
        onnx_node(g, "", "ReduceSum", in, 2, &a, &sum, 1);
        f->v = onnx_two(g, "Div", sum, onnx_two(g, "Max", n, one));
    } else {
        struct onnx_value most = reduce_over(
            g, "ReduceMax", choose(g, live, f->v, onnx_scalar(g, -3.402823466e38f)), time, 1);
        f->v = choose(g, onnx_two(g, "Less", n, one), zero, most); /* a row without words */
    }
}

static void flatten(struct work *w, struct flow *f)
{
    struct str a = { 0 };
    if (f->kind == PICTURE)
        f->v = permuted(w->g, f->v, (int64_t[]){ 0, 2, 3, 1 }, 4);
    else if (f->kind == STEPS && is_masked(w))
        f->v = choose(w->g, wider(w->g, w->live), f->v, onnx_scalar(w->g, 0));
    onnx_int(&a, "axis", 1);
    f->v = onnx_one(w->g, "Flatten", f->v, &a);
    f->kind = ROWS;
}

static int layer(struct work *w, const struct nn_layer *l, struct flow *f, struct err *e)
{
    switch (l->op) {
    case NN_EMBEDDING:
        return embedding(w, f, e);
    case NN_EMBEDDING_BAG:
        return embedding_bag(w, l, f, e);
    case NN_LSTM:
        return lstm(w, l, f, e);
    case NN_CONV2D:
        return conv2d(w, l, f, e);
    case NN_DENSE:
        return dense(w, l, f, e);
    case NN_BATCH_NORM:
        return batch_norm(w, f, e);
    case NN_MAXPOOL:
        maxpool(w, l, f);
        return 0;
    case NN_RELU:
        f->v = onnx_one(w->g, "Relu", f->v, NULL);
        return 0;
    case NN_FLATTEN:
        flatten(w, f);
        return 0;
    case NN_POOL_TIME:
        pool_time(w, l, f);
        return 0;
    case NN_POOL_SPACE:
        f->v = reduce_over(w->g, l->mean ? "ReduceMean" : "ReduceMax", f->v, (int64_t[]){ 2, 3 },
                           2);
        f->kind = ROWS;
        return 0;
    case NN_DROPOUT: /* of training alone */
    case NN_CONCAT:  /* done before the head */
        return 0;
    }
    return err_set(e, ERR_INTERNAL, "layer '%s' has no ONNX form", w->prefix);
}

/* ---- inputs --------------------------------------------------------------------------------- */

/* Two graphs of one file (late_fusion) never read the same input. */
static int read_text(struct work *w, const struct nn_branch *b, struct flow *f, struct err *e)
{
    int64_t length;
    struct onnx *g = w->g;
    int rc = h5_get_int(w->h, "text", "length", &length, e);
    if (rc)
        return rc;
    if (length < 1 || length > 1 << 20)
        return err_set(e, ERR_DATA, "'text' attribute 'length' is %lld", (long long)length);
    w->length = (size_t)length;
    *f = (struct flow){ WORDS, onnx_input(g, "text", ONNX_INT32, &w->length, 1, "") };
    w->n_word = onnx_input(g, "text_length", ONNX_INT32, NULL, 0, "");
    int32_t *place = mem_calloc(w->length, sizeof *place), T = (int32_t)length;
    for (int32_t t = 0; t < T; t++) /* distance from the end where the words are */
        place[t] = b->pad_front ? T - 1 - t : t;
    w->live = onnx_two(g, "Less", onnx_constant(g, ONNX_INT32, &w->length, 1, place),
                       wider(g, w->n_word));
    free(place);
    return 0;
}

static int read_pixels(struct work *w, struct flow *f, struct err *e)
{
    int64_t h, width;
    int rc;
    if ((rc = h5_get_int(w->h, "pixels", "height", &h, e)) ||
        (rc = h5_get_int(w->h, "pixels", "width", &width, e)))
        return rc;
    if (h < 1 || h > 4096 || width < 1 || width > 4096)
        return err_set(e, ERR_DATA, "'pixels' has a height of %lld and a width of %lld",
                       (long long)h, (long long)width);
    struct onnx_value v = onnx_input(w->g, "pixels", ONNX_UINT8,
                                     (size_t[]){ (size_t)h, (size_t)width, 3 }, 3, "");
    v = onnx_two(w->g, "Div", cast(w->g, v, ONNX_FLOAT), onnx_scalar(w->g, 255));
    *f = (struct flow){ PICTURE, permuted(w->g, v, (int64_t[]){ 0, 3, 1, 2 }, 4) };
    return 0;
}

int onnx_features(struct onnx *g, struct h5 *h, enum onnx_type type, struct onnx_value *out,
                  size_t *out_n, struct err *e)
{
    char **name = NULL;
    size_t n = 0;
    int rc = h5_read_strings(h, "features/names", &name, &n, 1 << 28, e);
    if (rc)
        return rc;
    *out = onnx_input(g, "features", type, &n, 1, "");
    *out_n = n;
    mem_free_texts(name, n);
    return 0;
}

static int input(struct work *w, const struct nn_branch *b, struct flow *f, struct err *e)
{
    size_t n;
    switch (b->input) {
    case NN_TEXT:
        return read_text(w, b, f, e);
    case NN_PIXELS:
        return read_pixels(w, f, e);
    case NN_FEATURES:
        f->kind = ROWS;
        return onnx_features(w->g, w->h, ONNX_FLOAT, &f->v, &n, e);
    default:
        w->grams = onnx_input(w->g, "ngrams", ONNX_INT64, (size_t[]){ 0 }, 1, "M");
        w->gram_values = onnx_input(w->g, "ngram_values", ONNX_FLOAT, (size_t[]){ 0 }, 1, "M");
        f->kind = GRAMS;
        return 0;
    }
}

/* ---- the network ---------------------------------------------------------------------------- */

static int layers(struct work *w, const char *of, const struct nn_layer *l, size_t n,
                  struct flow *f, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        snprintf(w->prefix, sizeof w->prefix, "%s.%zu_%s", of, i, nn_op_name(l[i].op));
        rc = layer(w, &l[i], f, e);
    }
    return rc;
}

/* Branches whose input the model does not read were left out in training. */
static int drop_branches(struct work *w, struct nn_spec *spec, const char *group, struct err *e)
{
    char **reads = NULL;
    size_t n = 0;
    int rc = *group ? h5_get_texts(w->h, group, "inputs", &reads, &n, e) : 0;
    for (int input = 0; rc == 0 && input < N_NN_INPUT; input++) {
        const char *name = nn_input_name((enum nn_input)input);
        bool there = !*group && h5_has(w->h, name);
        for (size_t i = 0; i < n; i++)
            there |= strcmp(reads[i], name) == 0;
        if (!there && nn_spec_branch(spec, (enum nn_input)input))
            nn_spec_drop(spec, (enum nn_input)input);
    }
    mem_free_texts(reads, n);
    return rc;
}

static struct onnx_value side_by_side(struct onnx *g, const struct onnx_value *v, size_t n)
{
    struct str a = { 0 };
    struct onnx_value out;
    if (n == 1)
        return v[0];
    onnx_int(&a, "axis", 1);
    onnx_node(g, "", "Concat", v, n, &a, &out, 1);
    return out;
}

/* The logits: of the head on the branches that it joins, and of those that end in the classes. */
static int logits(struct work *w, const struct nn_spec *spec, struct onnx_value *out, struct err *e)
{
    struct onnx_value joined[N_NN_INPUT], ends[N_NN_INPUT + 1];
    size_t n_joined = 0, n_end = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < spec->n_branch; i++) {
        const struct nn_branch *b = w->branch = &spec->branch[i];
        struct flow f = { 0 };
        if ((rc = input(w, b, &f, e)) == 0)
            rc = layers(w, nn_input_name(b->input), b->layer, b->n_layer, &f, e);
        if (nn_ends_in_classes(b->layer, b->n_layer))
            ends[n_end++] = f.v;
        else
            joined[n_joined++] = f.v;
    }
    w->branch = NULL;
    if (rc == 0 && spec->n_head) {
        struct flow f = { ROWS, n_joined ? side_by_side(w->g, joined, n_joined) : ends[0] };
        rc = layers(w, "head", spec->head, spec->n_head, &f, e);
        ends[n_end++] = f.v;
    }
    if (rc == 0 && n_end == 0)
        rc = err_set(e, ERR_DATA, "the network has no layer of the classes");
    if (rc)
        return rc;
    *out = ends[0];
    for (size_t i = 1; i < n_end; i++)
        *out = onnx_two(w->g, "Add", *out, ends[i]);
    return 0;
}

struct onnx_value onnx_softmax(struct onnx *g, struct onnx_value v)
{
    struct str a = { 0 };
    onnx_int(&a, "axis", 1);
    return onnx_one(g, "Softmax", v, &a);
}

int onnx_network(struct onnx *g, struct h5 *h, const char *group, struct onnx_value *out,
                 struct err *e)
{
    struct work w = { .g = g, .h = h };
    struct nn_spec spec = { 0 };
    char *text = NULL;
    int rc = h5_get_text(h, *group ? group : "/", "network", &text, e);
    if (rc)
        return rc;
    w.weights = *group ? str_format("%s/weights", group) : mem_strdup("weights");
    if ((rc = nn_spec_parse(&spec, "network", text, e)) == 0 &&
        (rc = drop_branches(&w, &spec, group, e)) == 0 && (rc = logits(&w, &spec, out, e)) == 0)
        *out = onnx_softmax(g, *out);
    if (rc == ERR_USAGE)
        rc = e->code = ERR_DATA;
    nn_spec_release(&spec);
    free(text);
    free(w.weights);
    return rc;
}
