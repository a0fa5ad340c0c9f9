/* Tables in an HDF5 file. Layout (docs/formats.md):
 *   /               kind = refit.table, kind_version, main, tables, complete
 *   /T              rows, keys_sha256, columns, and the roles: id label date image text features,
 *                   schema
 *   /T/C            type, unit
 *   /T/C/values     (n) float64, int64, uint8 or int32   /T/C/bytes, offsets  strings
 *   /T/C/valid      (n) uint8, only where there are gaps
 *   /T/C/levels, level_names                             categories
 *   /rejects        a table like the others
 */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"
#include "io/marks.h"
#include "io/rowgroup.h"
#include "io/schema.h"
#include "io/spill.h"
#include "io/table.h"

static const char kind[] = "refit.table";
enum { KIND_VERSION = 1, N_TYPE = COLUMN_STRING + 1 };

/* ---- what a column must be, in memory and in a file
 * --------------------------------------------------------------- */

static const char *find_duplicate(char *const *text, size_t n)
{
    const char *twice = NULL;
    char **sorted = mem_calloc(n, sizeof *sorted);
    if (n)
        memcpy(sorted, text, n * sizeof *sorted);
    str_sort(sorted, n);
    for (size_t i = 1; i < n && !twice; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            twice = sorted[i];
    free(sorted);
    return twice;
}

static int bad_row(const char *path, const char *table, const struct column *c, size_t i,
                   const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "'%s': table '%s' column '%s' row %zu %s", path, table, c->name, i,
                   what);
}

/* The checks of all rows at a stride, before the row that fails is looked for. */

static bool at_most_one(const uint8_t *x, size_t n)
{
    unsigned any = 0;
    for (size_t i = 0; i < n; i++)
        any |= x[i];
    return any <= 1;
}

static bool all_finite(const double *x, size_t n)
{
    int good = 1;
    for (size_t i = 0; i < n; i++)
        good &= fabs(x[i]) <= DBL_MAX;
    return good;
}

static bool codes_fit(const struct column *c)
{
    int good = 1;
    for (size_t i = 0; c->valid && i < c->n; i++)
        good &= (((uint32_t)c->code[i] < c->n_level) == (c->valid[i] != 0)) &
                ((c->valid[i] != 0) | (c->code[i] == -1));
    for (size_t i = 0; !c->valid && i < c->n; i++)
        good &= (uint32_t)c->code[i] < c->n_level;
    return good;
}

static int check_codes(const char *path, const char *table, const struct column *c, struct err *e)
{
    if (c->n_level > INT32_MAX)
        return err_set(e, ERR_DATA,
                       "'%s': table '%s' column '%s' has %zu levels, at most 2^31 - 1 are possible",
                       path, table, c->name, c->n_level);
    for (size_t i = codes_fit(c) ? c->n : 0; i < c->n; i++) {
        bool valid = column_valid(c, i);
        if (valid ? c->code[i] < 0 || c->code[i] >= (int32_t)c->n_level : c->code[i] != -1)
            return err_set(
                e, ERR_DATA, "'%s': table '%s' column '%s' row %zu has code %d, want %s%zu%s", path,
                table, c->name, i, c->code[i], valid ? "0 to below " : "-1 for no value (of ",
                c->n_level, valid ? "" : " levels)");
    }
    const char *twice = find_duplicate(c->level, c->n_level);
    return twice ? err_set(e, ERR_DATA, "'%s': table '%s' column '%s' has level '%.100s' twice",
                           path, table, c->name, twice)
                 : 0;
}

static int check_column(const char *path, const char *table, const struct column *c, struct err *e)
{
    for (size_t i = !c->valid || at_most_one(c->valid, c->n) ? c->n : 0; i < c->n; i++)
        if (c->valid[i] > 1)
            return bad_row(path, table, c, i, "has a validity other than 0 and 1", e);
    switch (c->type) {
    case COLUMN_FLOAT:
        for (size_t i = all_finite(c->real, c->n) ? c->n : 0; i < c->n; i++)
            if (!isfinite(c->real[i]))
                return bad_row(path, table, c, i, "is not finite", e);
        return 0;
    case COLUMN_BOOL:
        for (size_t i = at_most_one(c->flag, c->n) ? c->n : 0; i < c->n; i++)
            if (c->flag[i] > 1)
                return bad_row(path, table, c, i, "is neither 0 nor 1", e);
        return 0;
    case COLUMN_CATEGORY:
        return check_codes(path, table, c, e);
    case COLUMN_INT:
    case COLUMN_DATE:
    case COLUMN_STRING:
        return 0;
    }
    return 0;
}

