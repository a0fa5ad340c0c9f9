#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "scratch.h"

#include <hdf5.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"
#include "io/table.h"

static void *copy(const void *from, size_t n)
{
    void *to = mem_calloc(n, 1);
    memcpy(to, from, n);
    return to;
}

static char **texts(const char *a, const char *b)
{
    char **t = mem_calloc(2, sizeof *t);
    t[0] = mem_strdup(a);
    t[1] = mem_strdup(b);
    return t;
}

/* Three rows of every type, with and without gaps; a second table; two rejects. */
static void make_tables(struct tables *ts)
{
    static const uint8_t gap[3] = { 1, 0, 1 };
    struct table *t;

    *ts = (struct tables){ .n = 2, .main_index = 1 };
    ts->item = mem_calloc(2, sizeof *ts->item);
    ts->item[0] = (struct table){ .name = mem_strdup("aside"), .n_row = 0, .n_col = 1 };
    ts->item[0].col = mem_calloc(1, sizeof(struct column));
    ts->item[0].col[0] = (struct column){ .name = mem_strdup("x"),
                                          .type = COLUMN_FLOAT,
                                          .real = mem_calloc(0, 8) };
    t = &ts->item[1];
    *t = (struct table){ .name = mem_strdup("things"), .n_row = 3, .n_col = 7 };
    t->col = mem_calloc(7, sizeof *t->col);
    t->col[0] = (struct column){ .name = mem_strdup("key"),
                                 .type = COLUMN_INT,
                                 .n = 3,
                                 .whole = copy((int64_t[]){ 12, -7, INT64_MAX }, 24) };
    t->col[1] = (struct column){ .name = mem_strdup("prix €"),
                                 .type = COLUMN_FLOAT,
                                 .n = 3,
                                 .valid = copy(gap, 3),
                                 .real = copy((double[]){ 0.1, 0, -1e300 }, 24) };
    t->col[2] = (struct column){
        .name = mem_strdup("flag"), .type = COLUMN_BOOL, .n = 3, .flag = copy("\1\0\0", 3)
    };
    t->col[3] = (struct column){ .name = mem_strdup("day"),
                                 .type = COLUMN_DATE,
                                 .n = 3,
                                 .unit = mem_strdup("days"),
                                 .whole = copy((int64_t[]){ 19782, -1, 0 }, 24) };
    t->col[4] = (struct column){ .name = mem_strdup("instant"),
                                 .type = COLUMN_DATE,
                                 .n = 3,
                                 .unit = mem_strdup("us"),
                                 .whole = copy((int64_t[]){ 1500000, -1, 0 }, 24) };
    t->col[5] = (struct column){ .name = mem_strdup("class"),
                                 .type = COLUMN_CATEGORY,
                                 .n = 3,
                                 .valid = copy(gap, 3),
                                 .code = copy((int32_t[]){ 1, -1, 0 }, 12),
                                 .level = texts("0", "1"),
                                 .level_name = texts("hate", "hurt"),
                                 .n_level = 2 };
    t->col[6] = (struct column){ .name = mem_strdup("text"),
                                 .type = COLUMN_STRING,
                                 .n = 3,
                                 .valid = copy(gap, 3),
                                 .bytes = mem_strdup("éa\n\"b"),
                                 .offset = copy((int64_t[]){ 0, 3, 3, 6 }, 32) };
    t->roles = (struct table_roles){ .id = mem_strdup("key"),
                                     .label = mem_strdup("class"),
                                     .image = mem_strdup("{key}.png"),
                                     .text = texts("text", "class"),
                                     .n_text = 2,
                                     .feature = texts("prix €", "flag"),
                                     .n_feature = 2 };
    ts->reject = mem_calloc(2, sizeof *ts->reject);
    ts->n_reject = 2;
    ts->reject[0] = (struct reject){ mem_strdup("a.csv"), 7, mem_strdup("price"), mem_strdup("1,2"),
                                     mem_strdup("not a number") };
    ts->reject[1] = (struct reject){ mem_strdup("b.csv"), 8, mem_strdup(""), mem_strdup(""),
                                     mem_strdup("3 fields, want 4") };
    table_hash_keys(&ts->item[0]);
    table_hash_keys(t);
}

