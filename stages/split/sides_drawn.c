/* The methods of split: how rows come to their sides. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/schema.h"
#include "io/sides.h"
#include "num/kin.h"
#include "num/partition.h"
#include "stages/split/split.h"

static bool is(const struct draw *d, const char *method)
{
    return strcmp(d->p->method, method) == 0;
}

bool draw_by_lot(const struct params *p)
{
    return strcmp(p->method, "time") != 0 && strcmp(p->method, "column") != 0;
}

static void warn_short(const struct column *label, const uint8_t *is_short, const struct params *p)
{
    struct str names = { 0 };
    size_t n = 0;
    for (size_t c = 0; c < label->n_level; c++) {
        if (!is_short[c])
            continue;
        if (++n <= 10)
            str_addf(&names, "%s%s", n > 1 ? ", " : "", label->level[c]);
    }
    if (n)
        log_warn(
            "%zu of %zu classes have fewer than %lld + %lld rows and give what they have: %s%s", n,
            label->n_level, (long long)p->train_per_class, (long long)p->validation_per_class,
            names.text, n > 10 ? ", ..." : "");
    str_release(&names);
}

static void balanced(const struct draw *d, uint8_t *side)
{
    const struct params *p = d->p;
    uint8_t *is_short = mem_calloc(d->label->n_level, 1);
    partition_balanced(side, d->row, d->n, d->label->code, d->label->n_level,
                       (size_t)p->train_per_class, (size_t)p->validation_per_class,
                       (uint64_t)p->seed, is_short);
    warn_short(d->label, is_short, p);
    free(is_short);
}

/* Random or stratified, of the rows given, by these shares. */
static void by_shares(const struct draw *d, const size_t *row, size_t n,
                      const double share[N_PARTITION], uint8_t *side)
{
    bool classes = is(d, "stratified");
    const int32_t *code = classes ? d->label->code : NULL;
    size_t n_class = classes ? d->label->n_level : 1;
    uint64_t seed = (uint64_t)d->p->seed;

    if (d->group) {
        kin_deal(side, row, n, d->group, code, n_class, share, N_PARTITION, seed);
        for (size_t i = 0; i < n; i++)
            if (side[row[i]] == PARTITION_NOTHING)
                side[row[i]] = SIDE_NONE;
    } else if (classes) {
        partition_stratified(side, row, n, code, n_class, share, seed);
    } else {
        partition_random(side, row, n, share, seed);
    }
}

/* One of K equal parts is for test, a part of the others for validation, the rest for training. */
static void by_folds(const struct draw *d, uint8_t *side, uint8_t *fold)
{
    const struct params *p = d->p;
    size_t k = (size_t)p->folds, n_rest = 0, *rest = mem_calloc(d->n, sizeof *rest);
    bool classes = is(d, "stratified");
    double *equal = mem_calloc(k, sizeof *equal), share[N_PARTITION] = { 0 };

    for (size_t i = 0; i < k; i++)
        equal[i] = 1 / (double)k;
    kin_deal(fold, d->row, d->n, d->group, classes ? d->label->code : NULL,
             classes ? d->label->n_level : 1, equal, k, (uint64_t)p->seed);
    for (size_t i = 0; i < d->n; i++) {
        if (fold[d->row[i]] == p->fold)
            side[d->row[i]] = SIDE_TEST;
        else
            rest[n_rest++] = d->row[i];
    }
    share[PARTITION_VALIDATION] = p->validation * (double)k / (double)(k - 1);
    share[PARTITION_TRAIN] = 1 - share[PARTITION_VALIDATION];
    by_shares(d, rest, n_rest, share, side);
    free(equal);
    free(rest);
}

/* ---- time ---- */

/* A border in the unit of the column: days, or microseconds. */
static int border_of(const char *option, const char *text, const struct column *date, int64_t *out,
                     struct err *e)
{
    int64_t us;
    if (!cell_iso_date(text, &us))
        return err_set(e, ERR_USAGE, "--%s '%s' is no date: want 2024-02-29 or 2024-02-29 13:00:00",
                       option, text);
    const int64_t day = 86400000000;
    bool days = date->unit && strcmp(date->unit, "days") == 0;
    if (days && us % day != 0)
        return err_set(e, ERR_USAGE, "--%s '%s' has a time of day, and column '%s' has days alone",
                       option, text, date->name);
    *out = days ? us / day : us;
    return 0;
}

static int by_borders(const struct draw *d, const struct column *date, const size_t *row, size_t n,
                      uint8_t *side, struct err *e)
{
    const struct params *p = d->p;
    int64_t validation = INT64_MAX, test = INT64_MAX;
    int rc;
    if (*p->validation_from &&
        (rc = border_of("validation_from", p->validation_from, date, &validation, e)))
        return rc;
    if (*p->test_from && (rc = border_of("test_from", p->test_from, date, &test, e)))
        return rc;
    for (size_t i = 0; i < n; i++) {
        int64_t at = date->whole[row[i]];
        side[row[i]] = at >= test ? SIDE_TEST : at >= validation ? SIDE_VALIDATION : SIDE_TRAIN;
    }
    return 0;
}

