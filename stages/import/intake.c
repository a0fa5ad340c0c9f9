#include "intake.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/mem.h"

enum { DETAIL = 60, MAX_ROWS = INT32_MAX - 2 };

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_distinct(struct intake *in, struct grown *g, enum reject_kind kind)
{
    in->distinct = mem_grow(in->distinct, in->n_distinct, sizeof *in->distinct);
    in->distinct[in->n_distinct++] = (struct distinct){ .g = g, .kind = kind };
}

void intake_init(struct intake *in, const struct schema_table *schema, const char *id,
                 const char *beside)
{
    *in = (struct intake){ .schema = schema };
    in->col = mem_calloc(schema->n_col, sizeof *in->col);
    for (size_t j = 0; j < schema->n_col; j++) {
        const struct schema_column *s = &schema->col[j];
        bool is_key = schema->key && strcmp(s->name, schema->key) == 0;
        grown_init(&in->col[j], s, beside);
        if (schema->since && strcmp(s->name, schema->since) == 0)
            in->ordered = &in->col[j];
        if (is_key || (id && strcmp(s->name, id) == 0) || s->unique)
            add_distinct(in, &in->col[j],
                         is_key      ? REJECT_SAME_KEY
                         : s->unique ? REJECT_SAME_VALUE
                                     : REJECT_SAME_ID);
    }
    for (size_t i = 0; i < in->n_distinct; i++)
        if (in->distinct[i].kind == REJECT_SAME_KEY)
            in->key = &in->distinct[i];
}

void intake_reject(struct intake *in, const char *path, int64_t line, const char *column,
                   const char *value, enum reject_kind kind)
{
    reject_list_add(&in->rejects, path, line, column, value, reject_kind_name(kind));
    in->count[kind]++;
    if (in->last_bad != line)
        in->n_bad++;
    in->last_bad = line;
}

static const char *current_path(const struct intake *in)
{
    return in->path[in->n_path - 1];
}

void intake_open(struct intake *in, const char *name)
{
    in->last_bad = 0;
    if (in->again) {
        in->again = false;
        return;
    }
    in->path = mem_grow(in->path, in->n_path, sizeof *in->path);
    in->path[in->n_path++] = mem_strdup(name);
}

/* ---- header ---------------------------------------------------------------------------------- */

static int no_column(const struct intake *in, const struct schema_column *s,
                     const struct record *header, struct err *e)
{
    char *what = str_format(" (column '%s' of table '%s')", s->name, in->schema->name);
    int rc = record_no_field(header, current_path(in), s->from[0], what, e);
    free(what);
    return rc;
}

static int on_header(void *ctx, const struct record *row, struct err *e)
{
    struct intake *in = ctx;
    for (size_t j = 0; j < in->schema->n_col; j++) {
        struct grown *g = &in->col[j];
        g->source = SIZE_MAX;
        for (size_t k = 0; k < g->schema->n_from && g->source == SIZE_MAX; k++)
            for (size_t i = 0; i < row->n && g->source == SIZE_MAX; i++)
                if (strcmp(row->field[i].text, g->schema->from[k]) == 0)
                    g->source = i;
        if (g->source == SIZE_MAX && !g->schema->optional)
            return no_column(in, g->schema, row, e);
        g->present = g->present || g->source != SIZE_MAX;
    }
    return 0;
}

void intake_open_named(struct intake *in, const char *name)
{
    intake_open(in, name);
    for (size_t j = 0; j < in->schema->n_col; j++)
        in->col[j].source = j;
}

