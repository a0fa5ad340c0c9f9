#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "serve/models/onnx_network.h"

/* The branches of words and n-grams: their input and their layers. */

/* Two graphs of one file (late_fusion) never read the same input. */
int onnx_read_text(struct onnx_work *w, const struct nn_branch *b, struct onnx_flow *f,
                   struct err *e)
{
    int64_t length;
    struct onnx *g = w->g;
    int rc = h5_get_int(w->h, "text", "length", &length, e);
    if (rc)
        return rc;
    if (length < 1 || length > 1 << 20)
        return err_set(e, ERR_DATA, "'text' attribute 'length' is %lld", (long long)length);
    w->length = (size_t)length;
    *f = (struct onnx_flow){ WORDS, onnx_input(g, "text", ONNX_INT32, &w->length, 1, "") };
    w->n_word = onnx_input(g, "text_length", ONNX_INT32, NULL, 0, "");
    int32_t *place = mem_calloc(w->length, sizeof *place), T = (int32_t)length;
    for (int32_t t = 0; t < T; t++) /* distance from the end where the words are */
        place[t] = b->pad_front ? T - 1 - t : t;
    w->live = onnx_two(g, "Less", onnx_constant(g, ONNX_INT32, &w->length, 1, place),
                       onnx_wider(g, w->n_word));
    free(place);
    return 0;
}

int onnx_embedding(struct onnx_work *w, struct onnx_flow *f, struct err *e)
{
    struct onnx_value table;
    int rc = onnx_weight(w, "embeddings", 2, &table, e);
    if (rc)
        return rc;
    *f = (struct onnx_flow){ STEPS, onnx_two(w->g, "Gather", table, f->v) };
    return 0;
}

int onnx_embedding_bag(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f,
                       struct err *e)
{
    struct onnx_value table, bias, sum;
    int rc;
    if ((rc = onnx_weight(w, "embeddings", 2, &table, e)) ||
        (rc = onnx_weight(w, "bias", 1, &bias, e)))
        return rc;
    sum = onnx_sum(w->g, onnx_two(w->g, "Mul", onnx_two(w->g, "Gather", table, w->grams),
                                  onnx_wider(w->g, w->gram_values)));
    *f = (struct onnx_flow){ ROWS, onnx_activated(w->g, onnx_two(w->g, "Add", sum, bias),
                                                  l->activation) };
    return 0;
}

static const size_t from[] = { 0, 3, 1, 2 }; /* each gate of theirs among ours */

/* Ours (in, input forget cell output) is theirs (input output forget cell, in). */
static struct onnx_value gates(const struct onnx_work *w, const struct onnx_weight *x)
{
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
static struct onnx_value gate_bias(const struct onnx_work *w, const struct onnx_weight *x)
{
    size_t H = x->dims[0] / 4;
    float *to = mem_calloc(8 * H, sizeof *to);
    for (size_t gate = 0; gate < 4; gate++)
        memcpy(to + gate * H, x->at + from[gate] * H, H * sizeof *to);
    struct onnx_value v = onnx_constant(w->g, ONNX_FLOAT, (size_t[]){ 1, 8 * H }, 2, to);
    free(to);
    return v;
}

/* The first n steps of a row backwards (time_axis 0, (T, N, ..)). */
static struct onnx_value reversed(struct onnx_work *w, struct onnx_value v, struct onnx_value n)
{
    struct str a = { 0 };
    struct onnx_value in[] = { v, onnx_cast(w->g, n, ONNX_INT64) }, out;
    onnx_int(&a, "time_axis", 0);
    onnx_int(&a, "batch_axis", 1);
    onnx_node(w->g, "", "ReverseSequence", in, 2, &a, &out, 1);
    return out;
}

/* Padding that stands before the words stands behind them, or back: all steps backwards and then
 * those of words backwards again; the other way round. */
static struct onnx_value all_steps(struct onnx_work *w)
{
    int32_t T = (int32_t)w->length;
    struct onnx_value t = onnx_constant(w->g, ONNX_INT32, NULL, 0, &T);
    struct onnx_value zero = onnx_two(w->g, "Sub", w->n_word, w->n_word);
    return onnx_two(w->g, "Add", zero, t);
}

static struct onnx_value padding_behind(struct onnx_work *w, struct onnx_value v)
{
    return reversed(w, reversed(w, v, all_steps(w)), w->n_word);
}

static struct onnx_value padding_before(struct onnx_work *w, struct onnx_value v)
{
    return reversed(w, reversed(w, v, w->n_word), all_steps(w));
}

int onnx_lstm(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f, struct err *e)
{
    struct onnx_weight kernel = { 0 }, recurrent = { 0 }, bias = { 0 };
    struct str a = { 0 };
    struct onnx_value in[5] = { 0 }, out[2];
    bool turn = onnx_is_masked(w) && w->branch->pad_front;
    int rc;
    if ((rc = onnx_weight_read(w, "kernel", 2, &kernel, e)) ||
        (rc = onnx_weight_read(w, "recurrent_kernel", 2, &recurrent, e)) ||
        (rc = onnx_weight_read(w, "bias", 1, &bias, e)))
        goto end;
    in[0] = onnx_permuted(w->g, f->v, (int64_t[]){ 1, 0, 2 }, 3);
    if (turn)
        in[0] = padding_behind(w, in[0]);
    in[1] = gates(w, &kernel);
    in[2] = gates(w, &recurrent);
    in[3] = gate_bias(w, &bias);
    if (onnx_is_masked(w))
        in[4] = w->n_word;
    onnx_int(&a, "hidden_size", l->size);
    onnx_node(w->g, "", "LSTM", in, onnx_is_masked(w) ? 5 : 4, &a, out, 2);
    if (l->all_steps) {
        f->v = onnx_two(w->g, "Squeeze", out[0], onnx_axes(w->g, (int64_t[]){ 1 }, 1));
        if (turn)
            f->v = padding_before(w, f->v);
        f->v = onnx_permuted(w->g, f->v, (int64_t[]){ 1, 0, 2 }, 3);
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

void onnx_pool_time(struct onnx_work *w, const struct nn_layer *l, struct onnx_flow *f)
{
    static const int64_t time[] = { 1 };
    struct onnx *g = w->g;
    f->kind = ROWS;
    if (!onnx_is_masked(w)) {
        f->v = onnx_reduced(g, l->mean ? "ReduceMean" : "ReduceMax", f->v, time, 1);
        return;
    }
    struct onnx_value live = onnx_wider(g, w->live),
                      n = onnx_wider(g, onnx_cast(g, w->n_word, ONNX_FLOAT)),
                      zero = onnx_scalar(g, 0), one = onnx_scalar(g, 1);
    if (l->mean) {
        struct onnx_value sum = onnx_sum(g, onnx_choose(g, live, f->v, zero));
        f->v = onnx_two(g, "Div", sum, onnx_two(g, "Max", n, one));
    } else {
        struct onnx_value most = onnx_reduced(
            g, "ReduceMax", onnx_choose(g, live, f->v, onnx_scalar(g, -3.402823466e38f)), time, 1);
        f->v = onnx_choose(g, onnx_two(g, "Less", n, one), zero, most); /* a row without words */
    }
}
