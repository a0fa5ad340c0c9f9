#include "io/schema.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/yaml.h"

enum { MAX_NAME = 200, MAX_TABLES = 200, MAX_LEVELS = 10000 };

/* ---- small readers --------------------------------------------------------------------------- */

/* A text or a list of texts. */
static int read_texts(const struct yaml *node, const char *what, char ***out, size_t *out_n,
                      struct err *e)
{
    const char *text;
    int rc = 0;
    if (node->kind == YAML_MAP)
        return yaml_fail(node, e, "%s: want a text or a list of texts", what);
    size_t n = node->kind == YAML_LIST ? node->n : 1;
    char **list = mem_calloc(n, sizeof *list);
    for (size_t i = 0; i < n && rc == 0; i++)
        if ((rc = yaml_text(node->kind == YAML_LIST ? node->item[i] : node, what, &text, e)) == 0)
            list[i] = mem_strdup(text);
    if (rc) {
        mem_free_texts(list, n);
        return rc;
    }
    *out = list;
    *out_n = n;
    return 0;
}

static int read_text(const struct yaml *map, const char *key, char **out, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    const char *text;
    int rc;
    if (!node || yaml_is_null(node))
        return 0;
    if ((rc = yaml_text(node, key, &text, e)) == 0)
        *out = mem_strdup(text);
    return rc;
}

static int read_flag(const struct yaml *map, const char *key, bool *out, struct err *e)
{
    const struct yaml *node = yaml_get(map, key);
    return node ? yaml_bool(node, key, out, e) : 0;
}

static int check_name(const struct yaml *key, const char *what, struct err *e)
{
    size_t n = strlen(key->text);
    if (n == 0 || n > MAX_NAME || strchr(key->text, '/') || strcmp(key->text, ".") == 0)
        return yaml_fail(key, e,
                         "'%.80s' cannot be the name of a %s: want 1 to %d bytes without '/'",
                         key->text, what, MAX_NAME);
    return 0;
}

/* ---- columns --------------------------------------------------------------------------------- */

static int read_levels(const struct yaml *map, struct schema_column *c, struct err *e)
{
    const struct yaml *levels = yaml_get(map, "levels"), *names = yaml_get(map, "names");
    size_t n_name = 0;
    int rc;

    if (levels && c->type != COLUMN_CATEGORY)
        return yaml_fail(levels, e, "levels: column '%s' is %s, want category", c->name,
                         column_type_name(c->type));
    if (names && !levels)
        return yaml_fail(names, e, "names: column '%s' has no levels that could have names",
                         c->name);
    if (!levels)
        return 0;
    if ((rc = read_texts(levels, "levels", &c->level, &c->n_level, e)))
        return rc;
    if (c->n_level == 0)
        return yaml_fail(levels, e, "levels: want at least one");
    if (c->n_level > MAX_LEVELS)
        return yaml_fail(levels, e, "levels: %zu are given, want at most %d", c->n_level,
                         MAX_LEVELS);
    for (size_t i = 1; i < c->n_level; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(c->level[i], c->level[j]) == 0)
                return yaml_fail(levels->item[i], e, "levels: '%s' is given twice", c->level[i]);
    if (!names)
        return 0;
    char **name = NULL;
    if ((rc = read_texts(names, "names", &name, &n_name, e)))
        return rc;
    if (n_name != c->n_level) {
        mem_free_texts(name, n_name);
        return yaml_fail(names, e, "names: %zu names for %zu levels", n_name, c->n_level);
    }
    c->level_name = name;
    return 0;
}

/* A limit: a number, or of dates the instant. */
static int read_limit(const struct yaml *node, const char *what, const struct schema_column *c,
                      double *out, struct err *e)
{
    const char *text;
    int64_t us;
    int rc;
    if (!node)
        return 0;
    if (c->type != COLUMN_DATE)
        return yaml_real(node, what, -HUGE_VAL, HUGE_VAL, out, e);
    if ((rc = yaml_text(node, what, &text, e)))
        return rc;
    if (!cell_iso_date(text, &us))
        return yaml_fail(node, e, "%s: '%s' is no date, want one like 2024-02-29", what, text);
    *out = (double)us;
    return 0;
}

