/* What optional columns leave of the roles that the schema gives. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "source_list.h"

static void take_name(const struct table *t, const char *role, const char *name, char **out)
{
    if (!name)
        return;
    if (table_column(t, name))
        *out = mem_strdup(name);
    else
        log_warn("no file has the optional column '%s', the %s", name, role);
}

static void add_name(char ***list, size_t *n, const char *name)
{
    *list = mem_grow(*list, *n, sizeof **list);
    (*list)[(*n)++] = mem_strdup(name);
}

static bool is_key(const struct schema *s, const char *name)
{
    const char *key = s->table[s->main_index].key;
    return key && strcmp(key, name) == 0;
}

/* Every float, int, bool and category column that is not key, id or label and names no picture. */
static bool is_feature(const struct schema *s, const struct column *c)
{
    const struct table_roles *r = &s->roles;
    return c->type != COLUMN_STRING && c->type != COLUMN_DATE && !is_key(s, c->name) &&
           !(r->id && strcmp(r->id, c->name) == 0) &&
           !(r->label && strcmp(r->label, c->name) == 0) &&
           !(r->image && schema_pattern_uses(r->image, c->name));
}

/* Are the columns there that the names of the pictures are made of? */
static bool has_image(const struct table *t, const char *pattern)
{
    for (const char *p = pattern; (p = strchr(p, '{')); p++) {
        char *name = mem_strndup(p + 1, strcspn(p + 1, "}"));
        bool has = table_column(t, name) != NULL;
        free(name);
        if (!has)
            return false;
    }
    return true;
}

void set_roles(const struct schema *s, struct table *t)
{
    const struct table_roles *from = &s->roles;
    struct table_roles *to = &t->roles;

    take_name(t, "id", from->id, &to->id);
    take_name(t, "label", from->label, &to->label);
    take_name(t, "date", from->date, &to->date);
    if (from->image && has_image(t, from->image))
        to->image = mem_strdup(from->image);
    else if (from->image)
        log_warn("no file has all columns of the picture names '%s'", from->image);
    for (size_t i = 0; i < from->n_text; i++)
        if (table_column(t, from->text[i]))
            add_name(&to->text, &to->n_text, from->text[i]);
    for (size_t i = 0; i < from->n_feature; i++)
        if (table_column(t, from->feature[i]))
            add_name(&to->feature, &to->n_feature, from->feature[i]);
    for (size_t i = 0; i < t->n_col && !s->has_features; i++)
        if (is_feature(s, &t->col[i]))
            add_name(&to->feature, &to->n_feature, t->col[i].name);
}
