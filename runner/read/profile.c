#include "runner/read/profile.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/keys.h"
#include "runner/read/reference.h"

static size_t index_of(const struct yaml *map, const char *key)
{
    size_t i = 0;
    while (i < map->n && strcmp(map->key[i]->text, key) != 0)
        i++;
    return i;
}

static void remove_at(struct yaml *map, size_t i)
{
    map->n--;
    memmove(map->key + i, map->key + i + 1, (map->n - i) * sizeof *map->key);
    memmove(map->item + i, map->item + i + 1, (map->n - i) * sizeof *map->item);
}

/* Move everything of `over` into `base`; null_apply takes out what is null then. */
static void merge(struct yaml *base, struct yaml *over)
{
    for (size_t i = 0; i < over->n; i++) {
        struct yaml *key = over->key[i], *item = over->item[i];
        size_t at = index_of(base, key->text);
        if (at == base->n) {
            yaml_append(base, key, item);
        } else if (item->kind == YAML_MAP && base->item[at]->kind == YAML_MAP) {
            merge(base->item[at], item);
        } else {
            base->item[at] = item;
            base->key[at] = key;
        }
    }
    over->n = 0;
}

/* Every key of `over` is one of `base`. */
static int only_known(const struct yaml *base, const struct yaml *over, const char *what,
                      struct err *e)
{
    if (!over || yaml_is_null(over))
        return 0;
    size_t n = base && base->kind == YAML_MAP ? base->n : 0;
    const char **names = mem_calloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = base->key[i]->text;
    int rc = yaml_only(over, what, names, e);
    free(names);
    return rc;
}

