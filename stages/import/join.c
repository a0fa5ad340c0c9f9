/* The columns of one table go into another, row by row by key. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intake.h"

/* Row i of the result is row from[i] of the source, or has no value where that is -1. */
struct rows {
    size_t n;
    int64_t *from; /* (n) owned */
};

/* Strings: the lengths first, then one block. */
static void gather_strings(const struct column *c, const struct rows *r, struct column *out)
{
    out->offset = mem_calloc(r->n + 1, sizeof *out->offset);
    for (size_t i = 0; i < r->n; i++) {
        int64_t n = r->from[i] < 0 ? 0 : c->offset[r->from[i] + 1] - c->offset[r->from[i]];
        out->offset[i + 1] = out->offset[i] + n;
    }
    out->bytes = mem_calloc((size_t)out->offset[r->n], 1);
    for (size_t i = 0; i < r->n; i++)
        if (out->offset[i + 1] > out->offset[i])
            memcpy(out->bytes + out->offset[i], c->bytes + c->offset[r->from[i]],
                   (size_t)(out->offset[i + 1] - out->offset[i]));
}

/* Levels in the order in which the rows of the target show them; those that no row has are gone.
 * Fixed levels stay. */
static void gather_codes(struct column *c, const struct rows *r, bool fixed, struct column *out)
{
    int32_t *code = mem_calloc(c->n_level, sizeof *code); /* new code + 1 */
    out->code = mem_calloc(r->n, sizeof *out->code);
    out->level = mem_calloc(c->n_level, sizeof *out->level);
    for (size_t j = 0; fixed && j < c->n_level; j++)
        code[j] = (int32_t)j + 1;
    out->n_level = fixed ? c->n_level : 0;
    for (size_t i = 0; i < r->n; i++) {
        int32_t old = r->from[i] < 0 ? -1 : c->code[r->from[i]];
        if (old >= 0 && code[old] == 0)
            code[old] = (int32_t)++out->n_level;
        out->code[i] = old < 0 ? -1 : code[old] - 1;
    }
    for (size_t j = 0; j < c->n_level; j++) {
        if (code[j]) {
            out->level[code[j] - 1] = c->level[j];
            c->level[j] = NULL;
        }
    }
    if (fixed) {
        out->level_name = c->level_name;
        c->level_name = NULL;
    }
    free(code);
}

static void gather(struct column *c, const struct rows *r, bool fixed, struct column *out)
{
    *out = (struct column){
        .name = mem_strdup(c->name), .type = c->type, .n = r->n, .unit = mem_strdup(c->unit)
    };
    out->valid = mem_calloc(r->n, 1);
    for (size_t i = 0; i < r->n; i++)
        out->valid[i] = r->from[i] >= 0 && column_valid(c, (size_t)r->from[i]);
    switch (c->type) {
    case COLUMN_FLOAT:
        out->real = mem_calloc(r->n, sizeof *out->real);
        for (size_t i = 0; i < r->n; i++)
            out->real[i] = r->from[i] < 0 ? 0 : c->real[r->from[i]];
        break;
    case COLUMN_INT:
    case COLUMN_DATE:
        out->whole = mem_calloc(r->n, sizeof *out->whole);
        for (size_t i = 0; i < r->n; i++)
            out->whole[i] = r->from[i] < 0 ? 0 : c->whole[r->from[i]];
        break;
    case COLUMN_BOOL:
        out->flag = mem_calloc(r->n, sizeof *out->flag);
        for (size_t i = 0; i < r->n; i++)
            out->flag[i] = r->from[i] < 0 ? 0 : c->flag[r->from[i]];
        break;
    case COLUMN_CATEGORY:
        gather_codes(c, r, fixed, out);
        break;
    case COLUMN_STRING:
        gather_strings(c, r, out);
        break;
    }
}

/* Which row of `from` goes with each row of `to`. */
static size_t match(struct intake *to, struct intake *from, struct rows *r)
{
    size_t n_match = 0;
    r->n = to->n_row;
    r->from = mem_calloc(r->n, sizeof *r->from);
    for (size_t i = 0; i < r->n; i++)
        r->from[i] = -1;
    from->last_bad = 0;
    for (size_t j = 0; j < from->n_row; j++) {
        const char *key = intern_get(&from->key->seen, j);
        int32_t at = intern_find(&to->key->seen, key, strlen(key));
        if (at >= 0) {
            r->from[at] = (int64_t)j;
            n_match++;
            continue;
        }
        char *value = record_shorten(key, strlen(key), 60);
        intake_reject(from, from->path[from->file[j]], from->line[j], from->schema->key, value,
                      REJECT_NO_PARTNER);
        free(value);
    }
    return n_match;
}

int intake_join(struct intake *to, struct table *to_table, struct intake *from,
                struct table *from_table, size_t *out_without, struct err *e)
{
    struct rows r = { 0 };
    size_t n_match = match(to, from, &r), n_level = 0;

    if (n_match == 0) {
        free(r.from);
        return err_set(e, ERR_DATA,
                       "no row of '%s' has the key of a row of '%s': column '%s' holds e.g. "
                       "'%.60s', column '%s' '%.60s'",
                       from->schema->name, to->schema->name, from->schema->key,
                       from->n_row ? intern_get(&from->key->seen, 0) : "(no rows)", to->schema->key,
                       to->n_row ? intern_get(&to->key->seen, 0) : "(no rows)");
    }
    to_table->col = mem_realloc(to_table->col, to_table->n_col + from_table->n_col,
                                sizeof *to_table->col);
    for (size_t j = 0; j < from_table->n_col; j++) {
        struct column *c = &from_table->col[j];
        const struct schema_column *s = schema_find(from->schema, c->name);
        if (strcmp(c->name, from->schema->key) == 0)
            continue;
        n_level = c->n_level;
        gather(c, &r, s->n_level > 0, &to_table->col[to_table->n_col++]);
        c->n_level = n_level; /* what was not moved is freed with it */
        column_release(c);
    }
    free(r.from);
    *out_without = to->n_row - n_match;
    return 0;
}
