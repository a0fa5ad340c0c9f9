/* The fitted state of models/tabular.h as JSON and back. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/tabular_inner.h"

/* Version 1 has one-hot categories and numbers as they are, version 2 encodings and
 * tabular_transforms, version 3 gaps that are kept and columns that may not be absent; the least
 * that is enough is written. */
enum { VERSION = 3 };

const char *const tabular_transforms[] = { "none", "log", "log1p", "box_cox", "quantile", NULL };
const char *const tabular_encodes[] = { "one_hot", "ordinal", "count", "target", NULL };
const char *const tabular_absents[] = { "gap", "zero", "refuse", NULL };

static json_t *reals(const double *x, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_real(x[i]));
    return list;
}

static json_t *texts(char *const *text, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(text[i]));
    return list;
}

static json_t *index_or_null(int64_t i)
{
    return i < 0 ? json_null() : json_integer(i);
}

static int version_of(const struct tabular_column *c)
{
    return c->keep || c->absent ? 3 : c->part || c->transform || c->group || c->encode ? 2 : 1;
}

/* What versions 2 and 3 know besides. */
static void add_new_keys(json_t *j, const struct tabular_column *c)
{
    if (c->part)
        json_object_set_new(j, "part", json_string(tabular_part_name(c->part)));
    if (c->transform)
        json_object_set_new(j, "transform", json_string(tabular_transforms[c->transform]));
    if (c->transform == TABULAR_BOX_COX)
        json_object_set_new(j, "lambda", json_real(c->lambda));
    if (c->transform == TABULAR_QUANTILE)
        json_object_set_new(j, "quantiles", reals(c->quantile, c->n_quantile));
    if (c->group) {
        json_object_set_new(j, "group", json_string(c->group));
        json_object_set_new(j, "group_levels", texts(c->group_level, c->n_group));
        json_object_set_new(j, "group_fills", reals(c->group_fill, c->n_group));
    }
    if (c->encode) {
        json_object_set_new(j, "encode", json_string(tabular_encodes[c->encode]));
        json_object_set_new(j, "values", reals(c->value, c->n_level * c->n_out));
        json_object_set_new(j, "unknown", reals(c->unknown, c->n_out));
    }
    if (c->suffix)
        json_object_set_new(j, "classes", texts(c->suffix, c->n_out));
    if (c->absent)
        json_object_set_new(j, "absent", json_string(tabular_absents[c->absent]));
}

static json_t *column_json(const struct tabular_column *c)
{
    json_t *j = json_pack("{s:s, s:s}", "name", c->name, "type",
                          c->category ? "category" : "number");
    if (c->category) {
        json_object_set_new(j, "levels", texts(c->level, c->n_level));
        json_object_set_new(j, "missing", index_or_null(c->missing));
        json_object_set_new(j, "other", index_or_null(c->other));
    } else {
        json_object_set_new(j, "fill", c->keep ? json_null() : json_real(c->fill));
        json_object_set_new(j, "indicator", json_boolean(c->indicator));
    }
    json_object_set_new(j, "columns", json_integer((json_int_t)c->n_out));
    add_new_keys(j, c);
    return j;
}

char *tabular_text(const struct tabular *s)
{
    int version = 1;
    json_t *columns = json_array();
    for (size_t i = 0; i < s->n_col; i++) {
        json_array_append_new(columns, column_json(&s->col[i]));
        if (version < version_of(&s->col[i]))
            version = version_of(&s->col[i]);
    }
    json_t *root = json_pack("{s:i}", "tabular", version);
    json_object_set_new(root, "columns", columns);
    json_object_set_new(root, "names", texts(s->name, s->n_out));
    json_object_set_new(root, "mean", reals(s->mean, s->n_out));
    json_object_set_new(root, "sd", reals(s->sd, s->n_out));
    char *dumped = json_dumps(root, JSON_COMPACT |
                                        JSON_REAL_PRECISION(17)); /* 17 digits read back exactly */
    char *text = mem_strdup(dumped);
    free(dumped);
    json_decref(root);
    return text;
}

/* ---- back ----------------------------------------------------------------------------------- */

static int bad(const char *name, struct err *e, const char *what)
{
    return err_set(e, ERR_DATA, "'%s': the state of the feature columns is damaged: %s", name,
                   what);
}

/* An array of exactly n texts, or of any number if n is SIZE_MAX. */
static bool parse_texts(const json_t *list, size_t n, char ***out, size_t *out_n)
{
    size_t has = json_array_size(list);
    if (!json_is_array(list) || (n != SIZE_MAX && has != n))
        return false;
    for (size_t i = 0; i < has; i++)
        if (!json_is_string(json_array_get(list, i)))
            return false;
    *out = mem_calloc(has, sizeof **out);
    for (size_t i = 0; i < has; i++)
        (*out)[i] = mem_strdup(json_string_value(json_array_get(list, i)));
    *out_n = has;
    return true;
}

