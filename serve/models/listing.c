/* list, current, history, diff: what is there. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/models/models.h"

/* The figures of a manifest that are numbers, "accuracy 0.95, macro_f1 0.9"; the first few. */
static void add_metrics(struct str *out, const json_t *manifest, size_t most)
{
    const char *name;
    json_t *value;
    size_t n = 0;
    json_object_foreach(json_object_get(manifest, "metrics"), name, value)
    {
        if (json_is_number(value) && n < most)
            str_addf(out, "%s%s %.4g", n++ ? ", " : "", name, json_number_value(value));
    }
}

/* ---- list ----------------------------------------------------------------------------------- */

static int list_models(const struct call *c, struct err *e)
{
    char **name = NULL;
    size_t n;
    json_t *list = json_array();
    int rc = registry_models(&c->registry, &name, &n, e), width = 5;
    for (size_t i = 0; i < n; i++)
        width = (int)strlen(name[i]) > width ? (int)strlen(name[i]) : width;
    if (rc == 0 && !c->json && n)
        printf("%-*s  %-12s  %s\n", width, "MODEL", "CURRENT", "SINCE");
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct registry_current current;
        if ((rc = registry_current(&c->registry, name[i], &current, e)))
            break;
        if (c->json)
            json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name", name[i],
                                                  "version", current.version, "sha256",
                                                  current.sha256, "timestamp", current.timestamp));
        else
            printf("%-*s  %-12s  %s\n", width, name[i], current.version, current.timestamp);
    }
    if (rc == 0 && !c->json && n == 0)
        fprintf(stderr, "no model is published here: '%s'\n", c->url);
    mem_free_texts(name, n);
    if (rc == 0 && c->json)
        models_print(json_incref(list));
    json_decref(list);
    return rc;
}

static json_t *version_document(const struct registry_version *v)
{
    char when[CIVIL_STAMP];
    json_t *doc = json_object();
    civil_stamp(v->modified_s, when);
    json_object_set_new(doc, "version", json_string(v->version));
    json_object_set_new(doc, "current", json_boolean(v->current));
    json_object_set_new(doc, "whole", json_boolean(v->whole));
    json_object_set_new(doc, "published", json_string(when));
    json_object_update_missing(doc, v->manifest);
    return doc;
}

static void print_version(const struct registry_version *v, int width)
{
    struct str metrics = { 0 };
    char when[CIVIL_STAMP], size[32];
    civil_stamp(v->modified_s, when);
    add_metrics(&metrics, v->manifest, 3);
    printf("%c %-*s  %s  %9s  %s\n", v->current ? '*' : ' ', width, v->version, when,
           models_size_text(json_integer_value(json_object_get(v->manifest, "size")), size),
           v->whole ? str_text(&metrics) : "unfinished: its publisher is at work, or died");
    str_release(&metrics);
}

int models_list(const struct call *c, struct err *e)
{
    struct registry_version *v;
    size_t n;
    int width = 7, rc;
    if (c->n_word == 0)
        return list_models(c, e);
    if ((rc = registry_versions(&c->registry, c->word[0], &v, &n, e)))
        return rc;
    if (n == 0)
        return err_set(e, ERR_DATA, "'%s' has no version here", c->word[0]);
    for (size_t i = 0; i < n; i++)
        width = (int)strlen(v[i].version) > width ? (int)strlen(v[i].version) : width;
    if (c->json) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, version_document(&v[i]));
        models_print(list);
    } else {
        printf("  %-*s  %-20s  %9s  %s\n", width, "VERSION", "PUBLISHED", "SIZE", "METRICS");
        for (size_t i = 0; i < n; i++)
            print_version(&v[i], width);
    }
    registry_versions_free(v, n);
    return 0;
}

/* ---- current, history ----------------------------------------------------------------------- */

int models_current(const struct call *c, struct err *e)
{
    struct registry_current current;
    int rc = models_served(c, c->word[0], &current, e);
    if (rc)
        return rc;
    if (c->json)
        models_print(json_pack("{s:s, s:s, s:s, s:s}", "name", c->word[0], "version",
                               current.version, "sha256", current.sha256, "timestamp",
                               current.timestamp));
    else
        puts(current.version);
    return 0;
}

static const char *text_of(const json_t *doc, const char *key, const char *none)
{
    const char *text = json_string_value(json_object_get(doc, key));
    return text ? text : none;
}

