/* Which columns a row has. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/rowprep_inner.h"

static char picture_field[] = "picture";
static char *const picture_names[] = { picture_field };

/* Which of the columns has the name; n_col: none. */
static size_t place(const struct rowprep *p, const char *name)
{
    size_t j = 0;
    while (j < p->n_col && strcmp(p->column[j]->name, name) != 0)
        j++;
    return j;
}

static int read_schema(struct rowprep *p, struct err *e)
{
    const char *own = p->wants.roles->schema;
    int rc = 0;
    if (p->options.schema)
        return schema_read(&p->schema, p->options.schema, e);
    if (own && (rc = schema_parse(&p->schema, "schema in the model", own, strlen(own), e)))
        e->code = rc = ERR_DATA; /* not the user's */
    return rc;
}

static struct schema_column *own_column(const char *name, enum column_type type)
{
    struct schema_column *c = mem_calloc(1, sizeof *c);
    *c = (struct schema_column){ .name = mem_strdup(name),
                                 .type = type,
                                 .from = mem_calloc(1, sizeof *c->from),
                                 .n_from = 1,
                                 .optional = true,
                                 .min = -HUGE_VAL,
                                 .max = HUGE_VAL,
                                 .missing = mem_calloc(1, sizeof *c->missing),
                                 .n_missing = 1 };
    c->from[0] = mem_strdup(name);
    c->missing[0] = mem_strdup("");
    return c;
}

/* Read this column, too: as the schema says, else as `type`. */
static int use(struct rowprep *p, const char *name, enum column_type type, bool beside,
               struct err *e)
{
    const struct schema_column *c = p->schema.n_table ? schema_find_main(&p->schema, name) : NULL;
    size_t j = place(p, name);
    if (j < p->n_col) {
        p->beside[j] = p->beside[j] && beside;
        return 0;
    }
    if (!c && p->options.schema && !beside)
        return err_set(e, ERR_DATA, "'%s' has no column '%s', which the model reads",
                       p->options.schema, name);
    if (!c) {
        p->own = mem_grow(p->own, p->n_own, sizeof *p->own);
        c = p->own[p->n_own++] = own_column(name, type);
    }
    p->column = mem_grow(p->column, p->n_col, sizeof *p->column);
    p->beside = mem_grow(p->beside, p->n_col, sizeof *p->beside);
    p->beside[p->n_col] = beside;
    p->column[p->n_col++] = c;
    return 0;
}

static int use_pattern(struct rowprep *p, const char *pattern, struct err *e)
{
    int rc = 0;
    for (const char *s = pattern; rc == 0 && s && (s = strchr(s, '{')); s++) {
        char *name = mem_strndup(s + 1, strcspn(s + 1, "}"));
        rc = use(p, name, COLUMN_STRING, true, e);
        free(name);
    }
    return rc;
}

/* Does it have the kind of value that the state was fitted on? */
static int check_feature(const struct rowprep *p, const struct tabular_column *c, struct err *e)
{
    enum column_type type = p->column[place(p, c->name)]->type;
    if (type != COLUMN_STRING && c->category == (type == COLUMN_CATEGORY))
        return 0;
    return err_set(e, ERR_DATA, "column '%s' is %s in the schema, the model was trained on %s",
                   c->name, column_type_name(type), c->category ? "a category" : "a number");
}

static int use_features(struct rowprep *p, struct err *e)
{
    int rc = tabular_parse(&p->state, "features", p->wants.features_state, e);
    for (size_t i = 0; i < p->state.n_col && rc == 0; i++) {
        const struct tabular_column *c = &p->state.col[i];
        enum column_type type = c->category                ? COLUMN_CATEGORY
                                : c->part != TABULAR_WHOLE ? COLUMN_DATE
                                                           : COLUMN_FLOAT;
        if ((rc = use(p, c->name, type, false, e)) == 0 && c->group)
            rc = use(p, c->group, COLUMN_CATEGORY, false, e);
        if (rc == 0)
            rc = check_feature(p, c, e);
    }
    return rc;
}

static int choose_columns(struct rowprep *p, struct err *e)
{
    const struct table_roles *r = p->wants.roles;
    int rc = 0;
    if (r->id)
        rc = use(p, r->id, COLUMN_STRING, true, e);
    for (size_t i = 0; p->has_text && i < r->n_text && rc == 0; i++)
        rc = use(p, r->text[i], COLUMN_STRING, false, e);
    if (rc == 0 && p->has_pixels)
        rc = use_pattern(p, r->image, e);
    if (rc == 0 && p->has_features)
        rc = use_features(p, e);
    return rc;
}

/* What becomes of a feature that the rows do not have: as impute_scale was told. */
static void note_absent(struct rowprep *p)
{
    p->absent = mem_calloc(p->n_col, sizeof *p->absent);
    p->there = mem_calloc(p->n_col, sizeof *p->there);
    for (size_t j = 0; j < p->n_col; j++)
        p->there[j] = true;
    for (size_t i = 0; i < p->state.n_col; i++)
        p->absent[place(p, p->state.col[i].name)] = p->state.col[i].absent;
}

/* One field a column, and the path of a picture unless a column takes that name. */
static void list_fields(struct rowprep *p)
{
    bool taken = false;
    p->field = mem_calloc(p->n_col + 1, sizeof *p->field);
    for (size_t j = 0; j < p->n_col; j++) {
        const struct schema_column *c = p->column[j];
        p->field[j] = (struct jsonrows_field){ c->from, c->n_from };
        for (size_t k = 0; k < c->n_from; k++)
            taken = taken || strcmp(c->from[k], picture_field) == 0;
    }
    p->n_field = p->n_col;
    if (p->has_pixels && !taken)
        p->field[p->n_field++] = (struct jsonrows_field){ picture_names, 1 };
}

int rowprep_columns_init(struct rowprep *p, struct err *e)
{
    int rc;
    if ((rc = read_schema(p, e)) || (rc = choose_columns(p, e)))
        return rc;
    list_fields(p);
    note_absent(p);
    return 0;
}

void rowprep_columns_release(struct rowprep *p)
{
    free(p->field);
    free(p->beside);
    free(p->absent);
    free(p->there);
    free(p->column);
    for (size_t i = 0; i < p->n_own; i++) {
        schema_column_release(p->own[i]);
        free(p->own[i]);
    }
    free(p->own);
    schema_release(&p->schema);
}

const struct jsonrows_field *rowprep_fields(const struct rowprep *p, size_t *out_n)
{
    *out_n = p->n_field;
    return p->field;
}

bool rowprep_optional(const struct rowprep *p, size_t field)
{
    return field >= p->n_col || p->beside[field] ||
           (p->column[field]->optional && p->absent[field] != TABULAR_REFUSE);
}

bool rowprep_refuses_absent(const struct rowprep *p, size_t field)
{
    return field < p->n_col && p->absent[field] == TABULAR_REFUSE;
}

bool rowprep_minds_absent(const struct rowprep *p)
{
    for (size_t j = 0; j < p->n_col; j++)
        if (p->absent[j] != TABULAR_GAP)
            return true;
    return false;
}

void rowprep_set_there(struct rowprep *p, const bool *there)
{
    memcpy(p->there, there, p->n_col * sizeof *there);
}

const struct csv_dialect *rowprep_dialect(const struct rowprep *p)
{
    static const struct csv_dialect plain = { 0 };
    return p->schema.n_table ? &p->schema.table[p->schema.main_index].csv : &plain;
}