/* A name becomes a group: it must be one step of a path. */
static int check_name(const char *path, const char *what, const char *name, struct err *e)
{
    size_t n = strlen(name);
    if (n == 0 || n > 200 || strchr(name, '/') || strcmp(name, ".") == 0)
        return err_set(e, ERR_DATA,
                       "'%s': '%.80s' cannot be the name of a %s (1 to 200 bytes, no '/')", path,
                       name, what);
    return 0;
}

static int check_role(const struct table *t, const char *path, const char *role, const char *name,
                      struct err *e)
{
    if (name && !table_column(t, name))
        return err_set(e, ERR_DATA, "'%s': table '%s' has no column '%.100s', its %s", path,
                       t->name, name, role);
    return 0;
}

static int check_table(const struct table *t, const char *path, struct err *e)
{
    const struct table_roles *r = &t->roles;
    char **name = mem_calloc(t->n_col, sizeof *name);
    int rc = check_name(path, "table", t->name, e);

    for (size_t i = 0; i < t->n_col && rc == 0; i++) {
        name[i] = t->col[i].name;
        rc = check_name(path, "column", t->col[i].name, e);
    }
    const char *twice = rc == 0 ? find_duplicate(name, t->n_col) : NULL;
    free(name);
    if (twice)
        rc = err_set(e, ERR_DATA, "'%s': table '%s' has column '%s' twice", path, t->name, twice);
    if (rc == 0 && t->n_col == 0 && t->n_row > 0)
        rc = err_set(e, ERR_DATA, "'%s': table '%s' has %zu rows but no column", path, t->name,
                     t->n_row);
    if (rc || (rc = check_role(t, path, "id", r->id, e)) ||
        (rc = check_role(t, path, "label", r->label, e)) ||
        (rc = check_role(t, path, "date", r->date, e)))
        return rc;
    for (size_t i = 0; i < r->n_text && rc == 0; i++)
        rc = check_role(t, path, "text", r->text[i], e);
    for (size_t i = 0; i < r->n_feature && rc == 0; i++)
        rc = check_role(t, path, "feature", r->feature[i], e);
    return rc;
}

/* ---- writing --------------------------------------------------------------------------------- */

static bool has_gap(const struct column *c)
{
    return c->valid && memchr(c->valid, 0, c->n);
}

/* Slice by slice, so that what was on disk does not fill the memory. */
static int write_mapped(struct h5 *h, const char *name, const struct column *c, struct err *e)
{
    const size_t slice = 4 << 20, n_byte = (size_t)c->offset[c->n];
    int rc = h5_begin(h, name, H5_U8, 1, &n_byte, e);
    for (size_t at = 0; at < n_byte && rc == 0; at += slice) {
        size_t n = n_byte - at < slice ? n_byte - at : slice;
        rc = h5_write_rows(h, name, H5_U8, at, n, c->bytes + at, e);
        spill_forget(c->bytes, at, at + n);
    }
    return rc;
}

static int write_values(struct h5 *h, const char *at, const struct column *c, struct err *e)
{
    char *name = str_format("%s/values", at);
    int rc = 0;

    switch (c->type) {
    case COLUMN_FLOAT:
        rc = h5_write(h, name, H5_F64, 1, &c->n, c->real, e);
        break;
    case COLUMN_INT:
    case COLUMN_DATE:
        rc = h5_write(h, name, H5_I64, 1, &c->n, c->whole, e);
        break;
    case COLUMN_BOOL:
        rc = h5_write(h, name, H5_U8, 1, &c->n, c->flag, e);
        break;
    case COLUMN_CATEGORY:
        rc = h5_write(h, name, H5_I32, 1, &c->n, c->code, e);
        break;
    case COLUMN_STRING: {
        size_t items = c->n + 1, n_byte = (size_t)c->offset[c->n];
        free(name);
        name = str_format("%s/bytes", at);
        if ((rc = c->map ? write_mapped(h, name, c, e)
                         : h5_write(h, name, H5_U8, 1, &n_byte, c->bytes, e)))
            break;
        free(name);
        name = str_format("%s/offsets", at);
        rc = h5_write(h, name, H5_I64, 1, &items, c->offset, e);
        break;
    }
    }
    free(name);
    return rc;
}