static int read_range(const struct yaml *map, struct schema_column *c, struct err *e)
{
    const struct yaml *min = yaml_get(map, "min"), *max = yaml_get(map, "max");
    const struct yaml *any = min ? min : max;
    int rc;
    if (any && c->type != COLUMN_FLOAT && c->type != COLUMN_INT && c->type != COLUMN_DATE)
        return yaml_fail(any, e, "min, max: column '%s' is %s, want float, int or date", c->name,
                         column_type_name(c->type));
    if ((rc = read_limit(min, "min", c, &c->min, e)) ||
        (rc = read_limit(max, "max", c, &c->max, e)))
        return rc;
    if (c->min > c->max)
        return yaml_fail(any, e, "min %s is above max %s", min ? min->text : "",
                         max ? max->text : "");
    return 0;
}

static int read_match(const struct yaml *map, struct schema_column *c, struct err *e)
{
    const struct yaml *match = yaml_get(map, "match"), *otherwise = yaml_get(map, "otherwise");
    const char *text;
    int rc;

    if (otherwise && !match)
        return yaml_fail(otherwise, e, "otherwise: column '%s' has no match", c->name);
    if (!match)
        return 0;
    if ((rc = yaml_text(match, "match", &text, e)))
        return rc;
    if ((rc = regcomp(&c->regex, text, REG_EXTENDED))) {
        char why[200];
        regerror(rc, &c->regex, why, sizeof why);
        return yaml_fail(match, e, "match: '%s' is not a regular expression: %s", text, why);
    }
    c->match = mem_strdup(text);
    if (!otherwise)
        return 0;
    if (otherwise->kind == YAML_SCALAR && !otherwise->quoted &&
        strcmp(otherwise->text, "missing") == 0) {
        c->otherwise_missing = true;
        return 0;
    }
    if ((rc = yaml_text(otherwise, "otherwise", &text, e)) == 0)
        c->otherwise = mem_strdup(text);
    return rc;
}

static int read_unit(const struct yaml *node, struct schema_column *c, struct err *e)
{
    static const char *const units[] = { "days", "us", NULL };
    size_t unit;
    if (!node)
        return 0;
    if (c->type != COLUMN_DATE)
        return yaml_fail(node, e, "unit: column '%s' is %s, want date", c->name,
                         column_type_name(c->type));
    int rc = yaml_choice(node, "unit", units, &unit, e);
    if (rc == 0)
        c->unit = mem_strdup(units[unit]);
    return rc;
}

static int read_type(const struct yaml *node, struct schema_column *c, struct err *e)
{
    static const char *const types[] = {
        "float", "int", "bool", "date", "category", "string", NULL
    };
    size_t type;
    int rc = yaml_choice(node, "type", types, &type, e);
    if (rc == 0)
        c->type = (enum column_type)type;
    return rc;
}

static int read_missing(const struct yaml *map, const struct yaml *inherited,
                        struct schema_column *c, struct err *e)
{
    const struct yaml *missing = yaml_get(map, "missing");
    if (missing || inherited)
        return read_texts(missing ? missing : inherited, "missing", &c->missing, &c->n_missing, e);
    c->missing = mem_calloc(1, sizeof *c->missing);
    c->missing[0] = mem_strdup("");
    c->n_missing = 1;
    return 0;
}

/* A `missing` that applies: of the column, of the table, of the file; else the empty text. */
static int read_column(const struct yaml *key, const struct yaml *node, const struct yaml *missing,
                       struct schema_column *c, struct err *e)
{
    static const char *const keys[] = { "type",   "from",  "optional",  "required", "unique",
                                        "min",    "max",   "missing",   "levels",   "names",
                                        "format", "match", "otherwise", "unit",     NULL };
    const struct yaml *map = node->kind == YAML_MAP ? node : NULL,
                      *type = map ? yaml_get(map, "type") : node;
    int rc;

    if ((rc = check_name(key, "column", e)))
        return rc;
    c->name = mem_strdup(key->text);
    c->min = -HUGE_VAL;
    c->max = HUGE_VAL;
    if (map && (rc = yaml_only(map, "column", keys, e)))
        return rc;
    if (!type)
        return yaml_fail(key, e, "column '%s' has no type", c->name);
    if ((rc = read_type(type, c, e)))
        return rc;
    const struct yaml *from = yaml_get(map, "from"), *format = yaml_get(map, "format");
    if (from) {
        if ((rc = read_texts(from, "from", &c->from, &c->n_from, e)))
            return rc;
        if (c->n_from == 0)
            return yaml_fail(from, e, "from: want at least one name");
    } else {
        c->from = mem_calloc(1, sizeof *c->from);
        c->from[0] = mem_strdup(c->name);
        c->n_from = 1;
    }
    if (format && c->type != COLUMN_DATE)
        return yaml_fail(format, e, "format: column '%s' is %s, want date", c->name,
                         column_type_name(c->type));
    if ((rc = read_flag(map, "optional", &c->optional, e)) ||
        (rc = read_flag(map, "required", &c->required, e)) ||
        (rc = read_flag(map, "unique", &c->unique, e)) || (rc = read_range(map, c, e)) ||
        (format && (rc = read_texts(format, "format", &c->format, &c->n_format, e))) ||
        (rc = read_missing(map, missing, c, e)) || (rc = read_levels(map, c, e)) ||
        (rc = read_match(map, c, e)) || (rc = read_unit(yaml_get(map, "unit"), c, e)))
        return rc;
    return 0;
}

