#include "models/tabular_inner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/str.h"

static void column_forget(struct tabular_column *c)
{
    for (size_t i = 0; i < c->n_level; i++)
        free(c->level[i]);
    for (size_t i = 0; i < c->n_group; i++)
        free(c->group_level[i]);
    for (size_t i = 0; c->suffix && i < c->n_out; i++)
        free(c->suffix[i]);
    free(c->level);
    free(c->name);
    free(c->quantile);
    free(c->group);
    free(c->group_level);
    free(c->group_fill);
    free(c->value);
    free(c->unknown);
    free(c->suffix);
    *c = (struct tabular_column){ 0 };
}

void tabular_release(struct tabular *s)
{
    for (size_t i = 0; i < s->n_col; i++)
        column_forget(&s->col[i]);
    for (size_t i = 0; i < s->n_out; i++)
        free(s->name[i]);
    free(s->col);
    free(s->name);
    free(s->mean);
    free(s->sd);
    *s = (struct tabular){ 0 };
}

size_t tabular_n_feature(const struct tabular *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_col; i++) /* parts of a date lie beside each other */
        n += i == 0 || strcmp(s->col[i].name, s->col[i - 1].name) != 0;
    return n;
}

/* What became of one feature. */
struct fitted {
    struct tabular_column
        col[N_TABULAR_PART]; /* (n): parts of a date, else one; n_out 0: nothing */
    size_t n;
};

/* A pass over the columns, one a job. */
struct fitting {
    struct tabular *s;
    const struct table *t;
    const size_t *row;
    size_t n_row;
    const struct tabular_options *all;
    struct fitted *fitted; /* (features of the table) owned */
    size_t *at;            /* (s->n_col) first column of the matrix */
    struct err *error;     /* one a job: the first one in their order counts */
};

/* The options of a column: its own, or those of all. */
static const struct tabular_options *options_of(const struct tabular_options *o, const char *column)
{
    for (size_t i = 0; i < o->n_choice; i++)
        if (strcmp(o->choice[i].column, column) == 0)
            return &o->choice[i].options;
    return o;
}

/* Take over a column unless it gives nothing. */
static void keep_column(struct tabular *s, const char *name, struct tabular_column *col)
{
    if (col->n_out == 0) {
        log_warn("column '%s' is left out: %s", name,
                 col->n_level ? "the training rows have a single level"
                              : "the training rows have no value");
        return;
    }
    s->col = mem_grow(s->col, s->n_col, sizeof *s->col);
    s->col[s->n_col++] = *col;
    *col = (struct tabular_column){ 0 };
}

/* Parts of a date, or the whole of a number. */
static int fit_parts(struct fitting *f, const struct column *c, const struct tabular_options *o,
                     struct fitted *out, struct err *e)
{
    unsigned parts = o->parts ? o->parts : 1u << TABULAR_WHOLE;
    int rc = 0;
    if (o->parts && c->type != COLUMN_DATE)
        return err_set(e, ERR_DATA, "column '%s' is no date: it has no parts", c->name);
    for (int part = 0; part < N_TABULAR_PART && rc == 0; part++)
        if (parts >> part & 1)
            rc = tabular_fit_number(&out->col[out->n++], f->t, c, (enum tabular_part)part, f->row,
                                    f->n_row, o, e);
    return rc;
}

static void fit_column(void *ctx, int worker, size_t i)
{
    struct fitting *f = ctx;
    const char *name = f->t->roles.feature[i];
    const struct column *c = table_column(f->t, name);
    const struct tabular_options *o = options_of(f->all, name);
    struct fitted *out = &f->fitted[i];
    struct err *e = &f->error[i];
    (void)worker;
    if (!c) {
        err_set(e, ERR_DATA, "the table has no column '%s', which it calls a feature", name);
    } else if (o->drop) {
        return;
    } else if (tabular_is_number(c)) {
        fit_parts(f, c, o, out, e);
    } else if (c->type == COLUMN_CATEGORY) {
        out->n = 1;
        tabular_fit_category(&out->col[0], c, f->row, f->n_row, o);
        tabular_fit_encode(&out->col[0], f->t, c, f->row, f->n_row, o, e);
    } else {
        err_set(e, ERR_DATA,
                "feature '%s' is text: make it a category in the schema, or leave it out", name);
    }
    for (size_t k = 0; k < out->n; k++) {
        out->col[k].name = mem_strdup(name);
        out->col[k].absent = o->absent;
    }
}

/* Names of the matrix's columns; every scale starts as "none". */
static void name_columns(struct tabular *s)
{
    size_t j = 0;
    for (size_t i = 0; i < s->n_col; i++)
        s->n_out += s->col[i].n_out;
    s->name = mem_calloc(s->n_out, sizeof *s->name);
    s->mean = mem_calloc(s->n_out, sizeof *s->mean);
    s->sd = mem_calloc(s->n_out, sizeof *s->sd);
    for (size_t i = 0; i < s->n_col; i++) {
        const struct tabular_column *c = &s->col[i];
        if (!c->category)
            s->name[j++] = c->part ? str_format("%s.%s", c->name, tabular_part_name(c->part))
                                   : mem_strdup(c->name);
        if (c->indicator)
            s->name[j++] = str_format("%s missing", c->name);
        for (size_t k = 0; c->category && k < c->n_out; k++)
            s->name[j++] = !c->value   ? str_format("%s=%s", c->name, c->level[k])
                           : c->suffix ? str_format("%s:%s", c->name, c->suffix[k])
                                       : mem_strdup(c->name);
    }
    for (j = 0; j < s->n_out; j++)
        s->sd[j] = 1;
}

