/* Number columns of models/tabular.h: gaps and transforms. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"
#include "models/nn/simd.h"
#include "models/tabular_inner.h"
#include "num/rank.h"

bool tabular_is_number(const struct column *c)
{
    return c->type == COLUMN_FLOAT || c->type == COLUMN_INT || c->type == COLUMN_BOOL ||
           c->type == COLUMN_DATE;
}

const char *tabular_part_name(enum tabular_part part)
{
    static const char *const name[] = { NULL, "year", "month", "day", "weekday", "hour" };
    return name[part];
}

/* NaN of a day that has no date. */
static double part_of(const struct column *c, int64_t whole, enum tabular_part part)
{
    static const int64_t HOUR = INT64_C(3600000000), DAY = 24 * INT64_C(3600000000);
    enum { MOST_DAYS = 1000000000 }; /* civil.h counts no further, nor does anybody */
    bool us = c->unit && strcmp(c->unit, "us") == 0;
    int64_t hour = us ? (whole % DAY + DAY) % DAY / HOUR : 0;
    int64_t days = us ? whole / DAY - (whole % DAY < 0) : whole;
    if (days > MOST_DAYS || days < -MOST_DAYS)
        return (double)NAN;
    struct civil d = civil_of_days(days);
    switch (part) {
    case TABULAR_YEAR:
        return (double)d.year;
    case TABULAR_MONTH:
        return d.month;
    case TABULAR_DAY:
        return d.day;
    case TABULAR_WEEKDAY: /* Monday is 0, as in pandas */
        return (civil_weekday(days) + 6) % 7;
    case TABULAR_HOUR:
        return (double)hour;
    default:
        return (double)whole;
    }
}

static double number_at(const struct column *c, enum tabular_part part, size_t i)
{
    return c->type == COLUMN_FLOAT  ? c->real[i]
           : c->type == COLUMN_BOOL ? c->flag[i]
           : part == TABULAR_WHOLE  ? (double)c->whole[i]
                                    : part_of(c, c->whole[i], part);
}

/* ---- transforms ----------------------------------------------------------------------------- */

static double box_cox_of_log(double logarithm, double lambda)
{
    return fabs(lambda) < 1e-12 ? logarithm : expm1(lambda * logarithm) / lambda;
}

/* The part of the log likelihood that lambda decides; of the logarithms of the values, less their
 * mean: the values could be too large, or their powers too much alike. */
static double likelihood(const double *logarithm, double *scratch, size_t n, double lambda)
{
    double mean, sd;
    for (size_t i = 0; i < n; i++)
        scratch[i] = box_cox_of_log(logarithm[i], lambda);
    tabular_mean_sd(scratch, n, &mean, &sd);
    return isfinite(sd) ? -log(sd) : -(double)INFINITY;
}

/* Its maximum in [-5, 5] by golden section; the values change. */
static double find_lambda(double *x, size_t n)
{
    static const double GOLDEN = 0.6180339887498949;
    double *scratch = mem_calloc(n, sizeof *scratch), low = -5, high = 5, mean = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = log(x[i]);
        mean += x[i] / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        x[i] -= mean;
    double a = high - GOLDEN * (high - low), b = low + GOLDEN * (high - low);
    double fa = likelihood(x, scratch, n, a), fb = likelihood(x, scratch, n, b);
    while (high - low > 1e-9) {
        if (fa > fb) {
            high = b;
            b = a;
            fb = fa;
            a = high - GOLDEN * (high - low);
            fa = likelihood(x, scratch, n, a);
        } else {
            low = a;
            a = b;
            fa = fb;
            b = low + GOLDEN * (high - low);
            fb = likelihood(x, scratch, n, b);
        }
    }
    free(scratch);
    return (low + high) / 2;
}

