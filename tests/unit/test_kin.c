#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "num/kin.h"
#include "num/rng.h"

static void groups_join_what_shares_a_key_of_any_kind(void **state)
{
    (void)state;
    const int32_t text[] = { 0, 1, 0, -1, 2, -1, 1, 3 }, picture[] = { 5, 6, -1, 6, 7, 7, -1, -1 };
    const int32_t *key[] = { text, picture };
    const size_t want[] = { 0, 1, 0, 1, 2, 2, 1, 3 }; /* 1 and 3 by picture, 1 and 6 by text */
    size_t group[8];
    assert_int_equal(kin_groups(key, 2, 8, group), 4);
    assert_memory_equal(group, want, sizeof want);
    assert_int_equal(kin_groups(key, 0, 8, group), 8);
    assert_int_equal(group[7], 7);
}

enum { N = 3000, CLASSES = 5 };

/* Rows in groups of very different sizes, with classes of very different sizes. */
static void make_rows(size_t *row, size_t *group, int32_t *code, uint64_t seed)
{
    struct rng g;
    size_t next = 0, left = 0;
    rng_init(&g, seed, 0);
    for (size_t i = 0; i < N; i++, left--) {
        if (left == 0) {
            left = 1 + (rng_below(&g, 10) == 0 ? rng_below(&g, 60) : rng_below(&g, 4));
            next++;
        }
        row[i] = i;
        group[i] = next - 1;
        code[i] = (int32_t)(rng_below(&g, CLASSES) * rng_below(&g, CLASSES) / CLASSES);
    }
}

static void groups_are_dealt_whole_and_the_shares_kept_in_every_class(void **state)
{
    (void)state;
    static const double share[] = { .7, .1, .15, 0, .05 };
    size_t row[N], group[N];
    int32_t code[N];
    uint8_t side[N], again[N];
    for (uint64_t seed = 1; seed <= 5; seed++) {
        double count[5][CLASSES] = { { 0 } }, all[CLASSES] = { 0 };
        make_rows(row, group, code, seed);
        kin_deal(side, row, N, group, code, CLASSES, share, 5, seed);
        kin_deal(again, row, N, group, code, CLASSES, share, 5, seed);
        assert_memory_equal(side, again, N);
        for (size_t i = 0; i < N; i++) {
            assert_true(i == 0 || group[i] != group[i - 1] || side[i] == side[i - 1]);
            assert_true(side[i] < 5 && side[i] != 3);
            count[side[i]][code[i]]++;
            all[code[i]]++;
        }
        for (int k = 0; k < 5; k++)
            for (int c = 0; c < CLASSES; c++)
                assert_near(count[k][c], share[k] * all[c], 12, .05);
    }
}

static void folds_of_single_rows_differ_by_one_at_most(void **state)
{
    (void)state;
    static const double share[] = { 1 / 7., 1 / 7., 1 / 7., 1 / 7., 1 / 7., 1 / 7., 1 / 7. };
    size_t row[N], group[N];
    int32_t code[N];
    uint8_t side[N], other[N];
    size_t all[7] = { 0 }, of_class[7][CLASSES] = { { 0 } };
    make_rows(row, group, code, 3);
    kin_deal(side, row, N, NULL, code, CLASSES, share, 7, 1);
    kin_deal(other, row, N, NULL, code, CLASSES, share, 7, 2);
    assert_true(memcmp(side, other, N) != 0);
    for (size_t i = 0; i < N; i++) {
        all[side[i]]++;
        of_class[side[i]][code[i]]++;
    }
    for (int k = 1; k < 7; k++) {
        assert_near((double)all[k], (double)all[0], 2, 0);
        for (int c = 0; c < CLASSES; c++)
            assert_near((double)of_class[k][c], (double)of_class[0][c], 1, 0);
    }
}

static void given_sides_lose_what_has_kin_on_an_earlier_one(void **state)
{
    (void)state;
    const size_t group[] = { 0, 1, 0, 1, 2, 2, 3 };
    uint8_t side[] = { 0, 1, 2, 2, 255, 2, 0 };
    const uint8_t want[] = { 0, 1, 255, 255, 255, 2, 0 };
    assert_int_equal(kin_settle(side, group, 7), 2);
    assert_memory_equal(side, want, sizeof want);
}

static void leaks_are_rows_known_from_an_earlier_side(void **state)
{
    (void)state;
    const int32_t key[] = { 0, 0, 1, 1, 2, 2, -1, -1, 3, 3 };
    const uint8_t side[] = { 0, 2, 1, 2, 0, 0, 0, 2, 255, 2 };
    assert_int_equal(kin_leaks(side, key, 10), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_join_what_shares_a_key_of_any_kind),
        cmocka_unit_test(groups_are_dealt_whole_and_the_shares_kept_in_every_class),
        cmocka_unit_test(folds_of_single_rows_differ_by_one_at_most),
        cmocka_unit_test(given_sides_lose_what_has_kin_on_an_earlier_one),
        cmocka_unit_test(leaks_are_rows_known_from_an_earlier_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
