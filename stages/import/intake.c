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

void intake_init(struct intake *in, const struct schema_table *schema, const char *id,
                 struct reject_list *rejects)
{
    *in = (struct intake){ .schema = schema, .rejects = rejects };
    in->col = mem_calloc(schema->n_col, sizeof *in->col);
    for (size_t j = 0; j < schema->n_col; j++) {
        const struct schema_column *s = &schema->col[j];
        in->col[j].schema = s;
        in->col[j].c = (struct column){ .name = mem_strdup(s->name), .type = s->type };
        if (schema->key && strcmp(s->name, schema->key) == 0)
            in->key = &in->col[j];
        else if (id && strcmp(s->name, id) == 0)
            in->id = &in->col[j];
    }
}

void intake_reject(struct intake *in, const char *path, int64_t line, const char *column,
                   const char *value, enum reject_kind kind)
{
    reject_list_add(in->rejects, base_name(path), line, column, value, kind);
    in->count[kind]++;
    if (in->last_bad != line)
        in->n_bad++;
    in->last_bad = line;
}

static const char *current_path(const struct intake *in)
{
    return in->path[in->n_path - 1];
}

/* ---- header
 * ------------------------------------------------------------------------------------------------------
 */

static int no_column(const struct intake *in, const struct schema_column *s,
                     const struct csv_row *header, struct err *e)
{
    const char **name = mem_calloc(header->n, sizeof *name);
    struct str all = { 0 };
    for (size_t i = 0; i < header->n; i++) {
        name[i] = header->field[i].text;
        str_addf(&all, "%s%s", i ? ", " : "", header->field[i].n ? name[i] : "(unnamed)");
    }
    const char *near = str_nearest(s->from[0], name, header->n);
    char *shown = csv_shorten(all.text, all.n, 300);
    err_set(e, ERR_DATA, "'%s' has no column '%s' (column '%s' of table '%s')%s%s%s; it has: %s",
            current_path(in), s->from[0], s->name, in->schema->name, near ? " (did you mean '" : "",
            near ? near : "", near ? "'?)" : "", shown);
    free(shown);
    str_release(&all);
    free(name);
    return e->code;
}

static int on_header(void *ctx, const struct csv_row *row, struct err *e)
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

/* ---- rows
 * --------------------------------------------------------------------------------------------------------
 */

static void *resized(void *p, size_t n, size_t size)
{
    return mem_realloc(p, n, size);
}

static void reserve(struct intake *in)
{
    if (in->n_row < in->room)
        return;
    size_t room = in->room ? 2 * in->room : 1024;
    for (size_t j = 0; j < in->schema->n_col; j++) {
        struct column *c = &in->col[j].c;
        c->valid = resized(c->valid, room, sizeof *c->valid);
        switch (c->type) {
        case COLUMN_FLOAT:
            c->real = resized(c->real, room, sizeof *c->real);
            break;
        case COLUMN_INT:
        case COLUMN_DATE:
            c->whole = resized(c->whole, room, sizeof *c->whole);
            break;
        case COLUMN_BOOL:
            c->flag = resized(c->flag, room, sizeof *c->flag);
            break;
        case COLUMN_CATEGORY:
            c->code = resized(c->code, room, sizeof *c->code);
            break;
        case COLUMN_STRING:
            c->offset = resized(c->offset, room + 1, sizeof *c->offset);
            break;
        }
    }
    in->line = resized(in->line, room, sizeof *in->line);
    in->file = resized(in->file, room, sizeof *in->file);
    in->room = room;
}

