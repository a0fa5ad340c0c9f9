#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "sandbox.h"

#include <fcntl.h>
#include <time.h>

#include "runner/plan/files.h"
#include "runner/memory/state.h"

static struct state *s;

static int setup(void **state)
{
    struct err e = { 0 };
    return project_setup(state) || state_open(&s, true, &e) ? -1 : 0;
}

static int teardown(void **state)
{
    state_close(s);
    return project_teardown(state);
}

/* Date a file: a past one is settled, a future one is as fresh as can be. */
static void date(const char *path, time_t seconds)
{
    struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

#define REMEMBERED "0123456789012345678901234567890123456789012345678901234567890123"
enum { PAST = 1000000000 };
#define FUTURE (time(NULL) + 3600)

/* The only number that a query on the runner's memory gives; what is pending is written first. */
static int64_t number(const char *sql)
{
    struct err e = { 0 };
    struct query q;
    bool row;
    assert_ok(state_begin(s, &e), e);
    assert_ok(state_commit(s, &e), e);
    assert_ok(db_query(state_db(s), &q, sql, &e), e);
    assert_ok(db_step(&q, &row, &e), e);
    int64_t n = db_get_int(&q, 0);
    db_end(&q);
    return n;
}

/* Run a statement that changes the memory. */
static void change(const char *sql)
{
    struct err e = { 0 };
    assert_ok(state_begin(s, &e), e);
    assert_ok(db_run(state_db(s), sql, &e), e);
    assert_ok(state_commit(s, &e), e);
    state_close(s); /* the next process finds it so */
    assert_ok(state_open(&s, true, &e), e);
}

static void hash_of(const char *path, char out_hex[HASH_HEX])
{
    struct err e = { 0 };
    bool exists;
    assert_ok(files_hash(s, path, &exists, out_hex, &e), e);
    assert_true(exists);
}

static void the_hash_of_a_file_is_that_of_its_content(void **state)
{
    struct err e = { 0 };
    char hex[HASH_HEX];
    bool exists;
    (void)state;
    project_write("a", "abc"); /* FIPS 180-4, example of SHA-256 */
    hash_of("a", hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_ok(files_hash(s, "b", &exists, hex, &e), e);
    assert_false(exists);
    assert_ok(files_hash(s, "a/b", &exists, hex, &e), e);
    assert_false(exists);
}

static void a_settled_file_is_remembered_and_a_fresh_one_is_not(void **state)
{
    char hex[HASH_HEX], again[HASH_HEX];
    (void)state;
    project_write("old", "abc");
    date("old", PAST);
    hash_of("old", hex);
    assert_int_equal(number("SELECT count(*) FROM files"), 1);
    change("UPDATE files SET sha256 = '" REMEMBERED "'");
    hash_of("old", hex);
    assert_string_equal(hex, REMEMBERED);
    int fd = open("old", O_WRONLY);
    assert_int_equal(pwrite(fd, "xyz", 3, 0), 3);
    close(fd);
    hash_of("old", again);
    hash_bytes("xyz", 3, hex);
    assert_string_equal(again, hex);
    project_write("new", "abc");
    date("new", FUTURE);
    change("DELETE FROM files");
    hash_of("new", hex);
    assert_int_equal(number("SELECT count(*) FROM files"), 0);
}

static void a_directory_is_hashed_by_names_and_contents(void **state)
{
    char a[HASH_HEX], b[HASH_HEX];
    (void)state;
    project_write("t/one", "1");
    project_write("t/sub/two", "2");
    project_write("u/sub/two", "2");
    project_write("u/one", "1");
    hash_of("t", a);
    hash_of("u", b);
    assert_string_equal(a, b);
    assert_int_equal(rename("u/one", "u/uno"), 0);
    hash_of("u", b);
    assert_string_not_equal(a, b);
    assert_int_equal(rename("u/uno", "u/one"), 0);
    project_write("u/sub/two", "3");
    hash_of("u", b);
    assert_string_not_equal(a, b);
    project_write("u/sub/two", "2");
    hash_of("u", b);
    assert_string_equal(a, b);
}

static void a_directory_is_hashed_in_the_order_of_its_names(void **state)
{
    char got[HASH_HEX], want[HASH_HEX], content[HASH_HEX];
    struct hash tree;
    (void)state;
    hash_init(&tree);
    hash_bytes("x", 1, content);
    for (int i = 0; i < 40; i++) { /* written in another order than they are hashed */
        char *path = str_format("t/%02d", (i * 17) % 40), *name = str_format("%02d", i);
        project_write(path, "x");
        hash_add_text(&tree, name);
        hash_add_text(&tree, content);
        free(name);
        free(path);
    }
    hash_hex(&tree, want);
    hash_of("t", got);
    assert_string_equal(got, want);
}

static void links_are_followed_and_loops_are_refused(void **state)
{
    struct err e = { 0 };
    char a[HASH_HEX], b[HASH_HEX];
    bool exists;
    (void)state;
    project_write("t/one", "1");
    project_write("else/one", "1");
    assert_int_equal(mkdir("u", 0755), 0);
    assert_int_equal(symlink("../else/one", "u/one"), 0);
    hash_of("t", a);
    hash_of("u", b);
    assert_string_equal(a, b);
    project_write("else/one", "2");
    hash_of("u", b);
    assert_string_not_equal(a, b);
    assert_int_equal(symlink(".", "u/self"), 0);
    assert_error(files_hash(s, "u", &exists, a, &e), ERR_USAGE, e, "u");
    assert_int_equal(unlink("u/self"), 0);
    assert_int_equal(symlink("nowhere", "u/dangling"), 0);
    assert_error(files_hash(s, "u", &exists, a, &e), ERR_IO, e, "cannot look at 'u/dangling'");
    assert_int_equal(unlink("u/dangling"), 0);
    assert_int_equal(mkfifo("u/pipe", 0600), 0);
    assert_error(files_hash(s, "u", &exists, a, &e), ERR_USAGE, e, "'u/pipe' is a FIFO");
}

static void a_settled_directory_is_one_look_up_and_a_fresh_one_is_none(void **state)
{
    char a[HASH_HEX], b[HASH_HEX];
    (void)state;
    project_write("t/one", "1");
    project_write("t/two", "2");
    date("t/one", PAST);
    date("t/two", PAST);
    hash_of("t", a);
    assert_int_equal(number("SELECT count(*) FROM trees"), 1);
    change("UPDATE trees SET sha256 = '" REMEMBERED "'");
    hash_of("t", b);
    assert_string_equal(b, REMEMBERED);
    change("DELETE FROM trees");
    project_write("t/two", "3");
    date("t/two", FUTURE);
    hash_of("t", b);
    assert_string_not_equal(a, b);
    assert_int_equal(number("SELECT count(*) FROM trees"), 0);
}

static void globs_are_sorted_and_may_be_empty(void **state)
{
    struct err e = { 0 };
    struct files files = { .s = s };
    struct file_view view = files_view(&files);
    struct path_list found;
    (void)state;
    project_write("d/b.csv", "");
    project_write("d/a.csv", "");
    project_write("d/C.csv", "");
    project_write("d/a.txt", "");
    assert_ok(view.glob(view.self, "d/*.csv", &found, &e), e);
    assert_int_equal(found.n, 3);
    assert_string_equal(found.path[0], "d/C.csv");
    assert_string_equal(found.path[1], "d/a.csv");
    assert_string_equal(found.path[2], "d/b.csv");
    path_list_release(&found);
    assert_ok(view.glob(view.self, "d/*.h5", &found, &e), e);
    assert_int_equal(found.n, 0);
    assert_ok(view.glob(view.self, "d/a.txt", &found, &e), e);
    assert_int_equal(found.n, 1);
    path_list_release(&found);
    assert_ok(view.glob(view.self, "nowhere/x", &found, &e), e);
    assert_int_equal(found.n, 0);
}

#define IN_PROJECT(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PROJECT(the_hash_of_a_file_is_that_of_its_content),
        IN_PROJECT(a_settled_file_is_remembered_and_a_fresh_one_is_not),
        IN_PROJECT(a_directory_is_hashed_by_names_and_contents),
        IN_PROJECT(a_directory_is_hashed_in_the_order_of_its_names),
        IN_PROJECT(links_are_followed_and_loops_are_refused),
        IN_PROJECT(a_settled_directory_is_one_look_up_and_a_fresh_one_is_none),
        IN_PROJECT(globs_are_sorted_and_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
