#include "models/roles.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/json_keys.h"

void roles_copy(struct table_roles *to, const struct table_roles *from)
{
    *to = (struct table_roles){ .id = mem_strdup(from->id),
                                .label = mem_strdup(from->label),
                                .date = mem_strdup(from->date),
                                .image = mem_strdup(from->image),
                                .text = mem_copy_texts(from->text, from->n_text),
                                .n_text = from->n_text,
                                .feature = mem_copy_texts(from->feature, from->n_feature),
                                .n_feature = from->n_feature,
                                .schema = mem_strdup(from->schema) };
}

static json_t *list_of(char *const *text, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(text[i]));
    return list;
}

char *roles_to_json(const struct table_roles *r)
{
    json_t *root = json_object();
    json_object_set_new(root, "id", json_text_or_null(r->id));
    json_object_set_new(root, "label", json_text_or_null(r->label));
    json_object_set_new(root, "date", json_text_or_null(r->date));
    json_object_set_new(root, "image", json_text_or_null(r->image));
    json_object_set_new(root, "text", list_of(r->text, r->n_text));
    json_object_set_new(root, "feature", list_of(r->feature, r->n_feature));
    json_object_set_new(root, "schema", json_text_or_null(r->schema));
    char *dumped = json_dumps(root, 0), *json = mem_strdup(dumped);
    free(dumped);
    json_decref(root);
    return json;
}

static int take_text(char **out, const json_t *root, const char *key, struct err *e)
{
    const json_t *value = json_object_get(root, key);
    if (!json_is_string(value) && !json_is_null(value))
        return err_set(e, ERR_DATA, "roles: '%s' is neither a text nor null", key);
    *out = mem_strdup(json_string_value(value));
    return 0;
}

static int take_list(char ***out, size_t *out_n, const json_t *root, const char *key, struct err *e)
{
    const json_t *list = json_object_get(root, key);
    size_t n = json_array_size(list);
    bool good = json_is_array(list);
    for (size_t i = 0; good && i < n; i++)
        good = json_is_string(json_array_get(list, i));
    if (!good)
        return err_set(e, ERR_DATA, "roles: '%s' is no list of texts", key);
    *out = mem_calloc(n + 1, sizeof **out);
    for (*out_n = 0; *out_n < n; ++*out_n)
        (*out)[*out_n] = mem_strdup(json_string_value(json_array_get(list, *out_n)));
    return 0;
}

int roles_from_json(struct table_roles *r, const char *json, struct err *e)
{
    struct table_roles made = { 0 };
    json_error_t je;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &je);
    int rc;
    if (!root)
        return err_set(e, ERR_DATA, "roles: not JSON: %s", je.text);
    if ((rc = take_text(&made.id, root, "id", e)) ||
        (rc = take_text(&made.label, root, "label", e)) ||
        (rc = take_text(&made.date, root, "date", e)) ||
        (rc = take_text(&made.image, root, "image", e)) ||
        (rc = take_list(&made.text, &made.n_text, root, "text", e)) ||
        (rc = take_list(&made.feature, &made.n_feature, root, "feature", e)) ||
        (json_object_get(root, "schema") && /* models of refit 0.1.0 have none */
         (rc = take_text(&made.schema, root, "schema", e)))) {
        table_roles_release(&made);
    } else {
        *r = made;
    }
    json_decref(root);
    return rc;
}
