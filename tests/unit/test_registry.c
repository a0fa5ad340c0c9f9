#define _GNU_SOURCE /* nftw */
#include "near.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/outfile.h"
#include "io/registry.h"
#include "io/store.h"

static char dir[64]; /* of the test: the registry is dir/reg */
static struct registry reg;

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int setup(void **state)
{
    struct err e = { 0 };
    char *root;
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/refit-registry.XXXXXX");
    assert_non_null(mkdtemp(dir));
    root = str_format("file:%s/reg", dir);
    assert_ok(registry_open(&reg, root, &e), e);
    free(root);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    registry_release(&reg);
    return nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Publish `content` as a package of the model "m"; `version` may be NULL. */
static int publish(const char *content, const char *version, const char *key,
                   struct registry_result *out, struct err *e)
{
    char hex[HASH_HEX], *path = str_format("%s/package.%ld", dir, (long)getpid());
    struct err local = { 0 };
    json_t *about = json_pack("{s:s, s:{s:f}}", "version", "ignored", "metrics", "accuracy", 0.5);
    assert_ok(outfile_put(path, content, strlen(content), &local), local);
    hash_bytes(content, strlen(content), hex);
    struct registry_request q = {
        .name = "m", .package = path, .sha256 = hex, .version = version, .about = about, .key = key
    };
    int rc = registry_publish(&reg, &q, out, e);
    json_decref(about);
    free(path);
    return rc;
}

static void publish_ok(const char *content, const char *version)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    assert_ok(publish(content, version, NULL, &r, &e), e);
    registry_result_release(&r);
}

static char *content_of(const char *rest)
{
    char *path = str_format("%s/reg/%s", dir, rest), buffer[100] = "";
    FILE *f = fopen(path, "re");
    if (!f)
        fail_msg("'%s' is not there", path);
    size_t n = fread(buffer, 1, sizeof buffer - 1, f);
    fclose(f);
    free(path);
    return mem_strndup(buffer, n);
}

static void assert_content(const char *rest, const char *want)
{
    char *found = content_of(rest);
    assert_string_equal(found, want);
    free(found);
}

static bool there(const char *rest)
{
    char *path = str_format("%s/reg/%s", dir, rest);
    bool yes = access(path, F_OK) == 0;
    free(path);
    return yes;
}

/* The current model is whole: its package has the hash that current.json says. */
static void assert_current(const char *version, const char *content)
{
    struct registry_current c;
    struct err e = { 0 };
    char hex[HASH_HEX];
    json_t *manifest;
    assert_ok(registry_current(&reg, "m", &c, &e), e);
    assert_true(c.found);
    assert_string_equal(c.version, version);
    hash_bytes(content, strlen(content), hex);
    assert_string_equal(c.sha256, hex);
    char *path = str_format("m/%s/models.tar", version);
    assert_content(path, content);
    free(path);
    assert_ok(registry_manifest(&reg, "m", version, &manifest, &e), e);
    assert_string_equal(json_string_value(json_object_get(manifest, "sha256")), hex);
    assert_string_equal(json_string_value(json_object_get(manifest, "version")), version);
    assert_near(
        json_number_value(json_object_get(json_object_get(manifest, "metrics"), "accuracy")), 0.5,
        0, 0);
    json_decref(manifest);
}

static void a_registry_that_is_not_there_has_no_current_model(void **state)
{
    struct registry_current c;
    struct err e = { 0 };
    (void)state;
    assert_ok(registry_current(&reg, "m", &c, &e), e);
    assert_false(c.found);
    assert_false(there("m"));
}

static void versions_are_numbered_and_the_last_one_is_current(void **state)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(publish("one", NULL, NULL, &r, &e), e);
    assert_string_equal(r.version, "1");
    assert_string_equal(r.previous, "");
    assert_true(r.created && r.changed);
    assert_int_equal(r.history, 1);
    assert_ok(publish("two", NULL, NULL, &r, &e), e);
    assert_string_equal(r.version, "2");
    assert_string_equal(r.previous, "1");
    assert_int_equal(r.history, 2);
    assert_int_equal(strlen(r.timestamp), 20);
    assert_current("2", "two");
    assert_content("m/1/models.tar", "one");
    char *entry = content_of("m/history/2.json");
    assert_non_null(strstr(entry, "\"version\": \"2\""));
    free(entry);
}

static void the_same_package_makes_no_new_version(void **state)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    char first[32];
    (void)state;
    assert_ok(publish("one", NULL, NULL, &r, &e), e);
    memcpy(first, r.timestamp, sizeof first);
    assert_ok(publish("one", NULL, NULL, &r, &e), e);
    assert_false(r.created || r.changed);
    assert_string_equal(r.version, "1");
    assert_string_equal(r.timestamp,
                        first); /* since when it is current, not when it was looked at */
    assert_int_equal(r.history, 1);
    assert_false(there("m/2") || there("m/history/2.json"));
}

