#include "near.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/schema.h"

static const char head[] = "schema: 1\ntables:\n  t:\n    file: \"*.csv\"\n";

/* The head above, columns and whatever follows. */
static int parse(struct schema *s, const char *rest, struct err *e)
{
    char text[4000];
    int n = snprintf(text, sizeof text, "%s%s", head, rest);
    assert_true(n > 0 && (size_t)n < sizeof text);
    return schema_parse(s, "s.yaml", text, (size_t)n, e);
}

static void refuses(const char *rest, const char *why)
{
    struct err e = { 0 };
    struct schema s;
    assert_error(parse(&s, rest, &e), ERR_USAGE, e, why);
}

static void a_whole_schema_is_understood(void **state)
{
    static const char text[] =
        "schema: 1\n"
        "missing: [\"\", NA]\n"
        "tables:\n"
        "  products:\n"
        "    file: X*.csv\n"
        "    key: row\n"
        "    columns:\n"
        "      row: {type: int, from: \"\"}\n"
        "      name: {type: string, from: [name, Name], missing: []}\n"
        "      price: {type: float, optional: true, min: 0, max: 1e3}\n"
        "      brand: category\n"
        "      sold: bool\n"
        "      day: {type: date, format: \"%d/%m/%Y\", required: true}\n"
        "  labels:\n"
        "    file: Y.csv\n"
        "    key: id\n"
        "    join: products\n"
        "    missing: NULL\n"
        "    min_rows: 3\n"
        "    columns:\n"
        "      id: {type: int}\n"
        "      class: {type: category, levels: [\"0\", \"1\"], names: [no, yes]}\n"
        "table: products\n"
        "id: row\n"
        "text: name\n"
        "image: \"i_{row}.jpg\"\n"
        "label: class\n"
        "date: day\n"
        "features: [price, brand]\n";
    struct err e = { 0 };
    struct schema s;
    (void)state;
    assert_ok(schema_parse(&s, "s.yaml", text, sizeof text - 1, &e), e);
    assert_int_equal(s.n_table, 2);
    assert_int_equal(s.main_index, 0);
    const struct schema_table *t = &s.table[0], *l = &s.table[1];
    assert_int_equal(t->n_col, 6);
    assert_int_equal(t->min_rows, 1); /* of the main table */
    assert_int_equal(l->min_rows, 3);
    assert_string_equal(t->col[0].from[0], "");
    assert_int_equal(t->col[1].n_from, 2);
    assert_int_equal(t->col[1].n_missing, 0);
    assert_int_equal(t->col[2].n_missing, 2);
    assert_string_equal(t->col[2].missing[1], "NA");
    assert_true(t->col[2].optional);
    assert_near(t->col[2].max, 1000, 0, 0);
    assert_int_equal(t->col[3].type, COLUMN_CATEGORY);
    assert_string_equal(t->col[3].from[0], "brand");
    assert_string_equal(t->col[5].format[0], "%d/%m/%Y");
    assert_true(t->col[5].required);
    assert_string_equal(l->join, "products");
    assert_string_equal(l->col[0].missing[0], "NULL");
    assert_int_equal(l->col[1].n_level, 2);
    assert_string_equal(l->col[1].level_name[1], "yes");
    assert_string_equal(s.roles.label, "class");
    assert_int_equal(s.roles.n_text, 1);
    assert_true(s.has_features);
    assert_int_equal(s.roles.n_feature, 2);
    assert_true(schema_pattern_uses(s.roles.image, "row"));
    assert_false(schema_pattern_uses(s.roles.image, "ro"));
    schema_release(&s);
}