int models_history(const struct call *c, struct err *e)
{
    json_t *list, *entry;
    size_t i;
    int rc = registry_history(&c->registry, c->word[0], &list, e);
    if (rc)
        return rc;
    if (json_array_size(list) == 0) {
        json_decref(list);
        return err_set(e, ERR_DATA, "'%s' has no history here", c->word[0]);
    }
    if (c->json) {
        models_print(list);
        return 0;
    }
    printf("%5s  %-20s  %-12s  %s\n", "N", "SINCE", "VERSION", "BEFORE");
    json_array_foreach(list, i, entry)
    {
        printf("%5" PRId64 "  %-20s  %-12s  %s\n",
               (int64_t)json_integer_value(json_object_get(entry, "n")),
               text_of(entry, "timestamp", "?"), text_of(entry, "version", "?"),
               text_of(entry, "previous", "-"));
    }
    json_decref(list);
    return 0;
}

/* ---- diff ----------------------------------------------------------------------------------- */

/* One difference: as a line, or into the list. */
static void tell(json_t *list, const char *what, const char *name, const json_t *old,
                 const json_t *new)
{
    if (list) {
        json_array_append_new(list, json_pack("{s:s, s:s, s:O?, s:O?}", "what", what, "name", name,
                                              "old", old, "new", new));
        return;
    }
    char *a = old ? json_dumps(old, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL,
         *b = new ? json_dumps(new, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)) : NULL;
    printf("%-8s  %-28s  %s -> %s", what, name, a ? a : "-", b ? b : "-");
    if (json_is_number(old) && json_is_number(new))
        printf("  (%+.4g)", json_number_value(new) - json_number_value(old));
    putchar('\n');
    free(a);
    free(b);
}

/* The keys of two objects that differ. */
static void compare_objects(json_t *list, const char *what, json_t *old, json_t *new)
{
    const char *name;
    json_t *value;
    json_object_foreach(old, name, value)
    {
        if (!json_equal(value, json_object_get(new, name)))
            tell(list, what, name, value, json_object_get(new, name));
    }
    json_object_foreach(new, name, value)
    {
        if (!json_object_get(old, name))
            tell(list, what, name, NULL, value);
    }
}

/* Members by name, with one of their fields. */
static json_t *members_by_name(const json_t *manifest, const char *field)
{
    json_t *out = json_object(), *member;
    size_t i;
    json_array_foreach(json_object_get(manifest, "members"), i, member)
    {
        json_object_set(out, text_of(member, "name", "?"), json_object_get(member, field));
    }
    return out;
}

static void compare_members(json_t *list, const json_t *old, const json_t *new)
{
    json_t *a = members_by_name(old, "sha256"), *b = members_by_name(new, "sha256");
    compare_objects(list, "member", a, b);
    json_decref(a);
    json_decref(b);
}

/* What else stands in a manifest, without what is told apart. */
static json_t *rest_of(json_t *manifest)
{
    static const char *const apart[] = {
        "members", "metrics", "name", "version", "sha256", "size"
    };
    json_t *rest = json_copy(manifest);
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        json_object_del(rest, apart[i]);
    return rest;
}

int models_diff(const struct call *c, struct err *e)
{
    char version[2][65];
    json_t *manifest[2] = { NULL, NULL }, *rest[2], *list = c->json ? json_array() : NULL;
    int rc = 0;
    for (size_t i = 0; i < 2 && rc == 0; i++)
        if ((rc = models_version(c, i + 1, version[i], e)) == 0)
            rc = registry_manifest(&c->registry, c->word[0], version[i], &manifest[i], e);
    if (rc == 0) {
        for (size_t i = 0; i < 2; i++)
            rest[i] = rest_of(manifest[i]);
        if (!c->json)
            printf("%s: version %s -> %s\n", c->word[0], version[0], version[1]);
        compare_objects(list, "metric", json_object_get(manifest[0], "metrics"),
                        json_object_get(manifest[1], "metrics"));
        compare_objects(list, "manifest", rest[0], rest[1]);
        compare_members(list, manifest[0], manifest[1]);
        if (!c->json && json_equal(manifest[0], manifest[1]))
            puts("nothing differs");
        json_decref(rest[0]);
        json_decref(rest[1]);
        if (c->json)
            models_print(json_pack("{s:s, s:s, s:s, s:O}", "name", c->word[0], "old", version[0],
                                   "new", version[1], "differences", list));
    }
    json_decref(manifest[0]);
    json_decref(manifest[1]);
    json_decref(list);
    return rc;
}