/* Unscaled values of column k of those that c gives, without kept gaps; returns how many. */
static size_t unscaled(const struct fitting *f, const struct tabular_source *from, size_t k,
                       double *x, uint8_t *there)
{
    const struct tabular_column *c = from->c;
    size_t n = 0;
    if (!c->category) {
        tabular_read_numbers(from, f->row, 0, f->n_row, x, there);
        if (!k && !c->keep)
            return f->n_row;
        for (size_t i = 0; i < f->n_row; i++) {
            x[n] = k ? !there[i] : x[i];
            n += k || there[i] || !c->keep;
        }
        return n;
    }
    for (size_t i = 0; i < f->n_row; i++) {
        int64_t level = tabular_level(from, f->row[i]);
        x[i] = !c->value   ? level == (int64_t)k
               : level < 0 ? c->unknown[k]
                           : c->value[(size_t)level * c->n_out + k];
    }
    return f->n_row;
}

/* Shift and divisor of what a table column gives, after filling. */
static void fit_scale(void *ctx, int worker, size_t i)
{
    struct fitting *f = ctx;
    struct tabular *s = f->s;
    const struct tabular_column *c = &s->col[i];
    const struct tabular_options *o = options_of(f->all, c->name);
    struct tabular_source from;
    double *x = NULL;
    (void)worker;
    if (!o->scale)
        return;
    tabular_source_find(&from, c, f->t);
    for (size_t k = 0, j = f->at[i]; k < c->n_out; k++, j++) {
        bool flag = c->category ? !c->value : k > 0;
        if (flag && !o->scale_indicators)
            continue;
        if (!x)
            x = mem_calloc(f->n_row, sizeof *x + 1);
        size_t n = unscaled(f, &from, k, x, (uint8_t *)(x + f->n_row));
        tabular_fit_scale(o->scale, x, n, &s->mean[j], &s->sd[j]);
        if (!isfinite(s->mean[j]) || !isfinite(s->sd[j]))
            err_set(&f->error[i], ERR_DATA, "column '%s': its values are too large to be scaled",
                    c->name);
    }
    free(x);
    tabular_source_release(&from);
}

/* Memory of the matrix is bounded: a column of names or numbers by mistake has a level for every
 * row. */
static int check_size(const struct tabular *s, size_t n_row, struct err *e)
{
    static const double MAX_BYTES = 8e9;
    size_t widest = 0;
    for (size_t i = 0; i < s->n_col; i++)
        if (s->col[i].n_out > s->col[widest].n_out)
            widest = i;
    if (s->n_col == 0 || (double)n_row * (double)s->n_out * sizeof(double) <= MAX_BYTES)
        return 0;
    return err_set(
        e, ERR_DATA,
        "%zu rows of %zu columns are too many for a matrix (at most %g bytes); '%s' alone gives "
        "%zu columns: group its levels by rare_below, or leave it out",
        n_row, s->n_out, MAX_BYTES, s->col[widest].name, s->col[widest].n_out);
}

/* Run a job for each of n columns; the error of the first that fails. */
static int each(struct fitting *f, size_t n, int threads,
                void (*work)(void *ctx, int worker, size_t i), struct err *e)
{
    f->error = mem_calloc(n, sizeof *f->error);
    parallel_for(threads, n, work, f);
    for (size_t i = 0; i < n && e->code == 0; i++)
        *e = f->error[i];
    free(f->error);
    return e->code;
}

/* What the jobs have made becomes the state's columns, in the order of the features. */
static void gather(struct fitting *f)
{
    for (size_t i = 0; i < f->t->roles.n_feature; i++)
        for (size_t k = 0; k < f->fitted[i].n; k++)
            keep_column(f->s, f->t->roles.feature[i], &f->fitted[i].col[k]);
}

static void forget_fitted(struct fitting *f)
{
    for (size_t i = 0; i < f->t->roles.n_feature; i++)
        for (size_t k = 0; k < f->fitted[i].n; k++)
            column_forget(&f->fitted[i].col[k]);
    free(f->fitted);
}

int tabular_fit(struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                const struct tabular_options *options, int threads, struct err *e)
{
    struct tabular made = { 0 };
    struct fitting f = { .s = &made, .t = t, .row = row, .n_row = n_row, .all = options };
    int rc = 0;

    if (n_row == 0)
        return err_set(e, ERR_DATA, "there is no training row to learn from");
    f.fitted = mem_calloc(t->roles.n_feature, sizeof *f.fitted);
    if ((rc = each(&f, t->roles.n_feature, threads, fit_column, e)) == 0) {
        gather(&f);
        name_columns(&made);
        rc = check_size(&made, t->n_row, e);
    }
    forget_fitted(&f);
    if (rc == 0) {
        f.at = mem_calloc(made.n_col, sizeof *f.at);
        for (size_t i = 1; i < made.n_col; i++)
            f.at[i] = f.at[i - 1] + made.col[i - 1].n_out;
        rc = each(&f, made.n_col, threads, fit_scale, e);
        free(f.at);
    }
    if (rc)
        tabular_release(&made);
    else
        *s = made;
    return rc;
}
