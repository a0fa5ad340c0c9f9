#include "io/grown.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const int64_t us_of_day = (int64_t)86400 * 1000000;

void grown_init(struct grown *g, const struct schema_column *schema, const char *beside)
{
    *g = (struct grown){ .schema = schema, .bytes.beside = beside };
    g->c = (struct column){ .name = mem_strdup(schema->name), .type = schema->type };
}

void grown_reserve(struct grown *g, size_t room)
{
    struct column *c = &g->c;
    c->valid = mem_realloc(c->valid, room, sizeof *c->valid);
    switch (c->type) {
    case COLUMN_FLOAT:
        c->real = mem_realloc(c->real, room, sizeof *c->real);
        break;
    case COLUMN_INT:
    case COLUMN_DATE:
        c->whole = mem_realloc(c->whole, room, sizeof *c->whole);
        break;
    case COLUMN_BOOL:
        c->flag = mem_realloc(c->flag, room, sizeof *c->flag);
        break;
    case COLUMN_CATEGORY:
        c->code = mem_realloc(c->code, room, sizeof *c->code);
        break;
    case COLUMN_STRING:
        c->offset = mem_realloc(c->offset, room + 1, sizeof *c->offset);
        break;
    }
}

int grown_append(struct grown *g, size_t i, struct err *e)
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
        if (i == 0)
            c->offset[0] = 0;
        c->offset[i + 1] = c->offset[i] + (int64_t)cell->n;
        return spill_add(&g->bytes, cell->text, cell->n, e);
    }
    return 0;
}

void grown_cell(const struct column *c, size_t i, struct cell *out)
{
    *out = (struct cell){ .code = -1, .text = "", .valid = column_valid(c, i) };
    switch (c->type) {
    case COLUMN_FLOAT:
        out->real = c->real[i];
        break;
    case COLUMN_DATE:
        out->has_time = strcmp(c->unit, "us") == 0;
        out->whole = out->has_time ? c->whole[i] : c->whole[i] * us_of_day;
        break;
    case COLUMN_INT:
        out->whole = c->whole[i];
        break;
    case COLUMN_BOOL:
        out->flag = c->flag[i];
        break;
    case COLUMN_CATEGORY:
        out->code = c->code[i];
        out->text = out->valid ? c->level[c->code[i]] : "";
        out->n = strlen(out->text);
        break;
    case COLUMN_STRING:
        out->text = column_string(c, i, &out->n);
        break;
    }
}

static void finish_levels(struct grown *g)
{
    struct column *c = &g->c;
    if (g->schema->n_level) {
        c->n_level = g->schema->n_level;
        c->level = mem_copy_texts(g->schema->level, c->n_level);
        c->level_name = mem_copy_texts(g->schema->level_name, c->n_level);
        return;
    }
    c->n_level = g->level.n;
    c->level = mem_calloc(c->n_level, sizeof *c->level);
    for (size_t i = 0; i < c->n_level; i++)
        c->level[i] = mem_strdup(intern_get(&g->level, i));
}

/* Days, unless the schema or a value's time of day says otherwise. */
static void finish_dates(struct grown *g)
{
    const char *unit = g->schema->unit ? g->schema->unit : g->has_time ? "us" : "days";
    g->c.unit = mem_strdup(unit);
    for (size_t i = 0; i < g->c.n && strcmp(unit, "days") == 0; i++) {
        int64_t us = g->c.whole[i];
        g->c.whole[i] = us / us_of_day - (us % us_of_day < 0);
    }
}

int grown_finish(struct grown *g, size_t n, struct column *out, struct err *e)
{
    struct column *c = &g->c;
    int rc;
    c->n = n;
    if (c->type == COLUMN_CATEGORY)
        finish_levels(g);
    if (c->type == COLUMN_DATE)
        finish_dates(g);
    if (c->type == COLUMN_STRING) {
        if (n == 0)
            c->offset[0] = 0;
        if ((rc = spill_take(&g->bytes, &c->bytes, &c->map_size, e)))
            return rc;
        c->map = c->map_size ? c->bytes : NULL;
    }
    if (!memchr(c->valid, 0, n)) {
        free(c->valid);
        c->valid = NULL;
    }
    *out = *c;
    *c = (struct column){ 0 };
    return 0;
}

void grown_release(struct grown *g)
{
    column_release(&g->c);
    spill_release(&g->bytes);
    intern_release(&g->level);
}
