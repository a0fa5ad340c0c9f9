#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "csvheard.h"
#include "scratch.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/mem.h"

static void reads_bytes(const char *bytes, size_t n, size_t max_field, const char *want)
{
    struct err e = { 0 };
    struct str out = { 0 };
    put("in.csv", bytes, n);
    assert_ok(csv_read("in.csv", &rfc4180, max_field, NULL, NULL, &sink, &out, &e), e);
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void reads(const char *text, const char *want)
{
    reads_bytes(text, strlen(text), 1 << 20, want);
}

static void refuses(const char *bytes, size_t n, const char *why)
{
    struct err e = { 0 };
    struct str out = { 0 };
    put("in.csv", bytes, n);
    assert_error(csv_read("in.csv", &rfc4180, 1 << 20, NULL, NULL, &sink, &out, &e), ERR_DATA, e,
                 why);
    str_release(&out);
}

static void rows_come_with_their_physical_line(void **state)
{
    (void)state;
    reads("a,b\n1,2\n3,4\n", "H1:a|b\n2:1|2\n3:3|4\n");
    reads("a,b\n1,2", "H1:a|b\n2:1|2\n");
    reads("a,b\r\n1,2\r\n3,\r\n", "H1:a|b\n2:1|2\n3:3|\n");
    reads("a,b\n\"x\ny\r\nz\",2\n3,4\n", "H1:a|b\n2:x\ny\r\nz|2\n5:3|4\n");
    reads("\n\na,b\n\n\r\n1,2\n\n3,4\n\n", "H3:a|b\n6:1|2\n8:3|4\n");
    reads("a,b\r1,2\r3,4", "H1:a|b\n1:1|2\n1:3|4\n"); /* line ends of old: one physical line */
    reads("a,b\n1,2\r3,\"4\n5\"\n6,7\n", "H1:a|b\n2:1|2\n2:3|4\n5\n4:6|7\n");
}

static void quotes_blanks_and_marks_are_kept_as_they_should(void **state)
{
    (void)state;
    reads("\xEF\xBB\xBF,b\n\"a \"\"b\"\" c\", d \n", "H1:|b\n2:a \"b\" c| d \n");
    reads("\xEF\xBB\xBF\"x,y\",b\n\"\",\n", "H1:x,y|b\n2:|\n");
    reads("é\nà\n", "H1:é\n2:à\n");
}

static void a_header_alone_is_a_file_without_rows(void **state)
{
    (void)state;
    reads("a,b\n", "H1:a|b\n");
    reads("a", "H1:a\n");
}

static void a_bad_row_after_a_lone_cr_is_gone_back_to(void **state)
{
    (void)state;
    reads("a,b\n1,\"2\n2\"\r3,\"x\ny\"z\n5,6\n",
          "H1:a|b\n2:1|2\n2\n!3 stray quote <x?y\">\n!4 stray quote <y>\n5:5|6\n");
}

static void ragged_rows_are_reported(void **state)
{
    (void)state;
    reads("a,b\n1\n1,2,3\n4,5\n", "H1:a|b\n!2 wrong number of fields <1 fields, want 2>\n"
                                  "!3 wrong number of fields <3 fields, want 2>\n4:4|5\n");
}

static void an_unterminated_quote_costs_one_row(void **state)
{
    (void)state;
    reads("a,b\n1,\"x\n3,4\n5,6\n", "H1:a|b\n!2 unterminated quote <x?3,4?5,6?>\n3:3|4\n4:5|6\n");
    reads("a,b\n1,2\n3,\"", "H1:a|b\n2:1|2\n!3 unterminated quote <>\n");
    reads("a,b\n1,\"x\n3,4\n5,\"6\"\n7,8\n",
          "H1:a|b\n!2 stray quote <x?3,4?5,\">\n3:3|4\n4:5|6\n5:7|8\n");
}

static void text_after_a_closing_quote_costs_one_row(void **state)
{
    (void)state;
    reads("a,b\n\"x\"y,2\n3,4\n", "H1:a|b\n!2 stray quote <x\">\n3:3|4\n");
    reads("a,b\n1,x\"y\n3,4\n", "H1:a|b\n!2 stray quote <x>\n3:3|4\n");
    reads("a,b\n\"x\ny\"z,2\n3,4\n", "H1:a|b\n!2 stray quote <x?y\">\n!3 stray quote <y>\n4:3|4\n");
}

static void nul_bytes_and_invalid_utf8_cost_one_row_each(void **state)
{
    static const char text[] = "a,b\n1,x\0y\n\xFF,2\n3,4\nx\xC3,\xA9y\n5,6\n";
    (void)state;
    reads_bytes(text, sizeof text - 1, 1 << 20,
                "H1:a|b\n!2 NUL byte <1,x?y>\n!3 invalid encoding <?,2>\n4:3|4\n"
                "!5 invalid encoding <x?,?y>\n6:5|6\n");
}

static void a_field_over_the_limit_costs_one_row(void **state)
{
    (void)state;
    reads_bytes("a,b\n1,12345678\n1,123456789\n3,4\n", 31, 8,
                "H1:a|b\n2:1|12345678\n!3 field too long <12345678...>\n4:3|4\n");
    reads_bytes("a,b\n1,\"1234\n5678\n9\"\n3,4\n", 24, 8,
                "H1:a|b\n!2 quote not closed within max_field <1234?567...>\n!3 wrong number of "
                "fields <1 fields, want "
                "2>\n!4 stray quote <9>\n5:3|4\n");
}

/* 40 MB in one field, with 24 MB of memory to do it in. */
static void a_huge_field_is_refused_in_bounded_memory(void **state)
{
    enum { BIG = 40 << 20 };
    struct err e = { 0 };
    struct str out = { 0 };
    struct rusage before, after;
    (void)state;
    FILE *f = fopen("huge.csv", "wb");
    assert_non_null(f);
    fputs("a,b\n1,", f);
    static char block[1 << 16];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < BIG / (int)sizeof block; i++)
        assert_int_equal(fwrite(block, 1, sizeof block, f), sizeof block);
    fputs("\n2,3\n", f);
    fclose(f);
    getrusage(RUSAGE_SELF, &before);
    assert_ok(csv_read("huge.csv", &rfc4180, 1 << 20, NULL, NULL, &sink, &out, &e), e);
    getrusage(RUSAGE_SELF, &after);
    assert_non_null(strstr(str_text(&out), "!2 field too long <xxx"));
    assert_true(str_ends(str_text(&out), "...>\n3:2|3\n"));
    assert_true(after.ru_maxrss - before.ru_maxrss < 24 * 1024);
    str_release(&out);
}

