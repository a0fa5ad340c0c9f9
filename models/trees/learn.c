#include "models/trees/learn.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/trees/forest.h"

/* Some rows as float32, and their label. */
static void take(const struct learn *l, const struct featmat *f, const size_t *row, size_t n,
                 float *x, int32_t *class, double *y)
{
    size_t d = f->n_col, ld = forest_stride(d);
    const double *target = l->rows.target;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < d; j++)
            x[i * ld + j] = (float)f->x[row[i] * d + j];
        if (target)
            y[i] = target[row[i]];
        else
            class[i] = l->rows.class_of_row[row[i]];
    }
}

void learn_validation(struct learn *l, const struct model_data *data)
{
    size_t n = l->rows.n_validation;
    l->validation_x = mem_aligned(n + 1, l->data.ld * sizeof *l->x);
    if (l->rows.target)
        l->validation_y = mem_calloc(n + 1, sizeof *l->y);
    else
        l->validation_class = mem_calloc(n + 1, sizeof *l->class);
    take(l, data->features, l->rows.validation, n, l->validation_x, l->validation_class,
         l->validation_y);
}

int learn_begin(struct learn *l, const struct model_data *data, struct err *e)
{
    const struct featmat *f = data->features;
    int rc = rows_pick_target(&l->rows, data, e);
    if (rc)
        return rc;
    size_t n = l->rows.n_train, d = f->n_col, ld = forest_stride(d);
    if (n > UINT32_MAX) {
        learn_release(l);
        return err_set(e, ERR_DATA, "%zu training rows, want %u at most", n, UINT32_MAX);
    }
    l->x = mem_aligned(n, ld * sizeof *l->x);
    l->gaps = mem_calloc(d, 1);
    if (l->rows.target)
        l->y = mem_calloc(n, sizeof *l->y);
    else
        l->class = mem_calloc(n, sizeof *l->class);
    take(l, f, l->rows.train, n, l->x, l->class, l->y);
    bool any = false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < d; j++)
            if (isnan(l->x[i * ld + j])) {
                l->gaps[j] = 1;
                any = true;
            }
    l->data = (struct grow_data){ .x = l->x,
                                  .n = n,
                                  .d = d,
                                  .ld = ld,
                                  .gaps = any ? l->gaps : NULL,
                                  .y = l->y,
                                  .class = l->class,
                                  .n_class = l->rows.classes.n };
    return 0;
}

static int weigh_by_column(struct learn *l, const struct table *t, const char *name, struct err *e)
{
    const struct column *c = table_column(t, name);
    if (!c)
        return err_set(e, ERR_DATA, "--weight '%s': table '%s' has no such column", name, t->name);
    if (!column_is_number(c))
        return err_set(e, ERR_DATA, "--weight '%s': the column is %s, want float, int or bool",
                       name, column_type_name(c->type));
    for (size_t i = 0; i < l->data.n; i++) {
        size_t row = l->rows.train[i];
        if (!column_valid(c, row) || column_number(c, row) < 0)
            return err_set(e, ERR_DATA, "--weight '%s': row %zu %s", name, row,
                           column_valid(c, row) ? "is below 0" : "has no value");
        l->weight[i] = column_number(c, row);
    }
    return 0;
}

static int weigh_by_class(struct learn *l, enum nn_class_weight how,
                          const struct nn_class_weights *given, struct err *e)
{
    size_t C = l->rows.classes.n, *count = mem_calloc(C + 1, sizeof *count);
    float *weight = mem_calloc(C + 1, sizeof *weight);
    int rc = 0;
    if (C == 0) {
        rc = err_set(e, ERR_USAGE, "the label is a number: it has no classes to weigh");
        goto out;
    }
    classes_count(&l->rows.classes, l->rows.class_of_row, l->rows.train, l->rows.n_train, count);
    classes_weigh(how, count, C, weight);
    if (given && (rc = classes_weigh_given(&l->rows.classes, given, weight, e)))
        goto out;
    for (size_t i = 0; i < l->data.n; i++)
        l->weight[i] *= (double)weight[l->class[i]];
out:
    free(weight);
    free(count);
    return rc;
}

int learn_weigh(struct learn *l, const struct model_data *data, const char *column,
                enum nn_class_weight how, const struct nn_class_weights *given, struct err *e)
{
    bool by_class = how != WEIGHT_NONE || (given && given->n);
    double total = 0;
    int rc = 0;
    if (!column && !by_class)
        return 0;
    l->weight = mem_calloc(l->data.n, sizeof *l->weight);
    for (size_t i = 0; i < l->data.n; i++)
        l->weight[i] = 1;
    if ((column && (rc = weigh_by_column(l, data->table, column, e))) ||
        (by_class && (rc = weigh_by_class(l, how, given, e))))
        return rc;
    for (size_t i = 0; i < l->data.n; i++)
        total += l->weight[i];
    if (!(total > 0) || !isfinite(total))
        return err_set(e, ERR_DATA, "the weights of the training rows sum to %g", total);
    return 0;
}

void learn_release(struct learn *l)
{
    rows_release(&l->rows);
    free(l->x);
    free(l->class);
    free(l->y);
    free(l->weight);
    free(l->gaps);
    free(l->validation_x);
    free(l->validation_class);
    free(l->validation_y);
    *l = (struct learn){ 0 };
}

char *learn_json_text(json_t *root)
{
    char *dumped = json_dumps(root, JSON_REAL_PRECISION(17)), *text = mem_strdup(dumped);
    free(dumped);
    json_decref(root);
    return text;
}