static int write_levels(struct h5 *h, const char *at, const struct column *c, struct err *e)
{
    char *name = str_format("%s/levels", at);
    int rc = h5_write_strings(h, name, (const char *const *)c->level, c->n_level, e);
    free(name);
    if (rc || !c->level_name)
        return rc;
    name = str_format("%s/level_names", at);
    rc = h5_write_strings(h, name, (const char *const *)c->level_name, c->n_level, e);
    free(name);
    return rc;
}

static int write_column(struct h5 *h, const struct table *t, const struct column *c, struct err *e)
{
    char *at = str_format("%s/%s", t->name, c->name);
    int rc = check_column(h->path, t->name, c, e);

    if (rc == 0 && c->type == COLUMN_STRING && !c->map)
        rc = h5_check_strings(h->path, at, c->bytes, (size_t)c->offset[c->n], c->offset, c->n, e);
    if (rc == 0 && (rc = h5_group(h, at, e)) == 0 &&
        (rc = h5_set_text(h, at, "type", column_type_name(c->type), e)) == 0 &&
        c->type == COLUMN_DATE)
        rc = h5_set_text(h, at, "unit", c->unit, e);
    if (rc == 0)
        rc = write_values(h, at, c, e);
    if (rc == 0 && c->type == COLUMN_CATEGORY)
        rc = write_levels(h, at, c, e);
    if (rc == 0 && has_gap(c)) {
        char *name = str_format("%s/valid", at);
        rc = h5_write(h, name, H5_U8, 1, &c->n, c->valid, e);
        free(name);
    }
    free(at);
    return rc;
}

static int write_role(struct h5 *h, const struct table *t, const char *role, const char *name,
                      struct err *e)
{
    return name ? h5_set_text(h, t->name, role, name, e) : 0;
}

static int write_table(struct h5 *h, const struct table *t, struct err *e)
{
    const struct table_roles *r = &t->roles;
    const char **name = mem_calloc(t->n_col, sizeof *name);
    int rc;

    for (size_t i = 0; i < t->n_col; i++)
        name[i] = t->col[i].name;
    if ((rc = check_table(t, h->path, e)) == 0 &&
        (rc = rowgroup_write(h, t->name, t->n_row, t->keys_sha256, e)) == 0)
        rc = h5_set_texts(h, t->name, "columns", name, t->n_col, e);
    free(name);
    if (rc || (rc = write_role(h, t, "id", r->id, e)) ||
        (rc = write_role(h, t, "label", r->label, e)) ||
        (rc = write_role(h, t, "date", r->date, e)) ||
        (rc = write_role(h, t, "image", r->image, e)) ||
        (rc = write_role(h, t, "schema", r->schema, e)))
        return rc;
    if (r->n_text)
        rc = h5_set_texts(h, t->name, "text", (const char *const *)r->text, r->n_text, e);
    if (rc == 0 && r->n_feature)
        rc = h5_set_texts(h, t->name, "features", (const char *const *)r->feature, r->n_feature, e);
    for (size_t i = 0; i < t->n_col && rc == 0; i++) {
        if (t->col[i].n != t->n_row)
            return err_set(e, ERR_INTERNAL, "'%s': column '%s' has %zu rows, table '%s' %zu",
                           h->path, t->col[i].name, t->col[i].n, t->name, t->n_row);
        rc = write_column(h, t, &t->col[i], e);
    }
    return rc;
}

enum { REJECT_FILE, REJECT_LINE, REJECT_COLUMN, REJECT_VALUE, REJECT_REASON, N_REJECT_COLUMN };
static const char *const reject_column[N_REJECT_COLUMN] = { "file", "line", "column", "value",
                                                            "reason" };
static const char rejects_name[] = "rejects";

static char **reject_text(struct reject *r, int column)
{
    return column == REJECT_FILE     ? &r->file
           : column == REJECT_COLUMN ? &r->column
           : column == REJECT_VALUE  ? &r->value
                                     : &r->reason;
}

