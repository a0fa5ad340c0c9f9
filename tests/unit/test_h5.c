#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "scratch.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/h5.h"

static const char kind[] = "refit.test";

static void write_sample(const char *path)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    const double real[2][3] = { { 1, 2, 3 }, { 4, 5, 6.5 } };
    const int32_t whole[4] = { -1, 0, 7, INT32_MAX };
    const char *const text[3] = { "", "é", "two\nlines" };
    assert_ok(h5_create(&h, path, kind, 1, &e), e);
    assert_ok(h5_write(&h, "a/b/real", H5_F64, 2, (size_t[]){ 2, 3 }, real, &e), e);
    assert_ok(h5_write(&h, "whole", H5_I32, 1, (size_t[]){ 4 }, whole, &e), e);
    assert_ok(h5_write(&h, "none", H5_F32, 1, (size_t[]){ 0 }, NULL, &e), e);
    assert_ok(h5_write_strings(&h, "words", text, 3, &e), e);
    assert_ok(h5_group(&h, "empty", &e), e);
    assert_ok(h5_set_text(&h, "a/b", "unit", "°C", &e), e);
    assert_ok(h5_set_text(&h, "a/b", "nothing", "", &e), e);
    assert_ok(h5_set_int(&h, "a", "rows", INT64_MIN, &e), e);
    assert_ok(h5_set_real(&h, "a", "share", 0.1, &e), e);
    assert_ok(h5_set_texts(&h, "a", "list", text, 3, &e), e);
    assert_ok(h5_set_texts(&h, "a", "empty", NULL, 0, &e), e);
    assert_ok(h5_publish(&h, &e), e);
    assert_null(h.path);
}

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *bytes = mem_calloc(1 << 20, 1);
    *n = fread(bytes, 1, 1 << 20, f);
    fclose(f);
    return bytes;
}

