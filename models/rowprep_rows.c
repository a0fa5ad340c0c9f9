/* From texts to the rows of a batch, and what is said about them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/rowprep_inner.h"

enum { BATCH_BYTES = 16 << 20 };
static const struct cell gap = { .code = -1, .text = "" };

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

    *cell = gap;
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
            p->grown[j].cell = gap;
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
        p->grown[j].cell = gap;
    rowprep_set_error(p, p->n, mem_strdup(error));
    append(p);
}
