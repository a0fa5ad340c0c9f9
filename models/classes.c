#include "models/classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

int classes_fit(struct classes *c, const struct column *label, const size_t *row, size_t n_row,
                struct err *e)
{
    uint8_t *seen = mem_calloc(label->n_level + 1, 1);
    size_t n = 0;

    for (size_t i = 0; i < n_row; i++) {
        int32_t code = column_valid(label, row[i]) ? label->code[row[i]] : -1;
        if (code >= 0 && !seen[code]) {
            seen[code] = 1;
            n++;
        }
    }
    if (n == 1) {
        size_t level = 0;
        while (!seen[level])
            level++;
        free(seen);
        return err_set(e, ERR_DATA,
                       "all %zu training rows have the same '%s', '%s': want two "
                       "classes at least",
                       n_row, label->name, label->level[level]);
    }
    if (n < 2 || n > CLASSES_MAX) {
        free(seen);
        return err_set(
            e, ERR_DATA,
            "the %zu training rows have %zu different labels in column '%s', want 2 to %d", n_row,
            n, label->name, CLASSES_MAX);
    }
    struct classes made = { .n = n, .label = mem_calloc(n, sizeof *made.label) };
    if (label->level_name)
        made.name = mem_calloc(n, sizeof *made.name);
    for (size_t level = 0, k = 0; level < label->n_level; level++) {
        if (!seen[level])
            continue;
        if (made.name)
            made.name[k] = mem_strdup(label->level_name[level] ? label->level_name[level]
                                                               : label->level[level]);
        made.label[k++] = mem_strdup(label->level[level]);
    }
    free(seen);
    *c = made;
    return 0;
}

void classes_release(struct classes *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->label[i]);
        if (c->name)
            free(c->name[i]);
    }
    free(c->label);
    free(c->name);
    *c = (struct classes){ 0 };
}

int64_t classes_find(const struct classes *c, const char *label)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->label[i], label) == 0)
            return (int64_t)i;
    return -1;
}

int32_t *classes_of_rows(const struct classes *c, const struct column *label)
{
    int32_t *of_level = mem_calloc(label->n_level + 1, sizeof *of_level);
    int32_t *of_row = mem_calloc(label->n + 1, sizeof *of_row);
    for (size_t i = 0, next = 0; i < label->n_level; i++) { /* mostly both have the same order */
        bool is_next = next < c->n && strcmp(c->label[next], label->level[i]) == 0;
        of_level[i] = is_next ? (int32_t)next : (int32_t)classes_find(c, label->level[i]);
        if (of_level[i] >= 0)
            next = (size_t)of_level[i] + 1;
    }
    for (size_t i = 0; i < label->n; i++)
        of_row[i] = column_valid(label, i) && label->code[i] >= 0 ? of_level[label->code[i]] : -1;
    free(of_level);
    return of_row;
}

void classes_count(const struct classes *c, const int32_t *class_of_row, const size_t *row,
                   size_t n_row, size_t *out_count)
{
    memset(out_count, 0, c->n * sizeof *out_count);
    for (size_t i = 0; i < n_row; i++)
        if (class_of_row[row[i]] >= 0)
            out_count[class_of_row[row[i]]]++;
}

int classes_weigh_given(const struct classes *c, const struct nn_class_weights *given,
                        float *weight, struct err *e)
{
    for (size_t i = 0; i < given->n; i++) {
        int64_t k = classes_find(c, given->label[i]);
        if (k < 0) {
            const char *near = str_nearest(given->label[i], (const char *const *)c->label, c->n);
            return err_set(e, ERR_DATA, "class_weights: no training row has the label '%s'%s%s%s",
                           given->label[i], near ? "; did you mean '" : "", near ? near : "",
                           near ? "'?" : "");
        }
        weight[k] *= (float)given->weight[i];
    }
    for (size_t k = 0; k < c->n; k++)
        if (weight[k] > 0)
            return 0;
    return err_set(e, ERR_DATA, "class_weights: every class has the weight 0");
}

void classes_weigh(enum nn_class_weight how, const size_t *count, size_t n_class, float *out_weight)
{
    size_t total = 0;
    for (size_t i = 0; i < n_class; i++)
        total += count[i];
    for (size_t i = 0; i < n_class; i++) {
        double share = (double)count[i] / (double)total, weight = 1;
        if (how == WEIGHT_BALANCED)
            weight = 1 / (share * (double)n_class);
        else if (how == WEIGHT_ONE_MINUS_SHARE)
            weight = 1 - share;
        out_weight[i] = (float)weight;
    }
}
