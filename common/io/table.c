#include "io/table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/civil.h"
#include "base/mem.h"
#include "base/str.h"

void column_release(struct column *c)
{
    free(c->name);
    free(c->valid);
    free(c->real);
    free(c->whole);
    free(c->flag);
    free(c->code);
    mem_free_texts(c->level, c->n_level);
    mem_free_texts(c->level_name, c->n_level);
    if (c->map)
        munmap(c->map, c->map_size);
    else
        free(c->bytes);
    free(c->offset);
    free(c->unit);
    *c = (struct column){ 0 };
}

void table_roles_release(struct table_roles *r)
{
    free(r->id);
    free(r->label);
    free(r->date);
    free(r->image);
    mem_free_texts(r->text, r->n_text);
    mem_free_texts(r->feature, r->n_feature);
    free(r->schema);
    *r = (struct table_roles){ 0 };
}

void table_release(struct table *t)
{
    for (size_t i = 0; i < t->n_col; i++)
        column_release(&t->col[i]);
    free(t->col);
    free(t->name);
    table_roles_release(&t->roles);
    *t = (struct table){ 0 };
}

void tables_release(struct tables *t)
{
    for (size_t i = 0; i < t->n; i++)
        table_release(&t->item[i]);
    free(t->item);
    for (size_t i = 0; i < t->n_reject; i++) {
        free(t->reject[i].file);
        free(t->reject[i].column);
        free(t->reject[i].value);
        free(t->reject[i].reason);
    }
    free(t->reject);
    *t = (struct tables){ 0 };
}

const struct column *table_column(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->n_col; i++)
        if (strcmp(t->col[i].name, name) == 0)
            return &t->col[i];
    return NULL;
}

const char *column_type_name(enum column_type type)
{
    static const char *const name[] = { "float", "int", "bool", "date", "category", "string" };
    return name[type];
}

const char *column_string(const struct column *c, size_t i, size_t *out_n)
{
    assert(c->type == COLUMN_STRING && i < c->n);
    *out_n = column_valid(c, i) ? (size_t)(c->offset[i + 1] - c->offset[i]) : 0;
    return *out_n ? c->bytes + c->offset[i] : "";
}

static void add_day(struct str *out, int64_t days)
{
    struct civil c = civil_of_days(days);
    str_addf(out, "%04" PRId64 "-%02d-%02d", c.year, c.month, c.day);
}

static void add_instant(struct str *out, int64_t us)
{
    const int64_t day = (int64_t)86400 * 1000000;
    int64_t days = us / day - (us % day < 0), rest = us - days * day, s = rest / 1000000;
    add_day(out, days);
    str_addf(out, " %02" PRId64 ":%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60, s % 60);
    if (rest % 1000000)
        str_addf(out, ".%06" PRId64, rest % 1000000);
}

void column_text(const struct column *c, size_t i, struct str *out)
{
    size_t n;
    const char *bytes;

    assert(i < c->n);
    if (!column_valid(c, i))
        return;
    switch (c->type) {
    case COLUMN_FLOAT:
        str_add_real(out, c->real[i]);
        break;
    case COLUMN_INT:
        str_addf(out, "%" PRId64, c->whole[i]);
        break;
    case COLUMN_BOOL:
        str_addz(out, c->flag[i] ? "true" : "false");
        break;
    case COLUMN_DATE:
        if (strcmp(c->unit, "days") == 0)
            add_day(out, c->whole[i]);
        else
            add_instant(out, c->whole[i]);
        break;
    case COLUMN_CATEGORY:
        str_addz(out, c->level[c->code[i]]);
        break;
    case COLUMN_STRING:
        bytes = column_string(c, i, &n);
        str_add(out, bytes, n);
        break;
    }
}

static void add_size(struct hash *h, uint64_t n)
{
    unsigned char bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(n >> (8 * i));
    hash_add(h, bytes, sizeof bytes);
}

void table_hash_keys(struct table *t)
{
    const struct column *id = t->roles.id ? table_column(t, t->roles.id) : NULL;
    struct str text = { 0 };
    struct hash h;

    hash_init(&h);
    add_size(&h, t->n_row);
    for (size_t i = 0; i < t->n_row; i++) {
        str_clear(&text);
        if (id)
            column_text(id, i, &text);
        else
            str_addf(&text, "%zu", i);
        add_size(&h, text.n);
        hash_add(&h, str_text(&text), text.n);
    }
    hash_hex(&h, t->keys_sha256);
    str_release(&text);
}

bool column_is_number(const struct column *c)
{
    return c->type == COLUMN_FLOAT || c->type == COLUMN_INT || c->type == COLUMN_BOOL;
}

double column_number(const struct column *c, size_t i)
{
    return c->type == COLUMN_FLOAT ? c->real[i]
           : c->type == COLUMN_INT ? (double)c->whole[i]
                                   : (double)c->flag[i];
}

int table_target(const struct table *t, const char *path, const struct column **out, struct err *e)
{
    if (!t->roles.label)
        return err_set(
            e, ERR_DATA,
            "'%s': table '%s' has no label; its import schema can name one (label: COLUMN)", path,
            t->name);
    const struct column *c = table_column(t, t->roles.label);
    if (!c)
        return err_set(e, ERR_DATA, "'%s': table '%s' has no column '%s', its label", path, t->name,
                       t->roles.label);
    if (c->type != COLUMN_CATEGORY && !column_is_number(c))
        return err_set(e, ERR_DATA, "'%s': the label '%s' is %s, want category or a number", path,
                       c->name, column_type_name(c->type));
    *out = c;
    return 0;
}

int table_label(const struct table *t, const char *path, const struct column **out, struct err *e)
{
    const struct column *c = NULL;
    int rc = table_target(t, path, &c, e);
    if (rc == 0 && c->type != COLUMN_CATEGORY)
        rc = err_set(e, ERR_DATA,
                     "'%s': the label '%s' is %s, want category (the schema says what it is)", path,
                     c->name, column_type_name(c->type));
    if (rc == 0)
        *out = c;
    return rc;
}

int table_retarget(struct table *t, const char *target, struct err *e)
{
    struct table_roles *r = &t->roles;
    if (!target)
        return 0;
    if (!table_column(t, target)) {
        const char **name = mem_calloc(t->n_col + 1, sizeof *name);
        for (size_t i = 0; i < t->n_col; i++)
            name[i] = t->col[i].name;
        const char *near = str_nearest(target, name, t->n_col);
        err_set(e, ERR_DATA, "--target '%s': table '%s' has no such column%s%s%s", target, t->name,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        free(name);
        return ERR_DATA;
    }
    free(r->label);
    r->label = mem_strdup(target);
    for (size_t i = 0; i < r->n_feature; i++)
        if (strcmp(r->feature[i], target) == 0) {
            free(r->feature[i]);
            memmove(&r->feature[i], &r->feature[i + 1],
                    (r->n_feature - i - 1) * sizeof *r->feature);
            r->n_feature--;
            break;
        }
    return 0;
}

int keys_check(const char *path_a, const char *a_sha256, size_t a_rows, const char *path_b,
               const char *b_sha256, size_t b_rows, struct err *e)
{
    if (a_rows != b_rows)
        return err_set(e, ERR_DATA, "'%s' has %zu rows and '%s' has %zu: want the same rows",
                       path_a, a_rows, path_b, b_rows);
    if (strcmp(a_sha256, b_sha256) != 0)
        return err_set(e, ERR_DATA,
                       "'%s' and '%s' have %zu rows each, but other ones or in another order (keys "
                       "%.12s and %.12s)",
                       path_a, path_b, a_rows, a_sha256, b_sha256);
    return 0;
}
