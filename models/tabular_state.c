/* The fitted state of models/tabular.h as JSON and back. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/tabular.h"

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

static json_t *column_json(const struct tabular_column *c)
{
    json_t *j = json_pack("{s:s, s:s}", "name", c->name, "type",
                          c->category ? "category" : "number");
    if (c->category) {
        json_object_set_new(j, "levels", texts(c->level, c->n_level));
        json_object_set_new(j, "missing", index_or_null(c->missing));
        json_object_set_new(j, "other", index_or_null(c->other));
    } else {
        json_object_set_new(j, "fill", json_real(c->fill));
        json_object_set_new(j, "indicator", json_boolean(c->indicator));
    }
    json_object_set_new(j, "columns", json_integer((json_int_t)c->n_out));
    return j;
}

char *tabular_text(const struct tabular *s)
{
    json_t *root = json_pack("{s:i}", "tabular", 1), *columns = json_array();
    for (size_t i = 0; i < s->n_col; i++)
        json_array_append_new(columns, column_json(&s->col[i]));
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
    if (n_out < 1 || (uint64_t)n_out > c->n_level || (uint64_t)n_out + 1 < c->n_level)
        return "a category has another number of columns than levels";
    c->n_out = (size_t)n_out;
    return NULL;
}

static const char *parse_number(struct tabular_column *c, const json_t *j)
{
    const json_t *fill = json_object_get(j, "fill"), *indicator = json_object_get(j, "indicator");
    c->fill = json_number_value(fill);
    c->indicator = json_is_true(indicator);
    c->n_out = c->indicator ? 2 : 1;
    if (!json_is_number(fill) || !isfinite(c->fill) || !json_is_boolean(indicator))
        return "a number column lacks 'fill' or 'indicator'";
    return json_integer_value(json_object_get(j, "columns")) == (json_int_t)c->n_out
               ? NULL
               : "a number column has another number of columns than it needs";
}

/* NULL, or what is wrong. */
static const char *parse_column(struct tabular_column *c, const json_t *j)
{
    const char *name = json_string_value(json_object_get(j, "name"));
    const char *type = json_string_value(json_object_get(j, "type"));
    if (!name || !type)
        return "a column lacks 'name' or 'type'";
    c->name = mem_strdup(name);
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
    if (json_integer_value(json_object_get(root, "tabular")) != 1)
        wrong = "it is not version 1 of the state";
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