static void an_older_package_becomes_a_new_version_again(void **state)
{
    (void)state;
    publish_ok("one", NULL);
    publish_ok("two", NULL);
    publish_ok("one", NULL);
    assert_current("3", "one");
    assert_content("m/1/models.tar", "one");
}

static void a_version_of_its_own_is_kept_and_never_replaced(void **state)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    (void)state;
    publish_ok("one", "0.1.7");
    assert_current("0.1.7", "one");
    assert_error(publish("two", "0.1.7", NULL, &r, &e), ERR_DATA, e, "exists with other content");
    assert_current("0.1.7", "one");
    publish_ok("one", "0.1.7");
    publish_ok("two", "0.2.0");
    assert_current("0.2.0", "two");
    publish_ok("one", "0.1.7"); /* going back is asked for by name */
    assert_current("0.1.7", "one");
    assert_true(there("m/history/3.json") && !there("m/history/4.json"));
    publish_ok("three", NULL); /* numbers count numbers only */
    assert_current("1", "three");
}

static void the_key_has_the_newest_package(void **state)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_ok(publish("one", NULL, "models.tar", &r, &e), e);
    assert_string_equal(r.key, "models.tar");
    registry_result_release(&r);
    assert_content("models.tar", "one");
    assert_ok(publish("two", NULL, "models.tar", &r, &e), e);
    registry_result_release(&r);
    assert_content("models.tar", "two");
    assert_ok(publish("three", NULL, "old/m_{version}.tar", &r, &e), e);
    assert_string_equal(r.key, "old/m_3.tar");
    registry_result_release(&r);
    assert_content("old/m_3.tar", "three");
    assert_ok(publish("three", NULL, "models.tar", &r, &e),
              e); /* a key that lagged behind is put right */
    registry_result_release(&r);
    assert_content("models.tar", "three");
}

static void die(void *self, int step)
{
    if (step == *(int *)self)
        _exit(9);
}

/* In a child that dies before `step`; returns whether it came that far. */
static bool publish_and_die(const char *content, int step)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct registry_result r = { 0 };
        struct err e = { 0 };
        reg.before = die;
        reg.self = &step;
        _exit(publish(content, NULL, "models.tar", &r, &e));
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0));
    return WEXITSTATUS(status) == 9;
}

static int count_entry;
static int count_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)flag;
    (void)ftw;
    count_entry++;
    return 0;
}

static int count_files(void)
{
    char *root = str_format("%s/reg", dir);
    count_entry = 0;
    nftw(root, count_one, 16, FTW_PHYS);
    free(root);
    return count_entry;
}

static void a_publisher_that_dies_leaves_a_whole_model_and_the_next_one_finishes(void **state)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    (void)state;
    for (int step = 0; step < N_REGISTRY_STEP; step++) {
        assert_ok(publish("one", NULL, "models.tar", &r, &e), e);
        registry_result_release(&r);
        assert_true(publish_and_die("two", step));
        if (step <= REGISTRY_CURRENT) {
            assert_current("1", "one");
            assert_content("models.tar", "one");
        } else {
            assert_current("2", "two");
        }
        assert_ok(publish("two", NULL, "models.tar", &r, &e), e);
        assert_string_equal(r.version, "2"); /* the same version, whoever finished it */
        registry_result_release(&r);
        assert_current("2", "two");
        assert_content("models.tar", "two");
        assert_true(there("m/history/2.json") && !there("m/history/3.json") && !there("m/3"));
        /* reg models.tar m .lock current.json history 1.json 2.json, 1 and 2 with two files each:
         * nothing else */
        assert_int_equal(count_files(), 14);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup(state), 0);
    }
}

static void after_a_death_another_package_is_another_version(void **state)
{
    (void)state;
    publish_ok("one", NULL);
    assert_true(
        publish_and_die("two", REGISTRY_HISTORY)); /* version 2 is there, but was never current */
    publish_ok("three", NULL);
    assert_current("3", "three");
    assert_content("m/2/models.tar", "two");
}

