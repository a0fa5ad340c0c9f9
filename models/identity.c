#include "models/identity.h"

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

void identity_of_fit(const struct fit *fit, const struct nn_spec *spec, const struct prep *prep,
                     const struct rows *rows, const char *kernels, const float *weight,
                     size_t n_weight, char out_hex[HASH_HEX])
{
    struct hash h;
    hash_init(&h);
    hash_add_text(&h, REFIT_VERSION);
    hash_add_text(&h, spec->text);
    hash_add_text(&h, kernels);
    add_int(&h, (int64_t)fit->seed);
    hash_add(&h, weight, n_weight * sizeof *weight);
    add_training(&h, &spec->training);
    add_int(&h, (int64_t)spec->class_weights.n);
    for (size_t i = 0; i < spec->class_weights.n; i++) {
        hash_add_text(&h, spec->class_weights.label[i]);
        hash_add(&h, &spec->class_weights.weight[i], sizeof *spec->class_weights.weight);
    }
    hash_add_text(&h, fit->data->table->keys_sha256);
    add_rows(&h, rows, fit->data->table->n_row);
    add_inputs(&h, prep, fit->data);
    hash_hex(&h, out_hex);
}