int intake_seen(struct intake *in, const bool *seen, struct err *e)
{
    for (size_t j = 0; j < in->schema->n_col; j++) {
        const struct schema_column *s = in->col[j].schema;
        if (!seen[j] && !s->optional)
            return err_set(e, ERR_DATA, "no record of '%s' has '%s' (column '%s' of table '%s')",
                           current_path(in), s->from[0], s->name, in->schema->name);
        in->col[j].present = in->col[j].present || seen[j];
    }
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

void intake_reserve(struct intake *in, size_t n)
{
    size_t room = in->room ? in->room : 1024;
    if (n <= in->room)
        return;
    while (room < n)
        room *= 2;
    for (size_t j = 0; j < in->schema->n_col; j++)
        grown_reserve(&in->col[j], room);
    for (size_t i = 0; i < in->n_distinct; i++)
        in->distinct[i].row = mem_realloc(in->distinct[i].row, room, sizeof *in->distinct[i].row);
    in->line = mem_realloc(in->line, room, sizeof *in->line);
    in->file = mem_realloc(in->file, room, sizeof *in->file);
    in->room = room;
}

static void text_of_cell(const struct grown *g, struct str *out)
{
    char number[24];
    int64_t v = g->cell.whole;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    size_t at = sizeof number;
    str_clear(out);
    switch (g->schema->type) {
    case COLUMN_INT: /* of every row of most tables: not by printf */
    case COLUMN_DATE:
        do
            number[--at] = (char)('0' + rest % 10);
        while (rest /= 10);
        if (v < 0)
            number[--at] = '-';
        str_add(out, number + at, sizeof number - at);
        break;
    case COLUMN_FLOAT:
        str_add_real(out, g->cell.real);
        break;
    case COLUMN_BOOL:
        str_addz(out, g->cell.flag ? "true" : "false");
        break;
    case COLUMN_CATEGORY:
    case COLUMN_STRING:
        str_add(out, g->cell.text, g->cell.n);
        break;
    }
}

/* Is the value of this row taken? Then the row is a reject that names both lines. */
static bool is_taken(struct intake *in, struct distinct *d, int64_t line)
{
    if (!d->g->cell.valid)
        return false;
    text_of_cell(d->g, &d->text);
    int32_t first = intern_find(&d->seen, str_text(&d->text), d->text.n);
    if (first < 0)
        return false;
    int32_t row = d->row[first];
    char *shown = record_shorten(str_text(&d->text), d->text.n, DETAIL);
    char *value = str_format("%s (first in %s line %" PRId64 ")", shown, in->path[in->file[row]],
                             in->line[row]);
    intake_reject(in, current_path(in), line, d->g->schema->name, value, d->kind);
    free(value);
    free(shown);
    return true;
}

static void take_value(struct distinct *d, size_t row)
{
    if (!d->g->cell.valid)
        return;
    d->row[d->seen.n] = (int32_t)row;
    intern_add(&d->seen, str_text(&d->text), d->text.n);
}

static void reject_cell(struct intake *in, const struct grown *g, const struct record *row,
                        int64_t line)
{
    const struct record_field *f = &row->field[g->source];
    char *value = record_shorten(f->text ? f->text : "", f->n, DETAIL);
    intake_reject(in, current_path(in), line, g->schema->name, value,
                  (enum reject_kind)(REJECT_CELL + (int)g->fault));
    free(value);
}

static bool must_have(const struct intake *in, const struct grown *g)
{
    for (size_t i = 0; i < in->n_distinct; i++)
        if (in->distinct[i].g == g && in->distinct[i].kind != REJECT_SAME_VALUE)
            return true;
    return g->schema->required;
}

/* Parse all cells. False if the row must stay out. A value that is only wrong becomes a gap. */
static bool take_cells(struct intake *in, const struct record *row, int64_t line)
{
    bool wrong = false;
    for (size_t j = 0; j < in->schema->n_col; j++) {
        struct grown *g = &in->col[j];
        g->fault = CELL_OK;
        g->cell = (struct cell){ .code = -1, .text = "" };
        if (g->source == SIZE_MAX)
            continue;
        const struct record_field *f = &row->field[g->source];
        if (f->text)
            g->fault = cell_parse_decimal(g->schema, f->text, f->n, in->decimal, &g->cell);
        if (g->fault == CELL_OK && g->cell.valid)
            continue;
        if (must_have(in, g)) {
            g->fault = g->fault == CELL_OK ? CELL_REQUIRED : g->fault;
            reject_cell(in, g, row, line);
            return false;
        }
        wrong = wrong || g->fault != CELL_OK;
    }
    for (size_t j = 0; wrong && j < in->schema->n_col; j++)
        if (in->col[j].fault != CELL_OK)
            reject_cell(in, &in->col[j], row, line);
    return true;
}

static void take_since(struct intake *in, const struct record_field *f)
{
    str_clear(&in->since);
    if (f->text)
        str_add(&in->since, f->text, f->n);
}

static int on_row(void *ctx, const struct record *row, struct err *e)
{
    struct intake *in = ctx;
    int64_t line = row->line + in->n_before;
    int rc = 0;

    in->n_read++;
    if (in->ordered)
        take_since(in, &row->field[in->ordered->source]);
    event_progress(in->done + row->at, in->total, "bytes");
    if (in->n_row == MAX_ROWS)
        return err_set(e, ERR_DATA, "'%s' line %" PRId64 ": table '%s' has more than %d rows",
                       current_path(in), row->line, in->schema->name, MAX_ROWS);
    if (!take_cells(in, row, line))
        return 0;
    for (size_t i = 0; i < in->n_distinct; i++)
        if (is_taken(in, &in->distinct[i], line))
            return 0;
    intake_reserve(in, in->n_row + 1);
    for (size_t i = 0; i < in->n_distinct; i++)
        take_value(&in->distinct[i], in->n_row);
    for (size_t j = 0; j < in->schema->n_col && rc == 0; j++)
        rc = grown_append(&in->col[j], in->n_row, e);
    in->line[in->n_row] = line;
    in->file[in->n_row] = (int32_t)in->n_path - 1;
    in->n_row++;
    return rc;
}

static int on_bad(void *ctx, int64_t line, enum record_fault fault, const char *detail,
                  struct err *e)
{
    struct intake *in = ctx;
    (void)e;
    in->n_read++;
    intake_reject(in, current_path(in), line + in->n_before, "", detail,
                  (enum reject_kind)(REJECT_RECORD + (int)fault));
    return 0;
}

const struct record_sink intake_sink = { on_header, on_row, on_bad };

int intake_restore(struct intake *in, const struct table *t, struct err *e)
{
    size_t n_col = in->schema->n_col;
    const struct column **from = mem_calloc(n_col, sizeof *from);
    int rc = 0;
    for (size_t j = 0; j < n_col; j++) {
        from[j] = table_column(t, in->schema->col[j].name);
        in->col[j].present = from[j] != NULL;
        in->col[j].cell = (struct cell){ .code = -1, .text = "" };
    }
    intake_reserve(in, t->n_row);
    for (size_t i = 0; i < t->n_row && rc == 0; i++) {
        for (size_t j = 0; j < n_col && rc == 0; j++) {
            if (from[j])
                grown_cell(from[j], i, &in->col[j].cell);
            rc = grown_append(&in->col[j], i, e);
        }
        for (size_t k = 0; k < in->n_distinct; k++) {
            text_of_cell(in->distinct[k].g, &in->distinct[k].text);
            take_value(&in->distinct[k], i);
        }
    }
    in->n_row = t->n_row;
    free(from);
    return rc;
}

/* ---- the finished table
 * ------------------------------------------------------------------------------------------ */

int intake_finish(struct intake *in, struct table *t, struct err *e)
{
    int rc = 0;
    *t = (struct table){ .name = mem_strdup(in->schema->name), .n_row = in->n_row };
    t->col = mem_calloc(in->schema->n_col, sizeof *t->col);
    intake_reserve(in, 1); /* a table without rows has arrays too */
    for (size_t j = 0; j < in->schema->n_col && rc == 0; j++)
        if (in->col[j].present &&
            (rc = grown_finish(&in->col[j], in->n_row, &t->col[t->n_col], e)) == 0)
            t->n_col++;
    return rc;
}

void intake_release(struct intake *in)
{
    for (size_t j = 0; in->col && j < in->schema->n_col; j++)
        grown_release(&in->col[j]);
    free(in->col);
    for (size_t i = 0; i < in->n_distinct; i++) {
        intern_release(&in->distinct[i].seen);
        str_release(&in->distinct[i].text);
        free(in->distinct[i].row);
    }
    free(in->distinct);
    reject_list_release(&in->rejects);
    str_release(&in->since);
    free(in->line);
    free(in->file);
    mem_free_texts(in->path, in->n_path);
    *in = (struct intake){ 0 };
}