/* ---- tables ---------------------------------------------------------------------------------- */

const struct schema_column *schema_find(const struct schema_table *t, const char *name)
{
    for (size_t i = 0; i < t->n_col; i++)
        if (strcmp(t->col[i].name, name) == 0)
            return &t->col[i];
    return NULL;
}

size_t schema_table_index(const struct schema *s, const char *name)
{
    size_t i = 0;
    while (i < s->n_table && strcmp(s->table[i].name, name) != 0)
        i++;
    return i;
}

/* "; did you mean 'x'?" or "", for a column that is not there. Static: for one message. */
static const char *hint(const struct schema_table *const *t, size_t n, const char *name)
{
    static char text[MAX_NAME + 30];
    const char *all[256];
    size_t n_all = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < t[i]->n_col && n_all < 256; j++)
            all[n_all++] = t[i]->col[j].name;
    const char *near = str_nearest(name, all, n_all);
    snprintf(text, sizeof text, "%s%s%s", near ? "; did you mean '" : "", near ? near : "",
             near ? "'?" : "");
    return text;
}

static int check_key(const struct yaml *map, const struct schema_table *t, struct err *e)
{
    const struct yaml *node = yaml_get(map, "key");
    if (!t->key)
        return 0;
    const struct schema_column *c = schema_find(t, t->key);
    if (!c)
        return yaml_fail(node, e, "key: table '%s' has no column '%s'%s", t->name, t->key,
                         hint(&t, 1, t->key));
    if (c->type == COLUMN_FLOAT || c->type == COLUMN_BOOL)
        return yaml_fail(node, e, "key: column '%s' is %s, want int, string, category or date",
                         c->name, column_type_name(c->type));
    if (c->optional)
        return yaml_fail(node, e, "key: column '%s' cannot be optional", c->name);
    return 0;
}

static int read_columns(const struct yaml *map, const struct yaml *missing, struct schema_table *t,
                        struct err *e)
{
    const struct yaml *columns = yaml_get(map, "columns");
    int rc = 0;
    if (!columns || columns->kind != YAML_MAP || columns->n == 0)
        return yaml_fail(columns ? columns : map, e, "table '%s': want columns (name: type)",
                         t->name);
    t->col = mem_calloc(columns->n, sizeof *t->col);
    for (size_t i = 0; i < columns->n && rc == 0; i++) {
        t->n_col = i + 1;
        rc = read_column(columns->key[i], columns->item[i], missing, &t->col[i], e);
    }
    return rc;
}

/* Files or a query. */
static int read_origin(const struct yaml *key, const struct yaml *map, struct schema_table *t,
                       struct err *e)
{
    const struct yaml *query = yaml_get(map, "query"), *since = yaml_get(map, "since"),
                      *csv = yaml_get(map, "csv");
    int rc;
    if ((rc = read_text(map, "file", &t->file, e)) ||
        (rc = read_text(map, "query", &t->query, e)) ||
        (rc = read_text(map, "since", &t->since, e)) || (rc = schema_dialect(csv, &t->csv, e)))
        return rc;
    if (!t->file && !t->query)
        return yaml_fail(key, e,
                         "table '%s' has no file (a name or a pattern such as *.csv) and no query",
                         t->name);
    if (t->file && t->query)
        return yaml_fail(query, e, "table '%s' has a file and a query, want one of them", t->name);
    if (since && !t->query)
        return yaml_fail(since, e, "since: table '%s' has no query", t->name);
    if (csv && t->query)
        return yaml_fail(csv, e, "csv: table '%s' has a query, not files", t->name);
    return 0;
}