static bool parse_reals(const json_t *list, double *out, size_t n)
{
    if (!json_is_array(list) || json_array_size(list) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        out[i] = json_number_value(item);
        if (!json_is_number(item) || !isfinite(out[i]))
            return false;
    }
    return true;
}

/* null: -1; else 0 .. n - 1. */
static bool parse_index(const json_t *j, size_t n, int64_t *out)
{
    *out = -1;
    if (json_is_null(j))
        return true;
    *out = json_integer_value(j);
    return json_is_integer(j) && *out >= 0 && (uint64_t)*out < n;
}

static bool sorted(char *const *level, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strcmp(level[i - 1], level[i]) >= 0)
            return false;
    return true;
}

/* Place of a word in a list that ends with NULL, 0 where the key is absent, -1: none of them. */
static int parse_word(const json_t *j, const char *const *words)
{
    if (!j)
        return 0;
    for (int i = 0; words[i]; i++)
        if (json_is_string(j) && strcmp(json_string_value(j), words[i]) == 0)
            return i;
    return -1;
}

/* A list of n numbers, owned by the caller; NULL if it is something else. */
static double *new_reals(const json_t *list, size_t n)
{
    if (!json_is_array(list) || json_array_size(list) != n)
        return NULL;
    double *x = mem_calloc(n + 1, sizeof *x);
    if (parse_reals(list, x, n))
        return x;
    free(x);
    return NULL;
}

static const char *parse_encode(struct tabular_column *c, const json_t *j)
{
    const json_t *classes = json_object_get(j, "classes");
    size_t n = 0;
    int encode = parse_word(json_object_get(j, "encode"), tabular_encodes);
    if (encode < 0 || c->n_out < 1 || c->n_out > 1u << 20 || c->n_level > SIZE_MAX / 8 / c->n_out)
        return "'encode' of a category is not known";
    c->encode = (enum tabular_encode)encode;
    c->value = new_reals(json_object_get(j, "values"), c->n_level * c->n_out);
    c->unknown = new_reals(json_object_get(j, "unknown"), c->n_out);
    if (!c->value || !c->unknown)
        return "'values' or 'unknown' of a category does not fit its levels and columns";
    if (classes && !parse_texts(classes, c->n_out, &c->suffix, &n))
        return "'classes' of a category does not fit its columns";
    return NULL;
}

static const char *parse_group(struct tabular_column *c, const json_t *j)
{
    const json_t *group = json_object_get(j, "group");
    if (!group)
        return NULL;
    if (!json_is_string(group) ||
        !parse_texts(json_object_get(j, "group_levels"), SIZE_MAX, &c->group_level, &c->n_group) ||
        !sorted(c->group_level, c->n_group) ||
        !(c->group_fill = new_reals(json_object_get(j, "group_fills"), c->n_group)) || c->keep)
        return "'group' of a number column is damaged";
    c->group = mem_strdup(json_string_value(group));
    return NULL;
}

static const char *parse_transform(struct tabular_column *c, const json_t *j)
{
    static const char *const parts[] = { "", "year", "month", "day", "weekday", "hour", NULL };
    const json_t *quantiles = json_object_get(j, "quantiles");
    int part = parse_word(json_object_get(j, "part"), parts);
    int transform = parse_word(json_object_get(j, "transform"), tabular_transforms);
    if (part < 0 || transform < 0)
        return "'part' or 'transform' of a number column is not known";
    c->part = (enum tabular_part)part;
    c->transform = (enum tabular_transform)transform;
    c->lambda = json_number_value(json_object_get(j, "lambda"));
    if (c->transform == TABULAR_BOX_COX &&
        (!json_is_number(json_object_get(j, "lambda")) || !isfinite(c->lambda)))
        return "'lambda' of a number column is no number";
    if (c->transform != TABULAR_QUANTILE)
        return NULL;
    c->n_quantile = json_array_size(quantiles);
    c->quantile = new_reals(quantiles, c->n_quantile);
    for (size_t i = 1; c->quantile && i < c->n_quantile; i++)
        if (c->quantile[i] < c->quantile[i - 1])
            return "'quantiles' of a number column fall";
    return c->quantile ? NULL : "'quantiles' of a number column is no list of numbers";
}

