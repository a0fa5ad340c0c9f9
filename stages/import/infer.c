/* Every column starts with all types that it could have; every value strikes out those that it does
 * not fit. What is left first in this list is the type. */
#include "infer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "guess.h"
#include "io/csv.h"
#include "io/jsonrows.h"
#include "series.h"
#include "source_list.h"

enum { MAX_FIELD = 1 << 20, MAX_RATIO = 200, MAX_DISTINCT_BYTES = 200 };

const struct candidate guess_candidate[N_CANDIDATE] = {
    { .type = COLUMN_INT },
    { .type = COLUMN_FLOAT },
    { .type = COLUMN_FLOAT, .decimal = ',' },
    { .type = COLUMN_BOOL },
    { .type = COLUMN_DATE },
    { .type = COLUMN_DATE, .format = "%d/%m/%Y" },
    { .type = COLUMN_DATE, .format = "%m/%d/%Y" },
    { .type = COLUMN_DATE, .format = "%d.%m.%Y" },
    { .type = COLUMN_DATE, .format = "%Y/%m/%d" },
    { .type = COLUMN_DATE, .format = "%d-%m-%Y" },
    { .type = COLUMN_DATE, .format = "%d/%m/%Y %H:%M" },
};

const char *const guess_token[N_TOKEN] = { "NA",   "N/A",  "#N/A", "NaN", "nan", "NULL",
                                           "null", "None", "none", "?",   "-",   "\\N" };

/* ---- looking --------------------------------------------------------------------------------- */

static int on_header(void *ctx, const struct record *row, struct err *e)
{
    struct infer *in = ctx;
    (void)e;
    in->n = row->n;
    in->column = mem_calloc(in->n, sizeof *in->column);
    for (size_t j = 0; j < in->n; j++)
        in->column[j] = (struct guess){ .name = mem_strdup(row->field[j].text),
                                        .possible = (1u << N_CANDIDATE) - 1 };
    return 0;
}

