#include "models/nn/training.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/opt.h"

#define INT_KEY(key, default, least, most, unit, help) \
    { .name = #key,                                    \
      .kind = NN_KEY_INT,                              \
      .offset = offsetof(struct nn_training, key),     \
      .def = default,                                  \
      .min = (least),                                  \
      .max = (most) },
#define REAL_KEY(key, default, least, most, unit, help) \
    { .name = #key,                                     \
      .kind = NN_KEY_REAL,                              \
      .offset = offsetof(struct nn_training, key),      \
      .def = default,                                   \
      .min = (least),                                   \
      .max = (most) },
#define CHOICE_KEY(key, default, all, help)        \
    { .name = #key,                                \
      .kind = NN_KEY_CHOICE,                       \
      .offset = offsetof(struct nn_training, key), \
      .choices = (all),                            \
      .choice = default },

const struct nn_key nn_training_keys[] = {
    NN_TRAINING_KEYS(INT_KEY, REAL_KEY, CHOICE_KEY) /* a row each */
    { 0 },
};
enum { N_KEY = sizeof nn_training_keys / sizeof *nn_training_keys, MAX_CHOICE = 16 };

static void *value_at(struct nn_training *t, const struct nn_key *k)
{
    return (char *)t + k->offset;
}

static const void *value_in(const struct nn_training *t, const struct nn_key *k)
{
    return (const char *)t + k->offset;
}

/* The n-th word of "a|b|c" and its length; NULL past the end. */
static const char *word_at(const char *choices, int n, size_t *out_len)
{
    for (; n > 0; n--) {
        choices = strchr(choices, '|');
        if (!choices)
            return NULL;
        choices++;
    }
    *out_len = strcspn(choices, "|");
    return choices;
}

static int read_choice(const struct nn_key *k, const struct yaml *node, int *out, struct err *e)
{
    char copy[256];
    const char *list[MAX_CHOICE + 1] = { copy };
    size_t n = 1, found;
    assert(strlen(k->choices) < sizeof copy);
    memcpy(copy, k->choices, strlen(k->choices) + 1);
    for (char *bar = copy; (bar = strchr(bar, '|')); n++) {
        *bar++ = '\0';
        assert(n < MAX_CHOICE);
        list[n] = bar;
    }
    int rc = yaml_choice(node, k->name, list, &found, e);
    if (rc == 0)
        *out = (int)found;
    return rc;
}

static int read_key(struct nn_training *t, const struct nn_key *k, const struct yaml *node,
                    struct err *e)
{
    long long whole;
    int rc;
    switch (k->kind) {
    case NN_KEY_INT:
        rc = yaml_int(node, k->name, (long long)k->min, (long long)k->max, &whole, e);
        if (rc == 0)
            *(int64_t *)value_at(t, k) = whole;
        return rc;
    case NN_KEY_REAL:
        return yaml_real(node, k->name, k->min, k->max, value_at(t, k), e);
    default:
        return read_choice(k, node, value_at(t, k), e);
    }
}

static void set_default(struct nn_training *t, const struct nn_key *k)
{
    if (k->kind == NN_KEY_INT)
        *(int64_t *)value_at(t, k) = (int64_t)k->def;
    else if (k->kind == NN_KEY_REAL)
        *(double *)value_at(t, k) = k->def;
    else
        *(int *)value_at(t, k) = str_choice(k->choices, k->choice);
}

void nn_class_weights_add(struct nn_class_weights *w, const char *label, size_t len, double weight)
{
    w->label = mem_grow(w->label, w->n, sizeof *w->label);
    w->weight = mem_grow(w->weight, w->n, sizeof *w->weight);
    w->label[w->n] = mem_strndup(label, len);
    w->weight[w->n++] = weight;
}

void nn_class_weights_release(struct nn_class_weights *w)
{
    mem_free_texts(w->label, w->n);
    free(w->weight);
    *w = (struct nn_class_weights){ 0 };
}

static int read_class_weights(struct nn_class_weights *w, const struct yaml *map, struct err *e)
{
    double weight;
    int rc = 0;
    if (map->kind != YAML_MAP)
        return yaml_fail(map, e, "class_weights: want a mapping of label: weight");
    for (size_t i = 0; i < map->n && rc == 0; i++) {
        const char *label = map->key[i]->text;
        if ((rc = yaml_real(map->item[i], label, 0, NN_MAX_CLASS_WEIGHT, &weight, e)) == 0)
            nn_class_weights_add(w, label, strlen(label), weight);
    }
    return rc;
}

int nn_training_read(struct nn_training *t, struct nn_class_weights *w, const struct yaml *map,
                     struct err *e)
{
    const char *name[N_KEY + 1] = { "class_weights" };
    int rc = 0;
    *t = (struct nn_training){ 0 };
    for (size_t i = 0; nn_training_keys[i].name; i++) {
        name[i + 1] = nn_training_keys[i].name;
        set_default(t, &nn_training_keys[i]);
    }
    if (!map || (rc = yaml_only(map, "training", name, e)))
        return rc;
    for (const struct nn_key *k = nn_training_keys; k->name && rc == 0; k++) {
        const struct yaml *node = yaml_get(map, k->name);
        rc = node ? read_key(t, k, node, e) : 0;
    }
    const struct yaml *weights = yaml_get(map, "class_weights");
    struct err why = { 0 };
    if (rc == 0 && nn_training_check(t, &why))
        rc = yaml_fail(map, e, "training: %s", why.text);
    return rc || !weights ? rc : read_class_weights(w, weights, e);
}

int nn_training_check(const struct nn_training *t, struct err *e)
{
    if (t->momentum > 0 && t->optimizer != OPTIMIZER_SGD)
        return err_set(e, ERR_USAGE, "momentum is for 'optimizer: sgd'; adam has its own");
    if (t->nesterov && !(t->momentum > 0))
        return err_set(e, ERR_USAGE, "nesterov wants 'optimizer: sgd' and a momentum above 0");
    if (t->weight_decay > 0 && t->optimizer == OPTIMIZER_ADAM)
        return err_set(e, ERR_USAGE, "weight_decay is for 'optimizer: adamw' or 'sgd'; use l2");
    if (t->optimizer == OPTIMIZER_ADAMW && !(t->weight_decay > 0))
        return err_set(e, ERR_USAGE, "'optimizer: adamw' wants a weight_decay above 0");
    return 0;
}

void nn_training_json(const struct nn_training *t, struct str *out)
{
    for (const struct nn_key *k = nn_training_keys; k->name; k++) {
        const void *value = value_in(t, k);
        size_t len = 0;
        str_addf(out, "%s\"%s\": ", k == nn_training_keys ? "" : ", ", k->name);
        if (k->kind == NN_KEY_INT) {
            str_addf(out, "%lld", (long long)*(const int64_t *)value);
        } else if (k->kind == NN_KEY_REAL) {
            str_add_real(out, *(const double *)value);
        } else {
            const char *word = word_at(k->choices, *(const int *)value, &len);
            str_addf(out, "\"%.*s\"", (int)len, word);
        }
    }
}
