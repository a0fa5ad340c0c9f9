/* Encodings of a category by numbers: one column, not one a level. See models/tabular.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/tabular_inner.h"

enum { N_FOLD = N_TABULAR_FOLD, PRIOR_ROWS = 10 };

/* What is learnt by: n numbers a row. All owned. */
struct target {
    size_t n;
    double *value;  /* (rows of the table, n) */
    uint8_t *there; /* (rows of the table) */
    char **name;    /* (n) of the classes; NULL if n is 1 */
};

static void target_release(struct target *y)
{
    free(y->value);
    free(y->there);
    mem_free_texts(y->name, y->name ? y->n : 0);
    *y = (struct target){ 0 };
}

/* A number of the label column as it is. */
static void number_target(struct target *y, const struct column *label)
{
    y->n = 1;
    y->value = mem_calloc(label->n, sizeof *y->value);
    for (size_t i = 0; i < label->n; i++) {
        y->there[i] = column_valid(label, i);
        y->value[i] = column_number(label, i);
    }
}

/* 0/1 of the classes that training rows have: of the second of two, of each of more. */
static int class_target(struct target *y, const struct column *label, const size_t *row,
                        size_t n_row, struct err *e)
{
    uint8_t *seen = mem_calloc(label->n_level + 1, 1);
    int32_t *class = mem_calloc(label->n_level + 1, sizeof *class);
    size_t n = 0;
    for (size_t i = 0; i < n_row; i++)
        if (column_valid(label, row[i]))
            seen[label->code[row[i]]] = 1;
    y->name = mem_calloc(label->n_level + 1, sizeof *y->name);
    for (size_t k = 0; k < label->n_level; k++) {
        class[k] = seen[k] ? (int32_t)n : -1;
        if (seen[k])
            y->name[n++] = mem_strdup(label->level[k]);
    }
    y->n = n > 2 ? n : 1;
    y->value = mem_calloc(label->n + 1, y->n * sizeof *y->value);
    for (size_t i = 0; i < label->n; i++) {
        int32_t k = column_valid(label, i) ? class[label->code[i]] : -1;
        y->there[i] = k >= 0;
        if (k >= 0 && n > 2)
            y->value[i * n + (size_t)k] = 1;
        else if (k == 1)
            y->value[i] = 1;
    }
    free(class);
    free(seen);
    if (n <= 2) {
        mem_free_texts(y->name, n);
        y->name = NULL;
    }
    return n < 2 ? err_set(e, ERR_DATA,
                           "'%s' has one class in the training rows: no target to encode by",
                           label->name)
                 : 0;
}

static int target_of(struct target *y, const struct table *t, const size_t *row, size_t n_row,
                     struct err *e)
{
    const struct column *label = t->roles.label ? table_column(t, t->roles.label) : NULL;
    *y = (struct target){ 0 };
    if (!label || (label->type != COLUMN_CATEGORY && !column_is_number(label)))
        return err_set(e, ERR_DATA,
                       "encode target: the table has no label that is a category or a number");
    y->there = mem_calloc(label->n + 1, 1);
    if (label->type == COLUMN_CATEGORY)
        return class_target(y, label, row, n_row, e);
    number_target(y, label);
    return 0;
}

/* Level of every row in the training order, -1: none. */
static int64_t *levels_of(const struct tabular_source *from, const size_t *row, size_t n_row)
{
    int64_t *level = mem_calloc(n_row + 1, sizeof *level);
    for (size_t i = 0; i < n_row; i++)
        level[i] = tabular_level(from, row[i]);
    return level;
}

/* Sums of a target by level, over the training rows of one fold or (N_FOLD) of all. */
struct sums {
    double *sum, *count; /* (n_level, n), (n_level) owned */
    double *all, n_all;  /* (n) owned */
};

static void add_rows(struct sums *s, const struct target *y, const int64_t *level,
                     const size_t *row, size_t n_row, size_t n_level, size_t fold)
{
    s->sum = mem_calloc(n_level + 1, y->n * sizeof *s->sum);
    s->count = mem_calloc(n_level + 1, sizeof *s->count);
    s->all = mem_calloc(y->n, sizeof *s->all);
    s->n_all = 0;
    for (size_t i = 0; i < n_row; i++) {
        if (!y->there[row[i]] || (fold < N_FOLD && i % N_FOLD != fold))
            continue;
        for (size_t k = 0; k < y->n; k++) {
            double v = y->value[row[i] * y->n + k];
            s->all[k] += v;
            if (level[i] >= 0)
                s->sum[(size_t)level[i] * y->n + k] += v;
        }
        s->n_all++;
        if (level[i] >= 0)
            s->count[level[i]]++;
    }
}

