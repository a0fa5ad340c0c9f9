#ifndef TESTS_SCHEMACHECK_H
#define TESTS_SCHEMACHECK_H

/* A validator for the part of JSON Schema (draft 2020-12) that `refit schema` uses. A keyword that
 * it does not know is an error: nothing in the schema goes unchecked. */

#include <jansson.h>
#include <math.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "io/yaml.h"

struct schemacheck {
    json_t *root;
    char why[512]; /* of the last `false`: where in the document and what */
    bool unknown;  /* a keyword that we do not know, or a bad $ref or pattern */
};

static bool schemacheck_valid(struct schemacheck *s, json_t *schema, json_t *doc, const char *at);

static inline bool schemacheck_no(struct schemacheck *s, const char *at, const char *what)
{
    snprintf(s->why, sizeof s->why, "%s: %s", *at ? at : "/", what);
    return false;
}

static inline bool schemacheck_is(json_t *doc, const char *type)
{
    if (strcmp(type, "integer") == 0)
        return json_is_integer(doc) ||
               (json_is_real(doc) && json_real_value(doc) == floor(json_real_value(doc)));
    return strcmp(type, json_is_object(doc)    ? "object"
                        : json_is_array(doc)   ? "array"
                        : json_is_string(doc)  ? "string"
                        : json_is_number(doc)  ? "number"
                        : json_is_boolean(doc) ? "boolean"
                                               : "null") == 0;
}

static inline bool schemacheck_type(json_t *want, json_t *doc)
{
    if (json_is_string(want))
        return schemacheck_is(doc, json_string_value(want));
    for (size_t i = 0; i < json_array_size(want); i++)
        if (schemacheck_is(doc, json_string_value(json_array_get(want, i))))
            return true;
    return false;
}

static inline bool schemacheck_matches(struct schemacheck *s, const char *pattern, const char *text)
{
    regex_t re;
    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB)) {
        s->unknown = true;
        return false;
    }
    bool found = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return found;
}

static inline json_t *schemacheck_ref(struct schemacheck *s, const char *ref)
{
    json_t *at = s->root;
    char *copy = strdup(ref), *save = NULL;
    for (char *part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save))
        if (strcmp(part, "#") != 0)
            at = json_object_get(at, part);
    free(copy);
    s->unknown |= at == NULL;
    return at;
}

/* How many schemas of a list the document fits. */
static inline size_t schemacheck_count(struct schemacheck *s, json_t *list, json_t *doc,
                                       const char *at)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        n += schemacheck_valid(s, json_array_get(list, i), doc, at);
    return n;
}

static inline bool schemacheck_object(struct schemacheck *s, json_t *schema, json_t *doc,
                                      const char *at)
{
    json_t *properties = json_object_get(schema, "properties");
    json_t *rest = json_object_get(schema, "additionalProperties");
    json_t *names = json_object_get(schema, "propertyNames");
    json_t *required = json_object_get(schema, "required");
    const char *key;
    json_t *value;
    for (size_t i = 0; i < json_array_size(required); i++) {
        key = json_string_value(json_array_get(required, i));
        if (!json_object_get(doc, key)) {
            snprintf(s->why, sizeof s->why, "%s: '%s' is missing", at, key);
            return false;
        }
    }
    json_object_foreach(doc, key, value)
    {
        json_t *own = json_object_get(properties, key), *use = own ? own : rest;
        json_t *name = json_string(key);
        char *below = str_format("%s/%s", at, key);
        bool good = !names || schemacheck_valid(s, names, name, below);
        if (good && use && !schemacheck_valid(s, use, value, below)) {
            good = false;
            if (json_is_false(use))
                snprintf(s->why, sizeof s->why, "%s: unknown key", below);
        }
        json_decref(name);
        free(below);
        if (!good)
            return false;
    }
    size_t n = json_object_size(doc);
    json_t *least = json_object_get(schema, "minProperties"),
           *most = json_object_get(schema, "maxProperties");
    return (!least || n >= (size_t)json_integer_value(least)) &&
                   (!most || n <= (size_t)json_integer_value(most))
               ? true
               : schemacheck_no(s, at, "too few or too many keys");
}

static inline bool schemacheck_array(struct schemacheck *s, json_t *schema, json_t *doc,
                                     const char *at)
{
    json_t *items = json_object_get(schema, "items");
    if (json_array_size(doc) < (size_t)json_integer_value(json_object_get(schema, "minItems")))
        return schemacheck_no(s, at, "too few items");
    for (size_t i = 0; items && i < json_array_size(doc); i++)
        if (!schemacheck_valid(s, items, json_array_get(doc, i), at))
            return false;
    return true;
}

