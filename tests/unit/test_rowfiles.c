/* The files that go row by row with a table: refit.split, refit.tokens, refit.images,
 * refit.features. */
#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "scratch.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/featmat.h"
#include "io/pixels.h"
#include "io/rowgroup.h"
#include "io/sides.h"
#include "io/tokens.h"

#define KEYS "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_split_comes_back(void **state)
{
    struct err e = { 0 };
    uint8_t side[4] = { SIDE_TRAIN, SIDE_TEST, SIDE_NONE, SIDE_VALIDATION };
    char recipe[] = "{\"seed\":1}";
    struct sides s = { .n_row = 4, .side = side, .recipe = recipe, .keys_sha256 = KEYS }, back;
    (void)state;
    assert_ok(sides_write(&s, "s.h5", &e), e);
    assert_ok(sides_read(&back, "s.h5", &e), e);
    assert_int_equal(back.n_row, 4);
    assert_memory_equal(back.side, side, 4);
    assert_string_equal(back.recipe, recipe);
    assert_string_equal(back.keys_sha256, KEYS);
    assert_null(back.fold);
    sides_release(&back);
    uint8_t fold[4] = { 2, 0, SIDE_NONE, 1 };
    s.fold = fold, s.n_fold = 3, s.leaked_texts = 7, s.leaked_pictures = -1;
    assert_ok(sides_write(&s, "s.h5", &e), e);
    assert_ok(sides_read(&back, "s.h5", &e), e);
    assert_memory_equal(back.fold, fold, 4);
    assert_int_equal(back.n_fold, 3);
    assert_int_equal(back.leaked_texts, 7);
    assert_int_equal(back.leaked_pictures, -1);
    sides_release(&back);
    fold[1] = 3;
    assert_error(sides_write(&s, "s2.h5", &e), ERR_DATA, e,
                 "row 1 is in fold 3, want 0 to below 3");
    fold[1] = 0;
    side[2] = 3;
    assert_error(sides_write(&s, "s2.h5", &e), ERR_DATA, e, "row 2 is on side 3");
    assert_string_equal(side_name(SIDE_VALIDATION), "validation");
    assert_string_equal(side_name(SIDE_NONE), "none");
}

/* A file of the kind whose group and dataset are given, with what a writer would not write. */
static void write_split(size_t rows, const uint8_t *side, size_t n, const char *keys)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    assert_ok(h5_create(&h, "bad.h5", "refit.split", 1, &e), e);
    assert_ok(rowgroup_write(&h, "split", rows, keys, &e), e);
    assert_ok(h5_set_text(&h, "split", "recipe", "{}", &e), e);
    assert_ok(h5_write(&h, "split/side", H5_U8, 1, &n, side, &e), e);
    assert_ok(h5_publish(&h, &e), e);
}

static void a_damaged_split_is_refused(void **state)
{
    struct err e = { 0 };
    struct sides s;
    (void)state;
    write_split(2, (uint8_t[]){ 0, 4 }, 2, KEYS);
    assert_error(sides_read(&s, "bad.h5", &e), ERR_DATA, e, "'bad.h5': row 1 is on side 4");
    write_split(3, (uint8_t[]){ 0, 1 }, 2, KEYS);
    assert_error(sides_read(&s, "bad.h5", &e), ERR_DATA, e, "'split/side' has 2 items, want 3");
    write_split(1, (uint8_t[]){ 0 }, 1, "0123");
    assert_error(sides_read(&s, "bad.h5", &e), ERR_DATA, e, "no SHA-256");
}

