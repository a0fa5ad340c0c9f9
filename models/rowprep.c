#include "models/rowprep.h"

#include <stdlib.h>

#include "base/mem.h"
#include "models/rowprep_inner.h"

enum { PIXEL_BYTES = 32 << 20 };

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
    if ((rc = rowprep_columns_init(p, e)) || (rc = rowprep_inputs_init(p, e))) {
        rowprep_free(p);
        return rc;
    }
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
    rowprep_columns_release(p);
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

const struct table *rowprep_table(const struct rowprep *p)
{
    return &p->table;
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
