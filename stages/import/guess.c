/* What was found becomes a table of a schema, in YAML. */
#include "guess.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "intake.h"
#include "series.h"

void guess_release(struct infer *in)
{
    for (size_t j = 0; j < in->n; j++) {
        free(in->column[j].name);
        intern_release(&in->column[j].seen);
    }
    free(in->column);
    *in = (struct infer){ 0 };
}

static void merge_column(struct guess *to, const struct guess *from)
{
    size_t both = to->seen.n + from->seen.n;
    to->possible &= from->possible;
    to->tokens |= from->tokens;
    to->n += from->n;
    to->missing += from->missing;
    to->n_token += from->n_token;
    to->longest = from->longest > to->longest ? from->longest : to->longest;
    to->many = to->many || from->many || both > MAX_DISTINCT;
    for (size_t i = 0; i < from->seen.n && !to->many; i++)
        intern_add(&to->seen, intern_get(&from->seen, i), strlen(intern_get(&from->seen, i)));
    to->same = to->same || from->same || (!to->many && to->seen.n < both);
}

void guess_merge(struct infer *to, struct infer *from)
{
    for (size_t j = 0; j < to->n; j++)
        merge_column(&to->column[j], &from->column[j]);
    to->n_row += from->n_row;
    to->n_bad += from->n_bad;
    guess_release(from);
}

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

char guess_decimal(struct infer *in, char delimiter)
{
    bool comma = false, point = delimiter == ',';
    for (size_t j = 0; j < in->n; j++) {
        size_t k = choose(&in->column[j]);
        bool real = k < N_CANDIDATE && guess_candidate[k].type == COLUMN_FLOAT;
        comma = comma || (real && guess_candidate[k].decimal);
        point = point || (real && !guess_candidate[k].decimal);
    }
    for (size_t j = 0; j < in->n && point; j++)
        for (size_t k = 0; k < N_CANDIDATE; k++)
            if (guess_candidate[k].decimal)
                in->column[j].possible &= ~(1u << k);
    return comma && !point ? ',' : 0;
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
           (k == N_CANDIDATE || (guess_candidate[k].type == COLUMN_INT && g->n_token == 0));
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
            add_text(out, guess_token[k]);
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
             typed            ? column_type_name(guess_candidate[k].type)
             : is_category(g) ? "category"
                              : "string");
    if (strcmp(name, g->name) != 0) {
        str_addz(out, ", from: ");
        add_text(out, g->name);
    }
    if (typed && guess_candidate[k].format)
        str_addf(out, ", format: \"%s\"", guess_candidate[k].format);
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
    str_addf(out, "    csv: {delimiter: \"%s\", encoding: %s%s}\n",
             d->delimiter == '\t' ? "\\t" : (char[]){ d->delimiter, '\0' }, encoding[d->encoding],
             d->decimal ? ", decimal: \",\"" : "");
}

/* The name of the file up to its first point; of several, up to what tells them apart. */
static char *table_name(const struct guessed_table *t)
{
    const char *file = base_name(t->path);
    size_t n = t->n_file > 1 ? t->start : strcspn(file, ".");
    while (t->n_file > 1 && n && strchr("-_. ", file[n - 1]))
        n--;
    return n ? mem_strndup(file, n) : mem_strdup("files");
}

static void add_file(struct str *out, const struct guessed_table *t)
{
    char *pattern = t->n_file > 1 ? series_pattern(base_name(t->path), t->start) : NULL;
    str_addz(out, ":\n    file: ");
    add_text(out, pattern ? pattern : base_name(t->path));
    str_addf(out, " # %" PRId64 " rows", t->in.n_row);
    if (t->n_file > 1)
        str_addf(out, " in %zu files", t->n_file);
    if (t->in.n_bad)
        str_addf(out, ", and %" PRId64 " that are broken", t->in.n_bad);
    str_addc(out, '\n');
    free(pattern);
}

void guess_write(struct str *out, const struct guessed_table *t)
{
    const struct infer *in = &t->in;
    unsigned tokens = missing_tokens(in);
    char *table = table_name(t);
    str_addz(out, "  ");
    if (can_be_name(table) && strcmp(table, "rejects") != 0 && strcmp(table, "imported") != 0) {
        add_name(out, table);
    } else {
        char *other = str_format("table_%s", table);
        add_name(out, other);
        free(other);
    }
    add_file(out, t);
    if (t->is_csv)
        add_dialect(out, &t->dialect);
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
