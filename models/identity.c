#include "models/identity.h"

#include <string.h>

#include "base/str.h"
#include "models/nn/spec.h"

static void add_int(struct hash *h, int64_t value)
{
    hash_add(h, &value, sizeof value);
}

static void add_training(struct hash *h, const struct nn_training *t)
{
    struct str text = { 0 };
    nn_training_json(t, &text);
    hash_add_text(h, text.text);
    str_release(&text);
}

static void add_rows(struct hash *h, const struct rows *rows, size_t n_row)
{
    add_int(h, (int64_t)rows->classes.n);
    for (size_t i = 0; i < rows->classes.n; i++)
        hash_add_text(h, rows->classes.label[i]);
    hash_add(h, rows->class_of_row, n_row * sizeof *rows->class_of_row);
    add_int(h, (int64_t)rows->n_train);
    hash_add(h, rows->train, rows->n_train * sizeof *rows->train);
    add_int(h, (int64_t)rows->n_validation);
    hash_add(h, rows->validation, rows->n_validation * sizeof *rows->validation);
}

static void add_inputs(struct hash *h, const struct prep *p, const struct model_data *data)
{
    if (p->reads[NN_TEXT] || p->reads[NN_NGRAMS]) {
        const struct tokens *t = data->tokens;
        for (size_t i = 0; i < t->n_word; i++)
            hash_add_text(h, t->word[i]);
        hash_add(h, t->id, t->n_id * sizeof *t->id);
        hash_add(h, t->offset, (t->n_row + 1) * sizeof *t->offset);
        hash_add_text(h, t->recipe);
    }
    if (p->reads[NN_PIXELS]) {
        const struct pixels *x = data->pixels;
        hash_add(h, x->data, x->n_row * x->height * x->width * 3);
        hash_add_text(h, x->recipe);
    }
    if (p->reads[NN_FEATURES]) {
        const struct featmat *f = data->features;
        for (size_t i = 0; i < f->n_col; i++)
            hash_add_text(h, f->name[i]);
        hash_add(h, f->x, f->n_row * f->n_col * sizeof *f->x);
    }
}

static void add_parameters(struct hash *h, const struct nn_spec *spec, uint64_t seed)
{
    const struct nn_class_weights *w = &spec->class_weights;
    add_int(h, (int64_t)seed);
    add_training(h, &spec->training);
    add_int(h, (int64_t)w->n);
    for (size_t i = 0; i < w->n; i++) {
        hash_add_text(h, w->label[i]);
        hash_add(h, &w->weight[i], sizeof *w->weight);
    }
}

/* The parts of an identity, in the order in which a difference is told. */
enum part { PROGRAM, NETWORK, PARAMETERS, ROWS, INPUTS, WEIGHTS, N_PART };
static const char *const part_name[] = {
    [PROGRAM] = "version of the program, or kernels",
    [NETWORK] = "network file",
    [PARAMETERS] = "parameters",
    [ROWS] = "labels or sides of the rows",
    [INPUTS] = "inputs",
    [WEIGHTS] = "weights to start from",
};

char *identity_of_fit(const struct fit *fit, const struct nn_spec *spec, const struct prep *prep,
                      const struct rows *rows, const char *kernels, const float *weight,
                      size_t n_weight)
{
    struct hash h[N_PART];
    struct str out = { 0 };
    for (int i = 0; i < N_PART; i++)
        hash_init(&h[i]);
    hash_add_text(&h[PROGRAM], REFIT_VERSION);
    hash_add_text(&h[PROGRAM], kernels);
    hash_add_text(&h[NETWORK], spec->text);
    add_parameters(&h[PARAMETERS], spec, fit->seed);
    hash_add_text(&h[ROWS], fit->data->table->keys_sha256);
    add_rows(&h[ROWS], rows, fit->data->table->n_row);
    add_inputs(&h[INPUTS], prep, fit->data);
    hash_add(&h[WEIGHTS], weight, n_weight * sizeof *weight);
    for (int i = 0; i < N_PART; i++) {
        char hex[HASH_HEX];
        hash_hex(&h[i], hex);
        str_addf(&out, "%s%s", i ? " " : "", hex);
    }
    return str_take(&out);
}

const char *identity_difference(const char *a, const char *b)
{
    for (int i = 0; i < N_PART; i++) {
        size_t at = (size_t)i * HASH_HEX;
        if (strlen(a) < at || strlen(b) < at || strncmp(a + at, b + at, HASH_HEX - 1) != 0)
            return part_name[i];
    }
    return NULL;
}
