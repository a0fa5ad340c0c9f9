#include "near.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "runner/commit/tree.h"
#include "runner/execute/joblog.h"

static char top[64];
static const struct mask no_mask = { 0 };

static int enter(void **unused)
{
    char dir[] = "/tmp/refit-joblog-XXXXXX";
    (void)unused;
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return -1;
    memcpy(top, dir, sizeof dir);
    return 0;
}

static int leave(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    return chdir("/") || tree_remove(top, &e);
}

static char *slurp(const char *path, size_t *out_n)
{
    struct str s = { 0 };
    char chunk[4096];
    FILE *fp = fopen(path, "r");
    assert_non_null(fp);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, fp)) > 0;)
        str_add(&s, chunk, n);
    fclose(fp);
    str_addz(&s, "");
    *out_n = s.n;
    return str_take(&s);
}

static int64_t size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void say(struct joblog *l, int fd, const char *text, size_t n)
{
    assert_int_equal(write(fd, text, n), n);
    joblog_read(l);
}

static void what_was_written_before_the_end_is_not_lost(void **unused)
{
    (void)unused;
    struct joblog l;
    struct err e = { 0 };
    int fd;
    size_t n;
    assert_ok(joblog_open(&l, "deep/er/x.log", 0, &no_mask, &fd, &e), e);
    assert_int_equal(write(fd, "last words", 10), 10);
    joblog_end(&l); /* `fd` is still open: who holds it is not waited for */
    close(fd);
    joblog_release(&l);
    assert_ok(joblog_open(&l, "deep/er/x.log", 0, &no_mask, &fd, &e), e);
    say(&l, fd, " and more", 9);
    close(fd);
    joblog_end(&l);
    joblog_release(&l);
    char *text = slurp("deep/er/x.log", &n);
    assert_string_equal(text, "last words and more");
    free(text);
}

static void a_secret_in_pieces_never_reaches_the_file(void **unused)
{
    (void)unused;
    struct mask m = { 0 };
    struct joblog l;
    struct err e = { 0 };
    int fd;
    size_t n;
    mask_add(&m, "KEY", "hunter22");
    mask_prepare(&m);
    assert_ok(joblog_open(&l, "x.log", 0, &m, &fd, &e), e);
    say(&l, fd, "a hun", 5);
    assert_int_equal(size_of("x.log"), 2);
    say(&l, fd, "ter22 b h", 9);
    assert_int_equal(size_of("x.log"), 2 + 12 + 3);
    close(fd);
    joblog_end(&l);
    joblog_release(&l);
    char *text = slurp("x.log", &n);
    assert_string_equal(text, "a [secret KEY] b h");
    free(text);
    mask_release(&m);
}

/* `n` lines of 9 bytes, which are their numbers, in a log of at most `max` bytes. */
static void check_long_log(int n_line, int64_t max)
{
    struct joblog l;
    struct err e = { 0 };
    int fd, first = 0, last = -1;
    size_t n;
    assert_ok(joblog_open(&l, "x.log", max, &no_mask, &fd, &e), e);
    for (int i = 0; i < n_line; i++) {
        char line[16];
        snprintf(line, sizeof line, "%08d\n", i);
        say(&l, fd, line, 9);
        assert_true(size_of("x.log") <= max);
    }
    close(fd);
    joblog_end(&l);
    joblog_release(&l);

    char *text = slurp("x.log", &n), *cut = strstr(text, "[refit: "), *p = text;
    assert_non_null(cut);
    for (; p < cut; p += 9)
        assert_int_equal(strtol(p, NULL, 10), first++); /* the front: all of it, whole lines */
    assert_true(p == cut);
    long n_cut = strtol(cut + 8, NULL, 10);
    for (p = strchr(cut, '\n') + 1; *p; p += 9) {
        int number = (int)strtol(p, NULL, 10);
        assert_true(last < 0 || number == last + 1);
        if (last < 0)
            assert_int_equal(number, first + n_cut / 9); /* what is missing is what is told */
        last = number;
    }
    assert_int_equal(last, n_line - 1);
    assert_true(9 * first > max / 2 - 16);
    assert_true((int64_t)n > max / 2 + max / 4 - 16);
    free(text);
    unlink("x.log");
}

static void of_a_long_log_the_front_and_the_end_are_kept(void **unused)
{
    (void)unused;
    check_long_log(500, 4096);  /* cut once */
    check_long_log(5000, 4096); /* again and again */
    check_long_log(20000, 100000);
}

static void a_long_log_without_lines_is_cut_too(void **unused)
{
    (void)unused;
    static char bytes[50000];
    struct joblog l;
    struct err e = { 0 };
    int fd;
    size_t n;
    memset(bytes, 'x', sizeof bytes);
    assert_ok(joblog_open(&l, "x.log", 8192, &no_mask, &fd, &e), e);
    say(&l, fd, bytes, sizeof bytes);
    assert_true(size_of("x.log") <= 8192);
    close(fd);
    joblog_end(&l);
    joblog_release(&l);
    char *text = slurp("x.log", &n), *cut = strstr(text, "\n[refit: "), *after;
    assert_int_equal(cut - text, 4096);
    assert_non_null(after = strchr(cut + 1, '\n'));
    assert_int_equal(strtoul(cut + 9, &after, 10),
                     sizeof bytes - 4096 - strlen(strchr(cut + 1, '\n') + 1));
    free(text);
}

static void a_full_disk_is_told_and_the_job_goes_on(void **unused)
{
    (void)unused;
    struct joblog l;
    struct err e = { 0 };
    int fd;
    assert_ok(joblog_open(&l, "/dev/full", 0, &no_mask, &fd, &e), e);
    for (int i = 0; i < 1000; i++)
        say(&l, fd, "0123456789", 10);
    close(fd);
    joblog_end(&l);
    assert_int_equal(l.n_lost, 10000);
    assert_int_equal(l.why, ENOSPC);
    joblog_release(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_before_the_end_is_not_lost, enter, leave),
        cmocka_unit_test_setup_teardown(a_secret_in_pieces_never_reaches_the_file, enter, leave),
        cmocka_unit_test_setup_teardown(of_a_long_log_the_front_and_the_end_are_kept, enter, leave),
        cmocka_unit_test_setup_teardown(a_long_log_without_lines_is_cut_too, enter, leave),
        cmocka_unit_test_setup_teardown(a_full_disk_is_told_and_the_job_goes_on, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