static void a_quote_that_never_closes_is_told_at_its_line_in_bounded_memory(void **state)
{
    enum { BIG = 40 << 20 };
    static const char start[] = "H1:a|b\n2:1|2\n!3 quote not closed within max_field <4?";
    struct err e = { 0 };
    struct str out = { 0 };
    struct rusage before, after;
    (void)state;
    char *blank = mem_calloc(BIG, 1); /* lines, which are skipped once the quote is given up */
    memset(blank, '\n', BIG);
    FILE *f = fopen("open.csv", "wb");
    assert_non_null(f);
    fputs("a,b\n1,2\n3,\"4\n", f);
    assert_int_equal(fwrite(blank, 1, BIG, f), BIG);
    fputs("5,6\n", f);
    fclose(f);
    getrusage(RUSAGE_SELF, &before);
    assert_ok(csv_read("open.csv", &rfc4180, 1 << 20, NULL, NULL, &sink, &out, &e), e);
    getrusage(RUSAGE_SELF, &after);
    assert_memory_equal(str_text(&out), start, strlen(start));
    assert_true(str_ends(str_text(&out), "...>\n41943044:5|6\n"));
    assert_true(after.ru_maxrss - before.ru_maxrss < 24 * 1024);
    str_release(&out);
    free(blank);
    unlink("open.csv");
}

static void rows_across_the_pieces_of_the_file_are_whole(void **state)
{
    struct str text = { 0 }, want = { 0 };
    (void)state;
    str_addz(&text, "a,b\n");
    str_addz(&want, "H1:a|b\n");
    for (int i = 0; i < 3000; i++) {
        size_t n = (size_t)(i * 7 % 400);
        str_addf(&text, "%d,\"%0*d\"\n", i, (int)n + 1, 0);
        str_addf(&want, "%d:%d|%0*d\n", i + 2, i, (int)n + 1, 0);
        if (i % 500 == 3) {
            str_addf(&text, "%d,\"x\"y\n", i);
            str_addz(&text, "");
            i++;
            str_addf(&want, "!%d stray quote <x\">\n", i + 2);
        }
    }
    reads(text.text, want.text);
    str_release(&text);
    str_release(&want);
}