static void tokens_come_back(void **state)
{
    struct err e = { 0 };
    char a[] = "chat", b[] = "été", recipe[] = "{}", *word[2] = { a, b };
    int32_t id[3] = { 1, 0, 1 };
    int64_t offset[4] = { 0, 2, 2, 3 };
    struct tokens t = { 3, 3, 2, word, id, offset, recipe, KEYS }, back;
    (void)state;
    assert_ok(tokens_write(&t, "t.h5", &e), e);
    assert_ok(tokens_read(&back, "t.h5", &e), e);
    assert_int_equal(back.n_row, 3);
    assert_int_equal(back.n_id, 3);
    assert_int_equal(back.n_word, 2);
    assert_string_equal(back.word[1], "été");
    assert_memory_equal(back.id, id, sizeof id);
    assert_memory_equal(back.offset, offset, sizeof offset);
    assert_string_equal(back.recipe, "{}");
    tokens_release(&back);

    id[1] = 2;
    assert_error(tokens_write(&t, "t2.h5", &e), ERR_DATA, e,
                 "'text/ids' item 1 is 2, want 0 to below 2");
    assert_error(tokens_read(&back, "t2.h5", &e), ERR_IO, e, "t2.h5");
    assert_error(tokens_read(&back, "s.h5", &e), ERR_DATA, e,
                 "is of kind 'refit.split', want 'refit.tokens'");
}

static void write_tokens(const int32_t *id, size_t n_id, const int64_t *offset, size_t n_offset)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    const char *const word[2] = { "a", "b" };
    assert_ok(h5_create(&h, "bad.h5", "refit.tokens", 1, &e), e);
    assert_ok(rowgroup_write(&h, "text", 2, KEYS, &e), e);
    assert_ok(h5_set_text(&h, "text", "recipe", "{}", &e), e);
    assert_ok(h5_write_strings(&h, "text/words", word, 2, &e), e);
    assert_ok(h5_write(&h, "text/ids", H5_I32, 1, &n_id, id, &e), e);
    assert_ok(h5_write(&h, "text/offsets", H5_I64, 1, &n_offset, offset, &e), e);
    assert_ok(h5_publish(&h, &e), e);
}

static void damaged_tokens_are_refused(void **state)
{
    struct err e = { 0 };
    struct tokens t;
    const int32_t id[2] = { 0, 1 }, over[2] = { 0, 2 }, under[2] = { -1, 0 };
    (void)state;
    write_tokens(over, 2, (int64_t[]){ 0, 1, 2 }, 3);
    assert_error(tokens_read(&t, "bad.h5", &e), ERR_DATA, e, "item 1 is 2, want 0 to below 2");
    write_tokens(under, 2, (int64_t[]){ 0, 1, 2 }, 3);
    assert_error(tokens_read(&t, "bad.h5", &e), ERR_DATA, e, "item 0 is -1");
    write_tokens(id, 2, (int64_t[]){ 0, 2 }, 2);
    assert_error(tokens_read(&t, "bad.h5", &e), ERR_DATA, e, "'text/offsets' has 2 items, want 3");
    write_tokens(id, 2, (int64_t[]){ 0, 3, 2 }, 3);
    assert_error(tokens_read(&t, "bad.h5", &e), ERR_DATA, e, "not ascending at row 1");
    write_tokens(id, 2, (int64_t[]){ 0, 1, 1 }, 3);
    assert_error(tokens_read(&t, "bad.h5", &e), ERR_DATA, e, "runs from 0 to 1, want 0 to 2");
}

static void pictures_come_back_mapped(void **state)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    struct pixels p;
    uint8_t row[2 * 3 * 3];
    const uint8_t status[3] = { PIXELS_OK, PIXELS_MISSING, PIXELS_OK }, bad[3] = { 0, 0, 3 };
    const char *const reason[3] = { "", "no such file", "" };
    (void)state;

    assert_ok(pixels_begin(&h, "p.h5", 3, 2, 3, "{}", KEYS, &e), e);
    for (size_t i = 0; i < sizeof row; i++)
        row[i] = (uint8_t)(i + 1);
    assert_ok(pixels_rows(&h, 2, 1, row, &e), e);
    assert_ok(pixels_rows(&h, 0, 1, row, &e), e);
    assert_error(pixels_rows(&h, 3, 1, row, &e), ERR_DATA, e, "has 3 rows");
    assert_ok(pixels_finish(&h, 3, status, reason, NULL, &e), e);
    assert_ok(pixels_read(&p, "p.h5", &e), e);
    assert_int_equal(p.n_row, 3);
    assert_int_equal(p.height, 2);
    assert_int_equal(p.width, 3);
    assert_memory_equal(p.data, row, sizeof row);
    for (size_t i = 0; i < sizeof row; i++)
        assert_int_equal(p.data[sizeof row + i], 0); /* a row never written is black */
    assert_memory_equal(p.data + 2 * sizeof row, row, sizeof row);
    assert_memory_equal(p.status, status, 3);
    pixels_release(&p);

    assert_ok(pixels_begin(&h, "p2.h5", 3, 2, 3, "{}", KEYS, &e), e);
    assert_error(pixels_finish(&h, 3, bad, reason, NULL, &e), ERR_DATA, e,
                 "row 2 has picture status 3");
    assert_null(h.path);
    assert_int_equal(access("p2.h5", F_OK), -1);
    assert_int_equal(access("p2.h5.tmp", F_OK), -1);
}