static void assert_same_file(const char *a, const char *b)
{
    FILE *f = fopen(a, "rb"), *g = fopen(b, "rb");
    int c, d;
    assert_true(f && g);
    do {
        c = getc(f);
        d = getc(g);
        assert_int_equal(c, d);
    } while (c != EOF);
    fclose(f);
    fclose(g);
}

static void a_table_comes_back_as_it_was_written(void **state)
{
    struct err e = { 0 };
    struct tables ts, back;
    struct table t;
    size_t n;
    (void)state;

    make_tables(&ts);
    assert_ok(tables_write(&ts, "t.h5", &e), e);
    assert_ok(tables_read(&back, "t.h5", &e), e);
    assert_int_equal(back.n, 2);
    assert_int_equal(back.main_index, 1);
    assert_string_equal(back.item[0].name, "aside");
    assert_int_equal(back.item[0].n_row, 0);
    const struct table *b = &back.item[1];
    assert_int_equal(b->n_col, 7);
    assert_string_equal(b->keys_sha256, ts.item[1].keys_sha256);
    for (size_t j = 0; j < 7; j++) {
        const struct column *c = &b->col[j], *want = &ts.item[1].col[j];
        assert_string_equal(c->name, want->name);
        assert_int_equal(c->type, want->type);
        for (size_t i = 0; i < 3; i++) {
            struct str found = { 0 }, wanted = { 0 };
            assert_int_equal(column_valid(c, i), column_valid(want, i));
            column_text(c, i, &found);
            column_text(want, i, &wanted);
            assert_string_equal(str_text(&found), str_text(&wanted));
            str_release(&found);
            str_release(&wanted);
        }
    }
    assert_string_equal(b->col[5].level_name[1], "hurt");
    assert_string_equal(column_string(&b->col[6], 0, &n), "éa\n\"b");
    assert_int_equal(n, 3);
    assert_string_equal(b->roles.id, "key");
    assert_null(b->roles.date);
    assert_string_equal(b->roles.image, "{key}.png");
    assert_int_equal(b->roles.n_text, 2);
    assert_string_equal(b->roles.feature[0], "prix €");
    assert_int_equal(back.n_reject, 2);
    assert_int_equal(back.reject[0].line, 7);
    assert_string_equal(back.reject[0].value, "1,2");
    assert_string_equal(back.reject[1].reason, "3 fields, want 4");
    assert_ok(tables_write(&back, "t2.h5", &e), e);
    assert_same_file("t.h5", "t2.h5");
    assert_ok(table_read(&t, "t.h5", &e), e);
    assert_string_equal(t.name, "things");
    table_release(&t);
    tables_release(&back);
    tables_release(&ts);
}

static void for_pictures_only_the_columns_of_their_names_are_read(void **state)
{
    struct err e = { 0 };
    struct tables ts;
    struct table t;
    (void)state;
    make_tables(&ts);
    assert_ok(tables_write(&ts, "t.h5", &e), e);
    assert_ok(table_read_pictures(&t, "t.h5", &e), e);
    assert_int_equal(t.n_col, 1); /* {key}.png */
    assert_string_equal(t.col[0].name, "key");
    assert_int_equal(t.col[0].whole[1], -7);
    assert_int_equal(t.n_row, 3);
    assert_string_equal(t.keys_sha256, ts.item[1].keys_sha256);
    table_release(&t);
    tables_release(&ts);
}

static void for_texts_only_their_columns_are_read(void **state)
{
    struct err e = { 0 };
    struct tables ts;
    struct table t;
    size_t n;
    (void)state;
    make_tables(&ts);
    assert_ok(tables_write(&ts, "t.h5", &e), e);
    assert_ok(table_read_texts(&t, "t.h5", &e), e);
    assert_int_equal(t.n_col, 2);
    assert_string_equal(t.col[0].name, "class");
    assert_string_equal(t.col[1].name, "text");
    assert_memory_equal(column_string(&t.col[1], 2, &n), "\n\"b", 3);
    assert_int_equal(n, 3);
    assert_int_equal(t.n_row, 3);
    table_release(&t);
    tables_release(&ts);
}

