/* Every column starts with all types that it could have; every value strikes out those that it does
 * not fit. What is left first in this list is the type. */
#include "infer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/intern.h"
#include "base/mem.h"
#include "intake.h"
#include "io/csv.h"
#include "io/jsonrows.h"
#include "sources.h"

enum { MAX_FIELD = 1 << 20, MAX_RATIO = 200, MAX_DISTINCT = 100000, MAX_DISTINCT_BYTES = 200 };

/* A type that a column may have, with the format of a date. */
struct candidate {
    enum column_type type;
    const char *format;
};
static const struct candidate candidate[] = {
    { COLUMN_INT, NULL },        { COLUMN_FLOAT, NULL },
    { COLUMN_BOOL, NULL },       { COLUMN_DATE, NULL },
    { COLUMN_DATE, "%d/%m/%Y" }, { COLUMN_DATE, "%m/%d/%Y" },
    { COLUMN_DATE, "%d.%m.%Y" }, { COLUMN_DATE, "%Y/%m/%d" },
    { COLUMN_DATE, "%d-%m-%Y" }, { COLUMN_DATE, "%d/%m/%Y %H:%M" },
};
enum { N_CANDIDATE = sizeof candidate / sizeof *candidate };

/* Texts that mean "no value" where the others are numbers, dates or booleans. */
static const char *const token[] = { "NA",   "N/A",  "#N/A", "NaN", "nan", "NULL",
                                     "null", "None", "none", "?",   "-",   "\\N" };
enum { N_TOKEN = sizeof token / sizeof *token };

struct guess {
    char *name;         /* owned: in the header */
    unsigned possible;  /* a bit for each candidate */
    unsigned tokens;    /* a bit for each token that was seen */
    int64_t n, missing; /* values; empty ones */
    int64_t n_token;
    int64_t longest;
    struct intern seen; /* up to MAX_DISTINCT */
    bool many;          /* there are more */
    bool same;          /* a value was there twice */
};

struct infer {
    struct guess *column; /* (n) owned */
    size_t n;
    int64_t n_row, n_bad, n_encoding;
};

static void release(struct infer *in)
{
    for (size_t j = 0; j < in->n; j++) {
        free(in->column[j].name);
        intern_release(&in->column[j].seen);
    }
    free(in->column);
    *in = (struct infer){ 0 };
}

/* ---- looking
 * -----------------------------------------------------------------------------------------------------
 */

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
    return cell_parse(&column, text, n, &cell) == CELL_OK && cell.valid;
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
        if (strlen(token[k]) == n && memcmp(token[k], text, n) == 0) {
            g->tokens |= 1u << k;
            g->n_token++;
            return;
        }
    }
    for (size_t k = 0; k < N_CANDIDATE; k++)
        if (g->possible >> k & 1 && !fits(&candidate[k], text, n))
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

/* ---- the file
 * ----------------------------------------------------------------------------------------------------
 */

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
        release(in);
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

/* ---- the schema
 * --------------------------------------------------------------------------------------------------
 */

static void add_text(struct str *out, const char *text)
{
    str_addc(out, '"');
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            str_addf(out, "\\x%02x", (unsigned)(unsigned char)*text);
        else
            str_addf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    }
    str_addc(out, '"');
}

/* Without quotes where YAML reads it as it stands. */
static void add_name(struct str *out, const char *name)
{
    static const char *const word[] = {
        "null", "true", "false", "yes", "no", "on", "off", "y", "n"
    };
    bool plain = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || *name == '_';
    for (const char *p = name; *p && plain; p++)
        plain = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
                (*p >= '0' && *p <= '9');
    for (size_t i = 0; i < sizeof word / sizeof *word && plain; i++)
        plain = strcasecmp(word[i], name) != 0;
    if (plain)
        str_addz(out, name);
    else
        add_text(out, name);
}

/* The first type that is possible; string or category where none is. */
static size_t choose(const struct guess *g)
{
    for (size_t k = 0; k < N_CANDIDATE && g->n > g->n_token; k++)
        if (g->possible >> k & 1)
            return k;
    return N_CANDIDATE;
}

static bool is_category(const struct guess *g)
{
    return !g->many && g->n >= 20 && g->seen.n <= 1000 && 5 * (int64_t)g->seen.n <= g->n &&
           g->longest <= 100;
}

static bool is_key(const struct guess *g)
{
    size_t k = choose(g);
    return g->n > 1 && g->missing == 0 && !g->same && !g->many &&
           (k == N_CANDIDATE || (candidate[k].type == COLUMN_INT && g->n_token == 0));
}

/* A column can be called so; else it gets a name of its own, and `from`. */
static bool can_be_name(const char *name)
{
    size_t n = strlen(name);
    return n > 0 && n <= 200 && !strchr(name, '/') && strcmp(name, ".") != 0;
}

