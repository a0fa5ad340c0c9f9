/* model_load on model files with arbitrary content: refused or loaded, never a crash. Bytes are not
 * thrown at HDF5 itself, whose 1.10 reader does not survive that; they replace the texts, numbers
 * and tensors of a whole model file: input  = item number (1 byte), length (1 byte), content;
 * repeated */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/h5.h"
#include "models/model.h"
#include "models/nn/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum item {
    FAMILY,
    ROLES,
    TRAINING,
    NETWORK,
    KERNELS,
    BATCH,
    SHARDS,
    TEXT_RECIPE,
    LENGTH,
    PAD_FRONT,
    DROP_UNKNOWN,
    HEIGHT,
    WIDTH,
    PIXELS_RECIPE,
    STATE,
    LABELS,
    VOCABULARY,
    FEATURES,
    TENSOR,
    LEFT_OUT,
    N_ITEM
};

static const char network[] =
    "network: 1\n"
    "branches:\n"
    "  text: {vocabulary: all, length: 5, layers: [{embedding: 2}, {lstm: 2}]}\n"
    "  pixels: {layers: [{conv2d: 2}, flatten, {dense: 2}]}\n"
    "  features: {layers: [{dense: 2}]}\n"
    "head: [concat, {dense: classes}]\n";

/* What stands in the file where the input says nothing. */
static const char *const usual[N_ITEM] = {
    [FAMILY] = "network",
    [ROLES] =
        "{\"id\":null,\"label\":\"y\",\"date\":null,\"image\":null,\"text\":[],\"feature\":[]}",
    [TRAINING] = "{}",
    [NETWORK] = network,
    [KERNELS] = "{}",
    [BATCH] = "\4",
    [SHARDS] = "\2",
    [TEXT_RECIPE] = "{}",
    [LENGTH] = "\5",
    [PAD_FRONT] = "",
    [DROP_UNKNOWN] = "",
    [HEIGHT] = "\4",
    [WIDTH] = "\4",
    [PIXELS_RECIPE] = "{}",
    [STATE] = "{}",
    [LABELS] = "a\nb\nc",
    [VOCABULARY] = "\n<OOV>\nw",
    [FEATURES] = "f\ng",
    [TENSOR] = "",
    [LEFT_OUT] = "",
};

struct content {
    char *text[N_ITEM];
    size_t n[N_ITEM];
};

static int64_t number(const struct content *c, enum item i)
{
    int64_t v = 0;
    memcpy(&v, c->text[i], c->n[i] < sizeof v ? c->n[i] : sizeof v);
    return v;
}

/* Is the item to be left out of the file? */
static int absent(const struct content *c, enum item i)
{
    return memchr(c->text[LEFT_OUT], (int)i + 1, c->n[LEFT_OUT]) != NULL;
}

static void put_text(struct h5 *h, const struct content *c, enum item i, const char *object,
                     const char *name)
{
    struct err e = { 0 };
    if (!absent(c, i))
        h5_set_text(h, object, name, c->text[i], &e);
}

static void put_int(struct h5 *h, const struct content *c, enum item i, const char *object,
                    const char *name)
{
    struct err e = { 0 };
    if (!absent(c, i))
        h5_set_int(h, object, name, number(c, i), &e);
}

/* Lines as a list of strings. */
static void put_list(struct h5 *h, const struct content *c, enum item i, const char *name)
{
    const char *line[257];
    size_t n = 0;
    struct err e = { 0 };
    char *copy = mem_strndup(c->text[i], c->n[i]);
    for (char *p = copy; p && n < 256;) {
        line[n++] = p;
        p = strchr(p, '\n');
        if (p)
            *p++ = '\0';
    }
    if (!absent(c, i))
        h5_write_strings(h, name, line, n, &e);
    free(copy);
}

