#include "models/tabular_inner.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

static const char *type_name(const struct column *c)
{
    return tabular_is_number(c) ? "a number" : c->type == COLUMN_CATEGORY ? "a category" : "text";
}

/* ---- categories ----------------------------------------------------------------------------- */

struct level {
    const char *text; /* borrowed */
    size_t n;
};

static int compare_level(const void *a, const void *b)
{
    return strcmp(((const struct level *)a)->text, ((const struct level *)b)->text);
}

/* Sort and add up equal texts; levels of no row go. Returns how many are left. */
static size_t merge_levels(struct level *level, size_t n)
{
    size_t kept = 0;
    qsort(level, n, sizeof *level, compare_level);
    for (size_t i = 0; i < n; i++) {
        if (level[i].n == 0)
            continue;
        if (kept && strcmp(level[kept - 1].text, level[i].text) == 0)
            level[kept - 1].n += level[i].n;
        else
            level[kept++] = level[i];
    }
    return kept;
}

int64_t tabular_find_level(char *const *level, size_t n, const char *text)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int order = strcmp(level[mid], text);
        if (order == 0)
            return (int64_t)mid;
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}

/* Gaps join a level (the most frequent of them: the first of equals in byte order) or their own.
 * Returns its text, NULL for all zeros. */
static const char *place_gaps(struct level *level, size_t *n, size_t n_gap,
                              const struct tabular_options *o)
{
    if (o->category_missing == TABULAR_ZERO)
        return NULL;
    if (o->category_missing == TABULAR_LABEL) {
        level[(*n)++] = (struct level){ o->missing_label, n_gap };
        *n = merge_levels(level, *n);
        return o->missing_label;
    }
    size_t best = 0;
    for (size_t i = 1; i < *n; i++)
        if (level[i].n > level[best].n)
            best = i;
    if (*n == 0)
        return NULL;
    level[best].n += n_gap;
    return level[best].text;
}

/* Levels below the share become one; true if there is that one then. */
static bool merge_rare(struct level *level, size_t *n, size_t n_row,
                       const struct tabular_options *o)
{
    bool any = false;
    if (o->rare_below <= 0)
        return false;
    for (size_t i = 0; i < *n; i++) {
        if ((double)level[i].n < o->rare_below * (double)n_row) {
            level[i].text = o->rare_label;
            any = true;
        }
    }
    *n = merge_levels(level, *n);
    return any;
}

static void fit_category(struct tabular_column *out, const struct column *c, const size_t *row,
                         size_t n_row, const struct tabular_options *o)
{
    struct level *level = mem_calloc(c->n_level + 1, sizeof *level);
    size_t n, n_gap = 0;
    for (size_t i = 0; i < c->n_level; i++)
        level[i].text = c->level[i];
    for (size_t i = 0; i < n_row; i++) {
        if (column_valid(c, row[i]))
            level[c->code[row[i]]].n++;
        else
            n_gap++;
    }
    n = merge_levels(level, c->n_level);
    const char *gap = place_gaps(level, &n, n_gap, o);
    bool rare = merge_rare(level, &n, n_row, o);

    *out = (struct tabular_column){ .category = true, .n_level = n, .missing = -1, .other = -1 };
    out->level = mem_calloc(n, sizeof *out->level);
    for (size_t i = 0; i < n; i++)
        out->level[i] = mem_strdup(level[i].text);
    out->n_out = n ? n - (o->drop_last && o->encode == TABULAR_ONE_HOT ? 1 : 0) : 0;
    if (rare)
        out->other = tabular_find_level(out->level, n, o->rare_label);
    if (gap) {
        out->missing = tabular_find_level(out->level, n, gap);
        if (out->missing < 0) /* the level of the gaps was itself rare, or no gap was seen */
            out->missing = out->other;
    }
    free(level);
}

/* ---- the whole table ------------------------------------------------------------------------ */

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

static void keep_column(struct tabular *s, const struct column *c, struct tabular_column *col)
{
    if (col->n_out == 0) {
        log_warn("column '%s' is left out: %s", c->name,
                 col->n_level ? "the training rows have a single level"
                              : "the training rows have no value");
        column_forget(col);
        return;
    }
    col->name = mem_strdup(c->name);
    s->col = mem_grow(s->col, s->n_col, sizeof *s->col);
    s->col[s->n_col++] = *col;
}

static int fit_parts(struct tabular *s, const struct table *t, const struct column *c,
                     const size_t *row, size_t n_row, const struct tabular_options *o,
                     struct err *e)
{
    unsigned parts = o->parts ? o->parts : 1u << TABULAR_WHOLE;
    if (o->parts && c->type != COLUMN_DATE)
        return err_set(e, ERR_DATA, "column '%s' is no date: it has no parts", c->name);
    for (int part = 0; part < N_TABULAR_PART; part++) {
        struct tabular_column col = { 0 };
        if (!(parts >> part & 1))
            continue;
        int rc = tabular_fit_number(&col, t, c, (enum tabular_part)part, row, n_row, o, e);
        if (rc) {
            column_forget(&col);
            return rc;
        }
        keep_column(s, c, &col);
    }
    return 0;
}