static int no_such_profile(const struct yaml *root, const char *name, struct err *e)
{
    const struct yaml *profiles = yaml_get(root, "profiles");
    size_t n = profiles && profiles->kind == YAML_MAP ? profiles->n : 0;
    const char **names = mem_calloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = profiles->key[i]->text;
    const char *near = str_nearest(name, names, n);
    err_set(e, ERR_USAGE, "%s has no profile '%s'%s%s%s", root->file, name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    return e->code;
}

int profile_apply(struct yaml *root, const char *name, struct err *e)
{
    struct yaml *profile = yaml_get(yaml_get(root, "profiles"), name);
    char *what;
    int rc;

    if (!profile)
        return no_such_profile(root, name, e);
    if (yaml_is_null(profile))
        return 0;
    what = str_format("profile '%s'", name);
    rc = keys_only(profile, what, pipeline_keys, KEY_PROFILE, e);
    free(what);
    if (rc)
        return rc;
    what = str_format("params of profile '%s'", name);
    rc = only_known(yaml_get(root, "params"), yaml_get(profile, "params"), what, e);
    free(what);
    if (rc)
        return rc;
    what = str_format("stages of profile '%s'", name);
    rc = only_known(yaml_get(root, "stages"), yaml_get(profile, "stages"), what, e);
    free(what);
    if (rc)
        return rc;
    const struct yaml *stages = yaml_get(profile, "stages");
    for (size_t i = 0; stages && stages->kind == YAML_MAP && i < stages->n; i++)
        if (stages->item[i]->kind != YAML_MAP)
            return yaml_fail(stages->item[i], e,
                             "stage '%s': want a mapping (to leave it out: {enabled: false})",
                             stages->key[i]->text);
    merge(root, profile);
    return 0;
}

/* A scalar that comes from the command line: line 0, named by its argument. */
static struct yaml *make_scalar(const struct yaml *like, const char *text, const char *arg)
{
    struct str escaped = { 0 };
    reference_escape(text, &escaped);
    struct yaml *node = yaml_node(like->arena, YAML_SCALAR, str_text(&escaped), escaped.n);
    str_clear(&escaped);
    str_addf(&escaped, "-p %s", arg);
    node->quoted = true;
    node->file = arena_text(like->arena, str_text(&escaped), escaped.n);
    str_release(&escaped);
    return node;
}

static struct yaml *make_map(const struct yaml *like)
{
    struct yaml *node = yaml_node(like->arena, YAML_MAP, "", 0);
    node->file = like->file;
    node->line = like->line;
    node->column = like->column;
    return node;
}

/* Set one key of a map to a text of the command line. */
static void set_scalar(struct yaml *map, const char *name, const char *value, const char *arg)
{
    struct yaml *key = make_scalar(map, name, arg), *item = make_scalar(map, value, arg);
    size_t at = index_of(map, name);
    if (at == map->n) {
        yaml_append(map, key, item);
        return;
    }
    assert(map->key && map->item); /* at < map->n */
    map->key[at] = key;
    map->item[at] = item;
}

static int unknown_name(const struct yaml *map, const char *arg, const char *what, const char *name,
                        struct err *e)
{
    size_t n = map && map->kind == YAML_MAP ? map->n : 0;
    const char **names = mem_calloc(n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = map->key[i]->text;
    const char *near = str_nearest(name, names, n);
    err_set(e, ERR_USAGE, "-p %s: there is no %s '%s'%s%s%s", arg, what, name,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    free(names);
    return e->code;
}

static int override_one(struct yaml *root, const char *arg, struct err *e)
{
    const char *equals = strchr(arg, '=');
    if (!equals || equals == arg)
        return err_set(e, ERR_USAGE, "-p %s: want name=value or stage.name=value", arg);
    char *name = mem_strndup(arg, (size_t)(equals - arg));
    char *dot = strchr(name, '.');
    struct yaml *params = yaml_get(root, "params"), *stages = yaml_get(root, "stages");
    int rc = 0;

    if (!dot) {
        if (!params || params->kind != YAML_MAP || !yaml_get(params, name))
            rc = unknown_name(params, arg, "parameter", name, e);
        else
            set_scalar(params, name, equals + 1, arg);
        goto out;
    }
    *dot = '\0';
    struct yaml *stage = yaml_get(stages, name);
    if (!stage || stage->kind != YAML_MAP) {
        rc = unknown_name(stages, arg, "stage", name, e);
        goto out;
    }
    params = yaml_get(stage, "params");
    if (yaml_get(stage, "cmd") && !yaml_get(params, dot + 1)) { /* those of a program are its own */
        char *what = str_format("parameter of stage '%s' called", name);
        rc = unknown_name(params, arg, what, dot + 1, e);
        free(what);
        goto out;
    }
    if (!params) {
        params = make_map(stage);
        yaml_append(stage, make_scalar(stage, "params", arg), params);
    }
    if (params->kind == YAML_MAP)
        set_scalar(params, dot + 1, equals + 1, arg);
out:
    free(name);
    return rc;
}

int override_apply(struct yaml *root, const char *const *set, size_t n_set, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n_set; i++) {
        size_t n = strcspn(set[i], "=");
        for (size_t k = 0; k < i; k++)
            if (strcspn(set[k], "=") == n && strncmp(set[k], set[i], n) == 0)
                return err_set(e, ERR_USAGE, "-p %s: '%.*s' is set twice", set[i], (int)n, set[i]);
        rc = override_one(root, set[i], e);
    }
    return rc;
}

static void drop_null(struct yaml *node)
{
    for (size_t i = node->n; i-- > 0;) {
        if (node->kind == YAML_MAP && yaml_is_null(node->item[i]))
            remove_at(node, i);
        else
            drop_null(node->item[i]);
    }
}

int null_apply(struct yaml *root, struct err *e)
{
    const struct yaml *stages = yaml_get(root, "stages");
    for (size_t i = 0; stages && stages->kind == YAML_MAP && i < stages->n; i++)
        if (yaml_is_null(stages->item[i]))
            return yaml_fail(stages->key[i], e, "stage '%s' is empty: want deps, outs, params...",
                             stages->key[i]->text);
    for (size_t i = root->n; i-- > 0;) {
        if (yaml_is_null(root->item[i]))
            remove_at(root, i);
        else if (strcmp(root->key[i]->text, "profiles") != 0)
            drop_null(root->item[i]);
    }
    return 0;
}
