#include "models/tabular_rows.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/simd.h"
#include "models/tabular_inner.h"

enum { BLOCK = 128 }; /* rows at once: they stay in the first cache while columns are put in */

/* ---- one column ----------------------------------------------------------------------------- */

void tabular_source_init(struct tabular_source *s, const struct tabular_column *c,
                         const struct column *from, const struct column *by)
{
    *s = (struct tabular_source){ .c = c, .from = from, .by = by };
    if (c->category && from) {
        s->map = mem_calloc(from->n_level, sizeof *s->map);
        for (size_t k = 0; k < from->n_level; k++) {
            s->map[k] = tabular_find_level(c->level, c->n_level, from->level[k]);
            if (s->map[k] < 0)
                s->map[k] = c->other;
        }
    }
    if (by) {
        s->group_fill = mem_calloc(by->n_level, sizeof *s->group_fill);
        for (size_t k = 0; k < by->n_level; k++) {
            int64_t at = tabular_find_level(c->group_level, c->n_group, by->level[k]);
            s->group_fill[k] = at >= 0 ? c->group_fill[at] : c->fill;
        }
    }
}

void tabular_source_find(struct tabular_source *s, const struct tabular_column *c,
                         const struct table *t)
{
    const struct column *by = c->group ? table_column(t, c->group) : NULL;
    tabular_source_init(s, c, table_column(t, c->name),
                        by && by->type == COLUMN_CATEGORY ? by : NULL);
}

void tabular_source_release(struct tabular_source *s)
{
    free(s->map);
    free(s->group_fill);
    free(s->fold_value);
    *s = (struct tabular_source){ 0 };
}

int64_t tabular_level(const struct tabular_source *s, size_t i)
{
    return s->from && column_valid(s->from, i) ? s->map[s->from->code[i]] : s->c->missing;
}

static int check_type(const struct tabular_column *c, const struct column *from, struct err *e)
{
    if (!from)
        return c->absent == TABULAR_REFUSE
                   ? err_set(e, ERR_DATA, "the table has no column '%s', which must not be absent",
                             c->name)
                   : 0;
    bool number = tabular_is_number(from), category = from->type == COLUMN_CATEGORY;
    if (c->category ? category : number)
        return 0;
    return err_set(e, ERR_DATA, "column '%s' is %s: want %s, as in training", c->name,
                   number     ? "a number"
                   : category ? "a category"
                              : "text",
                   c->category ? "a category" : "a number");
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* What a column that is zero where the table does not have it looks like: as one of zeros. */
static bool is_zeros(const struct tabular_source *s)
{
    return !s->from && s->c->absent == TABULAR_ZEROS;
}

static bool too_large(double x)
{
    return !(fabs(x) <= (double)FLT_MAX);
}

int tabular_encoder_init(struct tabular_encoder *k, const struct tabular *s, const struct table *t,
                         struct err *e)
{
    struct tabular_encoder made = { .state = s };
    size_t j = 0;
    int rc = 0;
    made.source = mem_calloc(s->n_col, sizeof *made.source);
    made.low = mem_calloc(s->n_out, sizeof *made.low);
    made.high = mem_calloc(s->n_out, sizeof *made.high);
    for (size_t i = 0; rc == 0 && i < s->n_col; j += s->col[i++].n_out) {
        struct tabular_source *from = &made.source[i];
        tabular_source_find(from, &s->col[i], t);
        from->at = j;
        rc = check_type(from->c, from->from, e);
        for (size_t l = j; !is_zeros(from) && !from->c->value && l < j + from->c->n_out; l++) {
            made.low[l] = (0 - s->mean[l]) / s->sd[l];
            made.high[l] = (1 - s->mean[l]) / s->sd[l];
            made.suspicious |= too_large(made.low[l]) || too_large(made.high[l]);
        }
    }
    if (rc)
        tabular_encoder_release(&made);
    else
        *k = made;
    return rc;
}

void tabular_encoder_release(struct tabular_encoder *k)
{
    for (size_t i = 0; k->source && i < k->state->n_col; i++)
        tabular_source_release(&k->source[i]);
    free(k->source);
    free(k->low);
    free(k->high);
    free(k->fold);
    *k = (struct tabular_encoder){ 0 };
}

int tabular_encoder_folds(struct tabular_encoder *k, const struct table *t, const size_t *row,
                          size_t n_row, struct err *e)
{
    const struct tabular *s = k->state;
    bool any = false;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_col; i++) {
        struct tabular_source *from = &k->source[i];
        if (!from->c->category || from->c->encode != TABULAR_TARGET || !from->from)
            continue;
        rc = tabular_fit_folds(from, t, row, n_row, e);
        any = true;
    }
    if (rc || !any)
        return rc;
    k->fold = mem_calloc(t->n_row, 1);
    memset(k->fold, N_TABULAR_FOLD, t->n_row);
    for (size_t i = 0; i < n_row; i++)
        k->fold[row[i]] = (uint8_t)(i % N_TABULAR_FOLD);
    return 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

NN_CLONES
static bool put_numbers(const struct tabular_encoder *k, const struct tabular_source *s,
                        const size_t *row, size_t first, size_t n, double *out)
{
    size_t d = k->state->n_out, j = s->at;
    double x[BLOCK], mean = k->state->mean[j], sd = k->state->sd[j];
    uint8_t there[BLOCK];
    bool good = tabular_read_numbers(s, row, first, n, x, there);
    int small = 1;
    for (size_t i = 0; i < n; i++) {
        x[i] = (x[i] - mean) / sd;
        small &= (fabs(x[i]) <= (double)FLT_MAX) | (s->c->keep & !there[i]);
    }
    for (size_t i = 0; i < n; i++)
        out[i * d + j] = x[i];
    for (size_t i = 0; s->c->indicator && i < n; i++)
        out[i * d + j + 1] = there[i] ? k->low[j + 1] : k->high[j + 1];
    return good && small;
}

/* The 0/1 columns of a row are those of k->low so far. */
static void put_levels(const struct tabular_encoder *k, const struct tabular_source *s,
                       const size_t *row, size_t first, size_t n, double *out)
{
    size_t d = k->state->n_out;
    for (size_t i = 0; i < n; i++) {
        int64_t level = tabular_level(s, row ? row[i] : first + i);
        if (level >= 0 && (size_t)level < s->c->n_out)
            out[i * d + s->at + (size_t)level] = k->high[s->at + (size_t)level];
    }
}

static bool put_encoded(const struct tabular_encoder *k, const struct tabular_source *s,
                        const size_t *row, size_t first, size_t n, double *out)
{
    const struct tabular_column *c = s->c;
    const double *mean = k->state->mean + s->at, *sd = k->state->sd + s->at;
    size_t d = k->state->n_out, width = c->n_out;
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        size_t r = row ? row[i] : first + i;
        int64_t level = tabular_level(s, r);
        double *to = out + i * d + s->at;
        const double *from = level < 0 ? c->unknown : c->value + (size_t)level * width;
        if (s->fold_value && k->fold[r] < N_TABULAR_FOLD)
            from = s->fold_value +
                   (k->fold[r] * (c->n_level + 1) + (level < 0 ? c->n_level : (size_t)level)) *
                       width;
        for (size_t j = 0; j < width; j++) {
            to[j] = (from[j] - mean[j]) / sd[j];
            good &= !too_large(to[j]);
        }
    }
    return good;
}

