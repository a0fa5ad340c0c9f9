#include "models/tabular_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/tabular_inner.h"

static const char *const scales[] = { "none", "standard", "min_max", "robust", NULL };
static const char *const one_hots[] = { "all", "drop_last", NULL };
/* Options of any column, of numbers alone, and of categories alone. */
static const char *const keys[] = {
    "drop",       "absent",    "scale", "scale_indicators", "number_missing", "group",
    "indicators", "transform", "parts", "category_missing", "rare_below",     "rare_label",
    "one_hot",    "encode",    NULL
};
enum { FIRST_OF_NUMBERS = 4, FIRST_OF_CATEGORIES = 9, N_KEY = 14 };

bool tabular_number_missing(const char *text, struct tabular_options *o)
{
    o->number_missing = strcmp(text, "median") == 0          ? TABULAR_MEDIAN
                        : strcmp(text, "mean") == 0          ? TABULAR_MEAN
                        : strcmp(text, "most_frequent") == 0 ? TABULAR_MODE
                        : strcmp(text, "keep") == 0          ? TABULAR_KEEP
                                                             : TABULAR_CONSTANT;
    o->constant = 0;
    return o->number_missing != TABULAR_CONSTANT || strcmp(text, "zero") == 0 ||
           str_to_real(text, &o->constant);
}

void tabular_category_missing(const char *text, struct tabular_options *o)
{
    o->category_missing = strcmp(text, "most_frequent") == 0 ? TABULAR_MOST_FREQUENT
                          : strcmp(text, "zero") == 0        ? TABULAR_ZERO
                                                             : TABULAR_LABEL;
    o->missing_label = text;
}

static int read_missing(const struct yaml *map, struct tabular_options *o, struct err *e)
{
    const struct yaml *number = yaml_get(map, "number_missing"),
                      *category = yaml_get(map, "category_missing");
    const char *text;
    int rc;
    if (number && (rc = yaml_text(number, "number_missing", &text, e)))
        return rc;
    if (number && !tabular_number_missing(text, o))
        return yaml_fail(
            number, e,
            "number_missing '%s': want median, mean, most_frequent, zero, keep or a number", text);
    if (category && (rc = yaml_text(category, "category_missing", &text, e)))
        return rc;
    if (category && !*text)
        return yaml_fail(category, e, "category_missing: want the name of a level, not nothing");
    if (category)
        tabular_category_missing(text, o);
    return 0;
}

static int read_parts(const struct yaml *list, unsigned *out, struct err *e)
{
    *out = 0;
    if (list && list->kind != YAML_LIST)
        return yaml_fail(list, e, "parts: want a list of year, month, day, weekday, hour");
    if (list && list->n == 0)
        return yaml_fail(list, e, "parts: the list is empty");
    for (size_t i = 0; list && i < list->n; i++) {
        unsigned part = TABULAR_YEAR;
        while (part < N_TABULAR_PART &&
               strcmp(list->item[i]->text, tabular_part_name((enum tabular_part)part)) != 0)
            part++;
        if (part == N_TABULAR_PART)
            return yaml_fail(list->item[i], e, "part '%s': want year, month, day, weekday or hour",
                             list->item[i]->text);
        *out |= 1u << part;
    }
    return 0;
}

/* A choice of `key` into *value if it is there. */
static int read_choice(const struct yaml *map, const char *key, const char *const *words,
                       size_t *value, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    return node ? yaml_choice(node, key, words, value, e) : 0;
}

static int read_flag(const struct yaml *map, const char *key, bool *value, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    return node ? yaml_bool(node, key, value, e) : 0;
}

static int read_text(const struct yaml *map, const char *key, const char **value, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    int rc = node ? yaml_text(node, key, value, e) : 0;
    return rc == 0 && node && !**value ? yaml_fail(node, e, "%s is empty: want a name", key) : rc;
}

static int read_choices(const struct yaml *map, struct tabular_options *o, struct err *e)
{
    size_t scale = o->scale, transform = o->transform, encode = o->encode, one_hot = o->drop_last;
    size_t absent = o->absent;
    int rc;
    if ((rc = read_choice(map, "scale", scales, &scale, e)) ||
        (rc = read_choice(map, "transform", tabular_transforms, &transform, e)) ||
        (rc = read_choice(map, "encode", tabular_encodes, &encode, e)) ||
        (rc = read_choice(map, "one_hot", one_hots, &one_hot, e)) ||
        (rc = read_choice(map, "absent", tabular_absents, &absent, e)))
        return rc;
    o->absent = (enum tabular_absent)absent;
    o->scale = (enum tabular_scale)scale;
    o->transform = (enum tabular_transform)transform;
    o->encode = (enum tabular_encode)encode;
    o->drop_last = one_hot == 1;
    return 0;
}

