#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "scratch.h"

#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/opt.h"

struct params {
    const char *table, *out, *method;
    struct opt_list sources, row;
    double share;
    int64_t seed, epochs;
    bool stem;
};

static const struct opt options[] = {
    { OPT_IN(struct params, table), .help = "a table" },
    { OPT_INS(struct params, sources), .optional = true, .help = "files" },
    { OPT_OUT(struct params, out), .help = "a file", .format = "json" },
    { OPT_CHOICE(struct params, method), .choices = "random|stratified", .text = "random",
      .help = "how" },
    { OPT_REAL(struct params, share), .def = 0.8, .min = 0, .max = 1, .unit = "of the rows",
      .help = "share" },
    { OPT_INT(struct params, seed), .def = 42, .min = 0, .max = 9007199254740992, .help = "seed" },
    { OPT_INT(struct params, epochs), .file_default = true, .min = 1, .max = 100,
      .help = "epochs" },
    { OPT_BOOL(struct params, stem), .help = "stem words", .only_if = "method=random" },
    { OPT_TEXTS(struct params, row), .bare = true, .help = "NAME=VALUE" },
    { 0 },
};

static int nothing(const void *params, struct err *e)
{
    (void)params, (void)e;
    return 0;
}

static const struct stage stage = { "thing", "do a thing", NULL, options, sizeof(struct params),
                                    nothing, NULL };

/* Parse a NULL-terminated list of words. */
static int parse(struct params *p, struct err *e, const char *const *word)
{
    char *argv[20] = { (char[]){ "thing" } };
    int argc = 1;
    for (; word[argc - 1]; argc++)
        argv[argc] = (char *)(uintptr_t)
            word[argc - 1]; /* argv is not const, but nobody writes it */
    enum opt_verb verb;
    int rc = opt_parse(&stage, argc, argv, p, &verb, e);
    return rc ? rc : verb == OPT_CHECK ? -1 : 0;
}
#define PARSE(p, e, ...) parse(&(p), &(e), (const char *const[]){ __VA_ARGS__, NULL })

static void defaults_and_given_values_are_filled_in(void **state)
{
    (void)state;
    struct params p;
    struct err e = { 0 };
    assert_ok(PARSE(p, e, "--table", "t.h5", "--out=o.h5", "--seed", "7", "--stem", "yes",
                    "--sources", "a", "--sources", "b", "c", "--method", "random"),
              e);
    assert_string_equal(p.table, "t.h5");
    assert_string_equal(p.out, "o.h5");
    assert_string_equal(p.method, "random");
    assert_int_equal(p.seed, 7);
    assert_int_equal(p.epochs, OPT_INT_UNSET);
    assert_true(p.stem);
    assert_near(p.share, 0.8, 0, 0);
    assert_int_equal(p.sources.n, 3);
    assert_string_equal(p.sources.item[1], "b");
    assert_string_equal(p.sources.item[2], "c");
    free(p.sources.item);
}

static void each_wrong_value_is_refused_with_what_was_wanted(void **state)
{
    (void)state;
    struct params p;
    struct err e = { 0 };
    assert_error(PARSE(p, e, "--share", "1.5"), 64, e,
                 "--share '1.5' is out of range: want 0 to 1 of the rows");
    assert_error(PARSE(p, e, "--share", "nan"), 64, e, "not a finite number");
    assert_error(PARSE(p, e, "--seed", "-1"), 64, e, "out of range: want 0 to 9007199254740992");
    assert_error(PARSE(p, e, "--seed", "7.5"), 64, e, "not a whole number");
    assert_error(PARSE(p, e, "--epochs", "0"), 64, e, "out of range");
    assert_error(PARSE(p, e, "--method", "strat"), 64, e, "not one of random|stratified");
    assert_error(PARSE(p, e, "--method", ""), 64, e, "not one of");
    assert_error(PARSE(p, e, "--stem", "maybe"), 64, e, "neither true nor false");
    assert_error(PARSE(p, e, "--sed", "7"), 64, e, "unknown option '--sed'; did you mean --seed?");
    assert_error(PARSE(p, e, "--seed"), 64, e, "--seed needs a value");
    assert_error(PARSE(p, e, "seed"), 64, e, "'seed' is not an option");
    assert_error(PARSE(p, e, "--sources=a", "b"), 64, e, "'b' is not an option");
    free(p.sources.item);
    assert_error(PARSE(p, e, "--seed", "1", "--seed", "2"), 64, e, "given twice");
    assert_error(PARSE(p, e, "--table", ""), 64, e, "--table is empty");
    assert_error(PARSE(p, e, "--table", "t"), 64, e, "--out is missing");
    assert_error(PARSE(p, e, "--threads", "0"), 64, e, "--threads '0'");
}