static void append_cell(struct grown *g, size_t i)
{
    struct column *c = &g->c;
    const struct cell *cell = &g->cell;

    c->valid[i] = cell->valid;
    switch (c->type) {
    case COLUMN_FLOAT:
        c->real[i] = cell->real;
        break;
    case COLUMN_DATE:
        g->has_time = g->has_time || cell->has_time;
        c->whole[i] = cell->whole;
        break;
    case COLUMN_INT:
        c->whole[i] = cell->whole;
        break;
    case COLUMN_BOOL:
        c->flag[i] = cell->flag;
        break;
    case COLUMN_CATEGORY:
        c->code[i] = !cell->valid || g->schema->n_level
                         ? cell->code
                         : intern_add(&g->level, cell->text, cell->n);
        break;
    case COLUMN_STRING:
        str_add(&g->bytes, cell->text, cell->n);
        if (i == 0)
            c->offset[0] = 0;
        c->offset[i + 1] = (int64_t)g->bytes.n;
        break;
    }
}

static void key_of_cell(const struct grown *g, struct str *out)
{
    str_clear(out);
    if (g->schema->type == COLUMN_INT || g->schema->type == COLUMN_DATE)
        str_addf(out, "%" PRId64, g->cell.whole);
    else
        str_add(out, g->cell.text, g->cell.n);
}

/* Is the key or id of this row taken? Then the row is a reject that names both lines. */
static bool is_taken(struct intake *in, const struct grown *g, const struct intern *set,
                     int64_t line, enum reject_kind kind, struct str *text)
{
    key_of_cell(g, text);
    int32_t first = intern_find(set, str_text(text), text->n);
    if (first < 0)
        return false;
    char *shown = csv_shorten(str_text(text), text->n, DETAIL);
    char *value = str_format("%s (first in %s line %" PRId64 ")", shown,
                             base_name(in->path[in->file[first]]), in->line[first]);
    intake_reject(in, current_path(in), line, g->schema->name, value, kind);
    free(value);
    free(shown);
    return true;
}

static void reject_cell(struct intake *in, const struct grown *g, const struct csv_row *row)
{
    const struct csv_field *f = &row->field[g->source];
    char *value = csv_shorten(f->text, f->n, DETAIL);
    intake_reject(in, current_path(in), row->line, g->schema->name, value,
                  (enum reject_kind)(REJECT_CELL + (int)g->fault));
    free(value);
}

/* Parse all cells. False if the row must stay out. A value that is only wrong becomes a gap. */
static bool take_cells(struct intake *in, const struct csv_row *row)
{
    for (size_t j = 0; j < in->schema->n_col; j++) {
        struct grown *g = &in->col[j];
        bool must = g->schema->required || g == in->key || g == in->id;
        g->fault = CELL_OK;
        g->cell = (struct cell){ .code = -1, .text = "" };
        if (g->source == SIZE_MAX)
            continue;
        g->fault = cell_parse(g->schema, row->field[g->source].text, row->field[g->source].n,
                              &g->cell);
        if (g->fault == CELL_OK && must && !g->cell.valid)
            g->fault = CELL_REQUIRED;
        if (g->fault != CELL_OK && must) {
            reject_cell(in, g, row);
            return false;
        }
    }
    for (size_t j = 0; j < in->schema->n_col; j++)
        if (in->col[j].fault != CELL_OK)
            reject_cell(in, &in->col[j], row);
    return true;
}

static int on_row(void *ctx, const struct csv_row *row, struct err *e)
{
    struct intake *in = ctx;

    in->n_read++;
    event_progress(in->done + row->at, in->total, "bytes");
    if (in->n_row == MAX_ROWS)
        return err_set(e, ERR_DATA, "'%s' line %" PRId64 ": table '%s' has more than %d rows",
                       current_path(in), row->line, in->schema->name, MAX_ROWS);
    if (take_cells(in, row) &&
        !(in->key && is_taken(in, in->key, &in->keys, row->line, REJECT_SAME_KEY, &in->key_text)) &&
        !(in->id && is_taken(in, in->id, &in->ids, row->line, REJECT_SAME_ID, &in->id_text))) {
        reserve(in);
        if (in->key)
            intern_add(&in->keys, str_text(&in->key_text), in->key_text.n);
        if (in->id)
            intern_add(&in->ids, str_text(&in->id_text), in->id_text.n);
        for (size_t j = 0; j < in->schema->n_col; j++)
            append_cell(&in->col[j], in->n_row);
        in->line[in->n_row] = row->line;
        in->file[in->n_row] = (int32_t)in->n_path - 1;
        in->n_row++;
    }
    return 0;
}