static void sums_release(struct sums *s)
{
    free(s->sum);
    free(s->count);
    free(s->all);
}

/* The mean of a level drawn to the mean of all rows. */
static double shrunk(double sum, double count, double prior)
{
    return (sum + PRIOR_ROWS * prior) / (count + PRIOR_ROWS);
}

static int fit_target(struct tabular_column *c, const struct table *t, const int64_t *level,
                      const size_t *row, size_t n_row, struct err *e)
{
    struct target y;
    struct sums s;
    int rc = target_of(&y, t, row, n_row, e);
    if (rc == 0) {
        add_rows(&s, &y, level, row, n_row, c->n_level, N_FOLD);
        c->n_out = y.n;
        c->value = mem_calloc(c->n_level + 1, y.n * sizeof *c->value);
        c->unknown = mem_calloc(y.n, sizeof *c->unknown);
        for (size_t k = 0; k < y.n; k++) {
            c->unknown[k] = s.all[k] / fmax(1, s.n_all);
            for (size_t l = 0; l < c->n_level; l++)
                c->value[l * y.n + k] = shrunk(s.sum[l * y.n + k], s.count[l], c->unknown[k]);
        }
        c->suffix = y.name;
        y.name = NULL;
        sums_release(&s);
    }
    target_release(&y);
    return rc;
}

/* Numbers of the levels, or their shares of the rows. */
static void fit_numbers(struct tabular_column *c, const int64_t *level, size_t n_row)
{
    c->n_out = 1;
    c->value = mem_calloc(c->n_level, sizeof *c->value);
    c->unknown = mem_calloc(1, sizeof *c->unknown);
    c->unknown[0] = c->encode == TABULAR_ORDINAL ? -1 : 0;
    for (size_t l = 0; c->encode == TABULAR_ORDINAL && l < c->n_level; l++)
        c->value[l] = (double)l;
    for (size_t i = 0; c->encode == TABULAR_COUNT && i < n_row; i++)
        if (level[i] >= 0)
            c->value[level[i]] += 1. / (double)n_row;
}

int tabular_fit_encode(struct tabular_column *c, const struct table *t, const struct column *from,
                       const size_t *row, size_t n_row, const struct tabular_options *o,
                       struct err *e)
{
    struct tabular_source source;
    int rc = 0;
    c->encode = o->encode;
    if (o->encode == TABULAR_ONE_HOT || c->n_level == 0)
        return 0;
    tabular_source_init(&source, c, from, NULL);
    int64_t *level = levels_of(&source, row, n_row);
    if (o->encode == TABULAR_TARGET)
        rc = fit_target(c, t, level, row, n_row, e);
    else
        fit_numbers(c, level, n_row);
    free(level);
    tabular_source_release(&source);
    return rc;
}

int tabular_fit_folds(struct tabular_source *s, const struct table *t, const size_t *row,
                      size_t n_row, struct err *e)
{
    const struct tabular_column *c = s->c;
    size_t n_value = (c->n_level + 1) * c->n_out;
    struct sums all, own;
    struct target y;
    int rc = target_of(&y, t, row, n_row, e);
    if (rc)
        return rc;
    int64_t *level = levels_of(s, row, n_row);
    double *value = s->fold_value = mem_calloc(N_FOLD, n_value * sizeof *value);
    add_rows(&all, &y, level, row, n_row, c->n_level, N_FOLD);
    for (size_t f = 0; f < N_FOLD; f++, value += n_value) {
        add_rows(&own, &y, level, row, n_row, c->n_level, f);
        for (size_t k = 0; k < y.n; k++) {
            double prior = (all.all[k] - own.all[k]) / fmax(1, all.n_all - own.n_all);
            for (size_t l = 0; l < c->n_level; l++)
                value[l * y.n + k] = shrunk(all.sum[l * y.n + k] - own.sum[l * y.n + k],
                                            all.count[l] - own.count[l], prior);
            value[c->n_level * y.n + k] = prior;
        }
        sums_release(&own);
    }
    sums_release(&all);
    free(level);
    target_release(&y);
    return 0;
}