static const char *parse_category(struct tabular_column *c, const json_t *j)
{
    json_int_t n_out = json_integer_value(json_object_get(j, "columns"));
    c->category = true;
    if (!parse_texts(json_object_get(j, "levels"), SIZE_MAX, &c->level, &c->n_level) ||
        !sorted(c->level, c->n_level))
        return "levels of a category are not a sorted list of texts";
    if (!parse_index(json_object_get(j, "missing"), c->n_level, &c->missing) ||
        !parse_index(json_object_get(j, "other"), c->n_level, &c->other))
        return "'missing' or 'other' of a category is not one of its levels";
    if (json_object_get(j, "encode")) {
        c->n_out = n_out > 0 ? (size_t)n_out : 0;
        return parse_encode(c, j);
    }
    if (n_out < 1 || (uint64_t)n_out > c->n_level || (uint64_t)n_out + 1 < c->n_level)
        return "a category has another number of columns than levels";
    c->n_out = (size_t)n_out;
    return NULL;
}

static const char *parse_number(struct tabular_column *c, const json_t *j)
{
    const json_t *fill = json_object_get(j, "fill"), *indicator = json_object_get(j, "indicator");
    c->keep = json_is_null(fill);
    c->fill = json_number_value(fill);
    c->indicator = json_is_true(indicator);
    c->n_out = c->indicator ? 2 : 1;
    if (!(c->keep || json_is_number(fill)) || !isfinite(c->fill) || !json_is_boolean(indicator))
        return "a number column lacks 'fill' or 'indicator'";
    if (json_integer_value(json_object_get(j, "columns")) != (json_int_t)c->n_out)
        return "a number column has another number of columns than it needs";
    const char *wrong = parse_group(c, j);
    return wrong ? wrong : parse_transform(c, j);
}

/* NULL, or what is wrong. */
static const char *parse_column(struct tabular_column *c, const json_t *j)
{
    const char *name = json_string_value(json_object_get(j, "name"));
    const char *type = json_string_value(json_object_get(j, "type"));
    int absent = parse_word(json_object_get(j, "absent"), tabular_absents);
    if (!name || !type)
        return "a column lacks 'name' or 'type'";
    if (absent < 0)
        return "'absent' of a column is not known";
    c->name = mem_strdup(name);
    c->absent = (enum tabular_absent)absent;
    if (strcmp(type, "category") == 0)
        return parse_category(c, j);
    return strcmp(type, "number") == 0 ? parse_number(c, j)
                                       : "a column is neither number nor category";
}

static const char *parse_columns(struct tabular *s, const json_t *list)
{
    if (!json_is_array(list))
        return "'columns' is not a list";
    s->col = mem_calloc(json_array_size(list), sizeof *s->col);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *wrong = parse_column(&s->col[s->n_col++], json_array_get(list, i));
        if (wrong)
            return wrong;
    }
    return NULL;
}

static const char *parse_scale(struct tabular *s, const json_t *root)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_col; i++)
        n += s->col[i].n_out;
    if (!parse_texts(json_object_get(root, "names"), n, &s->name, &s->n_out))
        return "'names' does not fit the columns";
    s->mean = mem_calloc(n, sizeof *s->mean);
    s->sd = mem_calloc(n, sizeof *s->sd);
    if (!parse_reals(json_object_get(root, "mean"), s->mean, n) ||
        !parse_reals(json_object_get(root, "sd"), s->sd, n))
        return "'mean' or 'sd' does not fit the columns";
    for (size_t i = 0; i < n; i++)
        if (!(s->sd[i] > 0))
            return "a standard deviation is not positive";
    return NULL;
}

int tabular_parse(struct tabular *s, const char *name, const char *json, struct err *e)
{
    struct tabular made = { 0 };
    json_error_t where;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &where);
    const char *wrong = NULL;

    if (!root)
        return bad(name, e, where.text);
    json_int_t version = json_integer_value(json_object_get(root, "tabular"));
    if (version < 1 || version > VERSION)
        wrong = "it is not version 1, 2 or 3 of the state";
    if (!wrong)
        wrong = parse_columns(&made, json_object_get(root, "columns"));
    if (!wrong)
        wrong = parse_scale(&made, root);
    json_decref(root);
    if (wrong) {
        tabular_release(&made);
        return bad(name, e, wrong);
    }
    *s = made;
    return 0;
}

char *tabular_kept(const char *json)
{
    char *name = NULL;
    size_t i;
    json_t *root = json_loads(json, 0, NULL), *column;
    json_array_foreach(json_object_get(root, "columns"), i, column)
    {
        if (!name && json_is_null(json_object_get(column, "fill")))
            name = mem_strdup(json_string_value(json_object_get(column, "name")));
    }
    json_decref(root);
    return name;
}