static void keys_and_values_that_are_unknown_are_named_with_their_place(void **state)
{
    (void)state;
    refuses("    columns: {a: int}\nlable: a\n",
            "s.yaml:6:1: schema: unknown key 'lable'; did you mean 'label'?");
    refuses("    colums: {a: int}\n",
            "s.yaml:5:5: table: unknown key 'colums'; did you mean 'columns'?");
    refuses("    query: SELECT 1\n    columns: {a: int}\n",
            "s.yaml:5:12: table 't' has a file and a query, want one of them");
    refuses("    since: a\n    columns: {a: int}\n", "since: table 't' has no query");
    refuses("    columns: {a: int}\n  u: {query: SELECT 1, since: b, columns: {a: int}}\n",
            "since: table 'u' has no column 'b'");
    refuses("    columns: {a: int}\n  u: {query: SELECT 1, since: a, columns: {a: string}}\n",
            "since: column 'a' is string, want int or date");
    refuses("    columns: {a: {type: int, minimum: 0}}\n", "column: unknown key 'minimum'");
    refuses("    columns: {a: integer}\n", "type: 'integer' is not one of");
    refuses("    columns: {a: {min: 0}}\n", "column 'a' has no type");
    refuses("    columns: []\n", "table 't': want columns");
    refuses("    columns: {a: int, a: int}\n", "key 'a' is given twice");
    refuses("    columns: {a/b: int}\n", "'a/b' cannot be the name of a column");
    refuses("    columns: {a: int}\n    min_rows: -1\n", "min_rows: -1 is out of range");
    refuses("    columns: {a: int}\n  rejects: {file: x, columns: {a: int}}\n",
            "cannot be called 'rejects'");
    refuses("    columns: {a: int}\n  u: {columns: {a: int}}\n", "table 'u' has no file");
}

static void settings_must_fit_the_type(void **state)
{
    (void)state;
    refuses("    columns: {a: {type: string, min: 0}}\n",
            "column 'a' is string, want float, int or date");
    refuses("    columns: {a: {type: int, min: 2, max: 1}}\n", "min 2 is above max 1");
    refuses("    columns: {a: {type: date, min: 2024-02-30}}\n", "'2024-02-30' is no date");
    refuses("    columns: {a: {type: int, min: x}}\n", "min: 'x' is not a number");
    refuses("    columns: {a: {type: int, levels: [\"1\"]}}\n", "column 'a' is int, want category");
    refuses("    columns: {a: {type: category, levels: [b, b]}}\n", "levels: 'b' is given twice");
    refuses("    columns: {a: {type: category, levels: []}}\n", "want at least one");
    refuses("    columns: {a: {type: category, levels: [b, c], names: [x]}}\n",
            "1 names for 2 levels");
    refuses("    columns: {a: {type: category, names: [x]}}\n", "no levels that could have names");
    refuses("    columns: {a: {type: int, format: \"%Y\"}}\n", "column 'a' is int, want date");
    refuses("    columns: {a: {type: string, match: \"(\"}}\n",
            "s.yaml:5:40: match: '(' is not a regular expression");
    refuses("    columns: {a: {type: string, otherwise: b}}\n", "column 'a' has no match");
    refuses("    columns: {a: {type: string, from: []}}\n", "from: want at least one");
    refuses("    columns: {a: {type: string, from: {b: c}}}\n", "want a text or a list of texts");
}

static void roles_must_name_columns_that_can_play_them(void **state)
{
    (void)state;
    refuses("    columns: {price: float}\nlabel: prize\n",
            "label: table 't' has no column 'prize'; did you mean 'price'?");
    refuses("    columns: {a: string}\nlabel: a\n",
            "label: column 'a' is string, want float, int, bool, category");
    refuses("    columns: {a: float}\nid: a\n",
            "id: column 'a' is float, want int, category, string");
    refuses("    columns: {a: float}\ntext: [a]\n", "text: column 'a' is float");
    refuses("    columns: {a: string}\nfeatures: [a]\n", "features: column 'a' is string");
    refuses("    columns: {a: int}\nfeatures: [a, a]\n", "features: 'a' is given twice");
    refuses("    columns: {a: int}\nlabel: a\nfeatures: [a]\n", "features: 'a' is the label");
    refuses("    columns: {a: int}\ndate: a\n", "date: column 'a' is int, want date");
    refuses("    columns: {a: int}\nimage: \"{b}.jpg\"\n", "image: table 't' has no column 'b'");
    refuses("    columns: {a: int}\nimage: \"{a.jpg\"\n", "'{' without '}'");
    refuses("    columns: {a: int}\nimage: \"a}.jpg\"\n", "'}' without '{'");
    refuses("    key: b\n    columns: {a: int}\n", "key: table 't' has no column 'b'");
    refuses("    key: a\n    columns: {a: float}\n", "key: column 'a' is float");
    refuses("    key: a\n    columns: {a: {type: int, optional: true}}\n", "cannot be optional");
}