/* The rejects as a table like the others. */
static void rejects_to_table(const struct tables *ts, struct table *t)
{
    *t = (struct table){ .name = mem_strdup(rejects_name),
                         .n_row = ts->n_reject,
                         .n_col = N_REJECT_COLUMN };
    t->col = mem_calloc(t->n_col, sizeof *t->col);
    for (int j = 0; j < N_REJECT_COLUMN; j++) {
        struct column *c = &t->col[j];
        struct str bytes = { 0 };
        *c = (struct column){ .name = mem_strdup(reject_column[j]),
                              .type = COLUMN_STRING,
                              .n = t->n_row };
        if (j == REJECT_LINE) {
            c->type = COLUMN_INT;
            c->whole = mem_calloc(c->n, sizeof *c->whole);
            for (size_t i = 0; i < c->n; i++)
                c->whole[i] = ts->reject[i].line;
            continue;
        }
        c->offset = mem_calloc(c->n + 1, sizeof *c->offset);
        for (size_t i = 0; i < c->n; i++) {
            str_addz(&bytes, *reject_text(&ts->reject[i], j));
            c->offset[i + 1] = (int64_t)bytes.n;
        }
        c->bytes = str_take(&bytes);
    }
    table_hash_keys(t);
}

int tables_write(const struct tables *ts, const char *path, struct err *e)
{
    struct h5 h = { 0 };
    struct table rejects;
    const char **name = mem_calloc(ts->n, sizeof *name);
    int rc;

    for (size_t i = 0; i < ts->n; i++)
        name[i] = ts->item[i].name;
    rejects_to_table(ts, &rejects);
    if ((rc = h5_create(&h, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = h5_set_text(&h, "/", "main", name[ts->main_index], e)) == 0)
        rc = h5_set_texts(&h, "/", "tables", name, ts->n, e);
    for (size_t i = 0; i < ts->n && rc == 0; i++) {
        if (strcmp(name[i], rejects_name) == 0)
            rc = err_set(e, ERR_DATA, "'%s': a table cannot be called '%s'", path, rejects_name);
        else
            rc = write_table(&h, &ts->item[i], e);
    }
    if (rc == 0)
        rc = write_table(&h, &rejects, e);
    if (rc == 0 && ts->marks)
        rc = marks_write(&h, ts->marks, e);
    if (rc == 0)
        rc = h5_publish(&h, e);
    h5_close(&h);
    table_release(&rejects);
    free(name);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_levels(struct h5 *h, const char *at, struct column *c, struct err *e)
{
    char *name = str_format("%s/levels", at);
    int rc = h5_read_strings(h, name, &c->level, &c->n_level, SIZE_MAX, e);
    free(name);
    if (rc)
        return rc;
    name = str_format("%s/level_names", at);
    if (h5_has(h, name)) {
        char **text = NULL;
        size_t n = 0;
        rc = h5_read_strings(h, name, &text, &n, SIZE_MAX, e);
        if (rc == 0 && n != c->n_level) {
            rc = err_set(e, ERR_DATA, "'%s': '%s' has %zu names for %zu levels", h->path, name, n,
                         c->n_level);
            mem_free_texts(text, n);
            text = NULL;
        }
        c->level_name = text;
    }
    free(name);
    return rc;
}

static int read_strings(struct h5 *h, const char *at, struct column *c, struct err *e)
{
    struct h5_strings s = { 0 };
    int rc = h5_map_strings(h, at, &s, e);
    if (rc)
        return rc;
    if (s.n != c->n) {
        rc = err_set(e, ERR_DATA, "'%s': column '%s' has %zu rows, its table %zu", h->path, at, s.n,
                     c->n);
        h5_strings_release(&s);
        return rc;
    }
    c->offset = s.offset;
    c->map = s.map;
    c->map_size = s.map_size;
    c->bytes = s.map ? (char *)s.map + (s.bytes - (const char *)s.map) : mem_calloc(1, 1);
    return 0;
}

static int read_unit(struct h5 *h, const char *at, struct column *c, struct err *e)
{
    int rc = h5_get_text(h, at, "unit", &c->unit, e);
    if (rc == 0 && strcmp(c->unit, "days") != 0 && strcmp(c->unit, "us") != 0)
        rc = err_set(e, ERR_DATA, "'%s': the unit of column '%s' is '%.40s', want days or us",
                     h->path, at, c->unit);
    return rc;
}

static int read_values(struct h5 *h, const char *at, struct column *c, struct err *e)
{
    char *name = str_format("%s/values", at);
    void *values = NULL;
    int rc = 0;

    switch (c->type) {
    case COLUMN_FLOAT:
        rc = h5_read_n(h, name, H5_F64, c->n, &values, e);
        c->real = values;
        break;
    case COLUMN_DATE:
    case COLUMN_INT:
        rc = h5_read_n(h, name, H5_I64, c->n, &values, e);
        c->whole = values;
        if (rc == 0 && c->type == COLUMN_DATE)
            rc = read_unit(h, at, c, e);
        break;
    case COLUMN_BOOL:
        rc = h5_read_n(h, name, H5_U8, c->n, &values, e);
        c->flag = values;
        break;
    case COLUMN_CATEGORY:
        rc = h5_read_n(h, name, H5_I32, c->n, &values, e);
        c->code = values;
        if (rc == 0)
            rc = read_levels(h, at, c, e);
        break;
    case COLUMN_STRING:
        rc = read_strings(h, at, c, e);
        break;
    }
    free(name);
    return rc;
}

static int read_column(struct h5 *h, const struct table *t, struct column *c, struct err *e)
{
    char *at = str_format("%s/%s", t->name, c->name), *type = NULL, *name = NULL;
    int rc = h5_get_text(h, at, "type", &type, e), found = 0;

    c->n = t->n_row;
    while (rc == 0 && found < N_TYPE &&
           strcmp(type, column_type_name((enum column_type)found)) != 0)
        found++;
    if (rc == 0 && found == N_TYPE)
        rc = err_set(e, ERR_DATA, "'%s': column '%s' is of the unknown type '%.40s'", h->path, at,
                     type);
    if (rc == 0) {
        c->type = (enum column_type)found;
        name = str_format("%s/valid", at);
        rc = h5_has(h, name) ? h5_read_n(h, name, H5_U8, c->n, (void **)&c->valid, e) : 0;
    }
    if (rc == 0 && (rc = read_values(h, at, c, e)) == 0)
        rc = check_column(h->path, t->name, c, e);
    free(name);
    free(type);
    free(at);
    return rc;
}

static int read_role(struct h5 *h, const struct table *t, const char *role, char **out,
                     struct err *e)
{
    return h5_has_attr(h, t->name, role) ? h5_get_text(h, t->name, role, out, e) : 0;
}

static int read_role_list(struct h5 *h, const struct table *t, const char *role, char ***out,
                          size_t *out_n, struct err *e)
{
    return h5_has_attr(h, t->name, role) ? h5_get_texts(h, t->name, role, out, out_n, e) : 0;
}

/* Which columns are read: all, those that the names of pictures are made of, the texts. */
enum want { WANT_ALL, WANT_PICTURES, WANT_TEXTS };

static bool wants(enum want want, const struct table_roles *r, const char *column)
{
    if (want == WANT_PICTURES)
        return r->image && schema_pattern_uses(r->image, column);
    for (size_t i = 0; i < r->n_text; i++)
        if (strcmp(r->text[i], column) == 0)
            return true;
    return want == WANT_ALL;
}

static void keep_columns(struct table *t, enum want want)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_col; i++) {
        if (wants(want, &t->roles, t->col[i].name))
            t->col[n++] = t->col[i];
        else
            column_release(&t->col[i]);
    }
    t->n_col = n;
}

