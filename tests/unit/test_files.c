#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "sandbox.h"

#include <fcntl.h>

#include "runner/files.h"
#include "runner/state.h"

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

/* Date a file into the past, so that its stamp is not racy; only its change time stays, which
 * nobody can set. */
static void wait_for_the_clock(const char *path)
{
    struct stat st;
    struct file_stamp stamp;
    do {
        assert_int_equal(stat(path, &st), 0);
        stamp = file_stamp_of(&st);
    } while (state_racy(&stamp, state_now_ns()));
}

static void hash_of(const char *path, char out_hex[HASH_HEX])
{
    struct err e = { 0 };
    bool exists;
    assert_ok(files_hash(s, path, &exists, out_hex, &e), e);
    assert_true(exists);
}

static bool is_cached(const char *path)
{
    struct err e = { 0 };
    struct stat st;
    bool found;
    char hex[HASH_HEX];
    assert_int_equal(stat(path, &st), 0);
    struct file_stamp stamp = file_stamp_of(&st);
    assert_ok(state_file_get(s, &stamp, &found, hex, &e), e);
    return found;
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

static void a_settled_file_is_cached_and_a_fresh_one_is_not(void **state)
{
    char first[HASH_HEX], second[HASH_HEX];
    (void)state;
    project_write("old", "abc");
    wait_for_the_clock("old");
    hash_of("old", first);
    assert_true(is_cached("old"));
    hash_of("old", second);
    assert_string_equal(first, second);
    for (int i = 0; i < 50; i++) { /* the second write may fall into the same tick of the clock */
        project_write("new", "abc");
        hash_of("new", first);
        int fd = open("new", O_WRONLY);
        assert_int_equal(pwrite(fd, "xyz", 3, 0), 3);
        close(fd);
        hash_of("new", second);
        assert_string_not_equal(first, second);
    }
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
    assert_error(files_hash(s, "u", &exists, a, &e), ERR_IO, e, "u");
    assert_int_equal(unlink("u/self"), 0);
    assert_int_equal(symlink("nowhere", "u/dangling"), 0);
    assert_error(files_hash(s, "u", &exists, a, &e), ERR_IO, e, "cannot look at 'u/dangling'");
    assert_int_equal(unlink("u/dangling"), 0);
    assert_int_equal(mkfifo("u/pipe", 0600), 0);
    assert_error(files_hash(s, "u", &exists, a, &e), ERR_IO, e,
                 "'u/pipe' is neither a file nor a directory");
}

static void a_directory_that_did_not_change_is_one_look_up(void **state)
{
    char a[HASH_HEX], b[HASH_HEX];
    (void)state;
    project_write("t/one", "1");
    project_write("t/two", "2");
    wait_for_the_clock("t/two");
    hash_of("t", a);
    hash_of("t", b); /* from the cache: the same */
    assert_string_equal(a, b);
    int fd = open("t/one", O_WRONLY);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    close(fd);
    hash_of("t", b);
    assert_string_not_equal(a, b);
}

static void globs_are_sorted_and_may_be_empty(void **state)
{
    struct err e = { 0 };
    struct files files = { s };
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
        IN_PROJECT(a_settled_file_is_cached_and_a_fresh_one_is_not),
        IN_PROJECT(a_directory_is_hashed_by_names_and_contents),
        IN_PROJECT(links_are_followed_and_loops_are_refused),
        IN_PROJECT(a_directory_that_did_not_change_is_one_look_up),
        IN_PROJECT(globs_are_sorted_and_may_be_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