/* One of K + 1 periods is for test; what comes after it is not known yet. */
static int by_periods(const struct draw *d, const struct column *date, const size_t *row, size_t n,
                      uint8_t *side, uint8_t *fold, struct err *e)
{
    const struct params *p = d->p;
    double share[N_PARTITION] = { 1 - p->validation, p->validation };
    size_t n_before = 0, n_test = 0, *before = mem_calloc(n, sizeof *before);

    partition_ordered_folds(fold, row, n, date->whole, (size_t)p->folds);
    for (size_t i = 0; i < n; i++) {
        if (fold[row[i]] == p->fold)
            side[row[i]] = SIDE_TEST, n_test++;
        else if (fold[row[i]] < p->fold || fold[row[i]] == SIDE_NONE)
            before[n_before++] = row[i];
    }
    partition_ordered(side, before, n_before, date->whole, share);
    free(before);
    if (!n_test)
        return err_set(
            e, ERR_DATA,
            "'%s': fold %lld has no row: %zu rows are too few for %lld folds in time, or "
            "too many of them have one '%s'",
            p->table, (long long)p->fold, n, (long long)p->folds, date->name);
    return 0;
}

static int by_time(const struct draw *d, uint8_t *side, uint8_t *fold, struct err *e)
{
    const struct params *p = d->p;
    const char *name = *p->date ? p->date : d->table->roles.date;
    const struct column *date = name ? table_column(d->table, name) : NULL;
    double share[N_PARTITION] = { p->train, p->validation, p->test };
    int rc = 0;

    if (!name)
        return err_set(e, ERR_DATA,
                       "'%s': --method time needs a date: the import schema names none, "
                       "nor does --date",
                       p->table);
    if (!date || date->type != COLUMN_DATE)
        return err_set(e, ERR_DATA, "'%s': %s '%s' %s", p->table,
                       date ? "column" : "there is no column", name,
                       date ? "is no date" : "to divide by");
    size_t n = 0, *row = mem_calloc(d->n, sizeof *row);
    for (size_t i = 0; i < d->n; i++)
        if (column_valid(date, d->row[i]))
            row[n++] = d->row[i];
    if (n < d->n)
        log_warn("%zu rows have no '%s' and are on no side", d->n - n, name);
    partition_shares(share);
    if (fold)
        rc = by_periods(d, date, row, n, side, fold, e);
    else if (*p->validation_from || *p->test_from)
        rc = by_borders(d, date, row, n, side, e);
    else
        partition_ordered(side, row, n, date->whole, share);
    free(row);
    return rc;
}

/* ---- a column that says it ---- */

static int by_column(const struct draw *d, uint8_t *side, struct err *e)
{
    const struct params *p = d->p;
    const struct column *c = table_column(d->table, p->column);
    size_t n_other = 0, n_train = 0, *train;
    struct str value = { 0 };

    if (!c)
        return err_set(e, ERR_DATA, "'%s': there is no column '%s' to take the sides from",
                       p->table, p->column);
    train = mem_calloc(d->n, sizeof *train);
    for (size_t i = 0; i < d->n; i++) {
        size_t row = d->row[i];
        str_clear(&value);
        column_text(c, row, &value);
        const char *text = str_text(&value);
        if (!*text || (strcmp(text, p->train_value) != 0 && strcmp(text, p->test_value) != 0 &&
                       strcmp(text, p->validation_value) != 0))
            n_other++;
        else if (strcmp(text, p->train_value) == 0)
            side[row] = SIDE_TRAIN, train[n_train++] = row;
        else
            side[row] = strcmp(text, p->test_value) == 0 ? SIDE_TEST : SIDE_VALIDATION;
    }
    if (n_other)
        log_warn("%zu rows have another '%s' and are on no side", n_other, c->name);
    if (!*p->validation_value && p->validation > 0) {
        double share[N_PARTITION] = { 1 - p->validation, p->validation };
        by_shares(d, train, n_train, share, side);
    }
    str_release(&value);
    free(train);
    return 0;
}

int draw_sides(const struct draw *d, uint8_t *side, uint8_t *fold, struct err *e)
{
    double share[N_PARTITION] = { d->p->train, d->p->validation, d->p->test };
    partition_shares(share);
    if (is(d, "time"))
        return by_time(d, side, fold, e);
    if (is(d, "column"))
        return by_column(d, side, e);
    if (fold)
        by_folds(d, side, fold);
    else if (is(d, "balanced"))
        balanced(d, side);
    else
        by_shares(d, d->row, d->n, share, side);
    return 0;
}