static void rows_are_spelled_as_people_write_them(void **state)
{
    static const char *const want[7][3] = {
        { "12", "-7", "9223372036854775807" },
        { "0.1", "", "-1e+300" },
        { "true", "false", "false" },
        { "2024-02-29", "1969-12-31", "1970-01-01" },
        { "1970-01-01 00:00:01.500000", "1969-12-31 23:59:59.999999", "1970-01-01 00:00:00" },
        { "1", "", "0" },
        { "éa", "", "\n\"b" },
    };
    struct tables ts;
    (void)state;
    make_tables(&ts);
    for (size_t j = 0; j < 7; j++) {
        for (size_t i = 0; i < 3; i++) {
            struct str found = { 0 };
            column_text(&ts.item[1].col[j], i, &found);
            assert_string_equal(str_text(&found), want[j][i]);
            str_release(&found);
        }
    }
    tables_release(&ts);
}

/* By Python: hashlib.sha256(b"".join([struct.pack("<Q", 3)] + [struct.pack("<Q", len(k)) + k for k
 * in (b"12", b"-7", b"9223372036854775807")])).hexdigest(); the same for no id: b"0", b"1", b"2".
 */
static void keys_hash_the_ids_in_their_order(void **state)
{
    struct err e = { 0 };
    struct tables ts;
    (void)state;
    make_tables(&ts);
    struct table *t = &ts.item[1];
    char first[HASH_HEX];
    assert_string_equal(t->keys_sha256,
                        "808cf00e8afd40429306f0e1ed9899c7efa48b1c3cf0dff9f9ac2ba045efc3ad");
    memcpy(first, t->keys_sha256, sizeof first);
    int64_t swap = t->col[0].whole[0];
    t->col[0].whole[0] = t->col[0].whole[1];
    t->col[0].whole[1] = swap;
    table_hash_keys(t);
    assert_ok(keys_check("a", first, 3, "b", first, 3, &e), e);
    assert_error(keys_check("a", first, 3, "b", t->keys_sha256, 3, &e), ERR_DATA, e,
                 "'a' and 'b' have 3 rows each");
    assert_error(keys_check("a", first, 3, "b", first, 4, &e), ERR_DATA, e,
                 "'a' has 3 rows and 'b' has 4");
    free(t->roles.id);
    t->roles.id = NULL;
    table_hash_keys(t);
    assert_string_equal(t->keys_sha256,
                        "b63919c3b6728fc554c5764814059837b8a5c9a54b89093a88e42ffcd56d911e");
    tables_release(&ts);
}

static void the_label_must_be_a_category(void **state)
{
    struct err e = { 0 };
    struct tables ts;
    const struct column *c;
    (void)state;
    make_tables(&ts);
    struct table *t = &ts.item[1];
    assert_ok(table_label(t, "t.h5", &c, &e), e);
    assert_string_equal(c->name, "class");
    memcpy(t->roles.label, "flag", 5);
    assert_error(table_label(t, "t.h5", &c, &e), ERR_DATA, e, "'flag' is bool, want category");
    memcpy(t->roles.label, "flog", 5);
    assert_error(table_label(t, "t.h5", &c, &e), ERR_DATA, e, "no column 'flog'");
    free(t->roles.label);
    t->roles.label = NULL;
    assert_error(table_label(t, "t.h5", &c, &e), ERR_DATA, e,
                 "'t.h5': table 'things' has no label");
    tables_release(&ts);
}

/* ---- damage: a good file is written, one thing in it is replaced through the HDF5 library, and
 * reading must refuse --- */

