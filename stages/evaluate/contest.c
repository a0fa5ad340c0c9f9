#include "stages/evaluate/contest.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "models/own_features.h"

void chosen_take(struct chosen *out, const struct model *m, const struct sides *sides,
                 enum side side, const struct column *target)
{
    int64_t *class = NULL;
    out->row = mem_calloc(sides->n_row + 1, sizeof *out->row);
    out->truth = mem_calloc(sides->n_row + 1, sizeof *out->truth);
    if (target->type == COLUMN_CATEGORY) {
        out->label = mem_calloc(sides->n_row + 1, sizeof *out->label);
        class = mem_calloc(target->n_level + 1, sizeof *class);
        for (size_t k = 0; k < target->n_level; k++)
            class[k] = model_find_class(m, target->level[k]);
    }
    for (size_t i = 0; i < sides->n_row; i++) {
        if (sides->side[i] != (uint8_t)side)
            continue;
        if (!column_valid(target, i) || (class && class[target->code[i]] < 0)) {
            out->unknown++;
            continue;
        }
        out->row[out->n] = i;
        out->truth[out->n] = class ? (double)class[target->code[i]] : column_number(target, i);
        if (class)
            out->label[out->n] = (int32_t) class[target->code[i]];
        out->n++;
    }
    free(class);
}

void chosen_release(struct chosen *c)
{
    free(c->row);
    free(c->truth);
    free(c->label);
    *c = (struct chosen){ 0 };
}

/* How many of the first model's classes it knows; *out_new: one that it does not. */
static size_t known_classes(const struct contest *c, const struct entry *who, const char **out_new)
{
    const struct model *first = c->entry[0].model;
    size_t n = 0;
    *out_new = NULL;
    for (size_t k = 0; k < model_n_class(first); k++) {
        bool known = model_find_class(who->model, model_class(first, k)) >= 0;
        n += known;
        if (!known && !*out_new)
            *out_new = model_class(first, k);
    }
    return n;
}

/* Does it predict what the first one does? A champion may be of a time with other classes. */
static int check_same(const struct contest *c, const struct entry *who, bool champion,
                      struct err *e)
{
    const struct model *first = c->entry[0].model;
    size_t C = model_n_class(first), own = model_n_class(who->model), known;
    struct model_wants a, b;
    const char *new;
    model_wants(first, &a);
    model_wants(who->model, &b);
    if (C == 0 && own == 0 && a.roles->label && b.roles->label &&
        strcmp(a.roles->label, b.roles->label) != 0)
        return err_set(e, ERR_DATA, "'%s' predicts '%s', the model '%s'", who->path, b.roles->label,
                       a.roles->label);
    known = known_classes(c, who, &new);
    if (C && own && known && champion) {
        if (known < C)
            log_warn("the champion does not know '%s', %zu of %zu classes in all: it never says "
                     "them",
                     new, C - known, C);
        return 0;
    }
    if (own != C)
        return err_set(
            e, ERR_DATA,
            "'%s' has %zu classes, the model %zu: they were not trained on the same rows",
            who->path, own, C);
    return new ? err_set(e, ERR_DATA, "'%s' has no class '%s' as the model has", who->path, new)
               : 0;
}

static int add(struct contest *c, const char *path, const char *key, struct err *e)
{
    struct entry *to = &c->entry[c->n];
    int rc = model_load(&to->model, path, opt_threads(), e);
    if (rc)
        return rc;
    to->path = path;
    to->key = key ? key : model_kind(to->model);
    c->n++;
    for (size_t k = 0; k + 1 < c->n; k++)
        if (strcmp(c->entry[k].key, to->key) == 0)
            return err_set(e, ERR_USAGE, "'%s' and '%s' are both %s models; each kind once",
                           c->entry[k].path, path, to->key);
    return 0;
}

int contest_load(struct contest *c, const char *model, const struct opt_list *others,
                 const char *champion, struct err *e)
{
    int rc;
    c->entry = mem_calloc(others->n + 2, sizeof *c->entry);
    if ((rc = add(c, model, NULL, e)))
        return rc;
    for (size_t i = 0; i < others->n; i++)
        if ((rc = add(c, others->item[i], NULL, e)))
            return rc;
    if (champion && (rc = add(c, champion, "champion", e)))
        return rc;
    for (size_t i = 1; i < c->n; i++)
        if ((rc = check_same(c, &c->entry[i], champion && i + 1 == c->n, e)))
            return rc;
    return 0;
}

void contest_release(struct contest *c)
{
    for (size_t i = 0; i < c->n; i++) {
        model_free(c->entry[i].model);
        featmat_release(&c->entry[i].features);
        free(c->entry[i].out);
    }
    free(c->entry);
    *c = (struct contest){ 0 };
}

struct entry *contest_find(const struct contest *c, const char *kind)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->entry[i].key, kind) == 0)
            return &c->entry[i];
    return NULL;
}

/* Probabilities (n, C) in the order of the first model's classes, 0 of one that this one does not
 * know: owned by the caller. */
static float *in_order(const struct contest *c, const struct entry *who, size_t n,
                       const float *said)
{
    const struct model *first = c->entry[0].model;
    size_t C = model_n_class(first), own = model_n_class(who->model);
    float *out = mem_calloc(n + 1, C * sizeof *out);
    for (size_t k = 0; k < C; k++) {
        int64_t at = model_find_class(who->model, model_class(first, k));
        for (size_t i = 0; at >= 0 && i < n; i++)
            out[i * C + k] = said[i * own + (size_t)at];
    }
    return out;
}

int contest_predict(float **out, const struct contest *c, struct entry *who,
                    const struct model_inputs *in, const struct chosen *rows, struct err *e)
{
    struct model_data data;
    int rc = own_features(&data, &who->features, who->model, who->path, &in->data, e);
    if (rc)
        return rc;
    float *said = mem_calloc(rows->n + 1, model_n_output(who->model) * sizeof *said);
    if (model_predict(who->model, &data, rows->row, rows->n, said, e)) {
        free(said);
        return err_wrap(e, "'%s'", who->path);
    }
    if (model_n_class(who->model) == 0) {
        *out = said;
        return 0;
    }
    *out = in_order(c, who, rows->n, said);
    free(said);
    return 0;
}