static int read_table(struct h5 *h, const char *name, enum want want, struct table *t,
                      struct err *e)
{
    struct table_roles *r = &t->roles;
    char **column = NULL;
    size_t n = 0;
    int rc;

    t->name = mem_strdup(name);
    if ((rc = check_name(h->path, "table", name, e)) ||
        (rc = rowgroup_read(h, name, &t->n_row, t->keys_sha256, e)) ||
        (rc = h5_get_texts(h, name, "columns", &column, &n, e)))
        return rc;
    t->col = mem_calloc(n, sizeof *t->col);
    t->n_col = n;
    for (size_t i = 0; i < n; i++)
        t->col[i].name = column[i];
    free(column);
    if ((rc = read_role(h, t, "id", &r->id, e)) || (rc = read_role(h, t, "label", &r->label, e)) ||
        (rc = read_role(h, t, "date", &r->date, e)) ||
        (rc = read_role(h, t, "image", &r->image, e)) ||
        (rc = read_role(h, t, "schema", &r->schema, e)) ||
        (rc = read_role_list(h, t, "text", &r->text, &r->n_text, e)) ||
        (rc = read_role_list(h, t, "features", &r->feature, &r->n_feature, e)) ||
        (rc = check_table(t, h->path, e)))
        return rc;
    keep_columns(t, want);
    for (size_t i = 0; i < t->n_col && rc == 0; i++)
        rc = read_column(h, t, &t->col[i], e);
    return rc;
}