static int check_since(const struct yaml *map, const struct schema_table *t, struct err *e)
{
    const struct yaml *node = yaml_get(map, "since");
    if (!t->since)
        return 0;
    const struct schema_column *c = schema_find(t, t->since);
    if (!c)
        return yaml_fail(node, e, "since: table '%s' has no column '%s'%s", t->name, t->since,
                         hint(&t, 1, t->since));
    if (c->type != COLUMN_INT && c->type != COLUMN_DATE)
        return yaml_fail(node, e, "since: column '%s' is %s, want int or date", c->name,
                         column_type_name(c->type));
    return 0;
}

static int read_table(const struct yaml *key, const struct yaml *map, const struct yaml *missing,
                      const struct csv_dialect *csv, struct schema_table *t, struct err *e)
{
    static const char *const keys[] = { "file", "query",   "since",   "csv",      "key",
                                        "join", "columns", "missing", "min_rows", NULL };
    long long min_rows = -1;
    int rc;

    if ((rc = check_name(key, "table", e)))
        return rc;
    t->name = mem_strdup(key->text);
    if (strcmp(t->name, "rejects") == 0 || strcmp(t->name, "imported") == 0)
        return yaml_fail(key, e, "a table cannot be called '%s': import writes one of that name",
                         t->name);
    if ((rc = yaml_only(map, "table", keys, e)))
        return rc;
    const struct yaml *own = yaml_get(map, "missing"), *least = yaml_get(map, "min_rows");
    t->csv = *csv;
    if ((rc = read_origin(key, map, t, e)) || (rc = read_text(map, "key", &t->key, e)) ||
        (rc = read_text(map, "join", &t->join, e)) ||
        (rc = read_columns(map, own ? own : missing, t, e)) || (rc = check_since(map, t, e)))
        return rc;
    if (least && (rc = yaml_int(least, "min_rows", 0, 1LL << 40, &min_rows, e)))
        return rc;
    t->min_rows = min_rows;
    return check_key(map, t, e);
}

static int check_join(const struct schema *s, const struct yaml *map, const struct schema_table *t,
                      struct err *e)
{
    const struct yaml *node = yaml_get(map, "join");
    if (!t->join)
        return 0;
    size_t at = schema_table_index(s, t->join);
    if (at == s->n_table)
        return yaml_fail(node, e, "join: there is no table '%s'", t->join);
    const struct schema_table *to = &s->table[at];
    if (to == t || to->join)
        return yaml_fail(node, e, "join: table '%s' is itself joined to another", t->join);
    if (!t->key || !to->key)
        return yaml_fail(node, e, "join: table '%s' has no key", t->key ? to->name : t->name);
    const struct schema_column *a = schema_find(t, t->key), *b = schema_find(to, to->key);
    if (a->type != b->type)
        return yaml_fail(node, e, "join: key '%s' is %s, key '%s' of '%s' is %s", a->name,
                         column_type_name(a->type), b->name, to->name, column_type_name(b->type));
    for (size_t i = 0; i < t->n_col; i++) {
        if (&t->col[i] == a)
            continue;
        bool twice = schema_find(to, t->col[i].name) != NULL;
        for (const struct schema_table *o = s->table; o < t && !twice; o++)
            twice = o->join && strcmp(o->join, t->join) == 0 &&
                    strcmp(t->col[i].name, o->key) != 0 && schema_find(o, t->col[i].name);
        if (twice)
            return yaml_fail(
                node, e,
                "join: table '%s' has a column '%s' already (give one another name with from)",
                t->join, t->col[i].name);
    }
    return 0;
}

static int read_tables(const struct yaml *root, struct schema *s, struct err *e)
{
    const struct yaml *tables = yaml_get(root, "tables"), *missing = yaml_get(root, "missing");
    struct csv_dialect csv = { 0 };
    int rc = schema_dialect(yaml_get(root, "csv"), &csv, e);
    if (rc)
        return rc;
    if (!tables || tables->kind != YAML_MAP || tables->n == 0)
        return yaml_fail(tables ? tables : root, e, "want tables (name: {file, columns})");
    if (tables->n > MAX_TABLES)
        return yaml_fail(tables, e, "tables: %zu are given, want at most %d", tables->n,
                         MAX_TABLES);
    s->table = mem_calloc(tables->n, sizeof *s->table);
    for (size_t i = 0; i < tables->n && rc == 0; i++) {
        s->n_table = i + 1;
        rc = read_table(tables->key[i], tables->item[i], missing, &csv, &s->table[i], e);
    }
    for (size_t i = 0; i < s->n_table && rc == 0; i++)
        rc = check_join(s, tables->item[i], &s->table[i], e);
    return rc;
}