static int fit_column(struct tabular *s, const struct table *t, const struct column *c,
                      const size_t *row, size_t n_row, const struct tabular_options *o,
                      struct err *e)
{
    struct tabular_column col = { 0 };
    if (o->drop)
        return 0;
    if (tabular_is_number(c))
        return fit_parts(s, t, c, row, n_row, o, e);
    if (c->type != COLUMN_CATEGORY)
        return err_set(e, ERR_DATA,
                       "feature '%s' is text: make it a category in the schema, or leave it out",
                       c->name);
    fit_category(&col, c, row, n_row, o);
    int rc = tabular_fit_encode(&col, t, c, row, n_row, o, e);
    if (rc)
        column_forget(&col);
    else
        keep_column(s, c, &col);
    return rc;
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

int64_t *tabular_map_codes(const struct tabular_column *c, const struct column *from)
{
    int64_t *map = mem_calloc(from->n_level, sizeof *map);
    for (size_t k = 0; k < from->n_level; k++) {
        map[k] = tabular_find_level(c->level, c->n_level, from->level[k]);
        if (map[k] < 0)
            map[k] = c->other;
    }
    return map;
}

static void expand_category(const struct tabular_column *c, const struct column *from,
                            const size_t *row, size_t n_row, double *out, size_t n_out)
{
    int64_t *map = from ? tabular_map_codes(c, from) : NULL;
    for (size_t r = 0; r < n_row; r++) {
        size_t i = row ? row[r] : r;
        int64_t level = from && column_valid(from, i) ? map[from->code[i]] : c->missing;
        for (size_t k = 0; k < c->n_out; k++)
            out[r * n_out + k] = !c->value   ? level == (int64_t)k
                                 : level < 0 ? c->unknown[k]
                                             : c->value[(size_t)level * c->n_out + k];
    }
    free(map);
}

/* Unscaled values of one table column into its columns of the matrix, the first of which `out`
 * points at. */
static int expand(const struct tabular_column *c, const struct table *t, const size_t *row,
                  size_t n_row, double *out, size_t n_out, struct err *e)
{
    const struct column *from = table_column(t, c->name);

    if (from && (c->category ? from->type != COLUMN_CATEGORY : !tabular_is_number(from)))
        return err_set(e, ERR_DATA, "column '%s' is %s: want %s, as in training", c->name,
                       type_name(from), c->category ? "a category" : "a number");
    if (!c->category)
        return tabular_expand_number(c, t, from, row, n_row, out, n_out, e);
    expand_category(c, from, row, n_row, out, n_out);
    return 0;
}

static int expand_all(const struct tabular *s, const struct table *t, const size_t *row,
                      size_t n_row, double *out, struct err *e)
{
    size_t j = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_col; i++) {
        rc = expand(&s->col[i], t, row, n_row, out + j, s->n_out, e);
        j += s->col[i].n_out;
    }
    return rc;
}

/* The options of a column: its own, or those of all. */
static const struct tabular_options *options_of(const struct tabular_options *o, const char *column)
{
    for (size_t i = 0; i < o->n_choice; i++)
        if (strcmp(o->choice[i].column, column) == 0)
            return &o->choice[i].options;
    return o;
}

/* Shift and divisor of the columns to be scaled, after filling. */
static int fit_scale(struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                     const struct tabular_options *all, struct err *e)
{
    size_t j = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_col; i++) {
        const struct tabular_column *c = &s->col[i];
        const struct tabular_options *o = options_of(all, c->name);
        double *x = mem_calloc(n_row, c->n_out * sizeof *x);
        rc = expand(c, t, row, n_row, x, c->n_out, e);
        for (size_t k = 0; rc == 0 && k < c->n_out; k++, j++) {
            bool flag = c->category ? !c->value : k > 0;
            if (!o->scale || (flag && !o->scale_indicators))
                continue;
            tabular_fit_scale(o->scale, x + k, n_row, c->n_out, &s->mean[j], &s->sd[j]);
            if (!isfinite(s->mean[j]) || !isfinite(s->sd[j]))
                rc = err_set(e, ERR_DATA, "column '%s': its values are too large to be scaled",
                             c->name);
        }
        free(x);
    }
    return rc;
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

int tabular_fit(struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                const struct tabular_options *options, struct err *e)
{
    struct tabular made = { 0 };
    int rc = 0;

    if (n_row == 0)
        return err_set(e, ERR_DATA, "there is no training row to learn from");
    for (size_t i = 0; rc == 0 && i < t->roles.n_feature; i++) {
        const struct column *c = table_column(t, t->roles.feature[i]);
        rc = c ? fit_column(&made, t, c, row, n_row, options_of(options, c->name), e)
               : err_set(e, ERR_DATA, "the table has no column '%s', which it calls a feature",
                         t->roles.feature[i]);
    }
    if (rc == 0) {
        name_columns(&made);
        rc = check_size(&made, t->n_row, e);
    }
    if (rc == 0 && made.n_out)
        rc = fit_scale(&made, t, row, n_row, options, e);
    if (rc)
        tabular_release(&made);
    else
        *s = made;
    return rc;
}

int tabular_apply(const struct tabular *s, const struct table *t, const size_t *row, size_t n_row,
                  double *out, struct err *e)
{
    int rc = expand_all(s, t, row, n_row, out, e);
    for (size_t r = 0; rc == 0 && r < n_row; r++) {
        for (size_t j = 0; j < s->n_out; j++) {
            double *x = &out[r * s->n_out + j];
            *x = (*x - s->mean[j]) / s->sd[j];
            if (!(fabs(*x) <= (double)FLT_MAX))
                return err_set(e, ERR_DATA, "column '%s' row %zu: the value is too large",
                               s->name[j], row ? row[r] : r);
        }
    }
    return rc;
}
