#include "near.h"

#include "models/augment.h"
#include "models/vocab.h"

enum { H = 5, W = 4, N_BYTE = H * W * 3 };

static void picture(uint8_t *out)
{
    for (int i = 0; i < N_BYTE; i++)
        out[i] = (uint8_t)(3 + 4 * i);
}

/* The picture that these draws give, by the definition. */
static void reference(const uint8_t *in, bool flip, int down, int right, uint8_t *out)
{
    for (int y = 0; y < H; y++)
        for (int x = 0; x < W; x++)
            for (int c = 0; c < 3; c++) {
                int from_y = y + down, from_x = x + right;
                from_y = from_y < 0 ? 0 : from_y >= H ? H - 1 : from_y;
                from_x = from_x < 0 ? 0 : from_x >= W ? W - 1 : from_x;
                from_x = flip ? W - 1 - from_x : from_x;
                out[(y * W + x) * 3 + c] = in[(from_y * W + from_x) * 3 + c];
            }
}

static void a_picture_is_flipped_and_shifted_in_every_possible_way_and_no_other(void **state)
{
    (void)state;
    const struct augment a = { .seed = 5, .flip = true, .crop = 2 };
    uint8_t in[N_BYTE], out[N_BYTE], want[N_BYTE];
    int seen[2][5][5] = { 0 };
    picture(in);
    for (size_t row = 0; row < 2000; row++) {
        bool found = false;
        augment_picture(&a, 1, row, in, H, W, out);
        for (int i = 0; i < 50 && !found; i++) {
            reference(in, i >= 25, i / 5 % 5 - 2, i % 5 - 2, want);
            found = memcmp(out, want, sizeof want) == 0;
            seen[i >= 25][i / 5 % 5][i % 5] += found;
        }
        assert_true(found);
    }
    for (int i = 0; i < 50; i++) /* 40 of each are expected */
        assert_in_range(seen[i / 25][i / 5 % 5][i % 5], 15, 75);
}

static void brightness_is_one_factor_for_a_picture(void **state)
{
    (void)state;
    const struct augment a = { .seed = 5, .brightness = 0.5 };
    uint8_t in[N_BYTE], out[N_BYTE];
    double least = 9, most = 0;
    picture(in);
    for (size_t row = 0; row < 500; row++) {
        augment_picture(&a, 1, row, in, H, W, out);
        double factor = out[30] / (double)in[30]; /* 123: the rounding is below one half percent */
        for (int i = 0; i < N_BYTE; i++)
            assert_true(fabs(out[i] - fmin(255, in[i] * factor)) <= 0.51 + 0.0041 * in[i]);
        least = fmin(least, factor);
        most = fmax(most, factor);
    }
    assert_near(least, 0.5, 0.02, 0);
    assert_near(most, 1.5, 0.02, 0);
}

static void draws_depend_on_seed_epoch_and_row_alone(void **state)
{
    (void)state;
    const struct augment a = { .seed = 5, .flip = true, .crop = 2, .brightness = 0.3 },
                         other = { .seed = 6, .flip = true, .crop = 2, .brightness = 0.3 };
    uint8_t in[N_BYTE], first[N_BYTE], again[N_BYTE];
    int same[3] = { 0 };
    picture(in);
    for (size_t row = 0; row < 100; row++) {
        augment_picture(&a, 1, row, in, H, W, first);
        augment_picture(&a, 1, row, in, H, W, again);
        assert_memory_equal(first, again, sizeof first);
        augment_picture(&a, 2, row, in, H, W, again);
        same[0] += memcmp(first, again, sizeof first) == 0;
        augment_picture(&a, 1, row + 1, in, H, W, again);
        same[1] += memcmp(first, again, sizeof first) == 0;
        augment_picture(&other, 1, row, in, H, W, again);
        same[2] += memcmp(first, again, sizeof first) == 0;
    }
    assert_true(same[0] < 10 && same[1] < 10 && same[2] < 10);
}

static void nothing_to_do_leaves_a_picture_as_it_is(void **state)
{
    (void)state;
    const struct augment a = { .seed = 5 };
    uint8_t in[N_BYTE], out[N_BYTE];
    picture(in);
    augment_picture(&a, 1, 1, in, H, W, out);
    assert_memory_equal(in, out, sizeof in);
    assert_false(augment_has_pictures(&a));
}

static void a_dropped_word_is_an_unknown_one(void **state)
{
    (void)state;
    const struct augment a = { .seed = 5, .word_dropout = 0.25 };
    size_t dropped = 0;
    for (size_t row = 0; row < 1000; row++) {
        int32_t ids[6] = { 7, 8, 9, 10, 0, 0 };
        assert_int_equal(augment_words(&a, 1, row, ids, 6, 4), 4);
        for (int32_t t = 0; t < 4; t++) {
            assert_true(ids[t] == 7 + t || ids[t] == VOCAB_UNKNOWN);
            dropped += ids[t] == VOCAB_UNKNOWN;
        }
        assert_int_equal(ids[4] + ids[5], 0);
    }
    assert_in_range(dropped, 850, 1150);
}

static void where_unknown_words_are_left_out_so_are_dropped_ones(void **state)
{
    (void)state;
    for (int front = 0; front < 2; front++) {
        const struct augment a = {
            .seed = 5, .word_dropout = 0.5, .drop_unknown = true, .pad_front = front
        };
        size_t left = 0;
        for (size_t row = 0; row < 1000; row++) {
            int32_t ids[6] = { 7, 8, 9, 10, 0, 0 }, padded[6] = { 0, 0, 7, 8, 9, 10 };
            int32_t *at = front ? padded : ids, before = 0;
            int32_t n = augment_words(&a, 1, row, at, 6, 4);
            for (int32_t t = 0; t < 6; t++) {
                bool word = front ? t >= 6 - n : t < n;
                assert_true(word ? at[t] > before : at[t] == 0); /* in their order */
                before = word ? at[t] : before;
            }
            left += (size_t)n;
        }
        assert_in_range(left, 1850, 2150);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_picture_is_flipped_and_shifted_in_every_possible_way_and_no_other),
        cmocka_unit_test(brightness_is_one_factor_for_a_picture),
        cmocka_unit_test(draws_depend_on_seed_epoch_and_row_alone),
        cmocka_unit_test(nothing_to_do_leaves_a_picture_as_it_is),
        cmocka_unit_test(a_dropped_word_is_an_unknown_one),
        cmocka_unit_test(where_unknown_words_are_left_out_so_are_dropped_ones),
    };
    return cmocka_run_group_tests_name("augment", tests, NULL, NULL);
}
