#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "csvheard.h"
#include "scratch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static void reads_as(const struct csv_dialect *d, const char *bytes, size_t n, const char *want)
{
    struct err e = { 0 };
    struct str out = { 0 };
    put("in.csv", bytes, n);
    assert_ok(csv_read("in.csv", d, 1 << 20, NULL, NULL, &sink, &out, &e), e);
    assert_string_equal(str_text(&out), want);
    str_release(&out);
}

static void other_delimiters_and_quotes_are_read(void **state)
{
    static const char text[] = "a;b\n'x;''y';1,5\n\"z\";2\n";
    static const char tabs[] = "a\tb\n\"x\ty\"\nit's 5\"\t\n";
    (void)state;
    reads_as(&(struct csv_dialect){ .delimiter = ';', .quote = '\'' }, text, sizeof text - 1,
             "H1:a|b\n2:x;'y|1,5\n3:\"z\"|2\n");
    reads_as(&(struct csv_dialect){ .delimiter = '\t', .no_quote = true }, tabs, sizeof tabs - 1,
             "H1:a|b\n2:\"x|y\"\n3:it's 5\"|\n");
}

static void other_encodings_become_utf8_and_a_mark_wins(void **state)
{
    static const char latin[] = "pr\xE9nom,b\n\xC0\x80\xFF,1\n";
    static const char windows[] = "a,b\n\x80\x93x\x94,\x9F\ny\x81,2\n";
    static const char marked[] = "\xEF\xBB\xBFpr\xC3\xA9nom\n\xC3\xA9\n";
    (void)state;
    reads_as(&(struct csv_dialect){ .encoding = SOURCE_LATIN1 }, latin, sizeof latin - 1,
             "H1:prénom|b\n2:À\xC2\x80ÿ|1\n");
    reads_as(&(struct csv_dialect){ .encoding = SOURCE_WINDOWS1252 }, windows, sizeof windows - 1,
             "H1:a|b\n2:€“x”|Ÿ\n!3 invalid encoding <y?,2>\n");
    reads_as(&(struct csv_dialect){ .encoding = SOURCE_WINDOWS1252 }, marked, sizeof marked - 1,
             "H1:prénom\n2:é\n");
}

/* In one member of a gzip file; `cut` bytes of its end are left out. */
static void put_packed(const char *path, const char *mode, const char *text, size_t n, size_t cut)
{
    gzFile f = gzopen(path, mode);
    struct stat st;
    assert_non_null(f);
    assert_int_equal(gzwrite(f, text, (unsigned)n), n);
    assert_int_equal(gzclose(f), Z_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - (off_t)cut), 0);
}

static void packed_files_are_read_member_by_member(void **state)
{
    struct err e = { 0 };
    struct str out = { 0 };
    (void)state;
    put_packed("in.csv", "wb", "a,b\n1,\"x\n", 9, 0);
    put_packed("in.csv", "ab", "y\"\n3,4\n", 7, 0);
    assert_ok(csv_read("in.csv", &rfc4180, 100, NULL, NULL, &sink, &out, &e), e);
    assert_string_equal(str_text(&out), "H1:a|b\n2:1|x\ny\n4:3|4\n");
    str_release(&out);
}

static void damaged_packed_files_are_refused(void **state)
{
    struct err e = { 0 };
    struct str out = { 0 };
    (void)state;
    for (size_t cut = 1; cut < 20; cut++) {
        put_packed("in.csv", "wb", "a,b\n1,2\n", 8, cut);
        assert_error(csv_read("in.csv", &rfc4180, 100, NULL, NULL, &sink, &out, &e), ERR_DATA, e,
                     "'in.csv' ends inside of its gzip data: truncated");
    }
    put_packed("in.csv", "wb", "a,b\n1,2\n", 8, 0);
    FILE *f = fopen("in.csv", "r+b");
    assert_non_null(f);
    fseek(f, -6, SEEK_END); /* in the checksum */
    fputc('x', f);
    fclose(f);
    assert_error(csv_read("in.csv", &rfc4180, 100, NULL, NULL, &sink, &out, &e), ERR_DATA, e,
                 "incorrect data check");
    str_release(&out);
}

static void a_gzip_bomb_is_refused_in_bounded_memory(void **state)
{
    static char blank[1 << 20];
    struct err e = { 0 };
    struct str out = { 0 };
    struct rusage before, after;
    (void)state;
    memset(blank, '\n', sizeof blank);
    gzFile f = gzopen("bomb.csv", "wb9");
    assert_non_null(f);
    gzputs(f, "a,b\n1,2\n");
    for (int i = 0; i < 64; i++)
        assert_int_equal(gzwrite(f, blank, sizeof blank), sizeof blank);
    assert_int_equal(gzclose(f), Z_OK);
    getrusage(RUSAGE_SELF, &before);
    assert_error(csv_read("bomb.csv", &rfc4180, 100, NULL, NULL, &sink, &out, &e), ERR_DATA, e,
                 "'bomb.csv' is packed more than 200 times");
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 24 * 1024);
    str_release(&out);
}

/* ---- files that are too wide, that change, that grow */

