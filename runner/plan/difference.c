/* What differs between two inputs documents, told so that a person can act on it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/plan/plan.h"

enum { MAX_SHOWN = 60, MAX_FILES = 10, BEFORE = 12 };

/* A value as text: texts as they are, lists in brackets. */
static void add_json(struct str *out, const json_t *v)
{
    if (json_is_string(v)) {
        str_addz(out, *json_string_value(v) ? json_string_value(v) : "\"\"");
    } else if (json_is_array(v)) {
        str_addc(out, '[');
        for (size_t i = 0; i < json_array_size(v); i++) {
            str_addz(out, i ? ", " : "");
            add_json(out, json_array_get(v, i));
        }
        str_addc(out, ']');
    } else if (json_is_integer(v)) {
        str_addf(out, "%lld", (long long)json_integer_value(v));
    } else {
        str_addz(out, v ? "none" : "nothing");
    }
}

/* At most MAX_SHOWN bytes of a text, those from `from` on; no half UTF-8 characters. */
static void add_cut(struct str *out, const char *text, size_t from)
{
    while (from > 0 && ((unsigned char)text[from] & 0xc0) == 0x80)
        from--;
    size_t n = strlen(text + from), most = MAX_SHOWN - (from ? 3 : 0);
    str_addz(out, from ? "..." : "");
    if (n > most) {
        n = most - 3;
        while (n > 0 && ((unsigned char)text[from + n] & 0xc0) == 0x80)
            n--;
        str_add(out, text + from, n);
        str_addz(out, "...");
    } else {
        str_add(out, text + from, n);
    }
}

static void add_value(struct str *out, const json_t *v)
{
    struct str text = { 0 };
    add_json(&text, v);
    add_cut(out, str_text(&text), 0);
    str_release(&text);
}

/* Both, and of long ones what differs: from a little before it on. */
static void add_both(struct str *out, const json_t *old, const json_t *now)
{
    struct str a = { 0 }, b = { 0 };
    size_t same = 0;
    add_json(&a, old);
    add_json(&b, now);
    while (same < a.n && same < b.n && a.text[same] == b.text[same])
        same++;
    size_t from = (a.n > MAX_SHOWN || b.n > MAX_SHOWN) && same > 2 * BEFORE ? same - BEFORE : 0;
    add_cut(out, str_text(&a), from);
    str_addz(out, " -> ");
    add_cut(out, str_text(&b), from);
    str_release(&b);
    str_release(&a);
}

static void changed(struct path_list *out, const char *what, const char *name, const json_t *old,
                    const json_t *now)
{
    struct str text = { 0 };
    str_addf(&text, "%s%s: ", what, name);
    if (!old) {
        str_addz(&text, "added, ");
        add_value(&text, now);
    } else if (!now) {
        str_addz(&text, "removed, was ");
        add_value(&text, old);
    } else {
        add_both(&text, old, now);
    }
    path_list_take(out, str_take(&text));
}

/* The keys of both objects, sorted, each once. */
static void both_keys(json_t *a, json_t *b, struct path_list *out)
{
    struct path_list all = { 0 };
    for (void *at = json_object_iter(a); at; at = json_object_iter_next(a, at))
        path_list_add(&all, json_object_iter_key(at));
    for (void *at = json_object_iter(b); at; at = json_object_iter_next(b, at))
        path_list_add(&all, json_object_iter_key(at));
    path_list_sort(&all);
    for (size_t i = 0; i < all.n; i++)
        if (i == 0 || strcmp(all.path[i], all.path[i - 1]) != 0)
            path_list_add(out, all.path[i]);
    path_list_release(&all);
}

static bool same(const json_t *a, const json_t *b)
{
    return a && b && json_equal(a, b);
}

/* params, env, outs: {name: value} */
static void compare_values(const json_t *old, const json_t *now, const char *section,
                           const char *prefix, struct path_list *out)
{
    json_t *a = json_object_get(old, section), *b = json_object_get(now, section);
    struct path_list keys = { 0 };
    both_keys(a, b, &keys);
    for (size_t i = 0; i < keys.n; i++) {
        const json_t *was = json_object_get(a, keys.path[i]),
                     *is = json_object_get(b, keys.path[i]);
        if (!same(was, is))
            changed(out, prefix, keys.path[i], was, is);
    }
    path_list_release(&keys);
}

