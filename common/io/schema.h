#ifndef IO_SCHEMA_H
#define IO_SCHEMA_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/csv.h"
#include "io/table.h"

/* The import schema: which file is which table, what its columns are, and which column plays which
 * part (YAML; the format is described in docs/stages.md under `import`). */

/** A column as it is to be read. All owned. */
struct schema_column {
    char *name;
    enum column_type type;
    char **from; /* (n_from) names in the header, the first that is there is read; default: name */
    size_t n_from;
    bool optional;   /* the file need not have it */
    bool required;   /* a row without a value is kept out */
    bool unique;     /* a row with a value that was there before is kept out */
    double min, max; /* FLOAT, INT; DATE in microseconds; -INFINITY, INFINITY without a limit */
    char **missing;  /* (n_missing) texts that mean "no value" */
    size_t n_missing;
    char **level, **level_name; /* (n_level) CATEGORY: the only ones possible; 0: whatever comes.
                                   Names may be NULL */
    size_t n_level;
    char **format; /* (n_format) DATE: strptime, the first that fits; none: ISO 8601 */
    size_t n_format;
    char *unit;    /* DATE: "days" or "us" that it is kept in; NULL: days, unless a value tells the
                      time */
    char *match;   /* the part of the text that matches (POSIX extended, leftmost longest) is the
                      value; or NULL */
    regex_t regex; /* compiled `match` */
    char *
        otherwise; /* value of a text that does not match; NULL: a fault unless otherwise_missing */
    bool otherwise_missing;
};

struct schema_table {
    char *name;
    char *file;  /* fnmatch pattern on the base name; NULL: a query */
    char *query; /* SQL; NULL: files */
    char *since; /* query: column by which its rows are in order, new ones last; or NULL */
    char *key;   /* column that names a row: no two rows share it; or NULL */
    char *join;  /* table that gets these columns, row by row by key; or NULL */
    struct csv_dialect csv;
    int64_t min_rows;
    struct schema_column *col;
    size_t n_col;
};

struct schema {
    char *path;
    struct schema_table *table; /* (n_table) owned */
    size_t n_table;
    size_t main_index;
    struct table_roles roles; /* of the main table */
    bool has_features;        /* `features` was given: else every column that can be one is */
};

/**
 * Read and check a schema file. Every name that it uses is declared in it, types fit their use.
 *   errors  ERR_USAGE with file:line:column; ERR_IO
 */
int schema_read(struct schema *s, const char *path, struct err *e);

/** The same from n bytes; `name` stands for the file. */
int schema_parse(struct schema *s, const char *name, const char *bytes, size_t n, struct err *e);
void schema_release(struct schema *s);
void schema_column_release(struct schema_column *c);

/** The column of the main table, or of one that is joined to it, by which its column `name` is
 * read; or NULL. */
const struct schema_column *schema_find_main(const struct schema *s, const char *name);

/**
 * How to read rows like those of `t`, which was read by s: the text of a schema of one table with
 * the columns of `t` (those that were joined to it, too) and its roles but the label, whose column
 * rows need not have. Equal schemas of equal columns are equal bytes. Owned by the caller.
 */
char *schema_rows(const struct schema *s, const struct table *t);

/** Column by name, or NULL. */
const struct schema_column *schema_find(const struct schema_table *t, const char *name);

/** The index of a table by name, or n_table. */
size_t schema_table_index(const struct schema *s, const char *name);

/** Does the pattern of picture names ("image_{imageid}.jpg") use the column? */
bool schema_pattern_uses(const char *pattern, const char *column);

struct yaml;

/** The key `csv` of a schema or of a table of it: {delimiter, quote, encoding, decimal}. What is
 * not named stays. ERR_USAGE. */
int schema_dialect(const struct yaml *map, struct csv_dialect *out, struct err *e);

/** A cell's text as the column says: what is wrong with it, or CELL_OK. */
enum cell_fault {
    CELL_OK,
    CELL_REQUIRED, /* no value */
    CELL_NUMBER,   /* not a finite number */
    CELL_WHOLE,    /* not a whole number of 64 bits */
    CELL_BOOL,     /* not true/false, yes/no, t/f, 1/0 */
    CELL_DATE,     /* not a date of that format, or one that does not exist */
    CELL_RANGE,    /* outside of min and max */
    CELL_LEVEL,    /* none of the schema's levels */
    CELL_MATCH,    /* does not match, and there is no `otherwise` */
    N_CELL_FAULT,
};

struct cell {
    bool valid;       /* false: no value (and no fault, unless required) */
    double real;      /* FLOAT */
    int64_t whole;    /* INT; DATE in microseconds since 1970-01-01 UTC */
    bool has_time;    /* DATE: more than a day was written */
    uint8_t flag;     /* BOOL */
    int32_t code;     /* CATEGORY with fixed levels; else -1 */
    const char *text; /* CATEGORY, STRING: the value, in the text that was given or in the schema;
                         not NUL-terminated */
    size_t n;
};

const char *cell_fault_name(enum cell_fault fault);

/** n bytes of UTF-8, followed by a NUL. Numbers, booleans and dates may have blanks around them. */
enum cell_fault cell_parse(const struct schema_column *c, const char *text, size_t n,
                           struct cell *out);

/** The same where numbers are written with another character (csv_dialect.decimal) for the point: a
 * point is none then, so that "1.234" is refused and not taken for a thousandth of what it says. */
enum cell_fault cell_parse_decimal(const struct schema_column *c, const char *text, size_t n,
                                   char decimal, struct cell *out);

/** A date or an instant as a person writes it in a schema or an option: ISO 8601, of any age.
 * out         microseconds since 1970-01-01 UTC
 * false       if it is none */
bool cell_iso_date(const char *text, int64_t *out);

#endif
