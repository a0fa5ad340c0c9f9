/* What is told of a column, and what it is compared by: both follow from its sample. */
#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/record.h"
#include "num/psi.h"

enum { N_BAR = 20, N_BIN = 10, N_TOP = 20, N_CLASS = 200, N_TOLD = 10 };

/* ---- one column ------------------------------------------------------------------------------ */

static json_t *reals(const double *v, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_real(v[i]));
    return list;
}

static json_t *counts(const double *v, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer((json_int_t)v[i]));
    return list;
}

/* In how many bins: edges e[0] <= e[1] ...; bin i is (e[i], e[i + 1]], the first from -infinity,
 * the last to +infinity; one more for rows without a value. `out` is zeros before. */
static void count_bins(const struct sample *s, const double *inner, size_t n_inner, double *out)
{
    for (size_t i = 0; i < s->n; i++) {
        size_t bin = 0;
        while (bin < n_inner && s->v[i] > inner[bin])
            bin++;
        out[bin]++;
    }
    out[n_inner + 1] = (double)(s->n_row - s->n);
}

/* The inner edges of bins with a tenth of the values each; fewer where values are tied. */
static size_t tenths(const struct sample *s, double *out)
{
    size_t n = 0;
    for (size_t k = 1; k < N_BIN && s->n; k++) {
        double edge = s->v[(s->n - 1) * k / N_BIN];
        if ((n == 0 || edge > out[n - 1]) && edge < s->v[s->n - 1])
            out[n++] = edge;
    }
    return n;
}

static json_t *histogram(const struct sample *s)
{
    double count[N_BAR] = { 0 }, low = s->v[0], high = s->v[s->n - 1];
    for (size_t i = 0; i < s->n; i++) {
        double at = high > low ? (s->v[i] - low) / (high - low) * N_BAR : 0;
        count[at >= N_BAR ? N_BAR - 1 : at > 0 ? (size_t)at : 0]++;
    }
    return json_pack("{s:f,s:f,s:o}", "from", low, "to", high, "counts", counts(count, N_BAR));
}

static void tell_numbers(const struct sample *s, json_t *to)
{
    double inner[N_BIN], count[N_BIN + 2] = { 0 }, sd, mean = sample_mean(s, &sd);
    size_t n = tenths(s, inner);
    if (s->n == 0)
        return;
    json_object_set_new(to, "min", json_real(s->v[0]));
    json_object_set_new(to, "median", json_real(s->v[(s->n - 1) / 2]));
    json_object_set_new(to, "max", json_real(s->v[s->n - 1]));
    if (isfinite(mean))
        json_object_set_new(to, "mean", json_real(mean));
    if (isfinite(sd))
        json_object_set_new(to, "sd", json_real(sd));
    json_object_set_new(to, "histogram", histogram(s));
    count_bins(s, inner, n, count);
    json_object_set_new(
        to, "bins",
        json_pack("{s:o,s:o}", "edges", reals(inner, n), "counts", counts(count, n + 2)));
}

struct level {
    const char *name;
    double count;
    size_t at;
};

static int compare_levels(const void *a, const void *b)
{
    const struct level *x = a, *y = b;
    return x->count < y->count ? 1 : x->count > y->count ? -1 : (x->at > y->at) - (x->at < y->at);
}

static struct level *count_levels(const struct sample *s, size_t *out_n)
{
    bool is_bool = s->c->type == COLUMN_BOOL;
    size_t n = is_bool ? 2 : s->c->n_level;
    struct level *level = mem_calloc(n, sizeof *level);
    for (size_t i = 0; i < n; i++)
        level[i] = (struct level){ is_bool ? i ? "true" : "false" : s->c->level[i], 0, i };
    for (size_t i = 0; i < s->n; i++)
        level[(size_t)s->v[i]].count++;
    *out_n = n;
    return level;
}

/* The most frequent ones, and all others together. */
static void tell_levels(const struct sample *s, size_t n_top, json_t *to)
{
    size_t n;
    struct level *level = count_levels(s, &n);
    json_t *list = json_array();
    double others = 0;
    qsort(level, n, sizeof *level, compare_levels);
    for (size_t i = 0; i < n; i++) {
        if (i < n_top)
            json_array_append_new(list, json_pack("{s:s,s:I}", "level", level[i].name, "count",
                                                  (json_int_t)level[i].count));
        else
            others += level[i].count;
    }
    json_object_set_new(to, "levels", list);
    json_object_set_new(to, "others", json_integer((json_int_t)others));
    free(level);
}

/* ---- against the last import ----------------------------------------------------------------- */

static double number_at(const json_t *list, size_t i)
{
    return json_number_value(json_array_get(list, i));
}

/* The counts of both in the bins of the last profile; 0 if it has none that can be used. */
static size_t bins_of_numbers(const struct sample *s, const json_t *last, double **before,
                              double **now)
{
    const json_t *bins = json_object_get(last, "bins"), *edges = json_object_get(bins, "edges"),
                 *counts = json_object_get(bins, "counts");
    size_t n = json_array_size(edges);
    double inner[N_BIN];
    if (n > N_BIN || json_array_size(counts) != n + 2)
        return 0;
    for (size_t i = 0; i < n; i++)
        inner[i] = number_at(edges, i);
    *before = mem_calloc(n + 2, sizeof **before);
    *now = mem_calloc(n + 2, sizeof **now);
    for (size_t i = 0; i < n + 2; i++)
        (*before)[i] = number_at(counts, i);
    count_bins(s, inner, n, *now);
    return n + 2;
}