/* The share of the n quantiles q below x; of equal ones the middle of their shares. */
static double rank(const double *q, size_t n, double x)
{
    size_t low = 0, high = n; /* first quantile >= x, first > x */
    if (n < 2 || x <= q[0])
        return 0;
    if (x >= q[n - 1])
        return 1;
    for (size_t end = n; low < end;) {
        size_t mid = low + (end - low) / 2;
        if (q[mid] < x)
            low = mid + 1;
        else
            end = mid;
    }
    for (high = low; high < n && q[high] <= x; high++)
        ;
    double step = 1 / (double)(n - 1);
    if (high > low) /* it is a quantile itself, of several equal ones their middle */
        return 0.5 * (double)(low + high - 1) * step;
    return ((double)(low - 1) + (x - q[low - 1]) / (q[low] - q[low - 1])) * step;
}

static bool has_logarithm(const struct tabular_column *c, double x)
{
    return c->transform == TABULAR_PLAIN || c->transform == TABULAR_QUANTILE ||
           x > (c->transform == TABULAR_LOG1P ? -1 : 0);
}

static int check_value(const struct tabular_column *c, size_t row, double x, struct err *e)
{
    if (!isfinite(x))
        return err_set(e, ERR_DATA, "column '%s' row %zu: %g is not a finite number", c->name, row,
                       x);
    if (!has_logarithm(c, x))
        return err_set(e, ERR_DATA, "column '%s' row %zu: %g has no logarithm: want more than %d",
                       c->name, row, x, c->transform == TABULAR_LOG1P ? -1 : 0);
    return 0;
}

static double transformed(const struct tabular_column *c, double x)
{
    switch (c->transform) {
    case TABULAR_LOG:
        return log(x);
    case TABULAR_LOG1P:
        return log1p(x);
    case TABULAR_BOX_COX:
        return box_cox_of_log(log(x), c->lambda);
    case TABULAR_QUANTILE:
        return rank(c->quantile, c->n_quantile, x);
    default:
        return x;
    }
}

/* The i-th of m quantiles of n sorted values, as tabular_quantile. */
static double sorted_quantile(const double *x, size_t n, size_t i, size_t m)
{
    double at = (double)(i * (n - 1)) / (double)(m - 1);
    size_t low = (size_t)at;
    return x[low] + (at > (double)low ? (at - (double)low) * (x[low + 1] - x[low]) : 0);
}

/* What a transform learns from n values, which change. */
static void fit_transform(struct tabular_column *c, double *x, size_t n)
{
    enum { MOST = 1000 };
    if (c->transform != TABULAR_BOX_COX && c->transform != TABULAR_QUANTILE)
        return;
    rank_sort(x, n); /* the same bits in any order of the rows */
    if (c->transform == TABULAR_BOX_COX) {
        c->lambda = x[0] < x[n - 1] ? find_lambda(x, n) : 1;
        return;
    }
    c->n_quantile = n < MOST ? n : MOST;
    c->quantile = mem_calloc(c->n_quantile, sizeof *c->quantile);
    for (size_t i = 0; i < c->n_quantile; i++)
        c->quantile[i] = n < 2 ? x[0] : sorted_quantile(x, n, i, c->n_quantile);
}

/* ---- groups --------------------------------------------------------------------------------- */

static int find_group(const struct table *t, const char *name, const char *of,
                      const struct column **out, struct err *e)
{
    *out = table_column(t, name);
    if (*out && (*out)->type == COLUMN_CATEGORY)
        return 0;
    return err_set(e, ERR_DATA, "column '%s' is filled by groups of '%s', which is %s", of, name,
                   *out ? "no category" : "no column of the table");
}

struct group {
    const char *level;
    double fill;
};

static int compare_group(const void *a, const void *b)
{
    return strcmp(((const struct group *)a)->level, ((const struct group *)b)->level);
}

/* The values of each code beside each other, in the order of the rows: where a code's begin into
 * first (n_level + 1), the values into x. */