static char *name_of(const struct infer *in, size_t j)
{
    const char *name = in->column[j].name;
    if (can_be_name(name))
        return mem_strdup(name);
    char *made = str_format("column%zu", j + 1);
    for (size_t i = 0; i < in->n; i++) {
        if (strcmp(in->column[i].name, made) == 0) {
            free(made);
            made = str_format("column%zu_", j + 1);
            i = (size_t)-1;
        }
    }
    return made;
}

/* What means "no value" in a column of numbers, dates or booleans does so in the whole table. */
static unsigned missing_tokens(const struct infer *in)
{
    unsigned tokens = 0;
    for (size_t j = 0; j < in->n; j++)
        if (choose(&in->column[j]) < N_CANDIDATE)
            tokens |= in->column[j].tokens;
    return tokens;
}

static void add_missing(struct str *out, unsigned tokens)
{
    if (!tokens)
        return;
    str_addz(out, "    missing: [\"\"");
    for (size_t k = 0; k < N_TOKEN; k++) {
        if (tokens >> k & 1) {
            str_addz(out, ", ");
            add_text(out, token[k]);
        }
    }
    str_addz(out, "]\n");
}

static size_t count_bits(unsigned set)
{
    return (size_t)__builtin_popcount(set);
}

static void add_column(struct str *out, const struct infer *in, size_t j, unsigned tokens)
{
    const struct guess *g = &in->column[j];
    char *name = name_of(in, j);
    size_t k = choose(g);
    bool typed = k < N_CANDIDATE;
    str_addz(out, "      ");
    add_name(out, name);
    str_addf(out, ": {type: %s",
             typed            ? column_type_name(candidate[k].type)
             : is_category(g) ? "category"
                              : "string");
    if (strcmp(name, g->name) != 0) {
        str_addz(out, ", from: ");
        add_text(out, g->name);
    }
    if (typed && candidate[k].format)
        str_addf(out, ", format: \"%s\"", candidate[k].format);
    int64_t missing = (g->tokens & ~tokens) == 0 ? g->n_token : 0; /* of the values */
    str_addf(out, "} # %" PRId64 " values, %" PRId64 " missing, ", g->n - missing,
             g->missing + missing);
    if (g->many)
        str_addz(out, "very many distinct\n");
    else
        str_addf(out, "%zu distinct\n", g->seen.n - (missing ? count_bits(g->tokens) : 0));
    free(name);
}

static void add_dialect(struct str *out, const struct csv_dialect *d)
{
    static const char *const encoding[] = { "utf-8", "latin-1", "windows-1252" };
    if (d->delimiter == ',' && d->encoding == SOURCE_UTF8)
        return;
    str_addf(out, "    csv: {delimiter: \"%s\", encoding: %s}\n",
             d->delimiter == '\t' ? "\\t" : (char[]){ d->delimiter, '\0' }, encoding[d->encoding]);
}

static void add_table(struct str *out, const char *path, const struct csv_dialect *d,
                      const struct infer *in)
{
    unsigned tokens = missing_tokens(in);
    char *table = mem_strndup(base_name(path), strcspn(base_name(path), "."));
    str_addz(out, "  ");
    if (can_be_name(table) && strcmp(table, "rejects") != 0 && strcmp(table, "imported") != 0) {
        add_name(out, table);
    } else {
        char *other = str_format("table_%s", table);
        add_name(out, other);
        free(other);
    }
    str_addz(out, ":\n    file: ");
    add_text(out, base_name(path));
    str_addf(out, " # %" PRId64 " rows", in->n_row);
    if (in->n_bad)
        str_addf(out, ", and %" PRId64 " that are broken", in->n_bad);
    str_addc(out, '\n');
    if (d)
        add_dialect(out, d);
    for (size_t j = 0; j < in->n; j++) {
        if (!is_key(&in->column[j]))
            continue;
        char *name = name_of(in, j);
        str_addz(out, "    key: ");
        add_name(out, name);
        str_addz(out, " # the first column whose values are distinct\n");
        free(name);
        break;
    }
    add_missing(out, tokens);
    str_addz(out, "    columns:\n");
    for (size_t j = 0; j < in->n; j++)
        add_column(out, in, j, tokens);
    free(table);
}

int infer_schema(const struct opt_list *file, struct str *out, struct err *e)
{
    int rc = 0;
    str_addz(out, "schema: 1\ntables:\n");
    for (size_t i = 0; i < file->n && rc == 0; i++) {
        struct csv_dialect d = { 0 };
        struct infer in = { 0 };
        bool json = sources_is_json(file->item[i]);
        rc = json ? read_json(file->item[i], &in, e) : read_csv(file->item[i], &d, &in, e);
        if (rc == 0)
            add_table(out, file->item[i], json ? NULL : &d, &in);
        release(&in);
    }
    str_addz(out, "# Which column plays which part:\n# id: names a row in every later file\n"
                  "# label: what is to be predicted\n# text: [columns that are read as one text]\n"
                  "# image: \"name_{column}.jpg\"\n# date: when a row happened\n");
    return rc;
}