static size_t bins_of_levels(const struct sample *s, const json_t *last, double **before,
                             double **now)
{
    const json_t *levels = json_object_get(last, "levels");
    size_t n = json_array_size(levels), n_level;
    if (!json_is_array(levels) || n > N_CLASS)
        return 0;
    struct level *level = count_levels(s, &n_level);
    *before = mem_calloc(n + 2, sizeof **before);
    *now = mem_calloc(n + 2, sizeof **now);
    (*before)[n] = json_number_value(json_object_get(last, "others"));
    (*before)[n + 1] = json_number_value(json_object_get(last, "missing"));
    (*now)[n + 1] = (double)(s->n_row - s->n);
    for (size_t i = 0; i < n; i++)
        (*before)[i] = json_number_value(json_object_get(json_array_get(levels, i), "count"));
    for (size_t j = 0; j < n_level; j++) {
        size_t i = 0;
        for (; i < n; i++) {
            const char *name = json_string_value(
                json_object_get(json_array_get(levels, i), "level"));
            if (name && strcmp(name, level[j].name) == 0)
                break;
        }
        (*now)[i] += level[j].count;
    }
    free(level);
    return n + 2;
}

static void note_drift(const struct sample *s, double index, double above, struct drift *d)
{
    struct str text = { 0 };
    str_addf(&text, "'%s' %.3f", s->c->name, index);
    char *shown = record_shorten(text.text, text.n, sizeof d->worst - 4);
    if (++d->n_over <= N_TOLD)
        log_info("moved since the last import: %s", shown);
    if (above > d->worst_psi) {
        d->worst_psi = above;
        memcpy(d->worst, shown, strlen(shown) + 1);
    }
    free(shown);
    str_release(&text);
}

static void tell_drift(const struct sample *s, const json_t *last, json_t *to, struct drift *d)
{
    double *before = NULL, *now = NULL;
    size_t n = sample_has_codes(s->c) ? bins_of_levels(s, last, &before, &now)
                                      : bins_of_numbers(s, last, &before, &now);
    if (n && s->n_row) {
        double index = psi(before, now, n), chance = psi_chance(before, now, n);
        bool over = index - chance > d->limit;
        json_object_set_new(
            to, "drift",
            json_pack("{s:f,s:f,s:b}", "psi", index, "chance", chance, "over", (int)over));
        if (over)
            note_drift(s, index, index - chance, d);
    }
    free(before);
    free(now);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const json_t *find_named(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        const char *other = json_string_value(json_object_get(item, "name"));
        if (other && strcmp(other, name) == 0)
            return item;
    }
    return NULL;
}

static json_t *column_profile(const struct profile_table *p, const struct column *c,
                              const json_t *last, uint64_t *io_rows, struct drift *drift)
{
    const char *label = p->t->roles.label;
    bool is_label = label && strcmp(label, c->name) == 0;
    struct sample s;
    sample_take(&s, c);
    json_t *out = json_pack("{s:s,s:s,s:I,s:I}", "name", c->name, "type", column_type_name(c->type),
                            "missing", (json_int_t)(s.n_row - s.n), "distinct",
                            (json_int_t)distinct_values(c, io_rows));
    const char *type = json_string_value(json_object_get(last, "type"));
    if (c->type == COLUMN_STRING || c->type == COLUMN_DATE)
        json_object_set_new(out, "of", json_string(c->type == COLUMN_DATE ? "days" : "lengths"));
    if (sample_has_codes(c))
        tell_levels(&s, is_label ? N_CLASS : N_TOP, out);
    else
        tell_numbers(&s, out);
    /* dates always move on, and so does what names a row */
    if (type && strcmp(type, column_type_name(c->type)) == 0 && c->type != COLUMN_DATE &&
        !names_rows(p, c))
        tell_drift(&s, last, out, drift);
    free(s.v);
    return out;
}

static json_t *table_profile(const struct profile_table *p, const json_t *last, struct drift *drift)
{
    const struct table *t = p->t;
    json_t *columns = json_array(), *out;
    uint64_t *rows = mem_calloc(t->n_row, sizeof *rows);
    size_t n_told = 0; /* columns that do not name the rows */
    for (size_t j = 0; j < t->n_col; j++) {
        const struct column *c = &t->col[j];
        const json_t *before = find_named(json_object_get(last, "columns"), c->name);
        bool tells = !names_rows(p, c);
        n_told += tells;
        json_array_append_new(columns, column_profile(p, c, before, tells ? rows : NULL, drift));
    }
    out = json_pack("{s:s,s:I,s:I}", "name", t->name, "rows", (json_int_t)t->n_row, "duplicates",
                    (json_int_t)(n_told ? duplicate_rows(rows, t->n_row) : 0));
    if (t->roles.label)
        json_object_set_new(out, "label", json_string(t->roles.label));
    json_object_set_new(out, "columns", columns);
    free(rows);
    return out;
}

json_t *profile_make(const struct profile_table *t, size_t n, const json_t *last,
                     struct drift *drift)
{
    json_t *tables = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(
            tables,
            table_profile(&t[i], find_named(json_object_get(last, "tables"), t[i].t->name), drift));
    json_t *out = json_pack("{s:i,s:o}", "profile", 1, "tables", tables);
    if (last)
        json_object_set_new(out, "drift_limit", json_real(drift->limit));
    return out;
}