static void sort_by_code(const struct column *from, const struct column *by, enum tabular_part part,
                         const size_t *row, size_t n_row, size_t *first, double *x)
{
    for (int pass = 0; pass < 2; pass++) { /* count, then place */
        for (size_t i = 0; i < n_row; i++) {
            if (!column_valid(from, row[i]) || !column_valid(by, row[i]))
                continue;
            size_t *at = &first[by->code[row[i]] + 1 - pass];
            if (pass)
                x[*at] = number_at(from, part, row[i]);
            ++*at;
        }
        for (size_t k = by->n_level; pass && k > 0; k--) /* they have moved on by one code */
            first[k] = first[k - 1];
        for (size_t k = 0; !pass && k < by->n_level; k++)
            first[k + 1] += first[k];
    }
    first[0] = 0;
}

/* The median of the values of each level of the group that has some. */
static int fit_group(struct tabular_column *c, const struct table *t, const struct column *from,
                     const size_t *row, size_t n_row, const char *group, struct err *e)
{
    const struct column *by;
    int rc = find_group(t, group, from->name, &by, e);
    if (rc)
        return rc;
    double *x = mem_calloc(n_row, sizeof *x);
    size_t *first = mem_calloc(by->n_level + 2, sizeof *first), n = 0;
    struct group *made = mem_calloc(by->n_level + 1, sizeof *made);
    sort_by_code(from, by, c->part, row, n_row, first, x);
    for (size_t k = 0; k < by->n_level; k++)
        if (first[k + 1] > first[k])
            made[n++] = (struct group){ by->level[k],
                                        tabular_median(x + first[k], first[k + 1] - first[k]) };
    qsort(made, n, sizeof *made, compare_group);
    c->group = mem_strdup(group);
    c->group_level = mem_calloc(n, sizeof *c->group_level);
    c->group_fill = mem_calloc(n, sizeof *c->group_fill);
    c->n_group = n;
    for (size_t k = 0; k < n; k++) {
        c->group_level[k] = mem_strdup(made[k].level);
        c->group_fill[k] = made[k].fill;
    }
    free(made);
    free(first);
    free(x);
    return 0;
}

/* Values, whatever where there is none, and whether there is one. */
static void read_as_they_are(const struct tabular_source *s, const size_t *row, size_t first,
                             size_t n, double *out, uint8_t *there)
{
    const struct column *from = s->from;
    if (!from) {
        memset(there, 0, n);
        memset(out, 0, n * sizeof *out);
        return;
    }
    const uint8_t *valid = from->valid;
    size_t elsewhere = !row || n == 0; /* else, all rows of the table, say: quicker to read */
    for (size_t i = 1; row && i < n; i++)
        elsewhere |= row[i] ^ (row[0] + i);
    if (!elsewhere) {
        first = row[0];
        row = NULL;
    }
    if (!valid)
        memset(there, 1, n);
    else if (!row)
        memcpy(there, valid + first, n);
    for (size_t i = 0; valid && row && i < n; i++)
        there[i] = valid[row[i]];
    if (from->type == COLUMN_FLOAT && !row) {
        memcpy(out, from->real + first, n * sizeof *out);
    } else if (from->type == COLUMN_FLOAT) {
        for (size_t i = 0; i < n; i++)
            out[i] = from->real[row[i]];
    } else {
        for (size_t i = 0; i < n; i++)
            out[i] = there[i] ? number_at(from, s->c->part, row ? row[i] : first + i) : 0;
    }
}

/* ---- fit ------------------------------------------------------------------------------------ */

/* Values of the training rows without gaps into x. */
static int collect(const struct tabular_column *t, const struct column *c, const size_t *row,
                   size_t n_row, double *x, size_t *out_n, struct err *e)
{
    uint8_t *there = mem_aligned_raw(n_row, 1);
    size_t n = 0;
    bool good = true;
    int rc = 0;
    read_as_they_are(&(struct tabular_source){ .c = t, .from = c }, row, 0, n_row, x, there);
    for (size_t i = 0; i < n_row; i++) {
        x[n] = x[i];
        n += there[i];
    }
    for (size_t k = 0; k < n; k++)
        good = good && isfinite(x[k]) && has_logarithm(t, x[k]);
    *out_n = n;
    for (size_t i = 0; !good && rc == 0 && i < n_row; i++)
        if (there[i])
            rc = check_value(t, row[i], number_at(c, t->part, row[i]), e);
    free(there);
    return rc;
}