/* {path: sha256} against the same; a hash that is null is not known. */
static void compare_files(json_t *a, json_t *b, const char *what, struct path_list *out)
{
    struct path_list keys = { 0 };
    size_t n = 0;
    bool partial = false;
    both_keys(a, b, &keys);
    for (size_t i = 0; i < keys.n; i++)
        partial = partial || json_is_null(json_object_get(b, keys.path[i]));
    for (size_t i = 0; i < keys.n; i++) {
        const json_t *was = json_object_get(a, keys.path[i]),
                     *is = json_object_get(b, keys.path[i]);
        const char *verb = !was ? "added" : !is ? "removed" : "changed";
        if (same(was, is) || json_is_null(is) || (!is && partial))
            continue;
        if (++n <= MAX_FILES)
            path_list_take(out, str_format("%s: %s %s", what, keys.path[i], verb));
    }
    if (n > MAX_FILES)
        path_list_take(out, str_format("%s: %zu more files", what, n - MAX_FILES));
    path_list_release(&keys);
}

/* [[path, sha256]...] as {path: sha256} */
static json_t *by_path(const json_t *list)
{
    json_t *map = json_object();
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);
        const char *path = json_string_value(json_array_get(pair, 0));
        if (path)
            json_object_set(map, path, json_array_get(pair, 1));
    }
    return map;
}

static const char *only_path(const json_t *list)
{
    return json_array_size(list) == 1
               ? json_string_value(json_array_get(json_array_get(list, 0), 0))
               : NULL;
}

static void compare_dep(const char *name, const json_t *was, const json_t *is,
                        struct path_list *out)
{
    const char *old_path = only_path(was), *new_path = only_path(is);
    char *what = str_format("deps.%s", name);
    size_t before = out->n;
    if (old_path && new_path && strcmp(old_path, new_path) != 0 && !path_is_glob(new_path)) {
        path_list_take(out, str_format("%s: %s -> %s", what, old_path, new_path));
    } else {
        json_t *a = by_path(was), *b = by_path(is);
        bool partial = false;
        for (void *at = json_object_iter(b); at; at = json_object_iter_next(b, at))
            partial = partial || json_is_null(json_object_iter_value(at));
        compare_files(a, b, what, out);
        if (out->n == before && !partial && !same(was, is))
            path_list_take(out, str_format("%s: the order of the files changed", what));
        json_decref(b);
        json_decref(a);
    }
    free(what);
}

static void compare_deps(const json_t *old, const json_t *now, struct path_list *out)
{
    json_t *a = json_object_get(old, "deps"), *b = json_object_get(now, "deps");
    struct path_list keys = { 0 };
    both_keys(a, b, &keys);
    for (size_t i = 0; i < keys.n; i++)
        if (!same(json_object_get(a, keys.path[i]), json_object_get(b, keys.path[i])))
            compare_dep(keys.path[i], json_object_get(a, keys.path[i]),
                        json_object_get(b, keys.path[i]), out);
    path_list_release(&keys);
}

void plan_differences(const json_t *old, const json_t *now, struct path_list *out)
{
    static const char *const whole[] = { "schema", "argv" };
    static const char *const words[] = { "the version of the fingerprint", "command" };
    const json_t *a = json_object_get(old, "program"), *b = json_object_get(now, "program");

    for (size_t i = 0; i < 2; i++)
        if (!same(json_object_get(old, whole[i]), json_object_get(now, whole[i])))
            changed(out, words[i], "", json_object_get(old, whole[i]),
                    json_object_get(now, whole[i]));
    /* Null: the shell on both sides, or a program that a stage above has yet to make. */
    if (!same(a, b) && !json_is_null(b))
        path_list_add(out, "program changed");
    compare_files(json_object_get(old, "code"), json_object_get(now, "code"), "code", out);
    compare_values(old, now, "params", "params.", out);
    compare_deps(old, now, out);
    compare_values(old, now, "env", "env.", out);
    if (!same(json_object_get(old, "secrets"), json_object_get(now, "secrets")))
        changed(out, "secrets", "", json_object_get(old, "secrets"),
                json_object_get(now, "secrets"));
    compare_values(old, now, "outs", "outs.", out);
}
