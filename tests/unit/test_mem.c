#define _DEFAULT_SOURCE /* sbrk */
#include "near.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static void assert_zeros_at(size_t n, size_t alignment)
{
    unsigned char *p = mem_aligned(n, 1);
    assert_int_equal((uintptr_t)p % alignment, 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(p[i], 0);
    memset(p, 1, n);
    free(p);
}

static void aligned_memory_is_zeros_at_a_cache_line_and_at_a_huge_page_if_large(void **state)
{
    (void)state;
    for (int again = 0; again < 2; again++) { /* malloc gives back what was free */
        assert_zeros_at(0, 64);
        assert_zeros_at(1, 64);
        assert_zeros_at(100, 64);
        assert_zeros_at((2 << 20) - 1, 64);
        assert_zeros_at((2 << 20) + 5, 2 << 20);
    }
}

static void a_growing_array_keeps_what_it_holds(void **state)
{
    (void)state;
    size_t *a = NULL;
    for (size_t n = 0; n < 1000; n++) {
        a = mem_grow(a, n, sizeof *a);
        a[n] = n;
    }
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(a[i], i);
    free(a);
}

static void what_is_expected_is_there_before_it_is_asked_for(void **state)
{
    enum { N = 80, PIECE = 100000 };
    (void)state;
    mem_expect(1000); /* as if nobody had said so */
    mem_expect(2 * N * PIECE);
    const void *end = sbrk(0);
    char *piece[N];
    for (size_t i = 0; i < N; i++)
        memset(piece[i] = mem_realloc(NULL, PIECE, 1), (int)i, PIECE);
    assert_ptr_equal(sbrk(0), end);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(piece[i][PIECE - 1], (int)i);
        free(piece[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligned_memory_is_zeros_at_a_cache_line_and_at_a_huge_page_if_large),
        cmocka_unit_test(what_is_expected_is_there_before_it_is_asked_for),
        cmocka_unit_test(a_growing_array_keeps_what_it_holds),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