static void write_pictures(size_t rows, const size_t *shape, const uint8_t *status)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    assert_ok(h5_create(&h, "bad.h5", "refit.images", 1, &e), e);
    assert_ok(rowgroup_write(&h, "images", rows, KEYS, &e), e);
    assert_ok(h5_set_text(&h, "images", "recipe", "{}", &e), e);
    assert_ok(h5_begin(&h, "images/data", H5_U8, 4, shape, &e), e);
    assert_ok(h5_write(&h, "images/status", H5_U8, 1, (size_t[]){ 2 }, status, &e), e);
    assert_ok(h5_publish(&h, &e), e);
}

static void damaged_pictures_are_refused(void **state)
{
    struct err e = { 0 };
    struct pixels p;
    const uint8_t ok[2] = { 0, 0 }, odd[2] = { 0, 7 };
    (void)state;
    write_pictures(2, (size_t[]){ 2, 4, 4, 3 }, odd);
    assert_error(pixels_read(&p, "bad.h5", &e), ERR_DATA, e, "row 1 has picture status 7");
    write_pictures(2, (size_t[]){ 1, 4, 4, 3 }, ok);
    assert_error(pixels_read(&p, "bad.h5", &e), ERR_DATA, e,
                 "'images/data' has 1 rows, attribute 'rows' says 2");
    write_pictures(2, (size_t[]){ 2, 4, 4, 1 }, ok);
    assert_error(pixels_read(&p, "bad.h5", &e), ERR_DATA, e, "pictures of 4 x 4 x 1");
    write_pictures(2, (size_t[]){ 2, 0, 4, 3 }, ok);
    assert_error(pixels_read(&p, "bad.h5", &e), ERR_DATA, e, "pictures of 0 x 4 x 3");
    write_pictures(3, (size_t[]){ 3, 4, 4, 3 }, ok);
    assert_error(pixels_read(&p, "bad.h5", &e), ERR_DATA, e, "'images/status' has 2 items, want 3");
}

static void a_feature_matrix_comes_back(void **state)
{
    struct err e = { 0 };
    double x[2][2] = { { 1, -0.0 }, { 1e-300, 0.1 } };
    char a[] = "age", b[] = "sex=f", made[] = "{\"version\":1}", *name[2] = { a, b };
    struct featmat f = { 2, 2, x[0], name, made, KEYS, 0 }, back;
    (void)state;
    assert_ok(featmat_write(&f, "f.h5", &e), e);
    assert_ok(featmat_read(&back, "f.h5", &e), e);
    assert_int_equal(back.n_row, 2);
    assert_int_equal(back.n_col, 2);
    assert_memory_equal(back.x, x, sizeof x);
    assert_string_equal(back.name[1], "sex=f");
    assert_string_equal(back.state, made);
    featmat_release(&back);
    f.n_col = 0;
    assert_ok(featmat_write(&f, "f0.h5", &e), e);
    assert_ok(featmat_read(&back, "f0.h5", &e), e);
    assert_int_equal(back.n_row, 2);
    assert_int_equal(back.n_col, 0);
    featmat_release(&back);
    f.n_col = 2;
    x[1][0] = (double)NAN; /* a gap that was kept */
    assert_ok(featmat_write(&f, "f1.h5", &e), e);
    assert_ok(featmat_read(&back, "f1.h5", &e), e);
    assert_int_equal(back.n_gap, 1);
    featmat_release(&back);
    x[1][0] = -(double)INFINITY;
    assert_error(featmat_write(&f, "f2.h5", &e), ERR_DATA, e,
                 "row 1 of feature 'age' is not finite");
}

