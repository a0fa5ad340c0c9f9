#include "io/marks.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const char group[] = "imported";

/* ---- writing --------------------------------------------------------------------------------- */

static int write_ints(struct h5 *h, const char *at, const char *what, size_t n, const int64_t *v,
                      struct err *e)
{
    char *name = str_format("%s/%s", at, what);
    int rc = h5_write(h, name, H5_I64, 1, &n, v, e);
    free(name);
    return rc;
}

static int write_texts(struct h5 *h, const char *at, const char *what, size_t n,
                       const char *const *text, struct err *e)
{
    char *name = str_format("%s/%s", at, what);
    int rc = h5_write_strings(h, name, text, n, e);
    free(name);
    return rc;
}

static int write_sources(struct h5 *h, const char *at, const struct mark_table *t, struct err *e)
{
    size_t n = t->n_source;
    const char **name = mem_calloc(n, sizeof *name), **sum = mem_calloc(n, sizeof *sum);
    int64_t *bytes = mem_calloc(n, sizeof *bytes), *next = mem_calloc(n, sizeof *next),
            *line = mem_calloc(n, sizeof *line);
    int rc;
    for (size_t i = 0; i < n; i++) {
        name[i] = t->source[i].name;
        sum[i] = t->source[i].sha256;
        bytes[i] = t->source[i].bytes;
        next[i] = t->source[i].next;
        line[i] = t->source[i].line;
    }
    if ((rc = write_texts(h, at, "source", n, name, e)) == 0 &&
        (rc = write_texts(h, at, "sha256", n, sum, e)) == 0 &&
        (rc = write_ints(h, at, "bytes", n, bytes, e)) == 0 &&
        (rc = write_ints(h, at, "next", n, next, e)) == 0)
        rc = write_ints(h, at, "next_line", n, line, e);
    free(line);
    free(next);
    free(bytes);
    free(sum);
    free(name);
    return rc;
}

static int write_table(struct h5 *h, const struct mark_table *t, struct err *e)
{
    char *at = str_format("%s/%s", group, t->name), *file = str_format("%s/row_source", at);
    int rc;
    if ((rc = h5_group(h, at, e)) == 0 && (rc = h5_set_int(h, at, "read", t->n_read, e)) == 0 &&
        (rc = h5_set_int(h, at, "bad", t->n_bad, e)) == 0 &&
        (rc = h5_set_int(h, at, "rejects", t->n_reject, e)) == 0 &&
        (!t->above || (rc = h5_set_text(h, at, "above", t->above, e)) == 0) &&
        (rc = write_ints(h, at, "kinds", t->n_count, t->count, e)) == 0 &&
        (rc = write_sources(h, at, t, e)) == 0 &&
        (rc = write_ints(h, at, "row_line", t->n_row, t->line, e)) == 0)
        rc = h5_write(h, file, H5_I32, 1, &t->n_row, t->file, e);
    free(file);
    free(at);
    return rc;
}

