/* The text of a schema that reads single rows, as a table and then a model carry it. It is YAML in
 * flow style: keys in one order, texts quoted. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/schema.h"

/* The character at *at of valid UTF-8; *at moves behind it. */
static uint32_t next_point(const char *text, size_t *at)
{
    unsigned char c = (unsigned char)text[(*at)++];
    uint32_t point = c < 0x80 ? c : c < 0xE0 ? c & 0x1F : c < 0xF0 ? c & 0x0F : c & 0x07;
    while (((unsigned char)text[*at] & 0xC0) == 0x80)
        point = point << 6 | ((unsigned char)text[(*at)++] & 0x3F);
    return point;
}

/* What YAML would not read back as it is: controls, line ends and what is no character. */
static bool is_escaped(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
           c == 0xFFFE || c == 0xFFFF;
}

static void add_quoted(struct str *out, const char *text)
{
    str_addc(out, '"');
    for (size_t at = 0; text[at];) {
        size_t start = at;
        uint32_t c = next_point(text, &at);
        if (c == '"' || c == '\\')
            str_addf(out, "\\%c", (int)c);
        else if (is_escaped(c))
            str_addf(out, "\\u%04" PRIX32, c);
        else
            str_add(out, text + start, at - start);
    }
    str_addc(out, '"');
}

static void add_texts(struct str *out, char *const *text, size_t n)
{
    str_addc(out, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            str_addz(out, ", ");
        add_quoted(out, text[i]);
    }
    str_addc(out, ']');
}

static void add_key_texts(struct str *out, const char *key, char *const *text, size_t n)
{
    str_addf(out, ", %s: ", key);
    add_texts(out, text, n);
}

static void add_key_text(struct str *out, const char *key, const char *text)
{
    if (!text)
        return;
    str_addf(out, ", %s: ", key);
    add_quoted(out, text);
}

static void add_limit(struct str *out, const char *key, const struct schema_column *c, double v)
{
    if (isinf(v))
        return;
    if (c->type == COLUMN_DATE) {
        int64_t us = (int64_t)v;
        char unit[] = "us";
        struct column date = { .type = COLUMN_DATE, .n = 1, .whole = &us, .unit = unit };
        struct str text = { 0 };
        column_text(&date, 0, &text);
        add_key_text(out, key, str_text(&text));
        str_release(&text);
        return;
    }
    str_addf(out, ", %s: ", key);
    str_add_real(out, v);
}

static void add_column(struct str *out, const struct schema_column *c, const struct column *have,
                       bool is_label)
{
    add_quoted(out, c->name);
    str_addf(out, ": {type: %s", column_type_name(c->type));
    add_key_texts(out, "from", c->from, c->n_from);
    if (c->optional || is_label)
        str_addz(out, ", optional: true");
    if (c->required && !is_label)
        str_addz(out, ", required: true");
    add_limit(out, "min", c, c->min);
    add_limit(out, "max", c, c->max);
    add_key_texts(out, "missing", c->missing, c->n_missing);
    if (c->n_level)
        add_key_texts(out, "levels", c->level, c->n_level);
    if (c->n_format)
        add_key_texts(out, "format", c->format, c->n_format);
    add_key_text(out, "match", c->match);
    add_key_text(out, "otherwise", c->otherwise);
    if (c->otherwise_missing)
        str_addz(out, ", otherwise: missing");
    add_key_text(out, "unit", have->unit);
    str_addc(out, '}');
}

static void add_dialect(struct str *out, const struct csv_dialect *d)
{
    static const char *const encoding[] = { "utf-8", "latin-1", "windows-1252" };
    char delimiter[] = { d->delimiter ? d->delimiter : ',', '\0' };
    char quote[] = { d->quote ? d->quote : '"', '\0' };
    str_addz(out, ", csv: {delimiter: ");
    add_quoted(out, delimiter);
    if (d->no_quote)
        str_addz(out, ", quote: none");
    else
        add_key_text(out, "quote", quote);
    str_addf(out, ", encoding: %s", encoding[d->encoding]);
    if (d->decimal)
        add_key_text(out, "decimal", ",");
    str_addc(out, '}');
}

const struct schema_column *schema_find_main(const struct schema *s, const char *name)
{
    const struct schema_table *to = &s->table[s->main_index];
    const struct schema_column *c = schema_find(to, name);
    for (size_t i = 0; i < s->n_table && !c; i++)
        if (s->table[i].join && strcmp(s->table[i].join, to->name) == 0 &&
            strcmp(s->table[i].key, name) != 0)
            c = schema_find(&s->table[i], name);
    return c;
}

char *schema_rows(const struct schema *s, const struct table *t)
{
    const struct table_roles *r = &t->roles;
    struct str out = { 0 };
    const char *separator = "";

    str_addz(&out, "{schema: 1");
    add_dialect(&out, &s->table[s->main_index].csv);
    str_addz(&out, ", tables: {");
    add_quoted(&out, t->name);
    str_addz(&out, ": {file: \"*\", min_rows: 0, columns: {");
    for (size_t i = 0; i < t->n_col; i++) {
        const struct schema_column *c = schema_find_main(s, t->col[i].name);
        if (!c)
            continue;
        str_addz(&out, separator);
        add_column(&out, c, &t->col[i], r->label && strcmp(r->label, c->name) == 0);
        separator = ", ";
    }
    str_addz(&out, "}}}");
    add_key_text(&out, "id", r->id);
    add_key_text(&out, "date", r->date);
    add_key_text(&out, "image", r->image);
    add_key_texts(&out, "text", r->text, r->n_text);
    add_key_texts(&out, "features", r->feature, r->n_feature);
    str_addz(&out, "}\n");
    return str_take(&out);
}
