#include "io/rowtext.h"

#include <stdlib.h>

#include "base/mem.h"

int rowtext_init(struct rowtext *r, const struct table *t, const char *path, struct err *e)
{
    struct rowtext made = { 0 };
    if (!t->roles.n_text)
        return err_set(
            e, ERR_DATA,
            "'%s': table '%s' has no text: its import schema names the columns (text: [COLUMN])",
            path, t->name);
    made.column = mem_calloc(t->roles.n_text, sizeof(const struct column *));
    for (size_t i = 0; i < t->roles.n_text; i++) {
        const struct column *c = table_column(t, t->roles.text[i]);
        if (!c) {
            rowtext_release(&made);
            return err_set(e, ERR_DATA, "'%s': table '%s' has no column '%s', one of its texts",
                           path, t->name, t->roles.text[i]);
        }
        made.column[made.n++] = c;
    }
    *r = made;
    return 0;
}

void rowtext_release(struct rowtext *r)
{
    free(r->column);
    *r = (struct rowtext){ 0 };
}

void rowtext_read(const struct rowtext *r, size_t row, struct rowtext_parts *p)
{
    if (!p->part) {
        p->n = r->n;
        p->part = mem_calloc(r->n, sizeof *p->part);
        p->value = mem_calloc(r->n, sizeof *p->value);
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct column *c = r->column[i];
        struct text_part *part = &p->part[i];
        if (c->type == COLUMN_STRING) {
            part->bytes = column_string(c, row, &part->n);
            continue;
        }
        str_clear(&p->value[i]);
        column_text(c, row, &p->value[i]);
        *part = (struct text_part){ str_text(&p->value[i]), p->value[i].n };
    }
}

void rowtext_parts_release(struct rowtext_parts *p)
{
    for (size_t i = 0; i < p->n; i++)
        str_release(&p->value[i]);
    free(p->value);
    free(p->part);
    *p = (struct rowtext_parts){ 0 };
}
