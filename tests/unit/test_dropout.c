#include "gradcheck.h"

static void layers_of_dropout_match_the_reference_in_every_form(void **state)
{
    (void)state;
    check_network(FEATURES_OF("dense: 6, dropout: 0.5, dense: classes"), small_dims);
    check_network(TEXT_OF("embedding: 4, dropout: 0.4, lstm: 3, dropout: 0.3, dense: classes"),
                  small_dims);
    check_network(
        PICTURE_OF(
            "{conv2d: 16, activation: relu}, dropout: 0.4, flatten, dropout: 0.2, dense: classes"),
        small_dims);
}

static void a_rate_of_0_changes_nothing(void **state)
{
    (void)state;
    check_network(FEATURES_OF("dense: 6, dropout: 0, dense: classes"), small_dims);
}

static void the_share_that_is_dropped_is_the_rate_and_the_mean_is_kept(void **state)
{
    (void)state;
    static float one[100000], out[100000];
    for (size_t i = 0; i < 100000; i++)
        one[i] = 1;
    for (int k = 1; k < 10; k++) {
        double rate = k / 10.0, sum = 0, dropped = 0;
        dropout_apply(out, one, 100000, dropout_key(1, 2, 0, (size_t)k), 0, rate);
        for (size_t i = 0; i < 100000; i++) {
            sum += (double)out[i];
            dropped += out[i] == 0;
        }
        assert_near(dropped / 1e5, rate, 0.008, 0); /* 5 standard deviations */
        assert_near(sum / 1e5, 1, 0.05, 0);
    }
}

static void masks_of_rows_draws_operators_and_places_are_unrelated(void **state)
{
    (void)state;
    static float one[4096], a[4096], b[4096];
    for (size_t i = 0; i < 4096; i++)
        one[i] = 1;
    uint64_t key[] = { dropout_key(1, 2, 0, 0), dropout_key(1, 2, 0, 1), dropout_key(2, 2, 0, 0),
                       dropout_key(1, 3, 0, 0), dropout_key(1, 2, 1, 0), dropout_key(0, 0, 0, 0) };
    for (size_t x = 0; x < 6; x++)
        for (size_t y = x; y < 6; y++)
            for (size_t shift = x == y; shift < 3; shift++) {
                double both = 0;
                dropout_apply(a, one, 4096, key[x], 0, 0.5);
                dropout_apply(b, one, 4096, key[y], shift, 0.5);
                for (size_t i = 0; i < 4096; i++)
                    both += a[i] != 0 && b[i] != 0;
                assert_near(both / 4096, 0.25, 0.034, 0); /* 5 standard deviations */
            }
}

static void a_part_of_a_mask_is_that_part(void **state)
{
    (void)state;
    float one[40], whole[40], part[17];
    for (size_t i = 0; i < 40; i++)
        one[i] = (float)i + 1;
    dropout_apply(whole, one, 40, 77, 0, 0.5);
    dropout_apply(part, one + 9, 17, 77, 9, 0.5);
    assert_memory_equal(part, whole + 9, sizeof part);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_of_dropout_match_the_reference_in_every_form),
        cmocka_unit_test(a_rate_of_0_changes_nothing),
        cmocka_unit_test(the_share_that_is_dropped_is_the_rate_and_the_mean_is_kept),
        cmocka_unit_test(masks_of_rows_draws_operators_and_places_are_unrelated),
        cmocka_unit_test(a_part_of_a_mask_is_that_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
