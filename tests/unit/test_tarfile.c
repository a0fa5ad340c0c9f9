#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "io/tarfile.h"

static char path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/refit-tar.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    return close(fd);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_two(const char *first, const char *second)
{
    struct tarfile_member m[] = { { .name = first, .bytes = "abc", .n = 3 },
                                  { .name = second, .bytes = "", .n = 0 } };
    struct err e = { 0 };
    assert_ok(tarfile_hash(&m[0], &e), e);
    assert_ok(tarfile_hash(&m[1], &e), e);
    assert_ok(tarfile_write(path, m, 2, &e), e);
}

static char *read_raw(size_t *out_n)
{
    char *bytes = mem_calloc(1 << 16, 1);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    *out_n = fread(bytes, 1, 1 << 16, f);
    fclose(f);
    return bytes;
}

static void what_is_written_is_read_back(void **state)
{
    static const char *const keep[] = { "b/\xc3\xa9t\xc3\xa9" };
    struct tarfile t = { 0 };
    struct err e = { 0 };
    (void)state;
    write_two(keep[0], "a");
    assert_ok(tarfile_read(&t, path, keep, 1, NULL, &e), e);
    assert_int_equal(t.n, 2);
    assert_string_equal(t.entry[0].name, keep[0]); /* in the order given */
    assert_string_equal(t.entry[0].bytes, "abc");
    assert_string_equal(t.entry[0].sha256,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(t.entry[0].size, 3);
    assert_int_equal(t.entry[1].size, 0);
    assert_null(t.entry[1].bytes);
    assert_ptr_equal(tarfile_find(&t, "a"), &t.entry[1]);
    assert_null(tarfile_find(&t, "b"));
    tarfile_release(&t);
}

static void equal_members_give_equal_bytes_and_no_clock_or_owner(void **state)
{
    size_t n, m;
    (void)state;
    write_two("x", "y");
    char *first = read_raw(&n);
    write_two("x", "y");
    char *second = read_raw(&m);
    assert_int_equal(n, m);
    assert_memory_equal(first, second, n);
    assert_string_equal(first + 100, "000644 "); /* ustar header: mode, uid, gid, size, mtime */
    assert_string_equal(first + 108, "000000 ");
    assert_string_equal(first + 116, "000000 ");
    assert_memory_equal(first + 136, "00000000000", 11);
    assert_memory_equal(first + 257,
                        "ustar\0"
                        "00",
                        8);
    assert_string_equal(first + 265, "");
    free(first);
    free(second);
}

static void a_file_that_changed_since_it_was_hashed_is_refused(void **state)
{
    char *from = str_format("%s.from", path);
    struct tarfile_member m = { .name = "x", .path = from };
    struct err e = { 0 };
    (void)state;
    for (int longer = 0; longer < 2; longer++) {
        assert_ok(outfile_put(from, "abc", 3, &e), e);
        assert_ok(tarfile_hash(&m, &e), e);
        assert_ok(outfile_put(from, "abdefg", longer ? 6 : 3, &e), e);
        assert_error(tarfile_write(path, &m, 1, &e), ERR_DATA, e, "changed while it was packed");
    }
    unlink(from);
    free(from);
}

static void names_are_plain_relative_paths(void **state)
{
    static const char *const bad[] = { "",       "/a",  "a//b", "a/",   ".",    "..",
                                       "a/../b", "./a", "a\nb", "a\\b", "\xff", "a\x7f" };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (tarfile_name_ok(bad[i]))
            fail_msg("'%s' is taken for a name", bad[i]);
    assert_true(tarfile_name_ok("a") && tarfile_name_ok("a.b/..c") &&
                tarfile_name_ok("\xc3\xa9 \xe2\x82\xac"));
    char *longest = mem_calloc(TARFILE_MAX_NAME + 2, 1);
    memset(longest, 'a', TARFILE_MAX_NAME);
    assert_true(tarfile_name_ok(longest));
    longest[TARFILE_MAX_NAME] = 'a';
    assert_false(tarfile_name_ok(longest));
    free(longest);
}

static void a_file_cannot_be_in_another_file(void **state)
{
    (void)state;
    assert_true(tarfile_names_clash("a", "a") && tarfile_names_clash("a", "a/b/c"));
    assert_true(tarfile_names_clash("a/b/c", "a/b"));
    assert_false(tarfile_names_clash("a", "ab") || tarfile_names_clash("a/b", "a/c") ||
                 tarfile_names_clash("a.b", "a/b"));
}

static int read_bytes(const char *bytes, size_t n, struct err *e)
{
    struct tarfile t = { 0 };
    assert_ok(outfile_put(path, bytes, n, e), *e);
    int rc = tarfile_read(&t, path, NULL, 0, NULL, e);
    tarfile_release(&t);
    return rc;
}

/* Header of the first member with another byte, its checksum put right. */
static void patch(char *tar, size_t at, const char *bytes, size_t n)
{
    unsigned sum = 0;
    memcpy(tar + at, bytes, n);
    memset(tar + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)tar[i];
    snprintf(tar + 148, 8, "%06o", sum);
}

static void damage_is_refused(void **state)
{
    struct err e = { 0 };
    size_t n;
    (void)state;
    write_two("x", "y");
    char *tar = read_raw(&n);
    assert_ok(read_bytes(tar, n, &e), e);
    assert_error(read_bytes(tar, 0, &e), ERR_DATA, e, "is empty");
    assert_error(read_bytes(tar, 300, &e), ERR_DATA, e, "not a whole tar file");
    assert_error(read_bytes(tar, 514, &e), ERR_DATA, e, "not a whole tar file");
    assert_error(read_bytes("This is no tar file, whatever its name says.", 44, &e), ERR_DATA, e,
                 "not a whole tar file");
    tar[0] = 'z'; /* checksum */
    assert_error(read_bytes(tar, n, &e), ERR_DATA, e, "not a whole tar file");
    patch(tar, 0, "../x", 4);
    assert_error(read_bytes(tar, n, &e), ERR_DATA, e, "no plain relative path");
    patch(tar, 0, "y\0\0\0", 4);
    assert_error(read_bytes(tar, n, &e), ERR_DATA, e, "the member 'y' twice");
    patch(tar, 0, "y/z\0", 4);
    assert_error(read_bytes(tar, n, &e), ERR_DATA, e, "a member 'y/z' and a member 'y'");
    patch(tar, 0, "x\0\0\0", 4);
    patch(tar, 156, "5", 1); /* a directory */
    assert_error(read_bytes(tar, n, &e), ERR_DATA, e, "not a regular file");
    patch(tar, 156, "2", 1); /* a symbolic link */
    assert_error(read_bytes(tar, n, &e), ERR_DATA, e, "not a regular file");
    patch(tar, 156, "0", 1);
    assert_ok(read_bytes(tar, n, &e), e);
    patch(tar, 124, "77777777777", 11); /* 8 GB that are not there */
    assert_error(read_bytes(tar, n, &e), ERR_DATA, e, "not a whole tar file");
    free(tar);
}

static void a_file_that_is_not_there_is_an_error_of_the_machine(void **state)
{
    struct tarfile t = { 0 };
    struct err e = { 0 };
    (void)state;
    assert_error(tarfile_read(&t, "/nowhere/x.tar", NULL, 0, NULL, &e), ERR_IO, e,
                 "cannot open '/nowhere/x.tar'");
    assert_error(tarfile_read(&t, "/tmp", NULL, 0, NULL, &e), ERR_IO, e, "not a regular file");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back),
        TEST(equal_members_give_equal_bytes_and_no_clock_or_owner),
        TEST(a_file_that_changed_since_it_was_hashed_is_refused),
        TEST(names_are_plain_relative_paths),
        TEST(a_file_cannot_be_in_another_file),
        TEST(damage_is_refused),
        TEST(a_file_that_is_not_there_is_an_error_of_the_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