static void joins_must_fit(void **state)
{
#define T "    key: k\n    columns: {k: int, a: int}\n"
    (void)state;
    refuses(T "  u: {file: u, key: k, join: tt, columns: {k: int}}\n",
            "join: there is no table 'tt'");
    refuses(T "  u: {file: u, join: t, columns: {k: int}}\n", "join: table 'u' has no key");
    refuses(T "  u: {file: u, key: k, join: u, columns: {k: int}}\n",
            "join: table 'u' is itself joined");
    refuses(T "  u: {file: u, key: k, join: t, columns: {k: string}}\n",
            "key 'k' is string, key 'k' of 't' is int");
    refuses(T "  u: {file: u, key: k, join: t, columns: {k: int, a: int}}\n",
            "table 't' has a column 'a' already");
    refuses(T "  u: {file: u, key: k, join: t, columns: {k: int, b: int}}\n"
              "  v: {file: v, key: k, join: t, columns: {k: int, b: int}}\n",
            "table 't' has a column 'b' already");
    refuses(T "  u: {file: u, key: k, join: t, columns: {k: int}}\ntable: u\n",
            "'u' is joined to 't'");
    refuses(T "table: u\n", "table: there is no table 'u'");
#undef T
}

static void the_version_is_wanted(void **state)
{
    struct err e = { 0 };
    struct schema s;
    (void)state;
    assert_error(schema_parse(&s, "s.yaml", "tables: {}", 10, &e), ERR_USAGE, e,
                 "want 'schema: 1'");
    assert_error(schema_parse(&s, "s.yaml", "schema: 2", 9, &e), ERR_USAGE, e, "2 is out of range");
    assert_error(schema_parse(&s, "s.yaml", "schema: 1", 9, &e), ERR_USAGE, e, "want tables");
    assert_error(schema_parse(&s, "s.yaml", "[1]", 3, &e), ERR_USAGE, e, "want a mapping");
    assert_error(schema_parse(&s, "s.yaml", "", 0, &e), ERR_USAGE, e, "empty");
    assert_error(schema_read(&s, "absent.yaml", &e), ERR_IO, e, "absent.yaml");
}

/* ---- cells ---- */

static enum cell_fault cell_of(const char *column, const char *text, struct cell *out,
                               struct schema *s)
{
    struct err e = { 0 };
    char rest[500];
    snprintf(rest, sizeof rest, "    columns: {a: %s}\n", column);
    assert_ok(parse(s, rest, &e), e);
    return cell_parse(&s->table[0].col[0], text, strlen(text), out);
}

static void is_fault(const char *column, const char *text, enum cell_fault want)
{
    struct schema s;
    struct cell c;
    enum cell_fault fault = cell_of(column, text, &c, &s);
    if (fault != want || c.valid)
        fail_msg("%s '%s': %s, want %s", column, text, cell_fault_name(fault),
                 cell_fault_name(want));
    schema_release(&s);
}

static void is_real(const char *column, const char *text, double want)
{
    struct schema s;
    struct cell c;
    assert_int_equal(cell_of(column, text, &c, &s), CELL_OK);
    assert_true(c.valid);
    assert_near(c.real, want, 0, 0);
    schema_release(&s);
}

static void is_whole(const char *column, const char *text, int64_t want)
{
    struct schema s;
    struct cell c;
    enum cell_fault fault = cell_of(column, text, &c, &s);
    if (fault != CELL_OK || !c.valid || c.whole != want)
        fail_msg("%s '%s': %s %lld, want %lld", column, text, cell_fault_name(fault),
                 (long long)c.whole, (long long)want);
    schema_release(&s);
}

static void is_text(const char *column, const char *text, const char *want)
{
    struct schema s;
    struct cell c;
    enum cell_fault fault = cell_of(column, text, &c, &s);
    if (fault != CELL_OK || !c.valid || c.n != strlen(want) || memcmp(c.text, want, c.n) != 0)
        fail_msg("%s '%s': %s '%.*s', want '%s'", column, text, cell_fault_name(fault), (int)c.n,
                 c.text, want);
    schema_release(&s);
}

