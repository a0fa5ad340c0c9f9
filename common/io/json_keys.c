#include "io/json_keys.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int json_keys_load(json_t **out, const char *what, const char *json, const char *const *keys,
                   struct err *e)
{
    json_error_t why;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &why), *value;
    const char *key;
    int rc = 0;

    if (!root)
        return err_set(e, ERR_DATA, "%s is no JSON: line %d column %d: %s", what, why.line,
                       why.column, why.text);
    if (!json_is_object(root))
        rc = err_set(e, ERR_DATA, "%s is no JSON object", what);
    for (const char *const *k = keys; rc == 0 && *k; k++)
        if (!json_object_get(root, *k))
            rc = err_set(e, ERR_DATA, "%s: '%s' is missing", what, *k);
    json_object_foreach(root, key, value)
    {
        const char *const *k = keys;
        while (*k && strcmp(*k, key) != 0)
            k++;
        if (rc == 0 && !*k)
            rc = err_set(e, ERR_DATA, "%s: unknown key '%s'", what, key);
    }
    if (rc)
        json_decref(root);
    else
        *out = root;
    return rc;
}

/* found-and-wanted for a value of another kind */
static int wrong(const json_t *value, const char *what, const char *key, const char *want,
                 struct err *e)
{
    char *found = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    int rc = err_set(e, ERR_DATA, "%s: '%s' is %.80s, want %s", what, key,
                     found ? found : "unreadable", want);
    free(found);
    return rc;
}

int json_keys_bool(const json_t *root, const char *what, const char *key, bool *out, struct err *e)
{
    const json_t *value = json_object_get(root, key);
    if (!json_is_boolean(value))
        return wrong(value, what, key, "true or false", e);
    *out = json_is_true(value);
    return 0;
}

int json_keys_int(const json_t *root, const char *what, const char *key, int64_t min, int64_t max,
                  int64_t *out, struct err *e)
{
    const json_t *value = json_object_get(root, key);
    if (!json_is_integer(value))
        return wrong(value, what, key, "a whole number", e);
    int64_t v = json_integer_value(value);
    if (v < min || v > max)
        return err_set(e, ERR_DATA, "%s: '%s' is %lld, want %lld to %lld", what, key, (long long)v,
                       (long long)min, (long long)max);
    *out = v;
    return 0;
}

int json_keys_text(const json_t *root, const char *what, const char *key, const char **out,
                   struct err *e)
{
    const json_t *value = json_object_get(root, key);
    if (!json_is_string(value))
        return wrong(value, what, key, "a text", e);
    *out = json_string_value(value);
    return 0;
}

json_t *json_text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

json_t *json_texts(char *const *text, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(text[i]));
    return list;
}

char **json_take_texts(const json_t *list, size_t *out_n)
{
    char **text = mem_calloc(json_array_size(list) + 1, sizeof *text);
    *out_n = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i)))
            text[(*out_n)++] = mem_strdup(json_string_value(json_array_get(list, i)));
    return text;
}