/* The tensors that the usual network has; the input may give one another value or another shape. */
static void put_weights(struct h5 *h, const struct content *c)
{
    static const struct {
        const char *name;
        int rank;
        size_t dims[4];
    } tensor[] = {
        { "text.0_embedding.embeddings", 2, { 3, 2 } },  { "text.1_lstm.kernel", 2, { 2, 8 } },
        { "text.1_lstm.recurrent_kernel", 2, { 2, 8 } }, { "text.1_lstm.bias", 1, { 8 } },
        { "pixels.0_conv2d.kernel", 4, { 3, 3, 3, 2 } }, { "pixels.0_conv2d.bias", 1, { 2 } },
        { "pixels.2_dense.kernel", 2, { 8, 2 } },        { "pixels.2_dense.bias", 1, { 2 } },
        { "features.0_dense.kernel", 2, { 2, 2 } },      { "features.0_dense.bias", 1, { 2 } },
        { "head.1_dense.kernel", 2, { 6, 3 } },          { "head.1_dense.bias", 1, { 3 } },
    };
    enum { N = sizeof tensor / sizeof *tensor };
    for (size_t i = 0; i < N; i++) {
        float value[4 * 3 * 3 * 2] = { 0 }; /* the largest that dims[0] below allows */
        size_t dims[4];
        struct err e = { 0 };
        memcpy(dims, tensor[i].dims, sizeof dims);
        if (c->n[TENSOR] > 1 && (uint8_t)c->text[TENSOR][0] % N == i) {
            dims[0] = (uint8_t)c->text[TENSOR][1] % 5;
            memcpy(value, c->text[TENSOR] + 2,
                   c->n[TENSOR] - 2 < sizeof value ? c->n[TENSOR] - 2 : sizeof value);
        }
        char name[64];
        snprintf(name, sizeof name, "weights/%s", tensor[i].name);
        h5_write(h, name, H5_F32, tensor[i].rank, dims, value, &e);
    }
}

static void write_model(const struct content *c, const char *path)
{
    struct h5 h = { 0 };
    struct err e = { 0 };
    if (h5_create(&h, path, "refit.model", 1, &e))
        abort();
    put_text(&h, c, FAMILY, "/", "family");
    put_text(&h, c, ROLES, "/", "roles");
    put_text(&h, c, TRAINING, "/", "training");
    put_text(&h, c, NETWORK, "/", "network");
    put_text(&h, c, KERNELS, "/", "kernels");
    put_int(&h, c, BATCH, "/", "batch");
    put_int(&h, c, SHARDS, "/", "shards");
    put_list(&h, c, LABELS, "classes/label");
    put_list(&h, c, VOCABULARY, "text/vocabulary");
    put_text(&h, c, TEXT_RECIPE, "text", "recipe");
    put_int(&h, c, LENGTH, "text", "length");
    put_int(&h, c, PAD_FRONT, "text", "pad_front");
    put_int(&h, c, DROP_UNKNOWN, "text", "drop_unknown");
    h5_group(&h, "pixels", &e);
    put_int(&h, c, HEIGHT, "pixels", "height");
    put_int(&h, c, WIDTH, "pixels", "width");
    put_text(&h, c, PIXELS_RECIPE, "pixels", "recipe");
    put_list(&h, c, FEATURES, "features/names");
    put_text(&h, c, STATE, "features", "state");
    put_weights(&h, c);
    if (h5_publish(&h, &e))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct content c = { 0 };
    struct model *m = NULL;
    struct err e = { 0 };
    char path[64];

    for (size_t i = 0; i < N_ITEM; i++) {
        c.n[i] = strlen(usual[i]);
        c.text[i] = mem_strndup(usual[i], c.n[i]);
    }
    while (size >= 2) {
        size_t i = data[0] % N_ITEM, n = data[1] < size - 2 ? data[1] : size - 2;
        free(c.text[i]);
        c.text[i] = mem_strndup((const char *)data + 2, n);
        c.n[i] = n;
        data += 2 + n;
        size -= 2 + n;
    }
    snprintf(path, sizeof path, "/dev/shm/refit-fuzz-model.%ld", (long)getpid());
    write_model(&c, path);
    if (model_load(&m, path, 1, &e) == 0)
        model_free(m);
    unlink(path);
    for (size_t i = 0; i < N_ITEM; i++)
        free(c.text[i]);
    return 0;
}
