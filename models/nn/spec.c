#include "models/nn/spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/yaml.h"

enum { MAX_FILE = 1 << 20, MAX_LAYERS = 64 };

static const char *const op_name[] = { "embedding",     "lstm",       "conv2d",    "maxpool",
                                       "dense",         "batch_norm", "dropout",   "relu",
                                       "flatten",       "concat",     "pool_time", "pool_space",
                                       "embedding_bag", NULL };

static const char *const inputs[] = { "text", "pixels", "features", "ngrams", NULL };

const char *nn_input_name(enum nn_input input)
{
    return inputs[input];
}

const char *nn_op_name(enum nn_op op)
{
    return op_name[op];
}

/* What flows between layers: word numbers, a vector for each step, a picture of channels, one
 * vector a row, the numbers of a row's n-grams. */
enum form { IDS, STEPS, PICTURE, ROWS, BAG };
static const char *const form_name[] = { "words", "steps", "a picture", "rows", "n-grams" };

/* ---- one layer ---- */

/* The op of a list item: a word ("flatten") or the one key of a mapping that names an op. */
static int find_op(const struct yaml *item, enum nn_op *out_op, const struct yaml **out_value,
                   struct err *e)
{
    size_t n_op = sizeof op_name / sizeof *op_name - 1;
    const struct yaml *found = NULL, *name = item;

