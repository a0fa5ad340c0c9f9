#include "serve/models/onnx_network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- inputs --------------------------------------------------------------------------------- */

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

static int input(struct onnx_work *w, const struct nn_branch *b, struct onnx_flow *f, struct err *e)
{
    size_t n;
    switch (b->input) {
    case NN_TEXT:
        return onnx_read_text(w, b, f, e);
    case NN_PIXELS:
        return onnx_read_pixels(w, f, e);
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

static int layers(struct onnx_work *w, const char *of, const struct nn_layer *l, size_t n,
                  struct onnx_flow *f, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        snprintf(w->prefix, sizeof w->prefix, "%s.%zu_%s", of, i, nn_op_name(l[i].op));
        rc = onnx_layer(w, &l[i], f, e);
    }
    return rc;
}

/* Branches whose input the model does not read were left out in training. */
static int drop_branches(struct onnx_work *w, struct nn_spec *spec, const char *group,
                         struct err *e)
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

/* The logits: of the head on the branches that it joins, and of those that end in the classes. */
static int logits(struct onnx_work *w, const struct nn_spec *spec, struct onnx_value *out,
                  struct err *e)
{
    struct onnx_value joined[N_NN_INPUT], ends[N_NN_INPUT + 1];
    size_t n_joined = 0, n_end = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < spec->n_branch; i++) {
        const struct nn_branch *b = w->branch = &spec->branch[i];
        struct onnx_flow f = { 0 };
        if ((rc = input(w, b, &f, e)) == 0)
            rc = layers(w, nn_input_name(b->input), b->layer, b->n_layer, &f, e);
        if (nn_ends_in_classes(b->layer, b->n_layer))
            ends[n_end++] = f.v;
        else
            joined[n_joined++] = f.v;
    }
    w->branch = NULL;
    if (rc == 0 && spec->n_head) {
        struct onnx_flow f = { ROWS, n_joined ? onnx_concat(w->g, joined, n_joined) : ends[0] };
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

int onnx_network(struct onnx *g, struct h5 *h, const char *group, struct onnx_value *out,
                 struct err *e)
{
    struct onnx_work w = { .g = g, .h = h };
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
