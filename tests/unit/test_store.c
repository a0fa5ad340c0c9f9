/* A store of objects in a directory: conditions, two steps, what dead publishers leave. */
#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "scratch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "io/store.h"

static struct store *open_here(void)
{
    struct store *s = NULL;
    struct err e = { 0 };
    assert_ok(store_open(&s, "file:st", &e), e);
    return s;
}

/* Store a text; returns if the condition held. */
static bool put_text(struct store *s, const char *key, const char *text, enum store_when when,
                     const char *tag, struct store_object *about)
{
    char hex[HASH_HEX];
    struct store_source from = { .bytes = text, .n = strlen(text), .sha256 = hex };
    struct err e = { 0 };
    bool done = false;
    hash_bytes(text, from.n, hex);
    assert_ok(store_put(s, key, &from, when, tag, &done, about, &e), e);
    return done;
}

static void assert_text(struct store *s, const char *key, const char *want)
{
    struct err e = { 0 };
    char *text;
    size_t n;
    assert_ok(store_read(s, key, 100, &text, &n, NULL, &e), e);
    if (want)
        assert_string_equal(text, want);
    else
        assert_null(text);
    free(text);
}

static void an_object_is_new_once(void **state)
{
    struct store *s = open_here();
    (void)state;
    assert_text(s, "m/1/a", NULL);
    assert_true(put_text(s, "m/1/a", "one", STORE_IF_NEW, NULL, NULL));
    assert_false(put_text(s, "m/1/a", "two", STORE_IF_NEW, NULL, NULL));
    assert_text(s, "m/1/a", "one");
    assert_true(put_text(s, "m/1/a", "three", STORE_ALWAYS, NULL, NULL));
    assert_text(s, "m/1/a", "three");
    store_close(s);
}

static void what_somebody_changed_meanwhile_is_not_replaced(void **state)
{
    struct store *s = open_here();
    struct store_object first = { 0 }, second = { 0 };
    (void)state;
    assert_true(put_text(s, "current", "one", STORE_IF_NEW, NULL, &first));
    assert_int_equal(first.size, 3);
    assert_true(put_text(s, "current", "two", STORE_IF_SAME, first.tag, &second));
    assert_false(put_text(s, "current", "six", STORE_IF_SAME, first.tag, NULL));
    assert_text(s, "current", "two");
    assert_false(put_text(s, "other", "six", STORE_IF_SAME, first.tag, NULL));
    assert_text(s, "other", NULL);
    store_close(s);
}

static void an_object_of_two_steps_is_there_after_the_second(void **state)
{
    struct store *s = open_here();
    struct store_pending *p = NULL;
    struct err e = { 0 };
    char hex[HASH_HEX];
    struct store_source from = { .bytes = "new", .n = 3, .sha256 = hex };
    (void)state;
    hash_bytes("new", 3, hex);
    put_text(s, "k/x", "old", STORE_ALWAYS, NULL, NULL);
    assert_ok(store_prepare(s, "k/x", &from, NULL, &p, &e), e);
    assert_text(s, "k/x", "old");
    store_abandon(p);
    assert_text(s, "k/x", "old");
    assert_ok(store_prepare(s, "k/x", &from, NULL, &p, &e), e);
    assert_ok(store_finish(p, NULL, &e), e);
    assert_text(s, "k/x", "new");
    hash_bytes("other", 5, hex); /* not what the bytes have */
    assert_error(store_prepare(s, "k/x", &from, NULL, &p, &e), ERR_IO, e, "reads back with");
    assert_text(s, "k/x", "new");
    store_close(s);
}

static void names_below_a_prefix_are_listed_in_order(void **state)
{
    struct store *s = open_here();
    struct err e = { 0 };
    char **name;
    size_t n;
    (void)state;
    assert_ok(store_list(s, "m", &name, &n, &e), e);
    assert_int_equal(n, 0);
    put_text(s, "m/b", "", STORE_ALWAYS, NULL, NULL);
    put_text(s, "m/a/x", "", STORE_ALWAYS, NULL, NULL);
    put_text(s, "mm/c", "", STORE_ALWAYS, NULL, NULL);
    assert_ok(store_list(s, "m", &name, &n, &e), e);
    assert_int_equal(n, 2);
    assert_string_equal(name[0], "a");
    assert_string_equal(name[1], "b");
    mem_free_texts(name, n);
    assert_ok(store_remove(s, "m/a/x", &e), e);
    assert_ok(store_remove(s, "m/a/x", &e), e);
    assert_ok(store_list(s, "m", &name, &n, &e), e);
    assert_int_equal(n, 1);
    mem_free_texts(name, n);
    store_close(s);
}

static void a_fetched_object_has_the_hash_that_was_asked_for(void **state)
{
    struct store *s = open_here();
    struct err e = { 0 };
    char hex[HASH_HEX];
    (void)state;
    put_text(s, "a", "one", STORE_ALWAYS, NULL, NULL);
    hash_bytes("one", 3, hex);
    assert_ok(store_fetch(s, "a", "out/file", hex, &e), e);
    assert_int_equal(access("out/file", F_OK), 0);
    assert_ok(store_fetch(s, "a", NULL, hex, &e), e);
    hash_bytes("two", 3, hex);
    assert_error(store_fetch(s, "a", "out/second", hex, &e), ERR_DATA, e,
                 "'st/a' is damaged: its SHA-256 is");
    assert_error(store_fetch(s, "a", NULL, hex, &e), ERR_DATA, e, "is damaged");
    assert_error(store_fetch(s, "b", "out/second", hex, &e), ERR_DATA, e, "'st/b' is not there");
    assert_int_equal(access("out/second", F_OK), -1);
    assert_int_equal(access("out/second.tmp", F_OK), -1);
    store_close(s);
}

static void what_was_never_whole_goes_with_the_next_lock(void **state)
{
    struct store *s = open_here();
    struct err e = { 0 };
    bool held;
    (void)state;
    assert_ok(outfile_put("st/m/.new-123", "x", 1, &e), e);
    assert_ok(outfile_put("st/m/7/.new-9", "x", 1, &e), e);
    put_text(s, "m/3/a", "kept", STORE_ALWAYS, NULL, NULL);
    assert_ok(store_lock(s, "m", &held, &e), e);
    assert_true(held);
    assert_int_equal(access("st/m/.new-123", F_OK), -1);
    assert_int_equal(access("st/m/7", F_OK), -1);
    assert_text(s, "m/3/a", "kept");
    store_unlock(s);
    store_close(s);
}

static void large_objects_are_not_read_into_memory(void **state)
{
    struct store *s = open_here();
    struct err e = { 0 };
    char *text;
    size_t n;
    (void)state;
    put_text(s, "a", "four", STORE_ALWAYS, NULL, NULL);
    assert_error(store_read(s, "a", 3, &text, &n, NULL, &e), ERR_DATA, e,
                 "'st/a' has 4 bytes: want at most 3");
    store_close(s);
}

static int remove_both(void **state)
{
    (void)state;
    nftw("st", scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
    nftw("out", scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

#define TEST(f) cmocka_unit_test_teardown(f, remove_both)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_object_is_new_once),
        TEST(what_somebody_changed_meanwhile_is_not_replaced),
        TEST(an_object_of_two_steps_is_there_after_the_second),
        TEST(names_below_a_prefix_are_listed_in_order),
        TEST(a_fetched_object_has_the_hash_that_was_asked_for),
        TEST(what_was_never_whole_goes_with_the_next_lock),
        TEST(large_objects_are_not_read_into_memory),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