/* ---- which column plays which part
 * -------------------------------------------------------------------------------- */

/* The main table and what is joined to it: where a role may look. */
struct scope {
    const struct schema_table *table[MAX_TABLES];
    size_t n;
};

static const struct schema_column *find_in(const struct scope *scope, const char *name)
{
    const struct schema_column *c = NULL;
    for (size_t i = 0; i < scope->n && !c; i++)
        if (i == 0 ||
            strcmp(name, scope->table[i]->key) != 0) /* the key of a joined table is not added */
            c = schema_find(scope->table[i], name);
    return c;
}

/* `types`: a bit for each type that can play it. */
static int want_column(const struct scope *scope, const struct yaml *at, const char *role,
                       const char *name, unsigned types, struct err *e)
{
    const struct schema_column *c = find_in(scope, name);
    if (!c)
        return yaml_fail(at, e, "%s: table '%s' has no column '%s'%s", role, scope->table[0]->name,
                         name, hint(scope->table, scope->n, name));
    if (types >> c->type & 1)
        return 0;
    struct str want = { 0 };
    for (unsigned t = 0; t <= COLUMN_STRING; t++)
        if (types >> t & 1)
            str_addf(&want, "%s%s", want.n ? ", " : "", column_type_name((enum column_type)t));
    yaml_fail(at, e, "%s: column '%s' is %s, want %s", role, name, column_type_name(c->type),
              str_text(&want));
    str_release(&want);
    return e->code;
}

#define BIT(type) (1u << COLUMN_##type)
static const unsigned any_type = (1u << (COLUMN_STRING + 1)) - 1;
static const unsigned feature_types = BIT(FLOAT) | BIT(INT) | BIT(BOOL) | BIT(CATEGORY);

static int read_role(const struct yaml *root, const struct scope *scope, const char *role,
                     unsigned types, char **out, struct err *e)
{
    int rc = read_text(root, role, out, e);
    return rc || !*out ? rc : want_column(scope, yaml_get(root, role), role, *out, types, e);
}

static int read_role_list(const struct yaml *root, const struct scope *scope, const char *role,
                          unsigned types, char ***out, size_t *out_n, struct err *e)
{
    const struct yaml *node = yaml_get(root, role);
    int rc;
    if (!node)
        return 0;
    if ((rc = read_texts(node, role, out, out_n, e)))
        return rc;
    for (size_t i = 0; i < *out_n && rc == 0; i++) {
        const struct yaml *at = node->kind == YAML_LIST ? node->item[i] : node;
        rc = want_column(scope, at, role, (*out)[i], types, e);
        for (size_t j = 0; j < i && rc == 0; j++)
            if (strcmp((*out)[i], (*out)[j]) == 0)
                rc = yaml_fail(at, e, "%s: '%s' is given twice", role, (*out)[i]);
    }
    return rc;
}

bool schema_pattern_uses(const char *pattern, const char *column)
{
    size_t n = strlen(column);
    for (const char *p = pattern; p && (p = strchr(p, '{')); p++)
        if (strncmp(p + 1, column, n) == 0 && p[n + 1] == '}')
            return true;
    return false;
}

static int check_pattern(const struct yaml *at, const struct scope *scope, const char *pattern,
                         struct err *e)
{
    int rc = 0;
    for (const char *p = pattern; *p && rc == 0; p++) {
        if (*p == '}')
            return yaml_fail(at, e, "image: '}' without '{' in '%s'", pattern);
        if (*p != '{')
            continue;
        size_t n = strcspn(p + 1, "{}");
        if (p[n + 1] != '}')
            return yaml_fail(at, e, "image: '{' without '}' in '%s'", pattern);
        char *name = mem_strndup(p + 1, n);
        rc = want_column(scope, at, "image", name, any_type, e);
        free(name);
        p += n + 1;
    }
    return rc;
}