bool tabular_encode(const struct tabular_encoder *k, const size_t *row, size_t first, size_t n,
                    double *out)
{
    size_t d = k->state->n_out;
    bool good = !k->suspicious;
    for (size_t from = 0; from < n; from += BLOCK) {
        size_t m = n - from < BLOCK ? n - from : BLOCK;
        const size_t *some = row ? row + from : NULL;
        for (size_t i = 0; i < m; i++)
            memcpy(out + (from + i) * d, k->low, d * sizeof *out);
        for (size_t i = 0; i < k->state->n_col; i++) {
            const struct tabular_source *s = &k->source[i];
            if (is_zeros(s))
                continue;
            double *to = out + from * d;
            if (!s->c->category)
                good &= put_numbers(k, s, some, first + from, m, to);
            else if (s->c->value)
                good &= put_encoded(k, s, some, first + from, m, to);
            else
                put_levels(k, s, some, first + from, m, to);
        }
    }
    return good;
}

/* The first value of an encoded row that is too large. */
static int check_row(const struct tabular_encoder *k, const double *x, size_t row, struct err *e)
{
    for (size_t i = 0; i < k->state->n_col; i++) {
        const struct tabular_source *s = &k->source[i];
        for (size_t j = s->at; j < s->at + s->c->n_out; j++)
            if (too_large(x[j]) && !(s->c->keep && isnan(x[j])))
                return err_set(e, ERR_DATA, "column '%s' row %zu: the value is too large",
                               k->state->name[j], row);
    }
    return 0;
}

int tabular_encoder_check(const struct tabular_encoder *k, const size_t *row, size_t n,
                          struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < k->state->n_col; i++)
        if (!k->source[i].c->category && !is_zeros(&k->source[i]))
            rc = tabular_check_numbers(&k->source[i], row, n, e);
    double *x = mem_calloc(k->state->n_out, sizeof *x);
    for (size_t r = 0; rc == 0 && r < n; r++) {
        size_t i = row ? row[r] : r;
        tabular_encode(k, &i, 0, 1, x);
        rc = check_row(k, x, i, e);
    }
    free(x);
    return rc;
}

int tabular_apply(const struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                  double *out, struct err *e)
{
    struct tabular_encoder k = { 0 };
    int rc = tabular_encoder_init(&k, s, t, e);
    if (rc == 0 && !tabular_encode(&k, row, 0, n_row, out))
        rc = tabular_encoder_check(&k, row, n_row, e);
    tabular_encoder_release(&k);
    return rc;
}