static void write_features(size_t rows, const size_t *shape, const double *x,
                           const char *const *name, size_t n_name, const char *made)
{
    struct err e = { 0 };
    struct h5 h = { 0 };
    size_t n = strlen(made);
    assert_ok(h5_create(&h, "bad.h5", "refit.features", 1, &e), e);
    assert_ok(rowgroup_write(&h, "features", rows, KEYS, &e), e);
    assert_ok(h5_write(&h, "features/values", H5_F64, 2, shape, x, &e), e);
    assert_ok(h5_write_strings(&h, "features/names", name, n_name, &e), e);
    assert_ok(h5_write(&h, "features/state", H5_U8, 1, &n, made, &e), e);
    assert_ok(h5_publish(&h, &e), e);
}

static void a_damaged_feature_matrix_is_refused(void **state)
{
    struct err e = { 0 };
    struct featmat f;
    const double x[4] = { 1, 2, 3, (double)INFINITY };
    const char *const name[2] = { "a", "b" };
    (void)state;
    write_features(2, (size_t[]){ 2, 2 }, x, name, 2, "{}");
    assert_error(featmat_read(&f, "bad.h5", &e), ERR_DATA, e, "row 1 of feature 'b' is not finite");
    write_features(3, (size_t[]){ 2, 1 }, x, name, 1, "{}");
    assert_error(featmat_read(&f, "bad.h5", &e), ERR_DATA, e,
                 "has 2 rows, attribute 'rows' says 3");
    write_features(1, (size_t[]){ 1, 2 }, x, name, 1, "{}");
    assert_error(featmat_read(&f, "bad.h5", &e), ERR_DATA, e, "has 2 columns, 'features/names' 1");
    write_features(1, (size_t[]){ 1, 2 }, x, name, 2, "\xff");
    assert_error(featmat_read(&f, "bad.h5", &e), ERR_DATA, e, "'features/state' is not UTF-8");
}

/* Every kind cut at many places: never read, never a crash. */
static void files_cut_anywhere_are_refused(void **state)
{
    static const char *const path[] = { "s.h5", "t.h5", "p.h5", "f.h5" };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        static char bytes[1 << 16];
        FILE *f = fopen(path[i], "rb");
        assert_non_null(f);
        size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        for (size_t cut = 0; cut < n; cut += 41) {
            struct err e = { 0 };
            struct sides s;
            struct tokens t;
            struct pixels p;
            struct featmat m;
            f = fopen("cut.h5", "wb");
            assert_int_equal(fwrite(bytes, 1, cut, f), cut);
            fclose(f);
            int rc = i == 0   ? sides_read(&s, "cut.h5", &e)
                     : i == 1 ? tokens_read(&t, "cut.h5", &e)
                     : i == 2 ? pixels_read(&p, "cut.h5", &e)
                              : featmat_read(&m, "cut.h5", &e);
            if (rc != ERR_DATA)
                fail_msg("%s cut at %zu of %zu: %d '%s'", path[i], cut, n, rc, e.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_comes_back),
        cmocka_unit_test(a_damaged_split_is_refused),
        cmocka_unit_test(tokens_come_back),
        cmocka_unit_test(damaged_tokens_are_refused),
        cmocka_unit_test(pictures_come_back_mapped),
        cmocka_unit_test(damaged_pictures_are_refused),
        cmocka_unit_test(a_feature_matrix_comes_back),
        cmocka_unit_test(a_damaged_feature_matrix_is_refused),
        cmocka_unit_test(files_cut_anywhere_are_refused),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
