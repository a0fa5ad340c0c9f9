#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"

#include <math.h>
#include <stdlib.h>

#include "base/intern.h"
#include "base/mem.h"
#include "models/grams.h"
#include "scratch.h"

/* Rows of words between blanks, as a token file has them. */
struct text {
    struct tokens t;
    struct intern in;
    char *word[40];
    int32_t id[100];
    int64_t offset[9];
};

static void make_text(struct text *x, const char *const *row, size_t n_row)
{
    *x = (struct text){ 0 };
    for (size_t i = 0; i < n_row; i++) {
        for (const char *p = row[i]; *p;) {
            size_t n = strcspn(p, " ");
            x->id[x->t.n_id++] = intern_add(&x->in, p, n);
            p += n + (p[n] == ' ');
        }
        x->offset[i + 1] = (int64_t)x->t.n_id;
    }
    for (size_t w = 0; w < x->in.n; w++)
        x->word[w] = mem_strdup(intern_get(&x->in, w));
    x->t.n_word = x->in.n;
    x->t.n_row = n_row;
    x->t.word = x->word;
    x->t.id = x->id;
    x->t.offset = x->offset;
}

static void free_text(struct text *x)
{
    for (size_t w = 0; w < x->in.n; w++)
        free(x->word[w]);
    intern_release(&x->in);
}

/* The first n_train rows are for training, of class 0, 1, 0, 1 ... */
static void fit(struct grams *g, const struct nn_branch *b, const struct text *x, size_t n_train)
{
    struct err e = { 0 };
    int32_t class_of_row[8];
    size_t train[8];
    for (size_t i = 0; i < 8; i++) {
        train[i] = i;
        class_of_row[i] = (int32_t)(i % 2);
    }
    struct rows rows = {
        .classes.n = 2, .class_of_row = class_of_row, .train = train, .n_train = n_train
    };
    assert_ok(grams_fit(g, b, &x->t, &rows, &e), e);
}

static struct nn_branch branch(int64_t words, int64_t char_min, int64_t char_max)
{
    return (struct nn_branch){ .input = NN_NGRAMS,
                               .vocabulary = -1,
                               .length = -1,
                               .ngrams = { words, char_min, char_max, 1, GRAM_ONE } };
}

/* The n-grams of a row as "a|b|c", in the order in which they are read. */
static void row_is(const struct grams *g, const struct text *x, size_t row, const char *want)
{
    struct gram_reader r;
    struct str found = { 0 };
    gram_reader_init(&r, g, &x->t);
    for (int again = 0; again < 2; again++) { /* what is remembered of a word changes nothing */
        str_clear(&found);
        gram_reader_read(&r, row);
        for (size_t i = 0; i < r.n; i++)
            str_addf(&found, "%s%s", i ? "|" : "", g->vocab.word[r.id[i]]);
        assert_string_equal(str_text(&found), want);
    }
    str_release(&found);
    gram_reader_release(&r);
}

static void runs_of_words_are_found_once_a_row(void **state)
{
    (void)state;
    const char *const row[] = { "a b a b", "b c", "c a b d" };
    struct nn_branch b = branch(3, 0, 0);
    struct text x;
    struct grams g = { 0 };
    make_text(&x, row, 3);
    fit(&g, &b, &x, 2);
    row_is(&g, &x, 0, "a|a b|a b a|b|b a|b a b");
    row_is(&g, &x, 1, "b|b c|c");
    row_is(&g, &x, 2, "c|a|a b|b"); /* "c a" and d were in no training row */
    assert_int_equal(g.most, 6);
    assert_string_equal(g.vocab.word[2], "b"); /* in two rows; the others by first appearance */
    assert_string_equal(g.vocab.word[3], "a");
    grams_release(&g);
    free_text(&x);
}

static void characters_are_those_of_one_word_with_its_ends_marked(void **state)
{
    (void)state;
    const char *const row[] = { "é1 x" };
    struct nn_branch b = branch(0, 2, 3);
    struct text x;
    struct grams g = { 0 };
    make_text(&x, row, 1);
    fit(&g, &b, &x, 1);
    row_is(&g, &x, 0, "#<é|#<é1|#é1|#é1>|#1>|#<x|#<x>|#x>");
    grams_release(&g);
    b = branch(1, 4, 16); /* longer than the words: what is there, not more */
    fit(&g, &b, &x, 1);
    row_is(&g, &x, 0, "é1|#<é1>|x");
    grams_release(&g);
    free_text(&x);
}

