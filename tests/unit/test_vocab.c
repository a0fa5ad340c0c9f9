#include "near.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/vocab.h"

/* Rows of one-letter words, as a token file has them. */
struct text {
    struct tokens t;
    char *word[8];
    int32_t id[64];
    int64_t offset[8];
};

static void make_text(struct text *x, const char *const *row, size_t n_row)
{
    static char letters[8][2];
    *x = (struct text){ 0 };
    for (size_t i = 0; i < n_row; i++) {
        for (const char *p = row[i]; *p; p++) {
            size_t w = 0;
            while (w < x->t.n_word && letters[w][0] != *p)
                w++;
            if (w == x->t.n_word) {
                letters[w][0] = *p;
                x->word[w] = letters[w];
                x->t.n_word++;
            }
            x->id[x->t.n_id++] = (int32_t)w;
        }
        x->offset[i + 1] = (int64_t)x->t.n_id;
    }
    x->t.n_row = n_row;
    x->t.word = x->word;
    x->t.id = x->id;
    x->t.offset = x->offset;
}

static void words_are_numbered_by_falling_count_then_first_appearance(void **state)
{
    (void)state;
    const char *const row[] = { "zzzz", "abca", "cdb" };
    const size_t train[] = { 1, 2 };
    struct text x;
    struct vocab v = { 0 };
    struct err e = { 0 };
    make_text(&x, row, 3);
    assert_ok(vocab_fit(&v, &x.t, train, 2, -1, &e), e);
    assert_int_equal(v.n, 6); /* z occurs in no training row */
    assert_string_equal(v.word[0], "");
    assert_string_equal(v.word[1], "<OOV>");
    assert_string_equal(v.word[2], "a"); /* a, b, c twice each, in this order; d once */
    assert_string_equal(v.word[3], "b");
    assert_string_equal(v.word[4], "c");
    assert_string_equal(v.word[5], "d");
    assert_int_equal(vocab_id(&v, "d"), 5);
    assert_int_equal(vocab_id(&v, "z"), VOCAB_UNKNOWN);
    assert_int_equal(vocab_id(&v, ""), VOCAB_UNKNOWN);
    vocab_release(&v);
}

static void first_appearance_counts_in_the_training_rows_not_in_the_file(void **state)
{
    (void)state;
    const char *const row[] = { "a", "b", "a" };
    const size_t train[] = { 1, 2 };
    struct text x;
    struct vocab v = { 0 };
    struct err e = { 0 };
    make_text(&x, row, 3);
    assert_ok(vocab_fit(&v, &x.t, train, 2, -1, &e), e);
    assert_string_equal(v.word[2], "b");
    assert_string_equal(v.word[3], "a");
    vocab_release(&v);
}

static void the_limit_counts_the_reserved_ids(void **state)
{
    (void)state;
    const char *const row[] = { "aaabbc" };
    const size_t train[] = { 0 };
    struct text x;
    struct vocab v = { 0 };
    struct err e = { 0 };
    make_text(&x, row, 1);
    assert_ok(vocab_fit(&v, &x.t, train, 1, 4, &e), e);
    assert_int_equal(v.n, 4);
    assert_string_equal(v.word[3], "b");
    assert_int_equal(vocab_id(&v, "c"), VOCAB_UNKNOWN);
    vocab_release(&v);
}

static void check_row(const struct vocab_shape *s, const int32_t *map, const struct text *x,
                      size_t row, const int32_t *want, int32_t want_n)
{
    int32_t got[4];
    assert_int_equal(vocab_encode(s, map, &x->t, row, got), want_n);
    for (size_t i = 0; i < s->length; i++)
        assert_int_equal(got[i], want[i]);
}