int marks_write(struct h5 *h, const struct marks *m, struct err *e)
{
    const char **name = mem_calloc(m->n_table, sizeof *name);
    int rc;
    for (size_t i = 0; i < m->n_table; i++)
        name[i] = m->table[i].name;
    if ((rc = h5_group(h, group, e)) == 0 &&
        (rc = h5_set_text(h, group, "settings", m->settings, e)) == 0)
        rc = h5_set_texts(h, group, "tables", name, m->n_table, e);
    for (size_t i = 0; i < m->n_table && rc == 0; i++)
        rc = write_table(h, &m->table[i], e);
    free(name);
    return rc;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_ints(struct h5 *h, const char *at, const char *what, size_t n, int64_t **out,
                     struct err *e)
{
    char *name = str_format("%s/%s", at, what);
    void *v = NULL;
    int rc = h5_read_n(h, name, H5_I64, n, &v, e);
    free(name);
    *out = v;
    return rc;
}

static int read_texts(struct h5 *h, const char *at, const char *what, char ***out, size_t *out_n,
                      struct err *e)
{
    char *name = str_format("%s/%s", at, what);
    int rc = h5_read_strings(h, name, out, out_n, SIZE_MAX, e);
    free(name);
    return rc;
}

static int read_sources(struct h5 *h, const char *at, struct mark_table *t, struct err *e)
{
    char **name = NULL, **sum = NULL;
    int64_t *bytes = NULL, *next = NULL, *line = NULL;
    size_t n = 0, n_sum = 0;
    int rc;
    if ((rc = read_texts(h, at, "source", &name, &n, e)) == 0 &&
        (rc = read_texts(h, at, "sha256", &sum, &n_sum, e)) == 0 && n != n_sum)
        rc = err_set(e, ERR_DATA, "'%s': '%s' has %zu sources and %zu hashes", h->path, at, n,
                     n_sum);
    if (rc == 0 && (rc = read_ints(h, at, "bytes", n, &bytes, e)) == 0 &&
        (rc = read_ints(h, at, "next", n, &next, e)) == 0)
        rc = read_ints(h, at, "next_line", n, &line, e);
    if (rc == 0) {
        t->source = mem_calloc(n, sizeof *t->source);
        t->n_source = n;
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct mark_source *s = &t->source[i];
        s->name = mem_strdup(name[i]);
        s->bytes = bytes[i];
        s->next = next[i];
        s->line = line[i];
        if (strlen(sum[i]) >= HASH_HEX)
            rc = err_set(e, ERR_DATA, "'%s': '%s/sha256' item %zu is no SHA-256", h->path, at, i);
        else
            memcpy(s->sha256, sum[i], strlen(sum[i]) + 1);
    }
    free(line);
    free(next);
    free(bytes);
    mem_free_texts(sum, n_sum);
    mem_free_texts(name, n);
    return rc;
}

/* Lengths that nothing else says. */
static int length(struct h5 *h, const char *at, const char *what, size_t *out, struct err *e)
{
    char *name = str_format("%s/%s", at, what);
    int rc = h5_shape(h, name, H5_I64, 1, out, e);
    free(name);
    return rc;
}

static int read_table(struct h5 *h, const char *name, struct mark_table *t, struct err *e)
{
    char *at = str_format("%s/%s", group, name), *file = str_format("%s/row_source", at);
    void *v = NULL;
    int rc;
    t->name = mem_strdup(name);
    if ((rc = h5_get_int(h, at, "read", &t->n_read, e)) == 0 &&
        (rc = h5_get_int(h, at, "bad", &t->n_bad, e)) == 0 &&
        (rc = h5_get_int(h, at, "rejects", &t->n_reject, e)) == 0 &&
        (!h5_has_attr(h, at, "above") || (rc = h5_get_text(h, at, "above", &t->above, e)) == 0) &&
        (rc = read_sources(h, at, t, e)) == 0 &&
        (rc = length(h, at, "kinds", &t->n_count, e)) == 0 &&
        (rc = read_ints(h, at, "kinds", t->n_count, &t->count, e)) == 0 &&
        (rc = length(h, at, "row_line", &t->n_row, e)) == 0 &&
        (rc = read_ints(h, at, "row_line", t->n_row, &t->line, e)) == 0)
        rc = h5_read_n(h, file, H5_I32, t->n_row, &v, e);
    t->file = v;
    for (size_t i = 0; rc == 0 && i < t->n_row; i++)
        if (t->file[i] < 0 || (size_t)t->file[i] >= t->n_source)
            rc = err_set(e, ERR_DATA, "'%s': '%s' row %zu is of source %d, want 0 to below %zu",
                         h->path, file, i, t->file[i], t->n_source);
    free(file);
    free(at);
    return rc;
}

int marks_read(struct marks *m, const char *path, struct err *e)
{
    struct h5 h = { 0 };
    char *settings = NULL, **name = NULL;
    size_t n = 0;
    int rc;
    *m = (struct marks){ 0 };
    if ((rc = h5_open(&h, path, "refit.table", 1, e)) || !h5_has(&h, group))
        goto out;
    if ((rc = h5_get_text(&h, group, "settings", &settings, e)) ||
        (rc = h5_get_texts(&h, group, "tables", &name, &n, e)))
        goto out;
    if (strlen(settings) == HASH_HEX - 1)
        memcpy(m->settings, settings, HASH_HEX);
    m->table = mem_calloc(n, sizeof *m->table);
    m->n_table = n;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = read_table(&h, name[i], &m->table[i], e);
out:
    free(settings);
    mem_free_texts(name, n);
    h5_close(&h);
    if (rc)
        marks_release(m);
    return rc;
}

void marks_release(struct marks *m)
{
    for (size_t i = 0; i < m->n_table; i++) {
        struct mark_table *t = &m->table[i];
        for (size_t j = 0; j < t->n_source; j++)
            free(t->source[j].name);
        free(t->source);
        free(t->name);
        free(t->above);
        free(t->count);
        free(t->line);
        free(t->file);
    }
    free(m->table);
    *m = (struct marks){ 0 };
}