static void is_gap(const char *column, const char *text)
{
    is_fault(column, text, CELL_OK);
}

static void numbers_are_read_whole_or_not_at_all(void **state)
{
    (void)state;
    is_real("float", "1.5", 1.5);
    is_real("float", " -1e-5\t", -1e-5);
    is_real("float", ".5", 0.5);
    is_fault("float", "1,5", CELL_NUMBER);
    is_fault("float", "nan", CELL_NUMBER);
    is_fault("float", "inf", CELL_NUMBER);
    is_fault("float", "1e999", CELL_NUMBER);
    is_fault("float", "0x10", CELL_NUMBER);
    is_fault("float", "12 3", CELL_NUMBER);
    is_fault("{type: float, min: 0}", "-1", CELL_RANGE);
    is_fault("{type: float, max: 5}", "5.1", CELL_RANGE);
    is_whole("int", "9223372036854775807", INT64_MAX);
    is_whole("int", "-7", -7);
    is_whole("int", "3.00", 3);
    is_fault("int", "3.5", CELL_WHOLE);
    is_fault("int", "3.", CELL_WHOLE);
    is_fault("int", "9223372036854775808", CELL_WHOLE);
    is_fault("{type: int, min: 1, max: 3}", "4", CELL_RANGE);
    is_gap("float", "");
    is_gap("{type: float, missing: [\"?\"]}", "?");
    is_fault("{type: float, missing: [\"?\"]}", "", CELL_NUMBER);
    is_fault("{type: float, required: true}", "", CELL_REQUIRED);
}

static void truth_has_many_spellings(void **state)
{
    static const char *const yes[] = { "true", "TRUE", "t", "yes", "1", "1.0", "on" },
                             *const no[] = { "False", "f", "No", "0", "0.0" };
    struct schema s;
    struct cell c;
    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        assert_int_equal(cell_of("bool", yes[i], &c, &s), CELL_OK);
        assert_int_equal(c.flag, 1);
        schema_release(&s);
    }
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
        assert_int_equal(cell_of("bool", no[i], &c, &s), CELL_OK);
        assert_true(c.valid && c.flag == 0);
        schema_release(&s);
    }
    is_fault("bool", "2", CELL_BOOL);
    is_fault("bool", "truee", CELL_BOOL);
}

static void dates_are_microseconds_and_must_exist(void **state)
{
    const int64_t s = 1000000, day = 86400 * s;
    (void)state;
    is_whole("date", "1970-01-01", 0);
    is_whole("date", "2024-02-29", 19782 * day);
    is_whole("date", "1969-12-31 23:59:59.5", -s / 2);
    is_whole("date", "2000-01-01T00:00:01Z", 10957 * day + s);
    is_whole("date", "2000-01-01 12:30", 10957 * day + (12 * 60 + 30) * 60 * s);
    is_whole("date", "0000-03-01", -719468 * day);
    is_fault("date", "2023-02-29", CELL_DATE);
    is_fault("date", "2023-13-01", CELL_DATE);
    is_fault("date", "2023-1-1", CELL_DATE);
    is_fault("date", "2023-01-01 24:00", CELL_DATE);
    is_fault("date", "2023-01-01x", CELL_DATE);
    is_fault("date", "2023-01-01T10:00:00.", CELL_DATE);
    is_whole("{type: date, format: \"%d/%m/%Y\"}", "29/02/2024", 19782 * day);
    is_fault("{type: date, format: \"%d/%m/%Y\"}", "30/02/2024", CELL_DATE);
    is_fault("{type: date, format: \"%d/%m/%Y\"}", "29/02/2024 10:00", CELL_DATE);
    is_whole("{type: date, format: \"%Y-%m-%d %H:%M:%S\"}", "1970-01-02 00:00:01", day + s);
}