    if (item->kind == YAML_LIST || (item->kind == YAML_MAP && item->n == 0))
        return yaml_fail(item, e, "layer: want a word or 'op: size'");
    for (size_t i = 0; i < (item->kind == YAML_MAP ? item->n : 1); i++) {
        const struct yaml *key = item->kind == YAML_MAP ? item->key[i] : item;
        for (size_t k = 0; k < n_op; k++) {
            if (strcmp(key->text, op_name[k]) != 0)
                continue;
            /* "dropout" is an op, and an option of others */
            if (found && (k == NN_DROPOUT || *out_op == NN_DROPOUT)) {
                if (k == NN_DROPOUT)
                    continue;
            } else if (found) {
                return yaml_fail(key, e, "layer: two ops ('%s' and '%s') in one item", found->text,
                                 key->text);
            }
            *out_op = (enum nn_op)k;
            *out_value = item->kind == YAML_MAP ? item->item[i] : NULL;
            found = key;
        }
    }
    if (found)
        return 0;
    if (item->kind == YAML_MAP)
        name = item->key[0];
    const char *near = str_nearest(name->text, op_name, n_op);
    return yaml_fail(name, e, "layer: unknown op '%s'%s%s%s", name->text,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int check_keys(const struct yaml *item, enum nn_op op, struct err *e)
{
    static const char *const of_lstm[] = { "lstm", "steps", "dropout", "recurrent_dropout",
                                           "l1",   "l2",    NULL };
    static const char *const of_conv[] = { "conv2d", "kernel", "padding", "activation",
                                           "l1",     "l2",     NULL };
    static const char *const of_dense[] = { "dense", "activation", "l1", "l2", NULL };
    static const char *const of_bag[] = { "embedding_bag", "activation", "dropout", NULL };
    const char *const plain[] = { op_name[op], NULL };
    if (item->kind == YAML_SCALAR)
        return 0;
    return yaml_only(item, op_name[op],
                     op == NN_LSTM            ? of_lstm
                     : op == NN_CONV2D        ? of_conv
                     : op == NN_DENSE         ? of_dense
                     : op == NN_EMBEDDING_BAG ? of_bag
                                              : plain,
                     e);
}

static int opt_int(const struct yaml *map, const char *key, long long min, long long max,
                   int64_t *out, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    long long v;
    int rc = node ? yaml_int(node, key, min, max, &v, e) : 0;
    if (node && rc == 0)
        *out = v;
    return rc;
}

static int opt_real(const struct yaml *map, const char *key, double min, double max, double *out,
                    struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    return node ? yaml_real(node, key, min, max, out, e) : 0;
}

static int opt_choice(const struct yaml *map, const char *key, const char *const *choice,
                      size_t *out, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    return node ? yaml_choice(node, key, choice, out, e) : 0;
}

/* The op's own value: units, filters, window, rate or kind of pooling. */
static int read_value(struct nn_layer *l, const struct yaml *item, const struct yaml *value,
                      struct err *e)
{
    static const long long most[] = {
        [NN_EMBEDDING] = 4096, [NN_LSTM] = 4096,   [NN_CONV2D] = 4096,
        [NN_MAXPOOL] = 15,     [NN_DENSE] = 65536, [NN_EMBEDDING_BAG] = 4096
    };
    static const char *const pools[] = { "max", "mean", NULL };
    const char *name = op_name[l->op];
    size_t choice;
    int rc;

    switch (l->op) {
    case NN_BATCH_NORM:
        l->rate = 0.99;
        return value && !yaml_is_null(value)
                   ? yaml_real(value, "batch_norm", 0, 0.9999, &l->rate, e)
                   : 0;
    case NN_RELU:
    case NN_FLATTEN:
    case NN_CONCAT:
        if (value && !yaml_is_null(value))
            return yaml_fail(value, e, "%s: takes no value, found '%s'", name, value->text);
        return 0;
    case NN_POOL_TIME:
    case NN_POOL_SPACE:
        if (!value)
            return yaml_fail(item, e, "%s: want '%s: max' or '%s: mean'", name, name, name);
        if ((rc = yaml_choice(value, name, pools, &choice, e)) == 0)
            l->mean = choice == 1;
        return rc;
    case NN_DROPOUT:
        if (!value)
            return yaml_fail(item, e, "dropout: want a rate: 'dropout: 0.5'");
        return yaml_real(value, name, 0, 0.99, &l->rate, e);
    default:
        if (!value)
            return yaml_fail(item, e, "%s: want a size: '%s: 64'", name, name);
        if ((l->op == NN_DENSE || l->op == NN_EMBEDDING_BAG) && value->kind == YAML_SCALAR &&
            strcmp(value->text, "classes") == 0) {
            l->size = -1;
            return 0;
        }
        long long v;
        if ((rc = yaml_int(value, name, 1, most[l->op], &v, e)) == 0)
            l->size = v;
        return rc;
    }
}

static int read_layer(struct nn_layer *l, const struct yaml *item, struct err *e)
{
    static const char *const steps[] = { "last", "all", NULL }, *const paddings[] = { "valid",
                                                                                      "same",
                                                                                      NULL };
    static const char *const activations[] = { "linear", "relu", NULL };
    const struct yaml *value = NULL;
    size_t all = 0, same = 0, activation = 0;
    int rc;

    if ((rc = find_op(item, &l->op, &value, e)) || (rc = check_keys(item, l->op, e)) ||
        (rc = read_value(l, item, value, e)))
        return rc;
    if (item->kind == YAML_SCALAR)
        return 0;
    if (l->op == NN_CONV2D)
        l->kernel = 3;
    if ((l->op == NN_LSTM || l->op == NN_EMBEDDING_BAG) &&
        (rc = opt_real(item, "dropout", 0, 0.99, &l->rate, e)))
        return rc;
    if ((rc = opt_choice(item, "steps", steps, &all, e)) ||
        (rc = opt_real(item, "recurrent_dropout", 0, 0.99, &l->recurrent_rate, e)) ||
        (rc = opt_int(item, "kernel", 1, 15, &l->kernel, e)) ||
        (rc = opt_choice(item, "padding", paddings, &same, e)) ||
        (rc = opt_choice(item, "activation", activations, &activation, e)) ||
        (rc = opt_real(item, "l1", 0, 10, &l->l1, e)) ||
        (rc = opt_real(item, "l2", 0, 10, &l->l2, e)))
        return rc;
    l->all_steps = all == 1;
    l->same = same == 1;
    l->activation = activation == 1 ? NN_ACT_RELU : NN_LINEAR;
    return 0;
}

/* ---- a list of layers ---- */

/* Does the op take this form, and what does it make of it? */
static int flow(const struct nn_layer *l, const struct yaml *item, enum form *form, struct err *e)
{
    static const unsigned takes[] = {
        [NN_EMBEDDING] = 1u << IDS,
        [NN_LSTM] = 1u << STEPS,
        [NN_CONV2D] = 1u << PICTURE,
        [NN_MAXPOOL] = 1u << PICTURE,
        [NN_DENSE] = 1u << STEPS | 1u << ROWS,
        [NN_BATCH_NORM] = 1u << PICTURE | 1u << ROWS,
        [NN_DROPOUT] = 1u << STEPS | 1u << PICTURE | 1u << ROWS,
        [NN_RELU] = 1u << STEPS | 1u << PICTURE | 1u << ROWS,
        [NN_FLATTEN] = 1u << STEPS | 1u << PICTURE | 1u << ROWS,
        [NN_CONCAT] = 1u << ROWS,
        [NN_POOL_TIME] = 1u << STEPS,
        [NN_POOL_SPACE] = 1u << PICTURE,
        [NN_EMBEDDING_BAG] = 1u << BAG,
    };
    static const char *const advice[] = { "begin with 'embedding: 128'",
                                          "make rows of them with lstm, pool_time or flatten",
                                          "make rows of it with flatten or pool_space",
                                          "they have neither steps nor a picture",
                                          "begin with 'embedding_bag: 64'" };
    if (!(takes[l->op] >> *form & 1u))
        return yaml_fail(item, e, "%s does not take %s: %s", op_name[l->op], form_name[*form],
                         advice[*form]);
    if (l->op == NN_DENSE && l->size < 0 && *form != ROWS)
        return yaml_fail(item, e, "'dense: classes' does not take %s: %s", form_name[*form],
                         advice[*form]);
    if (l->op == NN_EMBEDDING || (l->op == NN_LSTM && l->all_steps))
        *form = STEPS;
    else if (l->op == NN_LSTM || l->op == NN_FLATTEN || l->op == NN_POOL_TIME ||
             l->op == NN_POOL_SPACE || l->op == NN_EMBEDDING_BAG)
        *form = ROWS;
    return 0;
}

static int read_layers(const struct yaml *list, const char *what, struct nn_layer **out,
                       size_t *out_n, enum form *form, struct err *e)
{
    int rc;
    if (list->kind != YAML_LIST || list->n == 0 || list->n > MAX_LAYERS)
        return yaml_fail(list, e, "%s: want a list of 1 to %d layers", what, (int)MAX_LAYERS);
    *out = mem_calloc(list->n, sizeof **out);
    for (size_t i = 0; i < list->n; i++) {
        const struct yaml *item = list->item[i];
        struct nn_layer *l = &(*out)[i];
        *out_n = i + 1;
        if ((rc = read_layer(l, item, e)))
            return rc;
        if (l->op == NN_CONCAT && (strcmp(what, "head") != 0 || i > 0))
            return yaml_fail(item, e, "concat belongs at the beginning of the head");
        if (nn_ends_in_classes(l, 1) && i + 1 < list->n)
            return yaml_fail(item, e, "'%s: classes' must be the last layer", op_name[l->op]);
        if ((rc = flow(l, item, form, e)))
            return rc;
    }
    return 0;
}

/* ---- branches, head ---- */

/* A number, or a word that stands for -1. */
static int read_or(const struct yaml *map, const char *key, const char *word, long long min,
                   long long max, int64_t *out, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    if (node && node->kind == YAML_SCALAR && strcmp(node->text, word) == 0) {
        *out = -1;
        return 0;
    }
    return opt_int(map, key, min, max, out, e);
}

static int read_text_keys(struct nn_branch *b, const struct yaml *map, struct err *e)
{
    static const char *const pads[] = { "end", "front", NULL }, *const unknowns[] = { "code",
                                                                                      "drop",
                                                                                      NULL };
    const struct yaml *mask = yaml_get(map, "mask");
    size_t pad = 0, unknown = 0;
    int rc;

    if (!yaml_get(map, "vocabulary") || !yaml_get(map, "length"))
        return yaml_fail(map, e, "text: '%s' is missing",
                         yaml_get(map, "vocabulary") ? "length" : "vocabulary");
    b->mask = true;
    if ((rc = read_or(map, "vocabulary", "all", 3, 10000000, &b->vocabulary, e)) ||
        (rc = read_or(map, "length", "longest", 1, 100000, &b->length, e)) ||
        (rc = opt_choice(map, "pad", pads, &pad, e)) ||
        (rc = opt_choice(map, "unknown", unknowns, &unknown, e)) ||
        (rc = mask ? yaml_bool(mask, "mask", &b->mask, e) : 0))
        return rc;
    b->pad_front = pad == 1;
    b->drop_unknown = unknown == 1;
    return opt_real(map, "word_dropout", 0, 0.99, &b->word_dropout, e);
}

static int read_pixels_keys(struct nn_branch *b, const struct yaml *map, struct err *e)
{
    static const char *const keys[] = { "flip", "crop", "brightness", NULL };
    const struct yaml *augment = yaml_get(map, "augment"), *flip = yaml_get(augment, "flip");
    int rc = opt_int(map, "size", 1, 4096, &b->image_size, e);
    if (rc || !augment)
        return rc;
    if ((rc = yaml_only(augment, "augment", keys, e)) ||
        (rc = flip ? yaml_bool(flip, "flip", &b->flip, e) : 0) ||
        (rc = opt_int(augment, "crop", 0, 4096, &b->crop, e)))
        return rc;
    return opt_real(augment, "brightness", 0, 1, &b->brightness, e);
}

/* `characters: [3, 5]` */
static int read_characters(struct nn_ngrams *g, const struct yaml *pair, struct err *e)
{
    enum { MOST = 16 };
    long long low, high;
    int rc;
    if (pair->kind != YAML_LIST || pair->n != 2)
        return yaml_fail(pair, e, "characters: want the shortest and the longest: [3, 5]");
    if ((rc = yaml_int(pair->item[0], "characters", 1, MOST, &low, e)) ||
        (rc = yaml_int(pair->item[1], "characters", low, MOST, &high, e)))
        return rc;
    g->char_min = low;
    g->char_max = high;
    return 0;
}

static int read_ngram_keys(struct nn_branch *b, const struct yaml *map, struct err *e)
{
    static const char *const weights[] = { "none", "idf", "log_count_ratio", NULL };
    const struct yaml *characters = yaml_get(map, "characters");
    struct nn_ngrams *g = &b->ngrams;
    size_t weight = 0;
    int rc;

    *g = (struct nn_ngrams){ .words = 1, .min_rows = 1 };
    b->vocabulary = b->length = -1;
    if ((rc = opt_int(map, "words", 0, 8, &g->words, e)) ||
        (rc = characters ? read_characters(g, characters, e) : 0) ||
        (rc = opt_int(map, "min_rows", 1, 1000000000, &g->min_rows, e)) ||
        (rc = read_or(map, "vocabulary", "all", 1, 10000000, &b->vocabulary, e)) ||
        (rc = read_or(map, "length", "all", 1, 1000000000, &b->length, e)) ||
        (rc = opt_choice(map, "weight", weights, &weight, e)))
        return rc;
    if (g->words == 0 && g->char_max == 0)
        return yaml_fail(map, e, "ngrams: want 'words', 'characters', or both");
    g->weight = (enum nn_gram_weight)weight;
    return 0;
}

static int read_branch(struct nn_branch *b, const struct yaml *map, enum form *form, struct err *e)
{
    static const char *const of_text[] = { "vocabulary", "length",       "pad",    "unknown",
                                           "mask",       "word_dropout", "layers", NULL };
    static const char *const of_pixels[] = { "size", "augment", "layers", NULL },
                             *const of_features[] = { "layers", NULL };
    static const char *const of_ngrams[] = { "words",  "characters", "min_rows", "vocabulary",
                                             "length", "weight",     "layers",   NULL };
    static const char *const *const keys[] = { of_text, of_pixels, of_features, of_ngrams };
    static const enum form start[] = { IDS, PICTURE, ROWS, BAG };
    const char *name = inputs[b->input];
    int rc;

    if ((rc = yaml_only(map, name, keys[b->input], e)) ||
        (b->input == NN_TEXT && (rc = read_text_keys(b, map, e))) ||
        (b->input == NN_NGRAMS && (rc = read_ngram_keys(b, map, e))))
        return rc;
    if (b->input == NN_PIXELS && (rc = read_pixels_keys(b, map, e)))
        return rc;
    if (!yaml_get(map, "layers"))
        return yaml_fail(map, e, "%s: 'layers' is missing", name);
    *form = start[b->input];
    return read_layers(yaml_get(map, "layers"), name, &b->layer, &b->n_layer, form, e);
}

bool nn_ends_in_classes(const struct nn_layer *l, size_t n)
{
    return n > 0 && l[n - 1].size < 0;
}

/* Branches; *out_deep of them do not end in the classes themselves. */
static int read_branches(struct nn_spec *s, const struct yaml *map, bool head, size_t *out_deep,
                         struct err *e)
{
    enum form form = ROWS;
    int rc;
    s->branch = mem_calloc(map->n, sizeof *s->branch);
    for (size_t i = 0; i < map->n; i++) {
        struct nn_branch *b = &s->branch[i];
        s->n_branch = i + 1;
        while (strcmp(inputs[b->input], map->key[i]->text) != 0) /* yaml_only has passed it */
            b->input++;
        if ((rc = read_branch(b, map->item[i], &form, e)))
            return rc;
        *out_deep += !nn_ends_in_classes(b->layer, b->n_layer);
        if (head && form != ROWS)
            return yaml_fail(
                map->key[i], e,
                "branch '%s' hands %s to the head, which takes rows (lstm, flatten, pool_...)",
                map->key[i]->text, form_name[form]);
    }
    return 0;
}

static int read_head(struct nn_spec *s, const struct yaml *head, size_t n_deep, struct err *e)
{
    enum form form = ROWS;
    int rc;
    if (n_deep == 0)
        return yaml_fail(head, e, "all branches end in the classes: a head has nothing to join");
    if ((rc = read_layers(head, "head", &s->head, &s->n_head, &form, e)))
        return rc;
    if (n_deep > 1 && s->head[0].op != NN_CONCAT)
        return yaml_fail(head->item[0], e, "the head of %zu branches must begin with 'concat'",
                         n_deep);
    if (!nn_ends_in_classes(s->head, s->n_head))
        return yaml_fail(head, e, "the last layer must be 'dense: classes'");
    return 0;
}

static int read_network(struct nn_spec *s, const struct yaml *root, struct err *e)
{
    const struct yaml *map = yaml_get(root, "branches"), *head = yaml_get(root, "head");
    size_t n_deep = 0;
    int rc;

    if (!map)
        return yaml_fail(root, e, "'branches' is missing");
    if ((rc = yaml_only(map, "branches", inputs, e)))
        return rc;
    if (map->n == 0)
        return yaml_fail(map, e, "branches: want at least one of text, pixels, features, ngrams");
    if ((rc = read_branches(s, map, head != NULL, &n_deep, e)) ||
        (head && (rc = read_head(s, head, n_deep, e))))
        return rc;
    if (!head && n_deep > 1)
        return yaml_fail(map, e, "%zu branches need a 'head' that joins them", n_deep);
    if (!head && n_deep == 1)
        return yaml_fail(map, e, "%s",
                         map->n > 1 ? "a branch that does not end in the classes needs a 'head'"
                                    : "the last layer must be 'dense: classes'");
    return 0;
}

/* ---- the file ---- */

static int read_root(struct nn_spec *s, const struct yaml *root, struct err *e)
{
    static const char *const keys[] = { "network", "branches", "head", "training", NULL };
    long long version;
    int rc;

    if ((rc = yaml_only(root, "network file", keys, e)))
        return rc;
    if (!yaml_get(root, "network"))
        return yaml_fail(root, e, "not a network file: 'network: 1' is missing");
    if ((rc = yaml_int(yaml_get(root, "network"), "network (version of this format)", 1, 1,
                       &version, e)) ||
        (rc = read_network(s, root, e)))
        return rc;
    return nn_training_read(&s->training, &s->class_weights, yaml_get(root, "training"), e);
}

int nn_spec_parse(struct nn_spec *s, const char *name, const char *text, struct err *e)
{
    struct nn_spec fresh = { 0 };
    struct yaml *root = NULL;
    int rc;

    if ((rc = yaml_parse(&root, name, text, strlen(text), e)) ||
        (rc = read_root(&fresh, root, e))) {
        nn_spec_release(&fresh);
    } else {
        fresh.text = mem_strdup(text);
        *s = fresh;
    }
    yaml_release(root);
    return rc;
}

int nn_spec_read(struct nn_spec *s, const char *path, struct err *e)
{
    FILE *fp = fopen(path, "rbe");
    if (!fp)
        return err_sys(e, "cannot open '%s'", path);
    char *text = mem_calloc(MAX_FILE + 1, 1);
    size_t n = fread(text, 1, MAX_FILE, fp);
    int rc = 0;
    if (ferror(fp))
        rc = err_sys(e, "cannot read '%s'", path);
    else if (n == MAX_FILE)
        rc = err_set(e, ERR_USAGE, "'%s' is no network file: longer than %d bytes", path,
                     MAX_FILE - 1);
    else if (memchr(text, '\0', n))
        rc = err_set(e, ERR_USAGE, "'%s' is no network file: it holds a NUL byte", path);
    else
        rc = nn_spec_parse(s, path, text, e);
    fclose(fp);
    free(text);
    return rc;
}

void nn_spec_release(struct nn_spec *s)
{
    for (size_t i = 0; i < s->n_branch; i++)
        free(s->branch[i].layer);
    free(s->branch);
    free(s->head);
    nn_class_weights_release(&s->class_weights);
    free(s->text);
    *s = (struct nn_spec){ 0 };
}

const struct nn_branch *nn_spec_branch(const struct nn_spec *s, enum nn_input input)
{
    for (size_t i = 0; i < s->n_branch; i++)
        if (s->branch[i].input == input)
            return &s->branch[i];
    return NULL;
}

void nn_spec_drop(struct nn_spec *s, enum nn_input input)
{
    for (size_t i = 0; i < s->n_branch; i++) {
        if (s->branch[i].input != input)
            continue;
        free(s->branch[i].layer);
        memmove(&s->branch[i], &s->branch[i + 1], (s->n_branch - i - 1) * sizeof *s->branch);
        s->n_branch--;
        return;
    }
}