static double fill_of(const struct tabular_options *o, double *x, size_t n)
{
    double mean = o->constant, sd;
    if (o->number_missing == TABULAR_MEDIAN)
        return tabular_median(x, n);
    if (o->number_missing == TABULAR_MODE)
        return tabular_mode(x, n);
    if (o->number_missing == TABULAR_MEAN)
        tabular_mean_sd(x, n, &mean, &sd); /* of the values in the order of the rows */
    return mean;
}

static int fit_fill(struct tabular_column *c, const struct table *t, const struct column *from,
                    const size_t *row, size_t n_row, const struct tabular_options *o, double *x,
                    size_t n, struct err *e)
{
    if (c->keep)
        return 0;
    c->fill = fill_of(o, x, n);
    if (!isfinite(c->fill))
        return err_set(e, ERR_DATA, "column '%s': the mean of its values is too large for a number",
                       from->name);
    if (!has_logarithm(c, c->fill))
        return err_set(e, ERR_DATA, "column '%s': its gaps become %g, which has no logarithm",
                       from->name, c->fill);
    return o->group ? fit_group(c, t, from, row, n_row, o->group, e) : 0;
}

int tabular_fit_number(struct tabular_column *out, const struct table *t, const struct column *c,
                       enum tabular_part part, const size_t *row, size_t n_row,
                       const struct tabular_options *o, struct err *e)
{
    struct tabular_column made = { .name = c->name,
                                   .part = part,
                                   .transform = o->transform,
                                   .keep = o->number_missing == TABULAR_KEEP };
    double *x = mem_aligned_raw(n_row + 1, sizeof *x);
    size_t n = 0;
    int rc = collect(&made, c, row, n_row, x, &n, e);
    if (rc == 0 && n) {
        rc = fit_fill(&made, t, c, row, n_row, o, x, n, e);
        if (rc == 0)
            fit_transform(&made, x, n);
        bool first = (o->parts & ((1u << part) - 1)) == 0; /* one indicator for a date's parts */
        made.indicator = o->indicators && n < n_row && first;
        made.n_out = made.indicator ? 2 : 1;
    }
    free(x);
    made.name = NULL; /* borrowed for messages */
    *out = made;
    return rc;
}

/* ---- read ----------------------------------------------------------------------------------- */

/* What a gap in row i becomes. */
static double fill_at(const struct tabular_source *s, size_t i)
{
    return s->group_fill && column_valid(s->by, i) ? s->group_fill[s->by->code[i]]
           : s->c->keep                            ? (double)NAN
                                                   : s->c->fill;
}

NN_CLONES
bool tabular_read_numbers(const struct tabular_source *s, const size_t *row, size_t first, size_t n,
                          double *out, uint8_t *there)
{
    const struct tabular_column *c = s->c;
    int good = 1;
    read_as_they_are(s, row, first, n, out, there);
    if (s->group_fill) {
        for (size_t i = 0; i < n; i++)
            if (!there[i])
                out[i] = fill_at(s, row ? row[i] : first + i);
    } else {
        double fill = c->keep ? (double)NAN : c->fill;
        for (size_t i = 0; i < n; i++)
            out[i] = there[i] ? out[i] : fill;
    }
    for (size_t i = 0; i < n; i++)
        good &= (fabs(out[i]) <= DBL_MAX) | (c->keep & !there[i]);
    for (size_t i = 0; c->transform && i < n; i++) {
        if (!isfinite(out[i]))
            continue;
        good &= has_logarithm(c, out[i]);
        out[i] = transformed(c, out[i]);
    }
    return good;
}

int tabular_check_numbers(const struct tabular_source *s, const size_t *row, size_t n,
                          struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        size_t r = row ? row[i] : i;
        bool there = s->from && column_valid(s->from, r);
        if (there || !s->c->keep)
            rc = check_value(s->c, r, there ? number_at(s->from, s->c->part, r) : fill_at(s, r), e);
    }
    return rc;
}