static void dates_may_have_several_formats_limits_and_offsets(void **state)
{
    const int64_t s = 1000000, day = 86400 * s;
    static const char two[] = "{type: date, format: [\"%d/%m/%Y\", \"%Y%m%d\"]}";
    (void)state;
    is_whole(two, "29/02/2024", 19782 * day);
    is_whole(two, "20240229", 19782 * day);
    is_fault(two, "2024-02-29", CELL_DATE);
    is_whole("{type: date, min: 2024-02-29, max: 2024-03-01}", "2024-02-29", 19782 * day);
    is_fault("{type: date, min: 2024-02-29}", "2024-02-28", CELL_RANGE);
    is_fault("{type: date, max: 2024-02-29}", "2024-02-29 00:00:01", CELL_RANGE);
    is_whole("date", "1970-01-01 02:00:00+02", 0);
    is_whole("date", "1969-12-31T18:30:00-05:30", 0);
    is_fault("date", "1970-01-01 02:00:00+2", CELL_DATE);
    is_fault("date", "1970-01-01 02:00:00+02:", CELL_DATE);
    is_fault("date", "1970-01-01 02:00:00Z+02", CELL_DATE);
}

static void files_may_be_another_dialect_of_csv(void **state)
{
    static const char text[] =
        "schema: 1\n"
        "csv: {delimiter: \";\", encoding: windows-1252}\n"
        "tables:\n"
        "  a: {file: a, columns: {x: int}}\n"
        "  b: {file: b, csv: {delimiter: \"\\t\", quote: none}, columns: {x: int}}\n";
    struct err e = { 0 };
    struct schema s;
    (void)state;
    assert_ok(schema_parse(&s, "s.yaml", text, strlen(text), &e), e);
    assert_int_equal(s.table[0].csv.delimiter, ';');
    assert_int_equal(s.table[0].csv.encoding, SOURCE_WINDOWS1252);
    assert_int_equal(s.table[1].csv.delimiter, '\t');
    assert_int_equal(s.table[1].csv.encoding, SOURCE_WINDOWS1252);
    assert_true(s.table[1].csv.no_quote);
    schema_release(&s);
    refuses("    csv: {delimiter: ab}\n    columns: {a: int}\n", "delimiter: 'ab', want one ASCII");
    refuses("    csv: {delimiter: é}\n    columns: {a: int}\n", "want one ASCII character");
    refuses("    csv: {delimiter: \"\\n\"}\n    columns: {a: int}\n", "want one ASCII character");
    refuses("    csv: {delimiter: x, quote: x}\n    columns: {a: int}\n",
            "'x' is delimiter and quote");
    refuses("    csv: {encoding: utf-16}\n    columns: {a: int}\n",
            "encoding: 'utf-16' is not one of");
}

static void matches_cut_out_a_part(void **state)
{
    (void)state;
    is_text("{type: category, match: \"Mrs|Mr|Miss|Master\", otherwise: Other}", "Braund, Mr. Owen",
            "Mr");
    is_text("{type: category, match: \"Mrs|Mr|Miss|Master\", otherwise: Other}",
            "Cumings, Mrs. John", "Mrs"); /* longest */
    is_text("{type: category, match: \"Mrs|Mr\", otherwise: Other}", "Dr. No", "Other");
    is_text("{type: category, match: \"Mrs|Mr\", otherwise: \"missing\"}", "Dr. No",
            "missing"); /* quoted: a text */
    is_gap("{type: category, match: \"Mrs|Mr\", otherwise: missing}", "Dr. No");
    is_fault("{type: category, match: \"Mrs|Mr\"}", "Dr. No", CELL_MATCH);
    is_fault("{type: category, match: \"^x\", otherwise: missing, required: true}", "y",
             CELL_REQUIRED);
    is_text("{type: string, match: \"^.\"}", "C85", "C");
    is_text("{type: string, match: \"^.\"}", "É85", "É"); /* a whole character */
    is_text("{type: string, match: \".$\"}", "8É", "É");
    is_whole("{type: int, match: \"[0-9]+\"}", "about 12 years", 12);
    is_gap("{type: category, match: \"^.\"}", "");
}

static void fixed_levels_are_the_only_ones(void **state)
{
    struct schema s;
    struct cell c;
    (void)state;
    assert_int_equal(cell_of("{type: category, levels: [a, b]}", "b", &c, &s), CELL_OK);
    assert_int_equal(c.code, 1);
    schema_release(&s);
    is_fault("{type: category, levels: [a, b]}", "c", CELL_LEVEL);
    is_fault("{type: category, levels: [a, b]}", "B", CELL_LEVEL);
    is_text("category", " any thing ", " any thing ");
}