static void spill(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void what_is_written_is_read_back(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    size_t dims[2], n;
    double *real, share;
    int32_t *whole;
    float *none;
    char *text, **list;
    struct h5_strings mapped;
    int64_t rows;
    (void)state;

    write_sample("sample.h5");
    assert_int_equal(access("sample.h5.tmp", F_OK), -1);
    assert_ok(h5_open(&h, "sample.h5", kind, 1, &e), e);
    assert_ok(h5_read(&h, "a/b/real", H5_F64, 2, dims, (void **)&real, 1000, &e), e);
    assert_int_equal(dims[0], 2);
    assert_int_equal(dims[1], 3);
    assert_near(real[5], 6.5, 0, 0);
    assert_int_equal((uintptr_t)real % 64, 0);
    assert_ok(h5_read_n(&h, "whole", H5_I32, 4, (void **)&whole, &e), e);
    assert_int_equal(whole[3], INT32_MAX);
    assert_ok(h5_read_n(&h, "none", H5_F32, 0, (void **)&none, &e), e);
    assert_ok(h5_read_strings(&h, "words", &list, &n, 100, &e), e);
    assert_int_equal(n, 3);
    assert_string_equal(list[0], "");
    assert_string_equal(list[1], "é");
    assert_string_equal(list[2], "two\nlines");
    mem_free_texts(list, n);
    assert_ok(h5_map_strings(&h, "words", &mapped, &e), e);
    assert_int_equal(mapped.n, 3);
    assert_int_equal(mapped.offset[1], 0);
    assert_memory_equal(mapped.bytes + mapped.offset[1], "étwo\nlines", 11);
    h5_strings_release(&mapped);
    assert_ok(h5_get_text(&h, "a/b", "unit", &text, &e), e);
    assert_string_equal(text, "°C");
    free(text);
    assert_ok(h5_get_text(&h, "a/b", "nothing", &text, &e), e);
    assert_string_equal(text, "");
    free(text);
    assert_ok(h5_get_int(&h, "a", "rows", &rows, &e), e);
    assert_true(rows == INT64_MIN);
    assert_ok(h5_get_real(&h, "a", "share", &share, &e), e);
    assert_near(share, 0.1, 0, 0);
    assert_ok(h5_get_texts(&h, "a", "list", &list, &n, &e), e);
    assert_int_equal(n, 3);
    assert_string_equal(list[2], "two\nlines");
    mem_free_texts(list, n);
    assert_ok(h5_get_texts(&h, "a", "empty", &list, &n, &e), e);
    assert_int_equal(n, 0);
    mem_free_texts(list, n);
    assert_true(h5_has(&h, "a/b"));
    assert_false(h5_has(&h, "a/c"));
    assert_false(h5_has_attr(&h, "a", "unit"));
    assert_ok(h5_list(&h, "/", &list, &n, &e), e);
    assert_int_equal(n, 5);
    assert_string_equal(list[0], "a");
    assert_string_equal(list[4], "words");
    mem_free_texts(list, n);
    h5_close(&h);
    free(real);
    free(whole);
    free(none);
}

static void a_large_text_fits_into_an_attribute(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    size_t n = 3u << 20;
    char *text = mem_calloc(n + 1, 1), *back;
    (void)state;

    memset(text, 'x', n);
    assert_ok(h5_create(&h, "large.h5", kind, 1, &e), e);
    assert_ok(h5_set_text(&h, "/", "state", text, &e), e);
    assert_ok(h5_publish(&h, &e), e);
    assert_ok(h5_open(&h, "large.h5", kind, 1, &e), e);
    assert_ok(h5_get_text(&h, "/", "state", &back, &e), e);
    assert_string_equal(back, text);
    h5_close(&h);
    free(back);
    free(text);
}

static void equal_data_is_equal_bytes(void **state)
{
    size_t n, m;
    (void)state;
    write_sample("one.h5");
    write_sample("two.h5");
    char *one = slurp("one.h5", &n), *two = slurp("two.h5", &m);
    assert_int_equal(n, m);
    assert_memory_equal(one, two, n);
    free(one);
    free(two);
}

static herr_t has_no_time(hid_t object, const char *name, const H5O_info_t *info, void *data)
{
    (void)object, (void)data;
    if (info->atime || info->mtime || info->ctime || info->btime)
        fail_msg("'%s' carries a time", name);
    return 0;
}

/* Times have whole seconds: two files written in the same second would not show them. */
static void no_object_carries_a_time(void **state)
{
    (void)state;
    write_sample("sample.h5");
    hid_t file = H5Fopen("sample.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(H5Ovisit(file, H5_INDEX_NAME, H5_ITER_INC, has_no_time, NULL) >= 0);
    H5Fclose(file);
}

static void rows_are_written_and_read_in_blocks(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    uint8_t block[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } }, back[2][3];
    const void *data;
    void *map;
    size_t size;
    (void)state;

    assert_ok(h5_create(&h, "rows.h5", kind, 1, &e), e);
    assert_ok(h5_begin(&h, "odd", H5_U8, 1, (size_t[]){ 7 }, &e), e);
    assert_ok(h5_begin(&h, "m", H5_U8, 2, (size_t[]){ 5, 3 }, &e), e);
    assert_ok(h5_write_rows(&h, "m", H5_U8, 3, 2, block, &e), e);
    assert_ok(h5_write_rows(&h, "m", H5_U8, 0, 2, block, &e), e);
    assert_ok(h5_write_rows(&h, "m", H5_U8, 2, 1, block[1], &e), e);
    assert_error(h5_write_rows(&h, "m", H5_U8, 4, 2, block, &e), ERR_DATA, e, "5 rows");
    assert_ok(h5_write_rows(&h, "odd", H5_U8, 0, 7, "abcdefg", &e), e);
    assert_ok(h5_publish(&h, &e), e);

    assert_ok(h5_open(&h, "rows.h5", kind, 1, &e), e);
    assert_ok(h5_read_rows(&h, "m", H5_U8, 2, 2, back, &e), e);
    assert_memory_equal(back[0], block[1], 3);
    assert_memory_equal(back[1], block[0], 3);
    assert_error(h5_read_rows(&h, "m", H5_U8, 5, 1, back, &e), ERR_DATA, e, "has 5 rows");
    assert_ok(h5_map(&h, "m", H5_U8, &map, &size, &data, &e), e);
    h5_close(&h);
    assert_memory_equal((const uint8_t *)data + 9, block, 6); /* the map outlives the file */
    assert_int_equal((uintptr_t)data % 64, 0);
    munmap(map, size);
}

static void another_kind_or_version_is_refused(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    (void)state;
    write_sample("sample.h5");
    assert_error(h5_open(&h, "sample.h5", "refit.other", 1, &e), ERR_DATA, e,
                 "is of kind 'refit.test', want 'refit.other'");
    assert_ok(h5_create(&h, "new.h5", kind, 2, &e), e);
    assert_ok(h5_publish(&h, &e), e);
    assert_error(h5_open(&h, "new.h5", kind, 1, &e), ERR_DATA, e,
                 "version 2, this program reads 1 to 1");
    assert_null(h.path);
}

static void what_is_no_hdf5_file_is_refused(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    (void)state;
    assert_error(h5_open(&h, "absent.h5", kind, 1, &e), ERR_IO, e,
                 "cannot open 'absent.h5': No such file");
    assert_error(h5_open(&h, ".", kind, 1, &e), ERR_IO, e, "not a regular file");
    spill("bad.h5", "", 0);
    assert_error(h5_open(&h, "bad.h5", kind, 1, &e), ERR_DATA, e, "is empty");
    spill("bad.h5", "id,name\n1,x\n", 12);
    assert_error(h5_open(&h, "bad.h5", kind, 1, &e), ERR_DATA, e, "'bad.h5' is not an HDF5 file");
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    size_t n;
    (void)state;
    write_sample("sample.h5");
    char *bytes = slurp("sample.h5", &n);
    assert_true(n > 2000 && n < 100000);
    for (size_t cut = 0; cut < n; cut += cut < 600 ? 1 : 97) {
        spill("cut.h5", bytes, cut);
        int rc = h5_open(&h, "cut.h5", kind, 1, &e);
        if (rc != ERR_DATA)
            fail_msg("cut at %zu of %zu: %d '%s'", cut, n, rc, e.text);
    }
    spill("cut.h5", bytes, n - 1);
    assert_error(h5_open(&h, "cut.h5", kind, 1, &e), ERR_DATA, e, "truncated");
    free(bytes);
}

static void a_file_whose_writer_did_not_finish_is_refused(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    (void)state;
    hid_t file = H5Fcreate("half.h5", H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    assert_error(h5_open(&h, "half.h5", kind, 1, &e), ERR_DATA, e, "has no attribute 'kind'");
    assert_ok(h5_create(&h, "half2.h5", kind, 1, &e), e);
    H5Fflush(h.file, H5F_SCOPE_GLOBAL);
    assert_int_equal(link("half2.h5.tmp", "copy.h5"), 0);
    h5_close(&h);
    assert_int_equal(access("half2.h5.tmp", F_OK), -1);
    assert_error(h5_open(&h, "copy.h5", kind, 1, &e), ERR_DATA, e, "not complete");
}

static void datasets_of_another_shape_type_or_place_are_refused(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    size_t dims[2];
    void *data;
    char *text;
    int64_t whole;
    (void)state;
    write_sample("sample.h5");
    assert_ok(h5_open(&h, "sample.h5", kind, 1, &e), e);
    assert_error(h5_read(&h, "a/b/none", H5_F64, 2, dims, &data, 100, &e), ERR_DATA, e,
                 "has no 'a/b/none'");
    assert_error(h5_read(&h, "a/b", H5_F64, 2, dims, &data, 100, &e), ERR_DATA, e, "not a dataset");
    assert_error(h5_read(&h, "a/b/real", H5_F32, 2, dims, &data, 100, &e), ERR_DATA, e,
                 "want little-endian float32");
    assert_error(h5_read(&h, "a/b/real", H5_F64, 1, dims, &data, 100, &e), ERR_DATA, e,
                 "has 2 dimensions, want 1");
    assert_error(h5_read(&h, "a/b/real", H5_F64, 2, dims, &data, 47, &e), ERR_DATA, e,
                 "48 bytes, at most 47");
    assert_error(h5_read_n(&h, "whole", H5_I32, 5, &data, &e), ERR_DATA, e, "has 4 items, want 5");
    assert_error(h5_get_text(&h, "a", "rows", &text, &e), ERR_DATA, e,
                 "attribute 'rows' of 'a' is not a text");
    assert_error(h5_get_text(&h, "a", "list", &text, &e), ERR_DATA, e, "is not a text");
    assert_error(h5_get_int(&h, "a/b", "unit", &whole, &e), ERR_DATA, e, "is not an int64");
    assert_error(h5_get_int(&h, "a", "absent", &whole, &e), ERR_DATA, e,
                 "has no attribute 'absent'");
    h5_close(&h);
}

/* What only somebody who means harm, or another program, would write. */
static void storage_that_is_not_in_the_file_is_refused(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    hsize_t huge = (hsize_t)1 << 40, four = 4, chunk = 2;
    size_t n;
    void *data;
    (void)state;
    spill("outside.bin", "secret..", 8);
    assert_ok(h5_create(&h, "odd.h5", kind, 1, &e), e);
    hid_t space = H5Screate_simple(1, &huge, NULL);
    hid_t list = H5Pcreate(H5P_DATASET_CREATE);
    H5Dclose(H5Dcreate2(h.file, "zeros", H5T_STD_U8LE, space, H5P_DEFAULT, list,
                        H5P_DEFAULT)); /* allocated late: never */
    H5Sclose(space);
    space = H5Screate_simple(1, &four, NULL);
    H5Pset_external(list, "outside.bin", 0, 8);
    H5Dclose(H5Dcreate2(h.file, "outside", H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    H5Pclose(list);
    list = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(list, 1, &chunk);
    H5Dclose(H5Dcreate2(h.file, "chunks", H5T_STD_U8LE, space, H5P_DEFAULT, list, H5P_DEFAULT));
    H5Pclose(list);
    H5Sclose(space);
    H5Lcreate_external("sample.h5", "/whole", h.file, "other", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/chunks", h.file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    assert_ok(h5_publish(&h, &e), e);

    assert_ok(h5_open(&h, "odd.h5", kind, 1, &e), e);
    assert_error(h5_read(&h, "zeros", H5_U8, 1, &n, &data, SIZE_MAX, &e), ERR_DATA, e,
                 "more than the file holds");
    assert_error(h5_read(&h, "outside", H5_U8, 1, &n, &data, SIZE_MAX, &e), ERR_DATA, e,
                 "not contiguous");
    assert_error(h5_read(&h, "chunks", H5_U8, 1, &n, &data, SIZE_MAX, &e), ERR_DATA, e,
                 "not contiguous");
    assert_error(h5_read(&h, "other", H5_I32, 1, &n, &data, SIZE_MAX, &e), ERR_DATA, e,
                 "link to somewhere else");
    assert_error(h5_read(&h, "soft", H5_U8, 1, &n, &data, SIZE_MAX, &e), ERR_DATA, e,
                 "link to somewhere else");
    h5_close(&h);
}

static void refuse_strings(const char *bytes, size_t n_byte, const int64_t *offset, size_t n,
                           const char *why)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    struct h5_strings mapped;
    char **text;
    size_t found;
    assert_ok(h5_create(&h, "strings.h5", kind, 1, &e), e);
    assert_ok(h5_write(&h, "s/bytes", H5_U8, 1, &n_byte, bytes, &e), e);
    assert_ok(h5_write(&h, "s/offsets", H5_I64, 1, &n, offset, &e), e);
    assert_ok(h5_publish(&h, &e), e);
    assert_ok(h5_open(&h, "strings.h5", kind, 1, &e), e);
    assert_error(h5_read_strings(&h, "s", &text, &found, 1000, &e), ERR_DATA, e, why);
    assert_error(h5_map_strings(&h, "s", &mapped, &e), ERR_DATA, e, why);
    h5_close(&h);
}

static void lists_of_strings_that_contradict_themselves_are_refused(void **state)
{
    (void)state;
    refuse_strings("abcd", 4, (int64_t[]){ 1, 4 }, 2, "begins with 1, want 0");
    refuse_strings("abcd", 4, (int64_t[]){ 0, 3, 2, 4 }, 4, "not ascending");
    refuse_strings("abcd", 4, (int64_t[]){ 0, 5, 4 }, 3, "not ascending within 4 bytes at item 0");
    refuse_strings("abcd", 4, (int64_t[]){ 0, -1, 4 }, 3, "not ascending");
    refuse_strings("abcd", 4, (int64_t[]){ 0, 3 }, 2, "ends with 3, want 4");
    refuse_strings("abcd", 4, NULL, 0, "empty");
    refuse_strings("ab\xff"
                   "d",
                   4, (int64_t[]){ 0, 4 }, 2, "invalid UTF-8");
    refuse_strings("ab\0d", 4, (int64_t[]){ 0, 4 }, 2, "NUL");
    refuse_strings("a\xc3\xa9"
                   "d",
                   4, (int64_t[]){ 0, 2, 4 }, 3, "splits a character at item 1");
}

static void a_full_disk_leaves_no_output(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    size_t n = 1 << 20;
    struct rlimit old, small = { 65536, 65536 };
    char *data = mem_calloc(n, 1);
    (void)state;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_ok(h5_create(&h, "full.h5", kind, 1, &e), e);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int rc = h5_write(&h, "data", H5_U8, 1, &n, data, &e);
    if (rc == 0)
        rc = h5_publish(&h, &e);
    h5_close(&h);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_error(rc, ERR_IO, e, "File too large");
    assert_int_equal(access("full.h5", F_OK), -1);
    assert_int_equal(access("full.h5.tmp", F_OK), -1);
    assert_error(h5_create(&h, "/proc/none/x.h5", kind, 1, &e), ERR_IO, e, "/proc/none");
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_large_text_fits_into_an_attribute),
        cmocka_unit_test(equal_data_is_equal_bytes),
        cmocka_unit_test(no_object_carries_a_time),
        cmocka_unit_test(rows_are_written_and_read_in_blocks),
        cmocka_unit_test(another_kind_or_version_is_refused),
        cmocka_unit_test(what_is_no_hdf5_file_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(a_file_whose_writer_did_not_finish_is_refused),
        cmocka_unit_test(datasets_of_another_shape_type_or_place_are_refused),
        cmocka_unit_test(storage_that_is_not_in_the_file_is_refused),
        cmocka_unit_test(lists_of_strings_that_contradict_themselves_are_refused),
        cmocka_unit_test(a_full_disk_leaves_no_output),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