static void rare_ngrams_and_words_past_the_length_are_left_out(void **state)
{
    (void)state;
    const char *const row[] = { "a b c", "a b", "b a c" };
    struct nn_branch b = branch(2, 0, 0);
    struct text x;
    struct grams g = { 0 };
    make_text(&x, row, 3);
    b.ngrams.min_rows = 2;
    fit(&g, &b, &x, 3);
    row_is(&g, &x, 0, "a|a b|b|c");
    grams_release(&g);
    b.length = 2;
    fit(&g, &b, &x, 3);
    row_is(&g, &x, 0, "a|a b|b");
    grams_release(&g);
    b.vocabulary = 1;
    fit(&g, &b, &x, 3);
    row_is(&g, &x, 2, "a");
    grams_release(&g);
    b.ngrams.min_rows = 9;
    fit(&g, &b, &x, 3);
    assert_int_equal(g.vocab.n, VOCAB_FIRST); /* nothing is left, which is no error here */
    row_is(&g, &x, 2, "");
    grams_release(&g);
    free_text(&x);
}

static double weight_of(const struct grams *g, const char *text)
{
    return (double)g->weight[vocab_id(&g->vocab, text)];
}

static void weights_are_those_of_the_papers(void **state)
{
    (void)state;
    const char *const row[] = { "good a", "bad a", "good good b", "bad c" };
    struct nn_branch b = branch(1, 0, 0);
    struct text x;
    struct grams g = { 0 };
    make_text(&x, row, 4);
    fit(&g, &b, &x, 4);
    assert_near(weight_of(&g, "good"), 1, 0, 0);
    grams_release(&g);
    b.ngrams.weight = GRAM_IDF;
    fit(&g, &b, &x, 4);
    assert_near(weight_of(&g, "good"), log(5.0 / 3) + 1, 1e-6, 0);
    assert_near(weight_of(&g, "c"), log(5.0 / 2) + 1, 1e-6, 0);
    grams_release(&g);
    b.ngrams.weight = GRAM_LOG_COUNT_RATIO;
    fit(&g, &b, &x, 4);
    /* counts with 1 added: good 3, a 2, bad 1, b 2, c 1 of 9 in class 0; 1, 2, 3, 1, 2 of 9 */
    assert_near(weight_of(&g, "good"), log(3), 1e-6, 0);
    assert_near(weight_of(&g, "bad"), log(3), 1e-6, 0);
    assert_near(weight_of(&g, "c"), log(2), 1e-6, 0);
    assert_true(weight_of(&g, "a") > 0 && weight_of(&g, "a") < 1e-5); /* says nothing */
    grams_release(&g);
    free_text(&x);
}

static void the_values_of_a_row_have_norm_one(void **state)
{
    (void)state;
    const char *const row[] = { "a b c", "a", "b a" };
    struct nn_branch b = branch(1, 0, 0);
    struct text x;
    struct grams g = { 0 };
    struct gram_reader r;
    float value[3];
    make_text(&x, row, 3);
    b.ngrams.weight = GRAM_IDF;
    fit(&g, &b, &x, 3);
    gram_reader_init(&r, &g, &x.t);
    gram_reader_read(&r, 0);
    gram_reader_values(&r, value);
    double square = 0;
    for (int i = 0; i < 3; i++)
        square += (double)value[i] * (double)value[i];
    assert_near(square, 1, 1e-6, 0);
    assert_near((double)value[2] / (double)value[0], weight_of(&g, "c") / weight_of(&g, "a"), 1e-6,
                0);
    gram_reader_release(&r);
    grams_release(&g);
    free_text(&x);
}

static void a_model_file_gives_the_same_ngrams_back(void **state)
{
    (void)state;
    const char *const row[] = { "red shoe", "blue shoe" };
    struct nn_branch b = branch(2, 3, 4);
    struct text x;
    struct grams g = { 0 }, back = { 0 };
    struct h5 h = { 0 };
    struct err e = { 0 };
    const char *path = "grams.h5";
    make_text(&x, row, 2);
    b.ngrams.weight = GRAM_LOG_COUNT_RATIO;
    b.length = 7;
    fit(&g, &b, &x, 2);
    assert_ok(h5_create(&h, path, "refit.test", 1, &e), e);
    assert_ok(grams_save(&g, &h, &e), e);
    assert_ok(h5_publish(&h, &e), e);
    h5_close(&h);
    assert_ok(h5_open(&h, path, "refit.test", 1, &e), e);
    assert_ok(grams_load(&back, &h, &e), e);
    h5_close(&h);
    assert_int_equal(back.vocab.n, g.vocab.n);
    assert_int_equal(back.length, 7);
    assert_memory_equal(back.weight, g.weight, g.vocab.n * sizeof *g.weight);
    row_is(&back, &x, 1,
           "blue|#<bl|#<blu|#blu|#blue|#lue|#lue>|#ue>|blue shoe|shoe|#<sh|#<sho|#sho|"
           "#shoe|#hoe|#hoe>|#oe>");
    grams_release(&g);
    grams_release(&back);
    free_text(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_words_are_found_once_a_row),
        cmocka_unit_test(characters_are_those_of_one_word_with_its_ends_marked),
        cmocka_unit_test(rare_ngrams_and_words_past_the_length_are_left_out),
        cmocka_unit_test(weights_are_those_of_the_papers),
        cmocka_unit_test(the_values_of_a_row_have_norm_one),
        cmocka_unit_test(a_model_file_gives_the_same_ngrams_back),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