static hid_t damaged_file(void)
{
    struct err e = { 0 };
    struct tables ts;
    make_tables(&ts);
    assert_ok(tables_write(&ts, "bad.h5", &e), e);
    tables_release(&ts);
    hid_t f = H5Fopen("bad.h5", H5F_ACC_RDWR, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

static void close_and_refuse(hid_t f, const char *why)
{
    struct err e = { 0 };
    struct tables ts;
    H5Fclose(f);
    assert_error(tables_read(&ts, "bad.h5", &e), ERR_DATA, e, why);
}

static void refuse_values(const char *dataset, hid_t type, size_t n, const void *data,
                          const char *why)
{
    hid_t f = damaged_file();
    hsize_t size = n;
    assert_true(H5Ldelete(f, dataset, H5P_DEFAULT) >= 0);
    if (data) {
        hid_t space = H5Screate_simple(1, &size, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY);
        hid_t set = H5Dcreate2(f, dataset, type, space, H5P_DEFAULT, list, H5P_DEFAULT);
        assert_true(set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
        H5Dclose(set);
        H5Pclose(list);
        H5Sclose(space);
    }
    close_and_refuse(f, why);
}

/* Deleted and made anew: HDF5 1.10.8 cannot write to an attribute of a finished file ("can't locate
 * open attribute?"). */
static void replace_attribute(hid_t f, const char *object, const char *name, const void *value)
{
    hid_t at = H5Oopen(f, object, H5P_DEFAULT), a = H5Aopen(at, name, H5P_DEFAULT);
    hid_t type = H5Aget_type(a), space = H5Aget_space(a);
    H5Aclose(a);
    assert_true(H5Adelete(at, name) >= 0);
    a = H5Acreate2(at, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5Awrite(a, type, value) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
    H5Oclose(at);
}

static void refuse_int(const char *object, const char *name, int64_t value, const char *why)
{
    hid_t f = damaged_file();
    replace_attribute(f, object, name, &value);
    close_and_refuse(f, why);
}

static void refuse_text(const char *object, const char *name, const char *value, const char *why)
{
    hid_t f = damaged_file();
    replace_attribute(f, object, name, &value);
    close_and_refuse(f, why);
}

static void refuse_without(const char *object, const char *attribute, const char *why)
{
    hid_t f = damaged_file();
    if (attribute)
        H5Adelete_by_name(f, object, attribute, H5P_DEFAULT);
    else
        H5Ldelete(f, object, H5P_DEFAULT);
    close_and_refuse(f, why);
}

static void values_that_cannot_be_are_refused(void **state)
{
    const double nan[3] = { 1, (double)NAN, 3 };
    (void)state;
    refuse_values("things/prix €/values", H5T_IEEE_F64LE, 3, nan,
                  "'bad.h5': table 'things' column 'prix €' row 1 is not finite");
    refuse_values("things/flag/values", H5T_STD_U8LE, 3, "\0\2\0",
                  "column 'flag' row 1 is neither 0 nor 1");
    refuse_values("things/class/values", H5T_STD_I32LE, 3, (int32_t[]){ 2, -1, 0 },
                  "row 0 has code 2, want 0 to below 2");
    refuse_values("things/class/values", H5T_STD_I32LE, 3, (int32_t[]){ 0, -1, -1 },
                  "row 2 has code -1");
    refuse_values("things/class/values", H5T_STD_I32LE, 3, (int32_t[]){ 0, 1, 0 },
                  "row 1 has code 1, want -1");
    refuse_values("things/class/valid", H5T_STD_U8LE, 3, "\1\0\3", "validity other than 0 and 1");
    refuse_values("things/text/bytes", H5T_STD_U8LE, 6, "\xc3\xc3xxxx", "invalid UTF-8");
    refuse_values("things/text/offsets", H5T_STD_I64LE, 4, (int64_t[]){ 0, 3, 2, 6 },
                  "not ascending");
    refuse_values("things/text/offsets", H5T_STD_I64LE, 4, (int64_t[]){ 0, 1, 1, 6 },
                  "splits a character");
    refuse_values("things/class/levels/bytes", H5T_STD_U8LE, 2, "00", "level '0' twice");
    refuse_values("things/class/level_names/offsets", H5T_STD_I64LE, 2, (int64_t[]){ 0, 8 },
                  "1 names for 2 levels");
    refuse_values("rejects/file/offsets", H5T_STD_I64LE, 3, (int64_t[]){ 0, 5, 11 },
                  "within 10 bytes");
}

static void row_counts_that_disagree_are_refused(void **state)
{
    (void)state;
    refuse_values("things/key/values", H5T_STD_I64LE, 2, (int64_t[]){ 1, 2 },
                  "'things/key/values' has 2 items, want 3");
    refuse_values("things/flag/values", H5T_STD_U8LE, 4, "\0\0\0\0", "has 4 items, want 3");
    refuse_values("things/class/valid", H5T_STD_U8LE, 1, "\1",
                  "'things/class/valid' has 1 items, want 3");
    refuse_values("things/text/offsets", H5T_STD_I64LE, 3, (int64_t[]){ 0, 3, 6 },
                  "'things/text' has 2 rows, its table 3");
    refuse_int("things", "rows", 2, "has 3 items, want 2");
    refuse_int("things", "rows", -1, "attribute 'rows' of 'things' is -1");
    refuse_int("things", "rows", INT64_MAX, "want 0 to 2^40");
    refuse_int("things", "rows", (int64_t)1 << 40, "want 1099511627776");
}

static void other_types_and_lost_parts_are_refused(void **state)
{
    (void)state;
    refuse_values("things/key/values", H5T_IEEE_F64LE, 3, (double[]){ 1, 2, 3 },
                  "'things/key/values' is of another type, want little-endian int64");
    refuse_values("things/key/values", H5T_STD_I64LE, 3, NULL, "has no 'things/key/values'");
    refuse_without("things", NULL, "has no 'things'");
    refuse_without("things/key", NULL, "has no 'things/key'");
    refuse_without("rejects", NULL, "has no 'rejects'");
    refuse_without("rejects/line", NULL, "has no 'rejects/line'");
    refuse_without("things", "columns", "'things' has no attribute 'columns'");
    refuse_without("things", "keys_sha256", "no attribute 'keys_sha256'");
    refuse_without("things/day", "unit", "no attribute 'unit'");
    refuse_without("/", "main", "no attribute 'main'");
    refuse_without("/", "complete", "not complete");
    refuse_int("/", "complete", 0, "not complete");
    refuse_int("/", "kind_version", 2, "version 2, this program reads 1 to 1");
    refuse_text("/", "main", "elsewhere", "main table 'elsewhere' is not in its list");
    refuse_text("/", "kind", "refit.split", "is of kind 'refit.split', want 'refit.table'");
    refuse_text("things", "keys_sha256", "12", "no SHA-256: '12'");
    refuse_text("things", "label", "klass", "has no column 'klass', its label");
    refuse_text("things/key", "type", "decimal", "unknown type 'decimal'");
    refuse_text("things/day", "unit", "weeks", "unit of column 'things/day' is 'weeks'");
    refuse_text("things/day", "type", "\xff", "invalid UTF-8");
}

static void a_table_that_is_wrong_is_not_written(void **state)
{
    struct err e = { 0 };
    struct tables ts;
    (void)state;
    make_tables(&ts);
    ts.item[1].col[1].real[0] = (double)INFINITY;
    assert_error(tables_write(&ts, "never.h5", &e), ERR_DATA, e, "'prix €' row 0 is not finite");
    ts.item[1].col[1].real[0] = 0;
    memcpy(ts.item[1].col[0].name, "a/b", 4);
    assert_error(tables_write(&ts, "never.h5", &e), ERR_DATA, e,
                 "'a/b' cannot be the name of a column");
    memcpy(ts.item[1].col[0].name, "key", 4);
    free(ts.item[0].name);
    ts.item[0].name = mem_strdup("rejects");
    assert_error(tables_write(&ts, "never.h5", &e), ERR_DATA, e, "cannot be called 'rejects'");
    assert_int_equal(access("never.h5", F_OK), -1);
    assert_int_equal(access("never.h5.tmp", F_OK), -1);
    tables_release(&ts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_comes_back_as_it_was_written),
        cmocka_unit_test(for_pictures_only_the_columns_of_their_names_are_read),
        cmocka_unit_test(for_texts_only_their_columns_are_read),
        cmocka_unit_test(rows_are_spelled_as_people_write_them),
        cmocka_unit_test(keys_hash_the_ids_in_their_order),
        cmocka_unit_test(the_label_must_be_a_category),
        cmocka_unit_test(values_that_cannot_be_are_refused),
        cmocka_unit_test(row_counts_that_disagree_are_refused),
        cmocka_unit_test(other_types_and_lost_parts_are_refused),
        cmocka_unit_test(a_table_that_is_wrong_is_not_written),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