/* What schema_rows writes of the main table when all its columns are there. */
static char *rows_of(const struct schema *s, const char *label)
{
    const struct schema_table *from = &s->table[s->main_index];
    char days[] = "days";
    struct table t = { .name = from->name, .n_col = from->n_col };
    struct column col[8] = { 0 };
    for (size_t i = 0; i < t.n_col; i++)
        col[i] = (struct column){ .name = from->col[i].name,
                                  .unit = from->col[i].type == COLUMN_DATE ? days : NULL };
    char own[20];
    snprintf(own, sizeof own, "%s", label);
    t.col = col;
    t.roles = s->roles;
    t.roles.label = own;
    return schema_rows(s, &t);
}

static void the_schema_of_rows_reads_as_the_first_one_does(void **state)
{
    static const char text[] =
        "    csv: {delimiter: \";\", encoding: latin-1, decimal: \",\"}\n"
        "    columns:\n"
        "      \"a \\\"b\\\\ \\x7f\\u2028é\": {type: float, from: [x, \"\"], min: -1e-3, required: "
        "true}\n"
        "      day: {type: date, format: [\"%d/%m/%Y\"], min: 2001-02-03, max: \"2024-02-29 "
        "13:00:05.25\"}\n"
        "      kind: {type: category, levels: [\"no\", \"~\"], missing: []}\n"
        "      title: {type: category, match: \"Mrs|Mr\", otherwise: missing, optional: true}\n"
        "      word: {type: string, match: \"^.\", otherwise: \"missing\"}\n"
        "      y: int\n"
        "label: y\ntext: word\nimage: \"{word}.jpg\"\n";
    struct err e = { 0 };
    struct schema s, again;
    (void)state;
    assert_int_equal(parse(&s, text, &e), 0);
    char *first = rows_of(&s, "y");
    assert_int_equal(schema_parse(&again, "rows", first, strlen(first), &e), 0);
    const struct schema_table *t = again.table;
    assert_int_equal(t->n_col, 6);
    assert_true(t->col[5].optional); /* the label */
    assert_string_equal(t->col[0].name, "a \"b\\ \x7f\xe2\x80\xa8\xc3\xa9");
    assert_int_equal(t->col[0].n_from, 2);
    assert_true(t->col[0].required);
    assert_near(t->col[0].min, -1e-3, 0, 0);
    assert_near(t->col[1].max, (double)s.table->col[1].max, 0, 0);
    assert_near(t->col[1].min, (double)s.table->col[1].min, 0, 0);
    assert_string_equal(t->col[1].unit, "days");
    assert_int_equal(t->col[2].n_missing, 0);
    assert_string_equal(t->col[2].level[1], "~");
    assert_true(t->col[3].otherwise_missing && t->col[3].optional);
    assert_string_equal(t->col[4].otherwise, "missing");
    assert_int_equal(t->csv.delimiter, ';');
    assert_int_equal(t->csv.encoding, SOURCE_LATIN1);
    assert_int_equal(t->csv.decimal, ',');
    assert_null(again.roles.label);
    assert_string_equal(again.roles.image, "{word}.jpg");
    char *second = rows_of(&again, "y");
    assert_string_equal(first, second);
    free(second);
    free(first);
    schema_release(&again);
    schema_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_schema_is_understood),
        cmocka_unit_test(keys_and_values_that_are_unknown_are_named_with_their_place),
        cmocka_unit_test(settings_must_fit_the_type),
        cmocka_unit_test(roles_must_name_columns_that_can_play_them),
        cmocka_unit_test(joins_must_fit),
        cmocka_unit_test(the_version_is_wanted),
        cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
        cmocka_unit_test(truth_has_many_spellings),
        cmocka_unit_test(dates_are_microseconds_and_must_exist),
        cmocka_unit_test(dates_may_have_several_formats_limits_and_offsets),
        cmocka_unit_test(files_may_be_another_dialect_of_csv),
        cmocka_unit_test(matches_cut_out_a_part),
        cmocka_unit_test(fixed_levels_are_the_only_ones),
        cmocka_unit_test(the_schema_of_rows_reads_as_the_first_one_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