static void publishers_at_the_same_time_get_versions_of_their_own(void **state)
{
    enum { N = 8 };
    struct registry_current c;
    struct err e = { 0 };
    pid_t pid[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            struct registry_result r = { 0 };
            char *content = str_format("package %d", i);
            _exit(publish(content, NULL, "models.tar", &r, &e));
        }
    }
    for (int i = 0; i < N; i++) {
        int status = 0;
        assert_true(waitpid(pid[i], &status, 0) == pid[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    bool seen[N] = { false };
    for (int i = 1; i <= N; i++) {
        char *name = str_format("m/%d/models.tar", i), *content = content_of(name);
        seen[content[strlen("package ")] - '0'] = true;
        free(content);
        free(name);
    }
    for (int i = 0; i < N; i++)
        assert_true(seen[i]);
    assert_true(there("m/history/8.json") && !there("m/9"));
    assert_ok(registry_current(&reg, "m", &c, &e), e);
    assert_string_equal(c.version, "8");
}

/* Where the file system cannot lock, another one may take the number meanwhile. */
static void take_version_1(void *self, int step)
{
    if (step == REGISTRY_CLAIM && !*(bool *)self) {
        static const char other[] = "other";
        char *path = str_format("%s/m/1/models.tar", store_name(reg.store)),
             *about = str_format("%s/m/1/manifest.json", store_name(reg.store));
        struct err e = { 0 };
        char hex[HASH_HEX], *text;
        hash_bytes(other, strlen(other), hex);
        text = str_format("{\"version\":\"1\",\"sha256\":\"%s\"}", hex);
        assert_ok(outfile_put(path, other, strlen(other), &e), e);
        assert_ok(outfile_put(about, text, strlen(text), &e), e);
        free(text);
        free(path);
        free(about);
        *(bool *)self = true;
    }
}

static void a_number_that_is_taken_meanwhile_is_left_alone(void **state)
{
    bool done = false;
    (void)state;
    reg.before = take_version_1;
    reg.self = &done;
    publish_ok("mine", NULL);
    reg.before = NULL;
    assert_current("2", "mine");
    assert_content("m/1/models.tar", "other");
    assert_true(done);
}

static void damage_is_found(void **state)
{
    struct registry_result r = { 0 };
    struct registry_current c;
    struct err e = { 0 };
    char *path = str_format("%s/reg/m/1/models.tar", dir),
         *current = str_format("%s/reg/m/current.json", dir);
    (void)state;
    publish_ok("one", NULL);
    assert_ok(outfile_put(path, "oNe", 3, &e), e);
    assert_error(publish("one", NULL, NULL, &r, &e), ERR_DATA, e, "is damaged: its SHA-256");
    assert_ok(outfile_put(current, "{\"version\":1}", 13, &e), e);
    assert_error(registry_current(&reg, "m", &c, &e), ERR_DATA, e, "is damaged: want the texts");
    assert_error(publish("two", NULL, NULL, &r, &e), ERR_DATA, e, "is damaged: want the texts");
    assert_ok(outfile_put(current, "{\"ver", 5, &e), e);
    assert_error(registry_current(&reg, "m", &c, &e), ERR_DATA, e, "is not JSON");
    free(path);
    free(current);
}

static void a_package_that_changes_meanwhile_is_not_published(void **state)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    char hex[HASH_HEX], *path = str_format("%s/package", dir);
    (void)state;
    hash_bytes("one", 3, hex);
    assert_ok(outfile_put(path, "two", 3, &e), e);
    struct registry_request q = { .name = "m", .package = path, .sha256 = hex };
    assert_error(registry_publish(&reg, &q, &r, &e), ERR_DATA, e, "changed while it was published");
    assert_false(there("m/1") || there("m/current.json"));
    free(path);
}

static void a_registry_that_cannot_be_written_is_an_error_of_the_machine(void **state)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    char *path = str_format("%s/reg", dir);
    (void)state;
    assert_ok(outfile_put(path, "a file", 6, &e), e);
    assert_error(publish("one", NULL, NULL, &r, &e), ERR_IO, e, "reg");
    free(path);
}

static void an_earlier_version_is_made_current_again(void **state)
{
    struct registry_result r = { 0 };
    struct err e = { 0 };
    json_t *history;
    (void)state;
    publish_ok("one", NULL);
    publish_ok("two", NULL);
    assert_ok(registry_set(&reg, "m", "1", &r, &e), e);
    assert_string_equal(r.previous, "2");
    assert_true(r.changed);
    registry_result_release(&r);
    assert_current("1", "one");
    assert_ok(registry_set(&reg, "m", "1", &r, &e), e);
    assert_false(r.changed);
    registry_result_release(&r);
    assert_error(registry_set(&reg, "m", "3", &r, &e), ERR_DATA, e, "has no version '3' of 'm'");
    assert_ok(registry_history(&reg, "m", &history, &e), e);
    assert_int_equal(json_array_size(history), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(history, 2), "previous")),
                        "2");
    json_decref(history);
}