static void ten_million_columns_are_refused_in_bounded_memory(void **state)
{
    struct err e = { 0 };
    struct str out = { 0 };
    struct rusage before, after;
    (void)state;
    FILE *f = fopen("wide.csv", "wb");
    assert_non_null(f);
    for (int i = 0; i < 10000000; i++)
        fputs("x,", f);
    fputs("\n", f);
    fclose(f);
    getrusage(RUSAGE_SELF, &before);
    assert_error(csv_read("wide.csv", &rfc4180, 1 << 20, NULL, NULL, &sink, &out, &e), ERR_DATA, e,
                 "'wide.csv' has more than 16384 columns");
    getrusage(RUSAGE_SELF, &after);
    assert_true(after.ru_maxrss - before.ru_maxrss < 24 * 1024);
    f = fopen("wide.csv", "r+b"); /* a header of two, then the rest as one row */
    assert_non_null(f);
    fputs("a,b\n", f);
    fclose(f);
    e = (struct err){ 0 };
    assert_ok(csv_read("wide.csv", &rfc4180, 1 << 20, NULL, NULL, &sink, &out, &e), e);
    assert_string_equal(str_text(&out),
                        "H1:a|b\n!2 wrong number of fields <9999999 fields, want 2>\n");
    str_release(&out);
    unlink("wide.csv");
}

static int on_row_cut(void *ctx, const struct record *row, struct err *e)
{
    (void)ctx, (void)row;
    return truncate("in.csv", 10) ? err_sys(e, "truncate") : 0;
}

static int on_row_touch(void *ctx, const struct record *row, struct err *e)
{
    struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
    (void)ctx, (void)row;
    return utimensat(AT_FDCWD, "in.csv", times, 0) ? err_sys(e, "utimensat") : 0;
}

static void a_file_that_changes_while_it_is_read_is_for_later(void **state)
{
    const struct record_sink cuts = { on_header, on_row_cut, on_bad },
                             touches = { on_header, on_row_touch, on_bad };
    struct str text = { 0 }, out = { 0 };
    struct err e = { 0 };
    (void)state;
    str_addz(&text, "a,b\n");
    for (int i = 0; i < 200000; i++)
        str_addz(&text, "1,2\n");
    put("in.csv", text.text, text.n);
    assert_error(csv_read("in.csv", &rfc4180, 100, NULL, NULL, &cuts, &out, &e), ERR_RETRY, e,
                 "'in.csv' was cut while it was read");
    put("in.csv", text.text, text.n);
    assert_error(csv_read("in.csv", &rfc4180, 100, NULL, NULL, &touches, &out, &e), ERR_RETRY, e,
                 "'in.csv' was written to while it was read");
    str_release(&text);
    str_release(&out);
}

static void append(const char *text)
{
    FILE *f = fopen("in.csv", "ab");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void what_was_added_to_a_file_is_read_from_its_mark(void **state)
{
    struct csv_mark mark = { 0 };
    struct hash part;
    char whole[HASH_HEX], sum[HASH_HEX];
    struct err e = { 0 };
    struct str out = { 0 };
    (void)state;
    hash_init(&part);
    put("in.csv", "a,b\n1,2\n3,4\n", 12);
    assert_ok(csv_read("in.csv", &rfc4180, 100, &mark, NULL, &sink, &out, &e), e);
    assert_int_equal(mark.bytes, 12);
    assert_int_equal(mark.line, 4);
    append("\"5\n5\",6\n7,8\n");
    str_clear(&out);
    assert_ok(csv_read("in.csv", &rfc4180, 100, &mark, &part, &sink, &out, &e), e);
    assert_string_equal(out.text, "H1:a|b\n4:5\n5|6\n6:7|8\n");
    assert_int_equal(mark.line, 7);
    hash_hex(&part, sum);
    hash_bytes("a,b\n1,2\n3,4\n\"5\n5\",6\n7,8\n", 24, whole);
    assert_string_equal(sum, whole);
    append("7\"x"); /* a bad row, not at its end */
    str_clear(&out);
    assert_ok(csv_read("in.csv", &rfc4180, 100, &mark, NULL, &sink, &out, &e), e);
    assert_int_equal(mark.bytes, 0);
    append("\n9,\"1"); /* rows may not follow inside of quotes */
    str_clear(&out);
    assert_ok(csv_read("in.csv", &rfc4180, 100, &mark, NULL, &sink, &out, &e), e);
    assert_int_equal(mark.bytes, 0);
    str_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_delimiters_and_quotes_are_read),
        cmocka_unit_test(other_encodings_become_utf8_and_a_mark_wins),
        cmocka_unit_test(packed_files_are_read_member_by_member),
        cmocka_unit_test(damaged_packed_files_are_refused),
        cmocka_unit_test(a_gzip_bomb_is_refused_in_bounded_memory),
        cmocka_unit_test(ten_million_columns_are_refused_in_bounded_memory),
        cmocka_unit_test(a_file_that_changes_while_it_is_read_is_for_later),
        cmocka_unit_test(what_was_added_to_a_file_is_read_from_its_mark),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