static void a_bad_row_in_an_earlier_piece_is_gone_back_to(void **state)
{
    struct str text = { 0 }, want = { 0 };
    (void)state;
    str_addz(&text, "a,b\n1,\"open\n");
    for (int i = 0; i < 100000; i++)
        str_addf(&text, "%d,y\n", i);
    str_addz(&want, "H1:a|b\n!2 unterminated quote "
                    "<open?0,y?1,y?2,y?3,y?4,y?5,y?6,y?7,y?8,y?9,y?10,y?11,y?12,y?...>\n");
    for (int i = 0; i < 100000; i++)
        str_addf(&want, "%d:%d|y\n", i + 3, i);
    reads(text.text, want.text);
    str_release(&text);
    str_release(&want);
}

static void what_is_no_csv_file_is_refused(void **state)
{
    struct err e = { 0 };
    struct str out = { 0 };
    (void)state;
    refuses("", 0, "'in.csv' is empty, want a header line");
    refuses("\n\n", 2, "is empty");
    refuses("\xEF\xBB\xBF", 3, "is empty");
    refuses("\xFF\xFE"
            "a\0",
            4, "is UTF-16, want UTF-8");
    refuses("a,b,a\n1,2,3\n", 12, "'in.csv' line 1: the header has column 'a' twice");
    refuses("a,\"b\n1,2\n", 9, "'in.csv' line 1: unterminated quote in the header");
    refuses("a\0,b\n1,2\n", 9, "line 1: NUL byte in the header");
    refuses("\n\xFF,b\n1,2\n", 9, "line 2: invalid encoding in the header");
    assert_error(csv_read("absent.csv", &rfc4180, 100, NULL, NULL, &sink, &out, &e), ERR_IO, e,
                 "cannot open 'absent.csv': No such file");
    assert_error(csv_read(".", &rfc4180, 100, NULL, NULL, &sink, &out, &e), ERR_IO, e,
                 "'.' is not a regular file");
    assert_int_equal(mkfifo("fifo", 0600), 0);
    assert_error(csv_read("fifo", &rfc4180, 100, NULL, NULL, &sink, &out, &e), ERR_IO, e,
                 "'fifo' is not a regular file");
    str_release(&out);
}

static void an_error_of_the_reader_ends_it(void **state)
{
    struct err e = { 0 };
    struct str out = { 0 };
    (void)state;
    put("in.csv", "a\n1\nstop\n2\n", 11);
    assert_error(csv_read("in.csv", &rfc4180, 100, NULL, NULL, &sink, &out, &e), ERR_DATA, e,
                 "stopped");
    assert_string_equal(str_text(&out), "H1:a\n2:1\n");
    str_release(&out);
}

static void a_text_is_shortened_to_valid_utf8(void **state)
{
    static const struct {
        const char *in;
        size_t n, max;
        const char *want;
    } c[] = { { "abc", 3, 3, "abc" },
              { "abcd", 4, 3, "abc..." },
              { "éé", 4, 3, "é..." },
              { "a\xFF"
                "b\n",
                4, 9, "a?b?" },
              { "", 0, 3, "" },
              { "\xE2\x82\xAC", 3, 2, "..." },
              { "\xC3", 1, 9, "?" } };
    (void)state;
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        char *found = record_shorten(c[i].in, c[i].n, c[i].max);
        assert_string_equal(found, c[i].want);
        free(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_with_their_physical_line),
        cmocka_unit_test(quotes_blanks_and_marks_are_kept_as_they_should),
        cmocka_unit_test(a_header_alone_is_a_file_without_rows),
        cmocka_unit_test(a_bad_row_after_a_lone_cr_is_gone_back_to),
        cmocka_unit_test(ragged_rows_are_reported),
        cmocka_unit_test(an_unterminated_quote_costs_one_row),
        cmocka_unit_test(text_after_a_closing_quote_costs_one_row),
        cmocka_unit_test(nul_bytes_and_invalid_utf8_cost_one_row_each),
        cmocka_unit_test(a_field_over_the_limit_costs_one_row),
        cmocka_unit_test(a_huge_field_is_refused_in_bounded_memory),
        cmocka_unit_test(a_quote_that_never_closes_is_told_at_its_line_in_bounded_memory),
        cmocka_unit_test(rows_across_the_pieces_of_the_file_are_whole),
        cmocka_unit_test(a_bad_row_in_an_earlier_piece_is_gone_back_to),
        cmocka_unit_test(what_is_no_csv_file_is_refused),
        cmocka_unit_test(an_error_of_the_reader_ends_it),
        cmocka_unit_test(a_text_is_shortened_to_valid_utf8),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
