#include "io/jsonfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "io/outfile.h"
#include "io/wholefile.h"

json_t *jsonfile_string(const char *text)
{
    struct str s = { 0 };
    if (!text)
        return NULL;
    for (size_t n = strlen(text); n;) {
        size_t good = utf8_prefix(text, n);
        str_add(&s, text, good);
        if (good < n)
            str_addz(&s, "\xef\xbf\xbd");
        good += good < n;
        text += good;
        n -= good;
    }
    json_t *string = json_stringn(str_text(&s), s.n);
    str_release(&s);
    return string;
}

int jsonfile_parse(const char *name, const char *bytes, size_t n, json_t **out, struct err *e)
{
    json_error_t at;
    json_t *doc = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &at);
    if (!doc)
        return err_set(e, ERR_DATA, "'%s' line %d column %d is not JSON: %s", name, at.line,
                       at.column, at.text);
    if (!json_is_object(doc)) {
        json_decref(doc);
        return err_set(e, ERR_DATA, "'%s' is JSON, but no object", name);
    }
    *out = doc;
    return 0;
}

int jsonfile_read(const char *path, json_t **out, struct err *e)
{
    char *bytes = NULL;
    size_t n;
    int rc = wholefile_read(path, JSONFILE_MAX, &bytes, &n, e);
    if (rc == 0)
        rc = jsonfile_parse(path, bytes, n, out, e);
    free(bytes);
    return rc;
}

static void add(struct str *s, json_t *doc, int depth);

static void add_string(struct str *s, const char *text)
{
    json_t *string = json_string(text);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    str_addz(s, quoted);
    free(quoted);
    json_decref(string);
}

static void new_line(struct str *s, int depth)
{
    str_addf(s, "\n%*s", 2 * depth, "");
}

/* A list of numbers or texts alone stays on one line. */
static bool is_flat(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_object(json_array_get(list, i)) || json_is_array(json_array_get(list, i)))
            return false;
    return true;
}

static void add_list(struct str *s, const json_t *list, int depth)
{
    bool flat = is_flat(list);
    str_addc(s, '[');
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i)
            str_addz(s, flat ? ", " : ",");
        if (!flat)
            new_line(s, depth + 1);
        add(s, json_array_get(list, i), depth + 1);
    }
    if (!flat)
        new_line(s, depth);
    str_addc(s, ']');
}

static void add_object(struct str *s, json_t *object, int depth)
{
    bool first = true;
    str_addc(s, '{');
    for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at)) {
        if (!first)
            str_addc(s, ',');
        first = false;
        new_line(s, depth + 1);
        add_string(s, json_object_iter_key(at));
        str_addz(s, ": ");
        add(s, json_object_iter_value(at), depth + 1);
    }
    if (!first)
        new_line(s, depth);
    str_addc(s, '}');
}

static void add(struct str *s, json_t *doc, int depth)
{
    switch (json_typeof(doc)) {
    case JSON_OBJECT:
        add_object(s, doc, depth);
        break;
    case JSON_ARRAY:
        add_list(s, doc, depth);
        break;
    case JSON_STRING:
        add_string(s, json_string_value(doc));
        break;
    case JSON_INTEGER:
        str_addf(s, "%lld", (long long)json_integer_value(doc));
        break;
    case JSON_REAL:
        str_add_real(s, json_real_value(doc));
        break;
    case JSON_TRUE:
        str_addz(s, "true");
        break;
    case JSON_FALSE:
        str_addz(s, "false");
        break;
    case JSON_NULL:
        str_addz(s, "null");
        break;
    }
}

char *jsonfile_text(json_t *doc)
{
    struct str s = { 0 };
    add(&s, doc, 0);
    str_addc(&s, '\n');
    return str_take(&s);
}

int jsonfile_write(const char *path, json_t *doc, struct err *e)
{
    char *text = jsonfile_text(doc);
    int rc = outfile_put(path, text, strlen(text), e);
    free(text);
    return rc;
}
