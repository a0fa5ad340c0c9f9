#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/yaml.h"

static int parse(struct yaml **out, const char *text, struct err *e)
{
    return yaml_parse(out, "p.yaml", text, strlen(text), e);
}

static void a_tree_knows_its_places(void **state)
{
    (void)state;
    struct yaml *root;
    struct err e = { 0 };
    const char *text;
    long long n;
    double x;
    bool b;
    assert_ok(parse(&root, "a: 1\nb:\n  - x\n  - {c: \"\", d: no, f: 1e-5}\nz:\n", &e), e);
    assert_int_equal(root->n, 3);
    assert_ok(yaml_int(yaml_get(root, "a"), "a", 0, 5, &n, &e), e);
    assert_int_equal(n, 1);
    struct yaml *list = yaml_get(root, "b"), *map = list->item[1];
    assert_int_equal(list->n, 2);
    assert_int_equal(map->line, 4);
    assert_int_equal(map->column, 5);
    assert_false(yaml_is_null(yaml_get(map, "c")));
    assert_true(yaml_is_null(yaml_get(root, "z")));
    assert_ok(yaml_text(yaml_get(map, "d"), "d", &text, &e), e);
    assert_string_equal(text, "no"); /* typed by whoever asks, not by its spelling */
    assert_ok(yaml_bool(yaml_get(map, "d"), "d", &b, &e), e);
    assert_false(b);
    assert_ok(yaml_real(yaml_get(map, "f"), "f", 0, 1, &x, &e), e);
    assert_near(x, 1e-5, 0, 0);
    assert_null(yaml_get(map, "none"));
    yaml_release(root);
}

static void what_is_not_part_of_the_format_is_refused_at_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "a: 1\nb: 2\na: 3\n", "p.yaml:3:1: key 'a' is given twice (first in line 1)" },
        { "a: &x 1\n", "p.yaml:1:4: anchors are not part" },
        { "a: &x {b: 1}\n", "anchors are not part" },
        { "a: *x\n", "p.yaml:1:4: aliases are not part" },
        { "<<: {a: 1}\n", "merge keys" },
        { "a: !!int 1\n", "p.yaml:1:4: tags" },
        { "a: 1\n---\nb: 2\n", "a second document" },
        { "a:\n\t- 1\n", "p.yaml:2:1: a tab: indent with spaces" },
        { "a:\n  b: 1\n  \tc: 2\n", "a tab: indent with spaces" },
        { "", "the file is empty" },
        { "# nothing\n", "the file is empty" },
        { "{a: 1, b: ${x}}\n", "in quotes" },
        { "a: [cp, ${x}, b]\n",
          "p.yaml:1:10: did not find expected ',' or ']' (inside { } and [ ] write" },
        { "a: [1, 2\n", "p.yaml:" },
        { "{a: 1}: 2\n", "a key must be a word" },
        { "a: \"\\0\"\n", "a NUL character" },
        { "a: \xff\n", "p.yaml: byte" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct yaml *root = NULL;
        struct err e = { 0 };
        assert_error(parse(&root, cases[i].text, &e), ERR_USAGE, e, cases[i].want);
        assert_null(root);
    }
}

static void a_byte_order_mark_is_no_text(void **state)
{
    (void)state;
    struct yaml *root = NULL;
    struct err e = { 0 };
    assert_ok(parse(&root,
                    "\xef\xbb\xbf"
                    "a: 1\nb: 2\n",
                    &e),
              e);
    assert_non_null(yaml_get(root, "a"));
    assert_non_null(yaml_get(root, "b"));
    yaml_release(root);
}

static void depth_and_size_have_limits(void **state)
{
    (void)state;
    struct yaml *root = NULL;
    struct err e = { 0 };
    char deep[401] = { 0 };
    memset(deep, '[', 200);
    memset(deep + 200, ']', 200);
    assert_error(parse(&root, deep, &e), ERR_USAGE, e, "nested too deeply");
    size_t n = (16 << 20) + 1;
    char *big = mem_calloc(n, 1);
    memset(big, 'x', n);
    assert_error(yaml_parse(&root, "big", big, n, &e), ERR_USAGE, e, "want at most");
    free(big);
}

static void a_wrong_value_names_found_and_wanted(void **state)
{
    (void)state;
    static const char *const keys[] = { "epochs", "batch", NULL };
    static const char *const choice[] = { "random", "stratified", NULL };
    struct yaml *root;
    struct err e = { 0 };
    long long n;
    double x;
    bool b;
    size_t k;
    assert_ok(parse(&root, "epocs: ten\nmethod: stratifed\nlist: [1]\nr: .inf\n", &e), e);
    assert_error(yaml_only(root, "training", keys, &e), 64, e,
                 "p.yaml:1:1: training: unknown key 'epocs'; did you mean 'epochs'?");
    assert_error(yaml_int(root->item[0], "epochs", 1, 9, &n, &e), 64, e,
                 "p.yaml:1:8: epochs: 'ten' is not a whole number");
    assert_error(yaml_choice(root->item[1], "method", choice, &k, &e), 64, e,
                 "'stratifed' is not one of random, stratified; did you mean 'stratified'?");
    assert_error(yaml_bool(root->item[2], "list", &b, &e), 64, e, "neither true nor false");
    assert_error(yaml_real(root->item[3], "r", 0, 1, &x, &e), 64, e, "'.inf' is not a number");
    yaml_release(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_knows_its_places),
        cmocka_unit_test(what_is_not_part_of_the_format_is_refused_at_its_place),
        cmocka_unit_test(a_byte_order_mark_is_no_text),
        cmocka_unit_test(depth_and_size_have_limits),
        cmocka_unit_test(a_wrong_value_names_found_and_wanted),
    };
    return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
