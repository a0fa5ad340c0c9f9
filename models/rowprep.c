#include "models/rowprep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/rowprep_inner.h"

enum { BATCH_BYTES = 16 << 20, PIXEL_BYTES = 32 << 20 };
static char picture_field[] = "picture";
static char *const picture_names[] = { picture_field };

/* ---- which columns ---- */

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
    for (size_t j = 0; j < p->n_col; j++) {
        if (strcmp(p->column[j]->name, name) == 0) {
            p->beside[j] = p->beside[j] && beside;
            return 0;
        }
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
    for (size_t j = 0; j < p->n_col; j++) {
        enum column_type type = p->column[j]->type;
        if (strcmp(p->column[j]->name, c->name) == 0 &&
            (type == COLUMN_STRING || c->category != (type == COLUMN_CATEGORY)))
            return err_set(e, ERR_DATA,
                           "column '%s' is %s in the schema, the model was trained on %s", c->name,
                           column_type_name(type), c->category ? "a category" : "a number");
    }
    return 0;
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
    for (size_t j = 0; j < p->n_col; j++) {
        p->there[j] = true;
        for (size_t i = 0; i < p->state.n_col; i++)
            if (strcmp(p->state.col[i].name, p->column[j]->name) == 0)
                p->absent[j] = p->state.col[i].absent;
    }
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

/* ---- start and end ---- */

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

int rowprep_new(struct rowprep **out, const struct model *m, const struct rowprep_options *o,
                struct err *e)
{
    struct rowprep *p = mem_calloc(1, sizeof *p);
    int rc;
    p->options = *o;
    model_wants(m, &p->wants);
    p->has_text = p->wants.text_recipe != NULL;
    p->has_pixels = p->wants.pixels_recipe != NULL;
    p->has_features = p->wants.features_state != NULL;
    if ((rc = read_schema(p, e)) || (rc = choose_columns(p, e)) ||
        (rc = rowprep_inputs_init(p, e))) {
        rowprep_free(p);
        return rc;
    }
    list_fields(p);
    note_absent(p);
    size_t picture = 3 * p->pixels.height * p->pixels.width + 1;
    p->max_rows = PIXEL_BYTES / picture;
    p->max_rows = p->max_rows > ROWPREP_MAX_ROWS ? ROWPREP_MAX_ROWS : p->max_rows ? p->max_rows : 1;
    p->row = mem_calloc(p->max_rows, sizeof *p->row);
    p->grown = mem_calloc(p->n_col, sizeof *p->grown);
    rowprep_clear(p);
    *out = p;
    return 0;
}

static void release_batch(struct rowprep *p)
{
    for (size_t i = 0; p->row && i < p->n; i++) {
        free(p->row[i].error);
        free(p->row[i].note);
        free(p->row[i].picture);
        p->row[i] = (struct rowprep_row){ 0 };
    }
    p->table.roles = (struct table_roles){ 0 }; /* the model's */
    table_release(&p->table);
    for (size_t j = 0; p->grown && j < p->n_col; j++)
        grown_release(&p->grown[j]);
}

void rowprep_free(struct rowprep *p)
{
    if (!p)
        return;
    release_batch(p);
    rowprep_inputs_release(p);
    picture_pattern_release(&p->pattern);
    rowtext_release(&p->text);
    tabular_release(&p->state);
    free(p->grown);
    free(p->row);
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
    free(p);
}

void rowprep_clear(struct rowprep *p)
{
    release_batch(p);
    p->n = p->bytes = 0;
    p->batch++;
    for (size_t j = 0; j < p->n_col; j++) {
        p->grown[j] = (struct grown){ 0 };
        grown_init(&p->grown[j], p->column[j], NULL);
        grown_reserve(&p->grown[j], p->max_rows);
    }
}

/* ---- rows ---- */

size_t rowprep_n(const struct rowprep *p)
{
    return p->n;
}

bool rowprep_full(const struct rowprep *p)
{
    return p->n == p->max_rows || p->bytes >= BATCH_BYTES;
}

const char *rowprep_error(const struct rowprep *p, size_t i)
{
    return p->row[i].error;
}

const char *rowprep_note(const struct rowprep *p, size_t i)
{
    return p->row[i].note;
}

const struct table *rowprep_table(const struct rowprep *p)
{
    return &p->table;
}

void rowprep_set_error(struct rowprep *p, size_t i, char *text)
{
    if (p->row[i].error)
        free(text);
    else
        p->row[i].error = text;
}

/* One behind the other, as long as anybody reads them. */
static void add_text(char **to, char *text)
{
    enum { MOST = 1000 };
    char *old = *to;
    if (!old) {
        *to = text;
        return;
    }
    if (strlen(old) < MOST) {
        *to = str_format("%s; %s", old, text);
        free(old);
    }
    free(text);
}

void rowprep_add_note(struct rowprep *p, size_t i, char *text)
{
    add_text(&p->row[i].note, text);
}

void rowprep_fault(struct rowprep *p, size_t i, char *text)
{
    if (p->options.faults == ROWPREP_GAP)
        rowprep_add_note(p, i, text);
    else
        add_text(&p->row[i].error, text);
}

/* "column 'price': '12 EUR' is not a number" */
static char *fault_text(const struct schema_column *c, enum cell_fault fault,
                        const struct record_field *f)
{
    struct str out = { 0 };
    char *shown = record_shorten(f->text ? f->text : "", f->n, 60);
    const char *near = fault == CELL_LEVEL
                           ? str_nearest(f->text, (const char *const *)c->level, c->n_level)
                           : NULL;
    if (fault == CELL_REQUIRED)
        str_addf(&out, "column '%s': %s", c->name, cell_fault_name(fault));
    else
        str_addf(&out, "column '%s': '%s': %s", c->name, shown, cell_fault_name(fault));
    if (fault == CELL_RANGE && c->type != COLUMN_DATE && isinf(c->max))
        str_addf(&out, ", want at least %g", c->min);
    else if (fault == CELL_RANGE && c->type != COLUMN_DATE && isinf(c->min))
        str_addf(&out, ", want at most %g", c->max);
    else if (fault == CELL_RANGE && c->type != COLUMN_DATE)
        str_addf(&out, ", want %g to %g", c->min, c->max);
    if (near)
        str_addf(&out, "; did you mean '%s'?", near);
    free(shown);
    return str_take(&out);
}

static void take_cell(struct rowprep *p, size_t j, const struct record_field *f)
{
    const struct schema_column *c = p->column[j];
    struct cell *cell = &p->grown[j].cell;
    enum cell_fault fault = c->required ? CELL_REQUIRED : CELL_OK;

    *cell = (struct cell){ .code = -1, .text = "" };
    if (f->text)
        fault = cell_parse_decimal(c, f->text, f->n, p->decimal, cell);
    if (fault == CELL_OK || p->beside[j])
        return;
    char *text = fault_text(c, fault, f);
    if (fault == CELL_REQUIRED)
        add_text(&p->row[p->n].error, text);
    else
        rowprep_fault(p, p->n, text);
}

static void append(struct rowprep *p)
{
    struct err never; /* all stays in memory */
    for (size_t j = 0; j < p->n_col; j++) {
        if (p->row[p->n].error && !p->beside[j])
            p->grown[j].cell = (struct cell){ .code = -1, .text = "" };
        (void)grown_append(&p->grown[j], p->n, &never);
    }
    p->n++;
}

/* A row that names nothing that the model reads is no row for it. */
static char *nothing_text(const struct rowprep *p)
{
    struct str out = { 0 };
    str_addz(&out, "it has none of the columns that the model reads:");
    for (size_t j = 0; j < p->n_field && out.n < 300; j++)
        if (j >= p->n_col || !p->beside[j])
            str_addf(&out, "%s %s", j && out.text[out.n - 1] != ':' ? "," : "",
                     p->field[j].name[0]);
    return str_take(&out);
}

void rowprep_set_decimal(struct rowprep *p, char decimal)
{
    p->decimal = decimal;
}

void rowprep_add(struct rowprep *p, const struct record_field *field)
{
    bool any = false;
    for (size_t j = 0; j < p->n_col; j++) {
        take_cell(p, j, &field[j]);
        any = any || field[j].text;
        p->bytes += field[j].n;
    }
    if (p->n_field > p->n_col && field[p->n_col].n) {
        p->row[p->n].picture = mem_strndup(field[p->n_col].text, field[p->n_col].n);
        any = true;
    }
    if (!any)
        rowprep_set_error(p, p->n, nothing_text(p));
    append(p);
}

void rowprep_add_bad(struct rowprep *p, const char *error)
{
    for (size_t j = 0; j < p->n_col; j++)
        p->grown[j].cell = (struct cell){ .code = -1, .text = "" };
    rowprep_set_error(p, p->n, mem_strdup(error));
    append(p);
}

int rowprep_make(struct rowprep *p, struct model_data *out, struct err *e)
{
    struct table *t = &p->table;
    int rc;
    *t = (struct table){ .name = mem_strdup("rows"), .n_row = p->n };
    t->col = mem_calloc(p->n_col, sizeof *t->col);
    for (size_t j = 0; j < p->n_col; j++) {
        if (p->absent[j] == TABULAR_ZEROS && !p->there[j])
            continue;
        if ((rc = grown_finish(&p->grown[j], p->n, &t->col[t->n_col], e)))
            return rc;
        t->n_col++;
    }
    t->roles = *p->wants.roles;
    if ((rc = rowprep_inputs_make(p, out, e)))
        return rc;
    for (size_t i = 0; i < p->n && p->options.faults == ROWPREP_STRICT; i++)
        if (p->row[i].note)
            rowprep_set_error(p, i, mem_strdup(p->row[i].note));
    return 0;
}