/* Options that go together. */
static int check_column(const struct yaml *map, const struct tabular_options *o, struct err *e)
{
    const struct yaml *one_hot = yaml_get(map, "one_hot"), *label = yaml_get(map, "rare_label");
    if (o->drop && map->n > 1)
        return yaml_fail(map, e, "a column that is dropped has no other options");
    if (o->group && o->number_missing == TABULAR_KEEP)
        return yaml_fail(map, e,
                         "gaps are filled by 'group' or kept (number_missing keep): want one");
    if (one_hot && o->encode != TABULAR_ONE_HOT)
        return yaml_fail(one_hot, e, "one_hot: the column is encoded as %s",
                         tabular_encodes[o->encode]);
    if (label && o->rare_below <= 0)
        return yaml_fail(label, e, "rare_label wants a rare_below above 0");
    return 0;
}

static int read_column(const struct yaml *map, struct tabular_options *o, struct err *e)
{
    const struct yaml *rare = yaml_get(map, "rare_below");
    int rc;
    if ((rc = yaml_only(map, "column", keys, e)) || (rc = read_missing(map, o, e)) ||
        (rc = read_choices(map, o, e)) || (rc = read_parts(yaml_get(map, "parts"), &o->parts, e)) ||
        (rc = read_flag(map, "drop", &o->drop, e)) ||
        (rc = read_flag(map, "indicators", &o->indicators, e)) ||
        (rc = read_flag(map, "scale_indicators", &o->scale_indicators, e)) ||
        (rc = read_text(map, "rare_label", &o->rare_label, e)) ||
        (rc = read_text(map, "group", &o->group, e)))
        return rc;
    if (rare && (rc = yaml_real(rare, "rare_below", 0, 1, &o->rare_below, e)))
        return rc;
    return check_column(map, o, e);
}

static int read_tree(struct tabular_plan *p, const struct tabular_options *all, struct err *e)
{
    static const char *const top[] = { "plan", "columns", NULL };
    long long number;
    int rc = yaml_only(p->tree, "plan file", top, e);
    if (rc)
        return rc;
    const struct yaml *columns = yaml_get(p->tree, "columns"), *version = yaml_get(p->tree, "plan");
    if (!version || !columns || columns->kind != YAML_MAP)
        return yaml_fail(p->tree, e, "want `plan: 1` and `columns`, a mapping of column: options");
    if ((rc = yaml_int(version, "plan", 1, 1, &number, e)))
        return rc;
    p->choice = mem_calloc(columns->n + 1, sizeof *p->choice);
    p->n = columns->n;
    for (size_t i = 0; rc == 0 && i < columns->n; i++) {
        p->choice[i] = (struct tabular_choice){ columns->key[i]->text, *all };
        rc = read_column(columns->item[i], &p->choice[i].options, e);
    }
    return rc;
}

static int take_tree(struct tabular_plan *p, struct yaml *tree, const struct tabular_options *all,
                     struct err *e)
{
    struct tabular_plan made = { .tree = tree };
    int rc = read_tree(&made, all, e);
    if (rc)
        tabular_plan_release(&made);
    else
        *p = made;
    return rc;
}

int tabular_plan_read(struct tabular_plan *p, const char *path, const struct tabular_options *all,
                      struct err *e)
{
    struct yaml *tree;
    int rc = yaml_read(&tree, path, e);
    return rc ? rc : take_tree(p, tree, all, e);
}

int tabular_plan_parse(struct tabular_plan *p, const char *name, const char *bytes, size_t n,
                       const struct tabular_options *all, struct err *e)
{
    struct yaml *tree;
    int rc = yaml_parse(&tree, name, bytes, n, e);
    return rc ? rc : take_tree(p, tree, all, e);
}

int tabular_plan_check(const struct tabular_plan *p, const struct table *t, struct err *e)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct column *c = table_column(t, p->choice[i].column);
        bool category = c && c->type == COLUMN_CATEGORY;
        int k = category ? FIRST_OF_NUMBERS : FIRST_OF_CATEGORIES;
        int end = category ? FIRST_OF_CATEGORIES : N_KEY;
        for (; c && k < end; k++) {
            const struct yaml *at = yaml_get(yaml_get(p->tree, "columns")->item[i], keys[k]);
            if (at)
                return err_set(e, ERR_DATA, "%s:%zu:%zu: %s is for %s, column '%s' is %s", at->file,
                               at->line, at->column, keys[k], category ? "numbers" : "categories",
                               c->name, column_type_name(c->type));
        }
    }
    return 0;
}

void tabular_plan_release(struct tabular_plan *p)
{
    free(p->choice);
    yaml_release(p->tree);
    *p = (struct tabular_plan){ 0 };
}
