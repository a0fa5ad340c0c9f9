/* The key `csv` of import schemas: what the files look like. */
#include <string.h>

#include "io/schema.h"
#include "io/yaml.h"

/* One ASCII character that ends no line. */
static int read_char(const struct yaml *node, const char *what, char *out, struct err *e)
{
    const char *text;
    int rc = yaml_text(node, what, &text, e);
    if (rc)
        return rc;
    if (strlen(text) != 1 || (unsigned char)*text >= 0x80 || strchr("\r\n", *text))
        return yaml_fail(node, e, "%s: '%.20s', want one ASCII character", what, text);
    *out = *text;
    return 0;
}

static int read_quote(const struct yaml *node, struct csv_dialect *d, struct err *e)
{
    d->no_quote = node->kind == YAML_SCALAR && !node->quoted && strcmp(node->text, "none") == 0;
    return d->no_quote ? 0 : read_char(node, "quote", &d->quote, e);
}

static int read_decimal(const struct yaml *node, char *out, struct err *e)
{
    char sign = 0;
    int rc = read_char(node, "decimal", &sign, e);
    if (rc == 0 && sign != '.' && sign != ',')
        rc = yaml_fail(node, e, "decimal: '%c', want '.' or ','", sign);
    *out = sign == ',' ? ',' : 0;
    return rc;
}

int schema_dialect(const struct yaml *map, struct csv_dialect *out, struct err *e)
{
    static const char *const keys[] = { "delimiter", "quote", "encoding", "decimal", NULL };
    static const char *const encodings[] = { "utf-8", "latin-1", "windows-1252", NULL };
    struct csv_dialect d = *out;
    size_t encoding = d.encoding;
    int rc;
    if (!map)
        return 0;
    if ((rc = yaml_only(map, "csv", keys, e)))
        return rc;
    const struct yaml *delimiter = yaml_get(map, "delimiter"), *quote = yaml_get(map, "quote"),
                      *name = yaml_get(map, "encoding"), *decimal = yaml_get(map, "decimal");
    if ((delimiter && (rc = read_char(delimiter, "delimiter", &d.delimiter, e))) ||
        (quote && (rc = read_quote(quote, &d, e))) ||
        (name && (rc = yaml_choice(name, "encoding", encodings, &encoding, e))) ||
        (decimal && (rc = read_decimal(decimal, &d.decimal, e))))
        return rc;
    d.encoding = (enum source_encoding)encoding;
    if (!d.no_quote && (d.delimiter ? d.delimiter : ',') == (d.quote ? d.quote : '"'))
        return yaml_fail(map, e, "csv: '%c' is delimiter and quote", d.delimiter);
    *out = d;
    return 0;
}