static int table_to_rejects(const struct table *t, struct tables *ts, const char *path,
                            struct err *e)
{
    const struct column *c[N_REJECT_COLUMN];
    for (int j = 0; j < N_REJECT_COLUMN; j++) {
        c[j] = table_column(t, reject_column[j]);
        if (!c[j] || c[j]->type != (j == REJECT_LINE ? COLUMN_INT : COLUMN_STRING))
            return err_set(e, ERR_DATA, "'%s': table '%s' has no column '%s' of type %s", path,
                           rejects_name, reject_column[j], j == REJECT_LINE ? "int" : "string");
    }
    ts->n_reject = t->n_row;
    ts->reject = mem_calloc(t->n_row, sizeof *ts->reject);
    for (size_t i = 0; i < t->n_row; i++) {
        ts->reject[i].line = c[REJECT_LINE]->whole[i];
        for (int j = 0; j < N_REJECT_COLUMN; j++) {
            size_t n;
            if (j == REJECT_LINE)
                continue;
            const char *text = column_string(c[j], i, &n);
            *reject_text(&ts->reject[i], j) = mem_strndup(text, n);
        }
    }
    return 0;
}

static int read_rejects(struct h5 *h, struct tables *ts, struct err *e)
{
    struct table t = { 0 };
    int rc = read_table(h, rejects_name, WANT_ALL, &t, e);
    if (rc == 0)
        rc = table_to_rejects(&t, ts, h->path, e);
    table_release(&t);
    return rc;
}

/* Open the file; the names of its tables and the place of the main one. */
static int open_tables(struct h5 *h, const char *path, char ***out_name, size_t *out_n,
                       size_t *out_main, struct err *e)
{
    char *main_name = NULL, **name = NULL;
    size_t n = 0, at = 0;
    int rc;

    if ((rc = h5_open(h, path, kind, KIND_VERSION, e)))
        return rc;
    if ((rc = h5_get_text(h, "/", "main", &main_name, e)) == 0)
        rc = h5_get_texts(h, "/", "tables", &name, &n, e);
    while (rc == 0 && at < n && strcmp(name[at], main_name) != 0)
        at++;
    if (rc == 0 && at == n)
        rc = err_set(e, ERR_DATA, "'%s': the main table '%.100s' is not in its list of tables",
                     path, main_name);
    free(main_name);
    if (rc) {
        mem_free_texts(name, n);
        return rc;
    }
    *out_name = name;
    *out_n = n;
    *out_main = at;
    return 0;
}

int tables_read(struct tables *t, const char *path, struct err *e)
{
    struct tables read = { 0 };
    struct h5 h = { 0 };
    char **name = NULL;
    int rc = open_tables(&h, path, &name, &read.n, &read.main_index, e);
    size_t n = read.n;

    read.item = mem_calloc(n, sizeof *read.item);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = read_table(&h, name[i], WANT_ALL, &read.item[i], e);
    if (rc == 0)
        rc = read_rejects(&h, &read, e);
    mem_free_texts(name, n);
    h5_close(&h);
    if (rc)
        tables_release(&read);
    else
        *t = read;
    return rc;
}

static int read_main(struct table *t, const char *path, enum want want, struct err *e)
{
    struct table read = { 0 };
    struct h5 h = { 0 };
    char **name = NULL;
    size_t n = 0, at = 0;
    int rc = open_tables(&h, path, &name, &n, &at, e);

    if (rc == 0)
        rc = read_table(&h, name[at], want, &read, e);
    mem_free_texts(name, n);
    h5_close(&h);
    if (rc)
        table_release(&read);
    else
        *t = read;
    return rc;
}

int table_read(struct table *t, const char *path, struct err *e)
{
    return read_main(t, path, WANT_ALL, e);
}

int table_read_pictures(struct table *t, const char *path, struct err *e)
{
    return read_main(t, path, WANT_PICTURES, e);
}

int table_read_texts(struct table *t, const char *path, struct err *e)
{
    return read_main(t, path, WANT_TEXTS, e);
}
