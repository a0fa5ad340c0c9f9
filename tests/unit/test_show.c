#define _GNU_SOURCE /* posix_openpt */
#include "near.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/show/show.h"

static void assert_text(struct str *s, const char *want)
{
    assert_string_equal(str_text(s), want);
    str_clear(s);
}

static void times_are_short(void **unused)
{
    struct str s = { 0 };
    (void)unused;
    show_add_time(&s, 0);
    assert_text(&s, "0.0 s");
    show_add_time(&s, 59999);
    assert_text(&s, "59.9 s");
    show_add_time(&s, 83000);
    assert_text(&s, "1m 23s");
    show_add_time(&s, 7500000);
    assert_text(&s, "2h 05m");
    str_release(&s);
}

static void memory_is_short(void **unused)
{
    struct str s = { 0 };
    (void)unused;
    show_add_memory(&s, 512);
    assert_text(&s, "512 KB");
    show_add_memory(&s, 24 * 1024);
    assert_text(&s, "24 MB");
    show_add_memory(&s, 1536 * 1024);
    assert_text(&s, "1.5 GB");
    str_release(&s);
}

static void put(const char *path, const char *text, size_t n)
{
    FILE *fp = fopen(path, "w");
    assert_non_null(fp);
    assert_int_equal(fwrite(text, 1, n, fp), n);
    fclose(fp);
}

static void the_tail_is_the_last_lines_without_what_moves_a_cursor(void **unused)
{
    char path[] = "/tmp/refit-show-XXXXXX";
    struct str s = { 0 };
    (void)unused;
    close(mkstemp(path));
    show_add_tail(&s, path, 2, "| ");
    assert_text(&s, "");
    put(path, "one\ntwo\nthree\n", 14);
    show_add_tail(&s, path, 2, "| ");
    assert_text(&s, "| two\n| three\n");
    show_add_tail(&s, path, 9, "| ");
    assert_text(&s, "| one\n| two\n| three\n");
    put(path, "\n\nlast", 6);
    show_add_tail(&s, path, 2, "| ");
    assert_text(&s, "| \n| last\n");
    put(path, "a\033[2Jb\0c\rd\t\177\n", 13);
    show_add_tail(&s, path, 1, "");
    assert_text(&s, "a?[2Jb?c?d\t?\n");
    unlink(path);
    show_add_tail(&s, path, 1, "");
    assert_text(&s, "");
    str_release(&s);
}

static void a_tail_of_a_large_log_is_cut_not_lost(void **unused)
{
    char path[] = "/tmp/refit-show-XXXXXX";
    struct str s = { 0 };
    (void)unused;
    FILE *fp = fdopen(mkstemp(path), "w");
    for (int i = 0; i < 100000; i++)
        fprintf(fp, "line %d\n", i);
    fclose(fp);
    show_add_tail(&s, path, 2, "");
    assert_text(&s, "line 99998\nline 99999\n");
    unlink(path);
    str_release(&s);
}

static void lines_are_aligned_and_clean(void **unused)
{
    char path[] = "/tmp/refit-show-XXXXXX", text[200] = "";
    struct show s;
    (void)unused;
    FILE *fp = fdopen(mkstemp(path), "w+");
    show_init(&s, fp, false, false, 6);
    assert_false(s.live);
    show_line(&s, SHOW_GREEN, false, "done", "train", "1.0 s\033[2J");
    show_line(&s, SHOW_PLAIN, false, "reused", "import", "");
    show_rows(&s, &(struct show_row){ .stage = "x", .note = "" },
              1); /* not on a terminal: nothing */
    show_release(&s);
    rewind(fp);
    text[fread(text, 1, sizeof text - 1, fp)] = '\0';
    assert_string_equal(text, "done    train   1.0 s [2J\nreused  import\n");
    fclose(fp);
    unlink(path);
}

static void each_stream_has_its_own_colours(void **unused)
{
    char path[] = "/tmp/refit-show-XXXXXX", text[200] = "";
    struct show s;
    (void)unused;
    FILE *fp = fdopen(mkstemp(path), "w+");
    show_init(&s, fp, true, false, 1);
    s.to_error = fp;
    show_line(&s, SHOW_RED, true, "failed", "a", "x");
    show_line(&s, SHOW_GREEN, false, "done", "b", "y");
    show_release(&s);
    rewind(fp);
    text[fread(text, 1, sizeof text - 1, fp)] = '\0';
    assert_string_equal(text, "failed  a  x\n\033[32mdone    \033[0mb  y\n");
    fclose(fp);
    unlink(path);
}

/* What the terminal at the other end of `pty` has got since the last look. */
static void look(int pty, char *out_text, size_t size)
{
    ssize_t n = read(pty, out_text, size - 1);
    out_text[n > 0 ? n : 0] = '\0';
}

static void on_a_terminal_rows_are_wiped_from_their_first_column(void **unused)
{
    char text[1000];
    struct show s;
    struct show_row row = { .stage = "x", .note = "val_loss 0.25", .unit = "steps" };
    (void)unused;
    setenv("TERM", "xterm", 1);
    int pty = posix_openpt(O_RDWR | O_NOCTTY);
    FILE *fp = pty >= 0 && grantpt(pty) == 0 && unlockpt(pty) == 0 ? fopen(ptsname(pty), "w")
                                                                   : NULL;
    if (!fp) { /* skip() of cmocka 1.1.5 writes "not ok" */
        print_message("# a machine without /dev/pts: no terminal to look at\n");
        return;
    }
    show_init(&s, fp, false, false, 1);
    assert_true(s.live);
    show_rows(&s, &row, 1);
    look(pty, text, sizeof text);
    assert_string_equal(text, "run     x  0.0 s  val_loss 0.25\r\n");
    char wide[1000] = "";
    memset(wide, 'v', sizeof wide - 1);
    row.note = wide; /* half a figure would mislead */
    show_rows(&s, &row, 1);
    look(pty, text, sizeof text); /* the terminal shows ^C before it */
    assert_string_equal(text, "\r\033[2K\033[A\033[2Krun     x  0.0 s\r\n");
    show_text(&s, false, "end");
    size_t n = 0;
    do {
        look(pty, text + n, sizeof text - n);
        n = strlen(text);
    } while (n > 0 && text[n - 1] != '\n');
    assert_string_equal(text, "\r\033[2K\033[A\033[2Kend\r\n");
    show_release(&s);
    fclose(fp);
    close(pty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_short),
        cmocka_unit_test(memory_is_short),
        cmocka_unit_test(the_tail_is_the_last_lines_without_what_moves_a_cursor),
        cmocka_unit_test(a_tail_of_a_large_log_is_cut_not_lost),
        cmocka_unit_test(lines_are_aligned_and_clean),
        cmocka_unit_test(each_stream_has_its_own_colours),
        cmocka_unit_test(on_a_terminal_rows_are_wiped_from_their_first_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