static void versions_are_listed_from_the_newest(void **state)
{
    struct registry_version *v;
    struct err e = { 0 };
    size_t n;
    (void)state;
    for (int i = 0; i < 10; i++) {
        char text[2] = { (char)('a' + i), 0 };
        publish_ok(text, NULL);
    }
    publish_ok("named", "0.1");
    assert_true(publish_and_die("half", REGISTRY_PACKAGE));
    assert_ok(registry_versions(&reg, "m", &v, &n, &e), e);
    assert_int_equal(n, 12);
    assert_string_equal(v[0].version, "11");
    assert_false(v[0].whole || v[0].current);
    assert_string_equal(v[1].version, "10");
    assert_true(v[1].whole);
    assert_string_equal(v[11].version, "0.1");
    assert_true(v[11].current);
    registry_versions_free(v, n);
}

static void a_version_is_taken_away_unless_it_is_current(void **state)
{
    struct registry_version *v;
    struct err e = { 0 };
    size_t n;
    (void)state;
    publish_ok("one", NULL);
    publish_ok("two", NULL);
    assert_error(registry_remove(&reg, "m", "2", &e), ERR_USAGE, e, "is the current one");
    assert_ok(registry_remove(&reg, "m", "1", &e), e);
    assert_ok(registry_versions(&reg, "m", &v, &n, &e), e);
    assert_int_equal(n, 1);
    assert_false(there("m/1"));
    registry_versions_free(v, n);
}

/* The number of a publisher that died is taken by the next one, where the store can lock. */
static void an_unfinished_version_is_taken_over(void **state)
{
    (void)state;
    assert_true(publish_and_die("half", REGISTRY_PACKAGE));
    publish_ok("other", NULL);
    assert_current("1", "other");
    assert_true(publish_and_die("half", REGISTRY_PACKAGE));
    publish_ok("half", NULL);
    assert_current("2", "half");
}

static void a_registry_is_a_directory_or_a_bucket(void **state)
{
    struct registry r = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_error(registry_open(&r, "ftp://bucket/prefix", &e), ERR_USAGE, e,
                 "the scheme 'ftp' is not known");
    assert_error(registry_open(&r, "file:", &e), ERR_USAGE, e, "names no directory");
    assert_error(registry_open(&r, "", &e), ERR_USAGE, e, "names no directory");
    assert_ok(registry_open(&r, "s3://bucket/prefix?region=eu-west-3", &e), e);
    assert_string_equal(store_name(r.store), "s3://bucket/prefix");
    registry_release(&r);
    assert_ok(registry_open(&r, "file:///var/models", &e), e);
    assert_string_equal(store_name(r.store), "/var/models");
    registry_release(&r);
    assert_ok(registry_open(&r, "a/registry", &e), e);
    assert_string_equal(store_name(r.store), "a/registry");
    registry_release(&r);
}

static void names_and_keys_stay_inside_the_registry(void **state)
{
    static const char *const bad_key[] = { "",    "/a",    "a/", "a//b",    "../a",     "a/../b",
                                           "./a", "m/1/x", "m",  "a{name}", "{version", "a}" };
    static const char *const bad_name[] = {
        "",
        ".a",
        "..",
        "a/b",
        "a b",
        "history",
        "current.json",
        "\xc3\xa9",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    };
    struct err e = { 0 };
    (void)state;
    for (size_t i = 0; i < sizeof bad_key / sizeof *bad_key; i++)
        assert_error(registry_check_key("m", bad_key[i], &e), ERR_USAGE, e, "key '");
    assert_ok(registry_check_key("m", "models/{version}/m-{version}.tar", &e), e);
    assert_ok(registry_check_key("m", "mm", &e), e);
    for (size_t i = 0; i < sizeof bad_name / sizeof *bad_name; i++)
        assert_false(registry_name_ok(bad_name[i]));
    assert_true(registry_name_ok("products") && registry_name_ok("0.1.7-rc_1"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_registry_that_is_not_there_has_no_current_model),
        TEST(versions_are_numbered_and_the_last_one_is_current),
        TEST(the_same_package_makes_no_new_version),
        TEST(an_older_package_becomes_a_new_version_again),
        TEST(a_version_of_its_own_is_kept_and_never_replaced),
        TEST(the_key_has_the_newest_package),
        TEST(a_publisher_that_dies_leaves_a_whole_model_and_the_next_one_finishes),
        TEST(after_a_death_another_package_is_another_version),
        TEST(publishers_at_the_same_time_get_versions_of_their_own),
        TEST(a_number_that_is_taken_meanwhile_is_left_alone),
        TEST(damage_is_found),
        TEST(a_package_that_changes_meanwhile_is_not_published),
        TEST(a_registry_that_cannot_be_written_is_an_error_of_the_machine),
        TEST(an_earlier_version_is_made_current_again),
        TEST(versions_are_listed_from_the_newest),
        TEST(a_version_is_taken_away_unless_it_is_current),
        TEST(an_unfinished_version_is_taken_over),
        TEST(a_registry_is_a_directory_or_a_bucket),
        TEST(names_and_keys_stay_inside_the_registry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