static int on_bad(void *ctx, int64_t line, enum csv_fault fault, const char *detail, struct err *e)
{
    struct intake *in = ctx;
    (void)e;
    in->n_read++;
    intake_reject(in, current_path(in), line, "", detail,
                  (enum reject_kind)(REJECT_CSV + (int)fault));
    return 0;
}

int intake_read(struct intake *in, const char *path, size_t max_field, struct err *e)
{
    static const struct csv_sink sink = { on_header, on_row, on_bad };
    in->path = mem_grow(in->path, in->n_path, sizeof *in->path);
    in->path[in->n_path++] = path;
    in->last_bad = 0;
    return csv_read(path, max_field, &sink, in, e);
}

/* ---- the finished table
 * ------------------------------------------------------------------------------------------ */

static void copy_texts(char ***out, char *const *text, size_t n)
{
    if (!text)
        return;
    *out = mem_calloc(n, sizeof **out);
    for (size_t i = 0; i < n; i++)
        (*out)[i] = mem_strdup(text[i]);
}

static void finish_levels(struct grown *g)
{
    struct column *c = &g->c;
    if (g->schema->n_level) {
        c->n_level = g->schema->n_level;
        copy_texts(&c->level, g->schema->level, c->n_level);
        copy_texts(&c->level_name, g->schema->level_name, c->n_level);
        return;
    }
    c->n_level = g->level.n;
    c->level = mem_calloc(c->n_level, sizeof *c->level);
    for (size_t i = 0; i < c->n_level; i++)
        c->level[i] = mem_strdup(intern_get(&g->level, i));
}

/* Days, unless a value tells the time of day. */
static void finish_dates(struct grown *g)
{
    const int64_t day = (int64_t)86400 * 1000000;
    g->c.unit = mem_strdup(g->has_time ? "us" : "days");
    for (size_t i = 0; i < g->c.n && !g->has_time; i++)
        g->c.whole[i] /= day;
}

void intake_finish(struct intake *in, struct table *t)
{
    *t = (struct table){ .name = mem_strdup(in->schema->name), .n_row = in->n_row };
    t->col = mem_calloc(in->schema->n_col, sizeof *t->col);
    reserve(in); /* a table without rows has arrays too */
    for (size_t j = 0; j < in->schema->n_col; j++) {
        struct grown *g = &in->col[j];
        struct column *c = &g->c;
        if (!g->present)
            continue;
        c->n = in->n_row;
        if (c->type == COLUMN_CATEGORY)
            finish_levels(g);
        if (c->type == COLUMN_DATE)
            finish_dates(g);
        if (c->type == COLUMN_STRING) {
            if (c->n == 0)
                c->offset[0] = 0;
            c->bytes = str_take(&g->bytes);
        }
        if (!memchr(c->valid, 0, c->n)) {
            free(c->valid);
            c->valid = NULL;
        }
        t->col[t->n_col++] = *c;
        *c = (struct column){ 0 };
    }
}

void intake_release(struct intake *in)
{
    for (size_t j = 0; in->col && j < in->schema->n_col; j++) {
        column_release(&in->col[j].c);
        str_release(&in->col[j].bytes);
        intern_release(&in->col[j].level);
    }
    free(in->col);
    intern_release(&in->keys);
    intern_release(&in->ids);
    str_release(&in->key_text);
    str_release(&in->id_text);
    free(in->line);
    free(in->file);
    free(in->path);
    *in = (struct intake){ 0 };
}