/* 007 is a name that is written in digits. */
static bool is_padded(const char *text)
{
    return text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

static bool fits(const struct candidate *c, const char *text, size_t n)
{
    static char no_text[1];
    char *format[1] = { no_text };
    struct schema_column column = { .type = c->type, .min = -HUGE_VAL, .max = HUGE_VAL };
    struct cell cell;
    char copy[32];
    if (c->format) {
        memcpy(copy, c->format, strlen(c->format) + 1);
        format[0] = copy;
        column.format = format;
        column.n_format = 1;
    }
    if ((c->type == COLUMN_INT || c->type == COLUMN_FLOAT) && is_padded(text))
        return false;
    if (c->type == COLUMN_INT && memchr(text, '.', n))
        return false; /* 3.0 is a float, until a person says otherwise */
    if (c->type == COLUMN_BOOL && n == 1)
        return false; /* 0 and 1, t and f: more likely codes */
    return cell_parse_decimal(&column, text, n, c->decimal, &cell) == CELL_OK && cell.valid;
}

static void look(struct guess *g, const char *text, size_t n)
{
    if (!text || n == 0) {
        g->missing++;
        return;
    }
    g->n++;
    g->longest = (int64_t)n > g->longest ? (int64_t)n : g->longest;
    g->many = g->many || n > MAX_DISTINCT_BYTES || g->seen.n == MAX_DISTINCT;
    if (!g->many) {
        size_t before = g->seen.n;
        intern_add(&g->seen, text, n);
        g->same = g->same || g->seen.n == before;
    }
    for (size_t k = 0; k < N_TOKEN; k++) {
        if (strlen(guess_token[k]) == n && memcmp(guess_token[k], text, n) == 0) {
            g->tokens |= 1u << k;
            g->n_token++;
            return;
        }
    }
    for (size_t k = 0; k < N_CANDIDATE; k++)
        if (g->possible >> k & 1 && !fits(&guess_candidate[k], text, n))
            g->possible &= ~(1u << k);
}

static int on_row(void *ctx, const struct record *row, struct err *e)
{
    struct infer *in = ctx;
    (void)e;
    in->n_row++;
    for (size_t j = 0; j < in->n; j++)
        look(&in->column[j], row->field[j].text, row->field[j].n);
    return 0;
}

static int on_bad(void *ctx, int64_t line, enum record_fault fault, const char *detail,
                  struct err *e)
{
    struct infer *in = ctx;
    (void)line, (void)detail, (void)e;
    in->n_bad++;
    in->n_encoding += fault == RECORD_ENCODING;
    return 0;
}

static const struct record_sink sink = { on_header, on_row, on_bad };

/* ---- the file -------------------------------------------------------------------------------- */

/* The delimiter that the first line has most of, outside of quotes. */
static int guess_delimiter(const char *path, char *out, struct err *e)
{
    static const char choice[] = ",;\t|";
    char piece[16384] = "";
    size_t count[sizeof choice] = { 0 }, n = 0, best = 0;
    struct source s = { 0 };
    bool quoted = false;
    int rc = source_open(&s, path, SOURCE_UTF8, MAX_RATIO, e);
    if (rc == 0)
        rc = source_read(&s, piece, sizeof piece, &n, e);
    for (size_t i = 0; i < n && (quoted || piece[i] != '\n'); i++) {
        const char *at = piece[i] ? strchr(choice, piece[i]) : NULL;
        quoted = quoted != (piece[i] == '"');
        if (at && !quoted)
            count[at - choice]++;
    }
    for (size_t k = 1; k + 1 < sizeof choice; k++)
        if (count[k] > count[best])
            best = k;
    *out = choice[best];
    source_close(&s);
    return rc;
}

static int read_csv(const char *path, struct csv_dialect *d, struct infer *in, struct err *e)
{
    int rc = guess_delimiter(path, &d->delimiter, e);
    for (int encoding = SOURCE_UTF8; encoding <= SOURCE_WINDOWS1252 && rc == 0; encoding++) {
        static const enum source_encoding order[] = { SOURCE_UTF8, SOURCE_WINDOWS1252,
                                                      SOURCE_LATIN1 };
        d->encoding = order[encoding];
        guess_release(in);
        rc = csv_read(path, d, MAX_FIELD, NULL, NULL, &sink, in, e);
        if (rc == ERR_DATA && d->encoding != SOURCE_LATIN1 && strstr(e->text, "invalid encoding")) {
            *e = (struct err){ 0 }; /* in the header */
            rc = 0;
            continue;
        }
        if (in->n_encoding == 0)
            break;
    }
    return rc;
}

static int read_json(const char *path, struct infer *in, struct err *e)
{
    struct intern names = { 0 };
    int rc = jsonrows_names(path, MAX_RATIO, &names, e);
    size_t n = names.n;
    struct record_field *header = mem_calloc(n, sizeof *header);
    struct jsonrows_field *field = mem_calloc(n, sizeof *field);
    bool *seen = mem_calloc(n, sizeof *seen);
    for (size_t j = 0; j < n; j++)
        header[j] = (struct record_field){ intern_get(&names, j), strlen(intern_get(&names, j)) };
    if (rc == 0)
        on_header(in, &(struct record){ .n = n, .field = header }, e);
    for (size_t j = 0; j < in->n; j++)
        field[j] = (struct jsonrows_field){ &in->column[j].name, 1 };
    if (rc == 0)
        rc = jsonrows_read(path, field, n, MAX_FIELD, MAX_RATIO, NULL, &sink, in, seen, NULL, e);
    free(seen);
    free(field);
    free(header);
    intern_release(&names);
    return rc;
}

static bool same_columns(const struct infer *a, const struct infer *b)
{
    bool same = a->n == b->n;
    for (size_t j = 0; j < a->n && same; j++)
        same = strcmp(a->column[j].name, b->column[j].name) == 0;
    return same;
}

/* Is it one more file of the table? Then it is merged into it. */
static bool take_in(struct guessed_table *t, struct guessed_table *next)
{
    const char *a = base_name(t->path), *b = base_name(next->path);
    if (t->is_csv != next->is_csv || !series_same(a, b) || strcmp(a, b) == 0 ||
        t->dialect.delimiter != next->dialect.delimiter ||
        t->dialect.encoding != next->dialect.encoding || !same_columns(&t->in, &next->in))
        return false;
    size_t start = series_start(a, b);
    t->start = t->n_file == 1 || start < t->start ? start : t->start;
    t->n_file++;
    guess_merge(&t->in, &next->in);
    return true;
}

static void write_all(struct str *out, struct guessed_table *t, size_t n)
{
    str_addz(out, "schema: 1\ntables:\n");
    for (size_t i = 0; i < n; i++) {
        t[i].dialect.decimal = guess_decimal(&t[i].in, t[i].is_csv ? t[i].dialect.delimiter : ',');
        guess_write(out, &t[i]);
    }
    str_addz(out, "# Which column plays which part:\n# id: names a row in every later file\n"
                  "# label: what is to be predicted\n# text: [columns that are read as one text]\n"
                  "# image: \"name_{column}.jpg\"\n# date: when a row happened\n");
}

int infer_schema(const struct opt_list *file, struct str *out, struct err *e)
{
    struct guessed_table *t = mem_calloc(file->n, sizeof *t);
    size_t n = 0;
    int rc = 0;
    for (size_t i = 0; i < file->n && rc == 0; i++) {
        struct guessed_table next = { .path = file->item[i], .n_file = 1 };
        size_t k = 0;
        next.is_csv = !jsonrows_named(next.path);
        rc = next.is_csv ? read_csv(next.path, &next.dialect, &next.in, e)
                         : read_json(next.path, &next.in, e);
        while (k < n && !take_in(&t[k], &next))
            k++;
        if (k == n)
            t[n++] = next;
    }
    if (rc == 0)
        write_all(out, t, n);
    for (size_t i = 0; i < n; i++)
        guess_release(&t[i].in);
    free(t);
    return rc;
}