static int read_roles(const struct yaml *root, struct schema *s, struct err *e)
{
    struct table_roles *r = &s->roles;
    const struct yaml *image = yaml_get(root, "image");
    const struct schema_table *t = &s->table[s->main_index];
    struct scope scope = { .table = { t }, .n = 1 };
    int rc;

    assert(t);
    /* Without its own column an id could not be checked while the file is read. */
    if ((rc = read_role(root, &scope, "id", BIT(INT) | BIT(STRING) | BIT(CATEGORY), &r->id, e)))
        return rc;
    for (size_t i = 0; i < s->n_table; i++)
        if (s->table[i].join && strcmp(s->table[i].join, t->name) == 0)
            scope.table[scope.n++] = &s->table[i];
    if ((rc = read_role(root, &scope, "label", any_type & ~(BIT(DATE) | BIT(STRING)), &r->label,
                        e)) ||
        (rc = read_role(root, &scope, "date", BIT(DATE), &r->date, e)) ||
        (rc = read_text(root, "image", &r->image, e)) ||
        (r->image && (rc = check_pattern(image, &scope, r->image, e))) ||
        (rc = read_role_list(root, &scope, "text", BIT(STRING) | BIT(CATEGORY), &r->text,
                             &r->n_text, e)) ||
        (rc = read_role_list(root, &scope, "features", feature_types | BIT(DATE), &r->feature,
                             &r->n_feature, e)))
        return rc;
    s->has_features = yaml_get(root, "features") != NULL;
    for (size_t i = 0; i < r->n_feature; i++)
        if (r->label && strcmp(r->feature[i], r->label) == 0)
            return yaml_fail(yaml_get(root, "features"), e, "features: '%s' is the label",
                             r->label);
    return 0;
}

static int find_main(const struct yaml *root, struct schema *s, struct err *e)
{
    const struct yaml *node = yaml_get(root, "table");
    const char *name;
    int rc;
    if (!node) {
        while (s->main_index < s->n_table && s->table[s->main_index].join)
            s->main_index++;
        return 0; /* check_join leaves at least one table that is not joined */
    }
    if ((rc = yaml_text(node, "table", &name, e)))
        return rc;
    s->main_index = schema_table_index(s, name);
    if (s->main_index == s->n_table)
        return yaml_fail(node, e, "table: there is no table '%s'", name);
    if (s->table[s->main_index].join)
        return yaml_fail(node, e, "table: '%s' is joined to '%s'; name that one", name,
                         s->table[s->main_index].join);
    return 0;
}

static int read_root(const struct yaml *root, struct schema *s, struct err *e)
{
    static const char *const keys[] = { "schema", "missing", "csv",   "tables",   "label", "table",
                                        "id",     "text",    "image", "features", "date",  NULL };
    const struct yaml *version = yaml_get(root, "schema");
    long long v;
    int rc;

    if ((rc = yaml_only(root, "schema", keys, e)))
        return rc;
    if (!version)
        return yaml_fail(root, e, "want 'schema: 1' (the version of this format)");
    if ((rc = yaml_int(version, "schema", 1, 1, &v, e)) || (rc = read_tables(root, s, e)) ||
        (rc = find_main(root, s, e)) || (rc = read_roles(root, s, e)))
        return rc;
    for (size_t i = 0; i < s->n_table; i++) /* a main table without rows is of no use */
        if (s->table[i].min_rows < 0)
            s->table[i].min_rows = i == s->main_index;
    return 0;
}

static int finish(struct schema *s, const char *name, struct yaml *root, struct err *e)
{
    struct schema read = { .path = mem_strdup(name) };
    int rc = read_root(root, &read, e);
    yaml_release(root);
    if (rc)
        schema_release(&read);
    else
        *s = read;
    return rc;
}

int schema_read(struct schema *s, const char *path, struct err *e)
{
    struct yaml *root = NULL;
    int rc = yaml_read(&root, path, e);
    return rc ? rc : finish(s, path, root, e);
}

int schema_parse(struct schema *s, const char *name, const char *bytes, size_t n, struct err *e)
{
    struct yaml *root = NULL;
    int rc = yaml_parse(&root, name, bytes, n, e);
    return rc ? rc : finish(s, name, root, e);
}

void schema_column_release(struct schema_column *c)
{
    free(c->name);
    mem_free_texts(c->from, c->n_from);
    mem_free_texts(c->missing, c->n_missing);
    mem_free_texts(c->level, c->n_level);
    mem_free_texts(c->level_name, c->n_level);
    mem_free_texts(c->format, c->n_format);
    if (c->match)
        regfree(&c->regex);
    free(c->match);
    free(c->otherwise);
    free(c->unit);
}

void schema_release(struct schema *s)
{
    for (size_t i = 0; i < s->n_table; i++) {
        struct schema_table *t = &s->table[i];
        for (size_t j = 0; j < t->n_col; j++)
            schema_column_release(&t->col[j]);
        free(t->col);
        free(t->name);
        free(t->file);
        free(t->query);
        free(t->since);
        free(t->key);
        free(t->join);
    }
    free(s->table);
    free(s->path);
    table_roles_release(&s->roles);
    *s = (struct schema){ 0 };
}
