#include "runner/plan/canonical.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void add_text(const char *text, size_t n, struct str *out)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    str_addc(out, '"');
    for (size_t i = 0, from = 0; i <= n; i++) {
        unsigned char c = i < n ? (unsigned char)text[i] : '"';
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        str_add(out, text + from, i - from);
        from = i + 1;
        const char *known = c ? strchr(plain, c) : NULL;
        if (i == n)
            break;
        if (known)
            str_addf(out, "\\%c", letter[known - plain]);
        else
            str_addf(out, "\\u%04X", c);
    }
    str_addc(out, '"');
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_object(const json_t *doc, struct str *out)
{
    const char *few[16], **key = few, *name;
    size_t n = 0, n_all = json_object_size(doc);
    json_t *value;

    if (n_all > sizeof few / sizeof *few)
        key = mem_calloc(n_all, sizeof *key);
    json_object_foreach((json_t *)(uintptr_t)doc, name, value) key[n++] = name;
    if (n > 1)
        qsort(key, n, sizeof *key, by_text);
    str_addc(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            str_addc(out, ',');
        add_text(key[i], strlen(key[i]), out);
        str_addc(out, ':');
        canonical_add(json_object_get(doc, key[i]), out);
    }
    str_addc(out, '}');
    if (key != few)
        free(key);
}

void canonical_add(const json_t *doc, struct str *out)
{
    switch (json_typeof(doc)) {
    case JSON_OBJECT:
        add_object(doc, out);
        break;
    case JSON_ARRAY:
        str_addc(out, '[');
        for (size_t i = 0; i < json_array_size(doc); i++) {
            if (i)
                str_addc(out, ',');
            canonical_add(json_array_get(doc, i), out);
        }
        str_addc(out, ']');
        break;
    case JSON_STRING:
        add_text(json_string_value(doc), json_string_length(doc), out);
        break;
    case JSON_INTEGER:
        str_addf(out, "%lld", (long long)json_integer_value(doc));
        break;
    default:
        assert(json_is_null(doc)); /* no document of ours has others */
        str_addz(out, "null");
    }
}