static void rows_are_padded_and_cut_at_the_end(void **state)
{
    (void)state;
    const char *const row[] = { "ab", "zab", "abaab", "" };
    const size_t train[] = { 0 };
    struct text x;
    struct vocab v = { 0 };
    struct err e = { 0 };
    make_text(&x, row, 4);
    assert_ok(vocab_fit(&v, &x.t, train, 1, -1, &e), e);
    int32_t *map = vocab_map(&v, &x.t);
    struct vocab_shape end = { .length = 4 }, front = { .length = 4, .pad_front = true },
                       drop = { .length = 4, .drop_unknown = true };
    check_row(&end, map, &x, 0, (const int32_t[]){ 2, 3, 0, 0 }, 2);
    check_row(&front, map, &x, 0, (const int32_t[]){ 0, 0, 2, 3 }, 2);
    check_row(&end, map, &x, 1, (const int32_t[]){ 1, 2, 3, 0 }, 3);
    check_row(&drop, map, &x, 1, (const int32_t[]){ 2, 3, 0, 0 }, 2);
    check_row(&end, map, &x, 2, (const int32_t[]){ 2, 3, 2, 2 }, 4);
    check_row(&front, map, &x, 2, (const int32_t[]){ 2, 3, 2, 2 }, 4);
    check_row(&end, map, &x, 3, (const int32_t[]){ 0, 0, 0, 0 }, 0);
    free(map);
    vocab_release(&v);
}

static void the_longest_row_counts_unknown_words_unless_they_are_dropped(void **state)
{
    (void)state;
    const char *const row[] = { "ab", "zza", "" };
    const size_t train[] = { 0 }, all[] = { 0, 1, 2 }, none[] = { 2 };
    struct text x;
    struct vocab v = { 0 };
    struct err e = { 0 };
    make_text(&x, row, 3);
    assert_ok(vocab_fit(&v, &x.t, train, 1, -1, &e), e);
    int32_t *map = vocab_map(&v, &x.t);
    assert_int_equal(vocab_longest(map, &x.t, all, 3, false), 3);
    assert_int_equal(vocab_longest(map, &x.t, all, 3, true), 2);
    assert_int_equal(vocab_longest(map, &x.t, none, 1, false), 1);
    free(map);
    vocab_release(&v);
}

static void many_words_are_found_again(void **state)
{
    (void)state;
    enum { N = 5000 };
    const char **word = mem_calloc(N, sizeof *word);
    char(*text)[16] = mem_calloc(N, sizeof *text);
    struct vocab v = { 0 };
    struct err e = { 0 };
    word[0] = "";
    word[1] = "<OOV>";
    for (int i = 2; i < N; i++) {
        snprintf(text[i], sizeof text[i], "w%d", i);
        word[i] = text[i];
    }
    assert_ok(vocab_set(&v, word, N, &e), e);
    for (int i = 2; i < N; i++)
        assert_int_equal(vocab_id(&v, word[i]), i);
    assert_int_equal(vocab_id(&v, "w5000"), VOCAB_UNKNOWN);
    vocab_release(&v);
    word[4711] = "w12";
    assert_error(vocab_set(&v, word, N, &e), ERR_DATA, e, "'w12' is in the vocabulary twice");
    word[4711] = text[4711];
    word[1] = "oov";
    assert_error(vocab_set(&v, word, N, &e), ERR_DATA, e, "want '' and '<OOV>'");
    assert_error(vocab_set(&v, word, 1, &e), ERR_DATA, e, "want 2 to");
    free(text);
    free(word);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_numbered_by_falling_count_then_first_appearance),
        cmocka_unit_test(first_appearance_counts_in_the_training_rows_not_in_the_file),
        cmocka_unit_test(the_limit_counts_the_reserved_ids),
        cmocka_unit_test(rows_are_padded_and_cut_at_the_end),
        cmocka_unit_test(the_longest_row_counts_unknown_words_unless_they_are_dropped),
        cmocka_unit_test(many_words_are_found_again),
    };
    return cmocka_run_group_tests_name("vocab", tests, NULL, NULL);
}
