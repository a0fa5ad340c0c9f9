/* onnx_rows MODEL TABLE TEXT PIXELS FEATURES OUT [N]: what a graph of the model reads of the first
 * N rows (200; - where there is no file), and what refit predicts for them: OUT.json describes the
 * tensors, OUT.bin has them one behind the other. For tests/onnx. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "models/batch.h"
#include "models/family.h"
#include "models/nn/net.h"

struct out {
    FILE *bin;
    size_t at;
    json_t *tensor;
};

static void tensor(struct out *o, const char *name, const char *type, size_t size,
                   const size_t *dims, size_t rank, const void *data)
{
    json_t *shape = json_array();
    size_t n = size;
    for (size_t i = 0; i < rank; i++) {
        json_array_append_new(shape, json_integer((json_int_t)dims[i]));
        n *= dims[i];
    }
    if (fwrite(data, 1, n, o->bin) != n)
        abort();
    json_object_set_new(o->tensor, name,
                        json_pack("{s:s, s:o, s:I, s:I}", "type", type, "dims", shape, "at",
                                  (json_int_t)o->at, "bytes", (json_int_t)n));
    o->at += n;
}

static void grams(struct out *o, const struct nn_batch *b)
{
    size_t most = 1, at = 0;
    for (size_t r = 0; r < b->n; r++)
        if (b->gram_first[r + 1] - b->gram_first[r] > most)
            most = b->gram_first[r + 1] - b->gram_first[r];
    int64_t *id = mem_calloc(b->n * most, sizeof *id);
    float *value = mem_calloc(b->n * most, sizeof *value);
    for (size_t r = 0; r < b->n; r++)
        for (size_t k = 0; k < b->gram_first[r + 1] - b->gram_first[r]; k++, at++) {
            id[r * most + k] = b->gram[at];
            value[r * most + k] = b->gram_value[at];
        }
    tensor(o, "ngrams", "int64", 8, (size_t[]){ b->n, most }, 2, id);
    tensor(o, "ngram_values", "float32", 4, (size_t[]){ b->n, most }, 2, value);
    free(id);
    free(value);
}

static void network(struct out *o, const struct model *m, const struct model_data *data,
                    const size_t *row, size_t n)
{
    const struct prep *p = &m->prep;
    struct batcher b = { 0 };
    struct nn_batch batch = { 0 };
    batcher_init(&b, p, data, n, NULL, NULL);
    batcher_fill(&b, row, n, &batch);
    if (p->reads[NN_TEXT]) {
        tensor(o, "text", "int32", 4, (size_t[]){ n, p->shape.length }, 2, batch.ids);
        tensor(o, "text_length", "int32", 4, &n, 1, batch.n_word);
    }
    if (p->reads[NN_NGRAMS])
        grams(o, &batch);
    if (p->reads[NN_PIXELS]) {
        size_t size = p->height * p->width * 3;
        uint8_t *all = mem_calloc(n, size);
        for (size_t r = 0; r < n; r++)
            memcpy(all + r * size, batch.pixels[r], size);
        tensor(o, "pixels", "uint8", 1, (size_t[]){ n, p->height, p->width, 3 }, 4, all);
        free(all);
    }
    if (p->reads[NN_FEATURES])
        tensor(o, "features", "float32", 4, (size_t[]){ n, p->n_feature }, 2, batch.features);
    batcher_release(&b);
}

static void columns(struct out *o, const struct model *m, const struct model_data *data, size_t n)
{
    const struct featmat *f = data->features;
    size_t dims[] = { n, f->n_col };
    float *x = mem_calloc(n * f->n_col, sizeof *x);
    if (strcmp(m->family->name, "logistic") == 0) {
        tensor(o, "features", "float64", 8, dims, 2, f->x);
    } else {
        for (size_t i = 0; i < n * f->n_col; i++)
            x[i] = (float)f->x[i];
        tensor(o, "features", "float32", 4, dims, 2, x);
    }
    free(x);
}

static const char *given(const char *arg)
{
    return strcmp(arg, "-") == 0 ? NULL : arg;
}

int main(int argc, char **argv)
{
    struct model_inputs in = { 0 };
    struct model *m = NULL;
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, "onnx_rows");
    if (argc < 7 || argc > 8)
        return 64;
    struct model_files files = { .table = argv[2],
                                 .text = given(argv[3]),
                                 .pixels = given(argv[4]),
                                 .features = given(argv[5]) };
    if (model_inputs_read(&in, &files, &e) || model_load(&m, argv[1], 1, &e))
        return err_report(&e, "onnx_rows");
    size_t n = argc == 8 ? (size_t)atol(argv[7]) : 200, k = model_n_output(m);
    if (n > in.table.n_row)
        n = in.table.n_row;
    size_t *row = mem_calloc(n, sizeof *row);
    float *want = mem_calloc(n * k, sizeof *want);
    for (size_t i = 0; i < n; i++)
        row[i] = i;
    if (model_predict(m, &in.data, row, n, want, &e))
        return err_report(&e, "onnx_rows");
    char *bin = str_format("%s.bin", argv[6]), *json = str_format("%s.json", argv[6]);
    struct out o = { fopen(bin, "wb"), 0, json_object() };
    if (!o.bin)
        return 74;
    if (m->prep.reads[NN_TEXT] || m->prep.reads[NN_NGRAMS] || m->prep.reads[NN_PIXELS] ||
        strcmp(m->family->name, "network") == 0)
        network(&o, m, &in.data, row, n);
    else
        columns(&o, m, &in.data, n);
    tensor(&o, "want", "float32", 4, (size_t[]){ n, k }, 2, want);
    fclose(o.bin);
    int rc = jsonfile_write(json, o.tensor, &e);
    json_decref(o.tensor);
    model_inputs_release(&in);
    model_free(m);
    free(row);
    free(want);
    free(bin);
    free(json);
    return rc ? err_report(&e, "onnx_rows") : 0;
}
