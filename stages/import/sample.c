#include "sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/spill.h"
#include "num/rank.h"

bool sample_has_codes(const struct column *c)
{
    return c->type == COLUMN_CATEGORY || c->type == COLUMN_BOOL;
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Characters of UTF-8. */
static size_t text_length(const char *bytes, size_t n)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++)
        length += ((unsigned char)bytes[i] & 0xC0) != 0x80;
    return length;
}

static double value_of(const struct column *c, size_t i)
{
    size_t n;
    const char *bytes;
    switch (c->type) {
    case COLUMN_FLOAT:
        return c->real[i];
    case COLUMN_INT:
        return (double)c->whole[i];
    case COLUMN_DATE: /* in days */
        return (double)c->whole[i] / (strcmp(c->unit, "us") == 0 ? 86400e6 : 1);
    case COLUMN_BOOL:
        return c->flag[i];
    case COLUMN_CATEGORY:
        return c->code[i];
    case COLUMN_STRING:
        bytes = column_string(c, i, &n);
        return (double)text_length(bytes, n);
    }
    return 0;
}

/* Rows are passed in order: what was looked at of a mapped column may leave the memory. */
static void forget_behind(const struct column *c, size_t i, size_t *from)
{
    const size_t slice = 4 << 20;
    if (!c->map)
        return;
    size_t to = (size_t)c->offset[i + 1];
    if (to - *from < slice && i + 1 < c->n)
        return;
    spill_forget(c->bytes, *from, to);
    *from = to;
}

void sample_take(struct sample *s, const struct column *c)
{
    size_t from = 0;
    *s = (struct sample){ .c = c, .v = mem_calloc(c->n, sizeof *s->v), .n_row = c->n };
    for (size_t i = 0; i < c->n; i++) {
        if (column_valid(c, i))
            s->v[s->n++] = value_of(c, i);
        forget_behind(c, i, &from);
    }
    if (!sample_has_codes(c))
        rank_sort(s->v, s->n);
}

/* ---- distinct values and rows ---------------------------------------------------------------- */

/* FNV-1a, 64 bits (RFC 9923). */
static uint64_t mix(uint64_t h, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h;
}

static uint64_t mix_cell(uint64_t h, const struct column *c, size_t i)
{
    unsigned char valid = column_valid(c, i);
    h = mix(h, &valid, 1);
    if (!valid)
        return h;
    if (c->type == COLUMN_STRING) {
        size_t n;
        const char *bytes = column_string(c, i, &n);
        return mix(mix(h, &n, sizeof n), bytes, n);
    }
    if (c->type == COLUMN_INT || c->type == COLUMN_DATE)
        return mix(h, &c->whole[i], sizeof c->whole[i]);
    double v = value_of(c, i) + 0.0; /* -0 is 0 */
    return mix(h, &v, sizeof v);
}

static size_t count_distinct(uint64_t *hash, size_t n)
{
    size_t distinct = n > 0;
    qsort(hash, n, sizeof *hash, compare_hashes);
    for (size_t i = 1; i < n; i++)
        distinct += hash[i] != hash[i - 1];
    return distinct;
}

size_t distinct_values(const struct column *c, uint64_t *io_rows)
{
    uint64_t *hash = mem_calloc(c->n, sizeof *hash);
    size_t n = 0, from = 0;
    for (size_t i = 0; i < c->n; i++) {
        uint64_t cell = mix_cell(14695981039346656037u, c, i);
        if (column_valid(c, i))
            hash[n++] = cell;
        if (io_rows)
            io_rows[i] = mix(io_rows[i], &cell, sizeof cell);
        forget_behind(c, i, &from);
    }
    size_t distinct = count_distinct(hash, n);
    free(hash);
    return distinct;
}

bool names_rows(const struct profile_table *p, const struct column *c)
{
    const char *id = p->t->roles.id;
    return (id && strcmp(id, c->name) == 0) || (p->key && strcmp(p->key, c->name) == 0);
}

size_t duplicate_rows(uint64_t *rows, size_t n)
{
    return n - count_distinct(rows, n);
}

double sample_mean(const struct sample *s, double *out_sd)
{
    double mean = 0, m2 = 0; /* Welford, Technometrics 4 (1962) 419 */
    for (size_t i = 0; i < s->n; i++) {
        double d = s->v[i] - mean;
        mean += d / (double)(i + 1);
        m2 += d * (s->v[i] - mean);
    }
    *out_sd = s->n > 1 ? sqrt(m2 / (double)(s->n - 1)) : 0;
    return mean;
}
