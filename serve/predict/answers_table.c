/* Answers as a refit.table: the columns that CSV has, typed. */
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "base/mem.h"

static enum column_type type_of(const struct answers *a, size_t j)
{
    const char *name = a->name[j];
    if (j == 0)
        return COLUMN_INT;
    if (j == 1 && a->id)
        return COLUMN_STRING;
    if (j + 2 >= a->n_name)
        return COLUMN_STRING; /* error, note */
    return str_starts(name, "class") || str_starts(name, "name") ? COLUMN_CATEGORY : COLUMN_FLOAT;
}

/* What a table calls it: one step of a path. */
static void fit_name(char **name, size_t j)
{
    if (strchr(*name, '/') || strlen(*name) > 200) {
        free(*name);
        *name = str_format("p_class_%zu", j);
    }
}

int answers_table_open(struct answers *a, struct err *e)
{
    size_t n_class = model_n_class(a->model), first = a->n_name - 2 - n_class;
    (void)e;
    a->column = mem_calloc(a->n_name, sizeof *a->column);
    a->grown = mem_calloc(a->n_name, sizeof *a->grown);
    for (size_t j = 0; j < a->n_name; j++) {
        if (a->every && j >= first)
            fit_name(&a->name[j], j - first);
        a->column[j] = (struct schema_column){ .name = a->name[j], .type = type_of(a, j) };
        grown_init(&a->grown[j], &a->column[j], a->path);
    }
    return 0;
}

static struct cell text_cell(const char *text)
{
    struct cell c = { .code = -1, .text = text ? text : "", .valid = text != NULL };
    c.n = strlen(c.text);
    return c;
}

static struct cell real_cell(const float *p, size_t k)
{
    return (struct cell){ .code = -1, .text = "", .valid = p, .real = p ? (double)p[k] : 0 };
}

static void set_cells(struct answers *a, const struct answer *answer)
{
    const struct model *m = a->model;
    const float *p = answer->p;
    struct grown *g = a->grown;
    (g++)->cell = (struct cell){ .code = -1, .text = "", .valid = true, .whole = answer->row };
    if (a->id)
        (g++)->cell = text_cell(answer->id);
    if (a->top == 0)
        (g++)->cell = real_cell(p, 0);
    for (size_t k = 0; k < a->top; k++) {
        size_t class = p ? answer->best[k] : 0;
        (g++)->cell = text_cell(p ? model_class(m, class) : NULL);
        if (model_class_name(m, 0))
            (g++)->cell = text_cell(p ? model_class_name(m, class) : NULL);
        (g++)->cell = real_cell(p, class);
    }
    for (size_t k = 0; a->every && k < model_n_class(m); k++)
        (g++)->cell = real_cell(p, k);
    (g++)->cell = text_cell(answer->error);
    g->cell = text_cell(answer->note);
}

int answers_table_add(struct answers *a, const struct answer *answer, struct err *e)
{
    int rc = 0;
    if (a->n_row == a->room) {
        a->room = a->room ? 2 * a->room : 1024;
        for (size_t j = 0; j < a->n_name; j++)
            grown_reserve(&a->grown[j], a->room);
    }
    set_cells(a, answer);
    for (size_t j = 0; j < a->n_name && rc == 0; j++)
        rc = grown_append(&a->grown[j], a->n_row, e);
    a->n_row++;
    return rc;
}

int answers_table_close(struct answers *a, struct err *e)
{
    struct table t = { .name = mem_strdup("predictions"), .n_row = a->n_row };
    struct tables all = { .item = &t, .n = 1 };
    int rc = 0;
    t.col = mem_calloc(a->n_name, sizeof *t.col);
    for (size_t j = 0; j < a->n_name && rc == 0; j++) {
        if (a->room == 0)
            grown_reserve(&a->grown[j], 1);
        if ((rc = grown_finish(&a->grown[j], a->n_row, &t.col[j], e)) == 0)
            t.n_col++;
    }
    if (rc == 0) {
        t.roles.id = mem_strdup(a->name[a->id ? 1 : 0]);
        table_hash_keys(&t);
        rc = tables_write(&all, a->path, e);
    }
    table_release(&t);
    return rc;
}
