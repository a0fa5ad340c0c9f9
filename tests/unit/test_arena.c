#include "near.h"

#include <stdalign.h>
#include <stdint.h>

#include "base/arena.h"

static void what_is_given_out_is_zero_aligned_and_its_own(void **state)
{
    enum { MANY = 2000 };
    static unsigned char *given[MANY];
    struct arena a = { 0 };
    (void)state;
    for (size_t i = 0; i < MANY; i++) {
        size_t n = i % 97;
        given[i] = arena_alloc(&a, n);
        assert_int_equal((uintptr_t)given[i] % alignof(max_align_t), 0);
        for (size_t k = 0; k < n; k++)
            assert_int_equal(given[i][k], 0);
        memset(given[i], (int)(i % 251), n);
    }
    for (size_t i = 0; i < MANY; i++)
        for (size_t k = 0; k < i % 97; k++)
            assert_int_equal(given[i][k], i % 251);
    arena_release(&a);
}

static void one_larger_than_any_block_has_its_own(void **state)
{
    enum { LARGE = 1 << 20 };
    struct arena a = { 0 };
    (void)state;
    char *text = arena_text(&a, "small", 5), *large = arena_alloc(&a, LARGE);
    memset(large, 'x', LARGE);
    assert_string_equal(text, "small");
    assert_string_equal(arena_text(&a, "abc", 2), "ab");
    arena_release(&a);
    assert_null(a.last);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_given_out_is_zero_aligned_and_its_own),
        cmocka_unit_test(one_larger_than_any_block_has_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
