/* Number columns of models/tabular.h: gaps, transforms, scales. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"
#include "models/tabular_inner.h"

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

static double part_of(const struct column *c, int64_t whole, enum tabular_part part)
{
    static const int64_t HOUR = INT64_C(3600000000), DAY = 24 * INT64_C(3600000000);
    bool us = c->unit && strcmp(c->unit, "us") == 0;
    int64_t rest = us ? (whole % DAY + DAY) % DAY : 0, days = us ? (whole - rest) / DAY : whole;
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
        return (double)(rest / HOUR);
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

/* ---- statistics ----------------------------------------------------------------------------- */

static int compare_real(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Put the k-th smallest of n values in its place, no larger ones before it and no smaller ones
 * behind it (Hoare's find, CACM 4 (1961) 321-322); returns it. */
static double select_value(double *x, size_t n, size_t k)
{
    size_t low = 0, high = n - 1;
    while (low < high) {
        size_t i = low, j = high;
        double a = x[low], b = x[low + (high - low) / 2], c = x[high];
        double pivot = fmax(fmin(a, b), fmin(fmax(a, b), c));
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i > j)
                break;
            double keep = x[i];
            x[i++] = x[j];
            x[j] = keep;
            if (j-- == 0)
                break;
        }
        if (k <= j && j < n)
            high = j;
        else if (k >= i)
            low = i;
        else
            break;
    }
    return x[k];
}

/* The i-th of m quantiles (0 and m - 1 are the ends) of n values, which change places, between two
 * of them in proportion: numpy's "linear", without its rounding where a value is meant. */
static double quantile(double *x, size_t n, size_t i, size_t m)
{
    double at = (double)(i * (n - 1)) / (double)(m - 1);
    size_t low = (size_t)at;
    double left = select_value(x, n, low), right = left;
    if (at > (double)low)
        for (size_t k = low + 1; k < n; k++)
            right = k == low + 1 ? x[k] : fmin(right, x[k]);
    return left + (at - (double)low) * (right - left);
}

/* The middle one of n values, or the mean of the middle two; they change places. */
static double median(double *x, size_t n)
{
    double high = select_value(x, n, n / 2), low = x[0];
    for (size_t i = 1; n % 2 == 0 && i < n / 2; i++)
        low = fmax(low, x[i]);
    return n % 2 ? high : 0.5 * low + 0.5 * high;
}

/* The most frequent of n sorted values, the least of equals. */
static double mode(const double *x, size_t n)
{
    double best = x[0];
    size_t most = 0;
    for (size_t i = 0, k; i < n; i = k) {
        for (k = i; k < n && x[k] <= x[i]; k++)
            ;
        if (k - i > most) {
            most = k - i;
            best = x[i];
        }
    }
    return best;
}

/* By the corrected two-pass algorithm of Chan, Golub & LeVeque, The American Statistician 37 (1983)
 * 242-247. */
void tabular_mean_sd(const double *x, size_t n, size_t step, double *out_mean, double *out_sd)
{
    double sum = 0, left = 0, square = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i * step];
    double mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        double d = x[i * step] - mean;
        left += d;
        square += d * d;
    }
    mean += left / (double)n;
    *out_mean = mean;
    *out_sd = sqrt(fmax(0, (square - left * left / (double)n) / (double)n));
}

void tabular_fit_scale(enum tabular_scale how, const double *x, size_t n, size_t step,
                       double *out_shift, double *out_divisor)
{
    if (how == TABULAR_STANDARD) {
        tabular_mean_sd(x, n, step, out_shift, out_divisor);
    } else {
        double *own = mem_calloc(n, sizeof *own), least = x[0], most = x[0];
        for (size_t i = 0; i < n; i++) {
            own[i] = x[i * step];
            least = fmin(least, own[i]);
            most = fmax(most, own[i]);
        }
        bool range = how == TABULAR_MIN_MAX;
        *out_shift = range ? least : median(own, n);
        *out_divisor = range ? most - least : quantile(own, n, 3, 5) - quantile(own, n, 1, 5);
        free(own);
    }
    /* a constant, but for rounding, is only shifted */
    if (*out_divisor <= 1e-12 * fabs(*out_shift) || *out_divisor < 1e-300)
        *out_divisor = 1;
}