static inline bool schemacheck_scalar(struct schemacheck *s, json_t *schema, json_t *doc,
                                      const char *at)
{
    json_t *min = json_object_get(schema, "minimum"), *max = json_object_get(schema, "maximum");
    const char *pattern = json_string_value(json_object_get(schema, "pattern"));
    if (json_is_number(doc) && ((min && json_number_value(doc) < json_number_value(min)) ||
                                (max && json_number_value(doc) > json_number_value(max))))
        return schemacheck_no(s, at, "out of range");
    if (json_is_string(doc) && pattern && !schemacheck_matches(s, pattern, json_string_value(doc)))
        return schemacheck_no(s, at, "does not fit the pattern");
    if (json_is_string(doc) &&
        json_string_length(doc) < (size_t)json_integer_value(json_object_get(schema, "minLength")))
        return schemacheck_no(s, at, "too short");
    return true;
}

static inline void schemacheck_known(struct schemacheck *s, json_t *schema)
{
    static const char *const known[] = { "$defs",         "$ref",
                                         "$schema",       "additionalProperties",
                                         "allOf",         "anyOf",
                                         "const",         "description",
                                         "enum",          "if",
                                         "items",         "maximum",
                                         "maxProperties", "minimum",
                                         "minItems",      "minLength",
                                         "minProperties", "not",
                                         "oneOf",         "pattern",
                                         "properties",    "propertyNames",
                                         "required",      "then",
                                         "title",         "type" };
    const char *key;
    json_t *value;
    json_object_foreach(schema, key, value)
    {
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found = found || strcmp(key, known[i]) == 0;
        if (!found)
            fprintf(stderr, "the validator does not know '%s'\n", key);
        s->unknown |= !found;
    }
}

static inline bool schemacheck_all(struct schemacheck *s, json_t *schema, json_t *doc,
                                   const char *at)
{
    json_t *part;
    for (size_t i = 0; i < json_array_size(json_object_get(schema, "allOf")); i++)
        if (!schemacheck_valid(s, json_array_get(json_object_get(schema, "allOf"), i), doc, at))
            return false;
    if ((part = json_object_get(schema, "anyOf")) && schemacheck_count(s, part, doc, at) == 0)
        return false; /* `why` is of the last of them */
    if ((part = json_object_get(schema, "oneOf")) && schemacheck_count(s, part, doc, at) != 1)
        return schemacheck_no(s, at, "want exactly one of several");
    if ((part = json_object_get(schema, "not")) && schemacheck_valid(s, part, doc, at))
        return schemacheck_no(s, at, "what must not be");
    if ((part = json_object_get(schema, "if")) && schemacheck_valid(s, part, doc, at))
        return schemacheck_valid(s, json_object_get(schema, "then"), doc, at);
    return true;
}

static bool schemacheck_valid(struct schemacheck *s, json_t *schema, json_t *doc, const char *at)
{
    json_t *part;
    if (json_is_boolean(schema))
        return json_is_true(schema);
    schemacheck_known(s, schema);
    bool good = true;
    if ((part = json_object_get(schema, "type")) && !schemacheck_type(part, doc))
        good = schemacheck_no(s, at, "another type");
    if (good && (part = json_object_get(schema, "const")) && !json_equal(part, doc))
        good = schemacheck_no(s, at, "another value");
    if (good && (part = json_object_get(schema, "enum"))) {
        bool found = false;
        for (size_t i = 0; i < json_array_size(part); i++)
            found = found || json_equal(json_array_get(part, i), doc);
        good = found || schemacheck_no(s, at, "none of the words");
    }
    if (good && (part = json_object_get(schema, "$ref")))
        good = schemacheck_valid(s, schemacheck_ref(s, json_string_value(part)), doc, at);
    good = good && schemacheck_all(s, schema, doc, at) && schemacheck_scalar(s, schema, doc, at);
    if (good && json_is_object(doc))
        good = schemacheck_object(s, schema, doc, at);
    if (good && json_is_array(doc))
        good = schemacheck_array(s, schema, doc, at);
    return good;
}

/** What an editor makes of our YAML: the core schema of YAML 1.2. */
static inline json_t *schemacheck_from_yaml(const struct yaml *node)
{
    long long whole;
    double real;
    if (node->kind == YAML_LIST) {
        json_t *list = json_array();
        for (size_t i = 0; i < node->n; i++)
            json_array_append_new(list, schemacheck_from_yaml(node->item[i]));
        return list;
    }
    if (node->kind == YAML_MAP) {
        json_t *map = json_object();
        for (size_t i = 0; i < node->n; i++)
            json_object_set_new(map, node->key[i]->text, schemacheck_from_yaml(node->item[i]));
        return map;
    }
    if (node->quoted)
        return json_string(node->text);
    if (yaml_is_null(node))
        return json_null();
    if (strcmp(node->text, "true") == 0 || strcmp(node->text, "false") == 0)
        return json_boolean(node->text[0] == 't');
    if (str_to_int(node->text, &whole))
        return json_integer(whole);
    return str_to_real(node->text, &real) ? json_real(real) : json_string(node->text);
}

#endif
