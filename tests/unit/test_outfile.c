#include "near.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/outfile.h"

static char dir[64], path[128], tmp[136];

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test_outfile.XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/a/b/out.json", dir);
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    char inner[80];
    unlink(path);
    snprintf(inner, sizeof inner, "%s/a/b", dir);
    rmdir(inner);
    snprintf(inner, sizeof inner, "%s/a", dir);
    rmdir(inner);
    return rmdir(dir);
}

static bool exists(const char *name)
{
    return access(name, F_OK) == 0;
}

static void the_name_appears_only_at_the_commit(void **state)
{
    (void)state;
    struct outfile o = { 0 };
    struct err e = { 0 };
    assert_ok(outfile_open(&o, path, &e), e);
    fputs("new", o.fp);
    assert_false(exists(path));
    assert_true(exists(tmp));
    assert_ok(outfile_commit(&o, &e), e);
    assert_true(exists(path));
    assert_false(exists(tmp));
    assert_null(o.fp);
    outfile_abort(&o); /* harmless on an empty one */
    assert_true(exists(path));
}

static void an_abort_leaves_the_old_file(void **state)
{
    (void)state;
    struct outfile o = { 0 };
    struct err e = { 0 };
    char text[8] = { 0 };
    assert_ok(outfile_put(path, "old", 3, &e), e);
    assert_ok(outfile_open(&o, path, &e), e);
    fputs("half", o.fp);
    outfile_abort(&o);
    assert_false(exists(tmp));
    FILE *fp = fopen(path, "rb");
    assert_int_equal(fread(text, 1, sizeof text, fp), 3);
    fclose(fp);
    assert_string_equal(text, "old");
}

static void a_full_disk_is_an_error_and_nothing_stays(void **state)
{
    (void)state;
    struct outfile o = { 0 };
    struct err e = { 0 };
    assert_ok(outfile_open(&o, path, &e), e);
    assert_non_null(freopen("/dev/full", "wb", o.fp)); /* writes fail with ENOSPC */
    fputs("data", o.fp);
    assert_error(outfile_commit(&o, &e), ERR_IO, e, "No space left");
    assert_false(exists(path));
    assert_false(exists(tmp));
}

static void a_directory_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    struct outfile o = { 0 };
    struct err e = { 0 };
    assert_error(outfile_open(&o, "/proc/none/x", &e), ERR_IO, e, "/proc/none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_name_appears_only_at_the_commit, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(an_abort_leaves_the_old_file, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_full_disk_is_an_error_and_nothing_stays, make_dir,
                                        remove_dir),
        cmocka_unit_test(a_directory_that_cannot_be_made_is_named),
    };
    return cmocka_run_group_tests_name("outfile", tests, NULL, NULL);
}