static void what_is_true_needs_no_value_and_pairs_need_no_name(void **state)
{
    (void)state;
    struct params p;
    struct err e = { 0 };
    assert_ok(PARSE(p, e, "a=1", "--stem", "--table", "t", "--out", "o=1", "b=", "--row", "c"), e);
    assert_true(p.stem);
    assert_string_equal(p.out, "o=1");
    assert_int_equal(p.row.n, 3);
    assert_string_equal(p.row.item[1], "b=");
    free(p.row.item);
    assert_ok(PARSE(p, e, "--table", "t", "--out", "o", "--stem", "x=y"), e);
    assert_true(p.stem && p.row.n == 1);
    free(p.row.item);
    assert_ok(PARSE(p, e, "--table", "t", "--out", "o", "--stem"), e);
    assert_true(p.stem);
    assert_error(PARSE(p, e, "-x=1"), 64, e, "'-x=1' is not an option");
}

static void check_lets_files_be_absent_but_not_wrong(void **state)
{
    (void)state;
    struct params p;
    struct err e = { 0 };
    assert_int_equal(PARSE(p, e, "--check", "--seed", "3"), -1);
    assert_null(p.table);
    assert_error(PARSE(p, e, "--check", "--seed", "x"), 64, e, "not a whole number");
}

static void put(const char *path)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
}

static void what_is_written_is_no_input_no_other_output_and_a_file(void **state)
{
    (void)state;
    struct writer {
        const char *table, *out, *more, *log;
        struct opt_list sources;
    };
    static const struct opt opts[] = {
        { OPT_IN(struct writer, table), .help = "a table" },
        { OPT_INS(struct writer, sources), .help = "files" },
        { OPT_OUT(struct writer, out), .help = "a file" },
        { OPT_OUT(struct writer, more), .help = "a file" },
        { OPT_TEXT(struct writer, log), .writes = true, .help = "a file" },
        { 0 },
    };
    const struct stage writer = { .name = "writer", .opts = opts };
    const char *source[] = { "a", "sub/../b" };
    struct writer p = { .table = "t", .out = "o", .more = "new/o", .sources = { 2, source } };
    struct err e = { 0 };
    put("t");
    put("b");
    assert_int_equal(mkdir("sub", 0777), 0);
    assert_int_equal(symlink("b", "link"), 0);
    assert_ok(opt_check_files(&writer, &p, &e), e);
    p.out = "link"; /* the link is replaced, not the file */
    assert_ok(opt_check_files(&writer, &p, &e), e);
    p.out = "./sub/../t";
    assert_error(opt_check_files(&writer, &p, &e), 64, e,
                 "--out './sub/../t' is the file of --table, too");
    p.out = "b";
    assert_error(opt_check_files(&writer, &p, &e), 64, e, "--out 'b' is the file of --sources");
    source[1] = "link";
    assert_error(opt_check_files(&writer, &p, &e), 64, e, "--out 'b' is the file of --sources");
    p.out = "new/o";
    assert_error(opt_check_files(&writer, &p, &e), 64, e, "is the file of --more");
    p.out = "o", p.log = "./o";
    assert_error(opt_check_files(&writer, &p, &e), 64, e, "--out 'o' is the file of --log");
    p.log = "";
    assert_error(opt_check_files(&writer, &p, &e), 64, e, "--log is an empty path");
    p.log = "sub";
    assert_error(opt_check_files(&writer, &p, &e), 74, e,
                 "--log: 'sub' is there and not a regular file");
    p.log = "/dev/null";
    assert_error(opt_check_files(&writer, &p, &e), 74, e, "not a regular file");
    p.log = "t/o";
    assert_error(opt_check_files(&writer, &p, &e), 74, e,
                 "--log 't/o': no file can be made in 't': Not a directory");
}

static void the_description_is_the_table_as_json(void **state)
{
    (void)state;
    char *text = opt_describe(&stage);
    json_t *root = json_loads(text, 0, NULL), *row = NULL;
    assert_non_null(root);
    assert_string_equal(json_string_value(json_object_get(root, "name")), "thing");
    json_t *list = json_object_get(root, "options");
    assert_int_equal(json_array_size(list), 9);
    row = json_array_get(list, 4);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "share");
    assert_string_equal(json_string_value(json_object_get(row, "kind")), "param");
    assert_string_equal(json_string_value(json_object_get(row, "type")), "real");
    assert_near(json_real_value(json_object_get(row, "default")), 0.8, 0, 0);
    row = json_array_get(list, 3);
    assert_int_equal(json_array_size(json_object_get(row, "choices")), 2);
    assert_true(json_is_null(json_object_get(json_array_get(list, 6), "default")));
    row = json_object_get(json_array_get(list, 7), "only");
    assert_string_equal(json_string_value(json_object_get(row, "method")), "random");
    assert_true(json_is_true(json_object_get(json_array_get(list, 0), "required")));
    assert_false(json_is_true(json_object_get(json_array_get(list, 1), "required")));
    json_decref(root);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_and_given_values_are_filled_in),
        cmocka_unit_test(each_wrong_value_is_refused_with_what_was_wanted),
        cmocka_unit_test(what_is_true_needs_no_value_and_pairs_need_no_name),
        cmocka_unit_test(check_lets_files_be_absent_but_not_wrong),
        cmocka_unit_test(what_is_written_is_no_input_no_other_output_and_a_file),
        cmocka_unit_test(the_description_is_the_table_as_json),
    };
    return cmocka_run_group_tests_name("opt", tests, scratch_enter, scratch_leave);
}