/* ---- transforms ----------------------------------------------------------------------------- */

static double box_cox(double x, double lambda)
{
    return fabs(lambda) < 1e-12 ? log(x) : expm1(lambda * log(x)) / lambda;
}

/* The part of the log likelihood that lambda decides. */
static double likelihood(const double *x, double *scratch, size_t n, double lambda)
{
    double mean, sd, sum = 0;
    for (size_t i = 0; i < n; i++) {
        scratch[i] = box_cox(x[i], lambda);
        sum += log(x[i]);
    }
    tabular_mean_sd(scratch, n, 1, &mean, &sd);
    return (lambda - 1) * sum - (double)n * log(sd);
}

/* Its maximum in [-5, 5] by golden section. */
static double find_lambda(const double *x, size_t n)
{
    static const double GOLDEN = 0.6180339887498949;
    double *scratch = mem_calloc(n, sizeof *scratch), low = -5, high = 5;
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

static int refuse_value(const struct tabular_column *c, const char *name, size_t row, double x,
                        struct err *e)
{
    return err_set(e, ERR_DATA, "column '%s' row %zu: %g has no logarithm: want more than %d", name,
                   row, x, c->transform == TABULAR_LOG1P ? -1 : 0);
}

static bool has_logarithm(const struct tabular_column *c, double x)
{
    return c->transform == TABULAR_PLAIN || c->transform == TABULAR_QUANTILE ||
           x > (c->transform == TABULAR_LOG1P ? -1 : 0);
}

static double transformed(const struct tabular_column *c, double x)
{
    switch (c->transform) {
    case TABULAR_LOG:
        return log(x);
    case TABULAR_LOG1P:
        return log1p(x);
    case TABULAR_BOX_COX:
        return box_cox(x, c->lambda);
    case TABULAR_QUANTILE:
        return rank(c->quantile, c->n_quantile, x);
    default:
        return x;
    }
}

/* What a transform learns from n values, which change places. */
static void fit_transform(struct tabular_column *c, double *x, size_t n)
{
    enum { MOST = 1000 };
    if (c->transform == TABULAR_BOX_COX) {
        qsort(x, n, sizeof *x, compare_real); /* sums of the same bits in any order of the rows */
        c->lambda = x[0] < x[n - 1] ? find_lambda(x, n) : 1;
    } else if (c->transform == TABULAR_QUANTILE) {
        qsort(x, n, sizeof *x, compare_real); /* selecting is quick then */
        c->n_quantile = n < MOST ? n : MOST;
        c->quantile = mem_calloc(c->n_quantile, sizeof *c->quantile);
        for (size_t i = 0; i < c->n_quantile; i++)
            c->quantile[i] = n < 2 ? x[0] : quantile(x, n, i, c->n_quantile);
    }
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

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
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
    c->group = mem_strdup(group);
    c->group_level = mem_calloc(by->n_level, sizeof *c->group_level);
    c->group_fill = mem_calloc(by->n_level, sizeof *c->group_fill);
    for (size_t k = 0; k < by->n_level; k++)
        c->group_level[k] = mem_strdup(by->level[k]);
    qsort(c->group_level, by->n_level, sizeof *c->group_level, compare_text);
    c->n_group = by->n_level;
    for (size_t k = 0; k < by->n_level; k++) {
        size_t n = 0, at = (size_t)tabular_find_level(c->group_level, c->n_group, by->level[k]);
        for (size_t i = 0; i < n_row; i++)
            if (column_valid(from, row[i]) && column_valid(by, row[i]) &&
                by->code[row[i]] == (int32_t)k)
                x[n++] = number_at(from, c->part, row[i]);
        c->group_fill[at] = n ? median(x, n) : c->fill;
    }
    free(x);
    return 0;
}

/* Fill of every code of the group column here: (n_level), owned by the caller; NULL: there is none.
 */
static double *group_fills(const struct tabular_column *c, const struct column *by)
{
    if (!by)
        return NULL;
    double *fill = mem_calloc(by->n_level, sizeof *fill);
    for (size_t k = 0; k < by->n_level; k++) {
        int64_t at = tabular_find_level(c->group_level, c->n_group, by->level[k]);
        fill[k] = at >= 0 ? c->group_fill[at] : c->fill;
    }
    return fill;
}

/* ---- fit and expand ------------------------------------------------------------------------- */

/* Values of the training rows without gaps into x. */
static int collect(const struct tabular_column *t, const struct column *c, const size_t *row,
                   size_t n_row, double *x, size_t *out_n, struct err *e)
{
    size_t n = 0;
    for (size_t i = 0; i < n_row; i++) {
        if (!column_valid(c, row[i]))
            continue;
        x[n] = number_at(c, t->part, row[i]);
        if (!isfinite(x[n]))
            return err_set(e, ERR_DATA, "column '%s' row %zu: %g is not a finite number", c->name,
                           row[i], x[n]);
        if (!has_logarithm(t, x[n]))
            return refuse_value(t, c->name, row[i], x[n], e);
        n++;
    }
    *out_n = n;
    return 0;
}

static double fill_of(const struct tabular_options *o, double *x, size_t n)
{
    double mean, sd;
    if (o->number_missing == TABULAR_CONSTANT)
        return o->constant;
    if (o->number_missing == TABULAR_MEAN) {
        tabular_mean_sd(x, n, 1, &mean, &sd); /* of the values in the order of the rows */
        return mean;
    }
    return (double)NAN;
}

int tabular_fit_number(struct tabular_column *out, const struct table *t, const struct column *c,
                       enum tabular_part part, const size_t *row, size_t n_row,
                       const struct tabular_options *o, struct err *e)
{
    struct tabular_column made = { .part = part, .transform = o->transform };
    double *x = mem_calloc(n_row, sizeof *x);
    size_t n = 0;
    int rc = collect(&made, c, row, n_row, x, &n, e);
    if (rc || n == 0)
        goto out;
    made.fill = fill_of(o, x, n);
    if (o->number_missing == TABULAR_MEDIAN) {
        made.fill = median(x, n);
    } else if (o->number_missing == TABULAR_MODE) {
        qsort(x, n, sizeof *x, compare_real);
        made.fill = mode(x, n);
    }
    if (!isfinite(made.fill))
        rc = err_set(e, ERR_DATA, "column '%s': the mean of its values is too large for a number",
                     c->name);
    else if (!has_logarithm(&made, made.fill))
        rc = err_set(e, ERR_DATA, "column '%s': its gaps become %g, which has no logarithm",
                     c->name, made.fill);
    if (rc == 0 && o->group)
        rc = fit_group(&made, t, c, row, n_row, o->group, e);
    if (rc == 0)
        fit_transform(&made, x, n);
    made.indicator = o->indicators && n < n_row && part == TABULAR_WHOLE;
    made.n_out = made.indicator ? 2 : 1;
out:
    free(x);
    *out = made;
    return rc;
}

int tabular_expand_number(const struct tabular_column *c, const struct table *t,
                          const struct column *from, const size_t *row, size_t n_row, double *out,
                          size_t n_out, struct err *e)
{
    const struct column *by = c->group ? table_column(t, c->group) : NULL;
    double *fill = group_fills(c, by && by->type == COLUMN_CATEGORY ? by : NULL);
    int rc = 0;
    for (size_t r = 0; rc == 0 && r < n_row; r++) {
        size_t i = row ? row[r] : r;
        double *x = out + r * n_out;
        bool there = from && column_valid(from, i);
        double value = there                         ? number_at(from, c->part, i)
                       : fill && column_valid(by, i) ? fill[by->code[i]]
                                                     : c->fill;
        if (!isfinite(value))
            rc = err_set(e, ERR_DATA, "column '%s' row %zu: %g is not a finite number", c->name, i,
                         value);
        else if (!has_logarithm(c, value))
            rc = refuse_value(c, c->name, i, value, e);
        else
            x[0] = transformed(c, value);
        if (c->indicator)
            x[1] = !there;
    }
    free(fill);
    return rc;
}
