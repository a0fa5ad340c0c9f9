#include "stages/evaluate/contest.h"

#include <stdlib.h>
#include <string.h>

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

/* Does it predict what the first one does? */
static int check_same(const struct contest *c, const struct entry *who, struct err *e)
{
    const struct model *first = c->entry[0].model;
    size_t C = model_n_class(first), own = model_n_class(who->model);
    struct model_wants a, b;
    model_wants(first, &a);
    model_wants(who->model, &b);
    if (C == 0 && own == 0 && a.roles->label && b.roles->label &&
        strcmp(a.roles->label, b.roles->label) != 0)
        return err_set(e, ERR_DATA, "'%s' predicts '%s', the model '%s'", who->path, b.roles->label,
                       a.roles->label);
    if (own != C)
        return err_set(
            e, ERR_DATA,
            "'%s' has %zu classes, the model %zu: they were not trained on the same rows",
            who->path, own, C);
    for (size_t k = 0; k < C; k++)
        if (model_find_class(who->model, model_class(first, k)) < 0)
            return err_set(e, ERR_DATA, "'%s' has no class '%s' as the model has", who->path,
                           model_class(first, k));
    return 0;
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
        if ((rc = check_same(c, &c->entry[i], e)))
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

/* Probabilities in the order of the first model's classes. */
static void reorder(const struct contest *c, const struct entry *who, size_t n, float *out)
{
    const struct model *first = c->entry[0].model;
    size_t C = model_n_class(first), *place = mem_calloc(C + 1, sizeof *place);
    float *row = mem_calloc(C + 1, sizeof *row);
    for (size_t k = 0; k < C; k++)
        place[k] = (size_t)model_find_class(who->model, model_class(first, k));
    for (size_t i = 0; C && i < n; i++) {
        memcpy(row, out + i * C, C * sizeof *row);
        for (size_t k = 0; k < C; k++)
            out[i * C + k] = row[place[k]];
    }
    free(row);
    free(place);
}

int contest_predict(float **out, const struct contest *c, struct entry *who,
                    const struct model_inputs *in, const struct chosen *rows, struct err *e)
{
    struct model_data data;
    int rc = own_features(&data, &who->features, who->model, who->path, &in->data, e);
    if (rc)
        return rc;
    float *own = mem_calloc(rows->n + 1, model_n_output(who->model) * sizeof *own);
    if (model_predict(who->model, &data, rows->row, rows->n, own, e)) {
        free(own);
        return err_wrap(e, "'%s'", who->path);
    }
    reorder(c, who, rows->n, own);
    *out = own;
    return 0;
}
