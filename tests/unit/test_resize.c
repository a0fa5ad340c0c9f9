#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "num/resize.h"
#include "num/rng.h"

static void resize(const uint8_t *in, size_t w, size_t h, uint8_t *out, size_t ow, size_t oh)
{
    struct resize r;
    resize_init(&r, w, h, ow, oh);
    for (size_t y = 0; y < h; y++)
        resize_row(&r, in + 3 * y * w);
    resize_finish(&r, out);
    resize_release(&r);
}

static uint8_t *noise(size_t w, size_t h, uint64_t seed)
{
    struct rng g;
    uint8_t *p = mem_calloc(3 * w, h);
    rng_init(&g, seed, 0);
    for (size_t i = 0; i < 3 * w * h; i++)
        p[i] = (uint8_t)rng_below(&g, 256);
    return p;
}

static void the_same_size_changes_nothing(void **state)
{
    (void)state;
    uint8_t *in = noise(13, 7, 1), out[3 * 13 * 7];
    resize(in, 13, 7, out, 13, 7);
    assert_memory_equal(in, out, sizeof out);
    free(in);
}

static void halving_is_the_mean_of_four_rounded_half_up(void **state)
{
    (void)state;
    const uint8_t in[] = { 0, 10, 255, 1, 20, 255, 0, 30, 255, 1, 41, 254 };
    uint8_t out[3];
    resize(in, 2, 2, out, 1, 1);
    assert_int_equal(out[0], 1);   /* 2 / 4 = 0.5 */
    assert_int_equal(out[1], 25);  /* 101 / 4 = 25.25 */
    assert_int_equal(out[2], 255); /* 1019 / 4 = 254.75 */
}

static void three_to_two_takes_pixels_by_their_share(void **state)
{
    (void)state;
    const uint8_t in[] = { 0, 0, 0, 90, 90, 90, 255, 255, 255 };
    uint8_t out[6];
    resize(in, 3, 1, out, 2, 1);
    assert_int_equal(out[0], 30);  /* (2 * 0 + 90) / 3 */
    assert_int_equal(out[3], 200); /* (90 + 2 * 255) / 3 */
}

static void growing_interpolates_between_centres(void **state)
{
    (void)state;
    const uint8_t in[] = { 0, 0, 0, 100, 100, 100 };
    uint8_t out[12];
    resize(in, 2, 1, out, 4, 1);
    assert_int_equal(out[0], 0); /* centres at -0.25, 0.25, 0.75, 1.25 */
    assert_int_equal(out[3], 25);
    assert_int_equal(out[6], 75);
    assert_int_equal(out[9], 100);
}

/* The definition in floating point: each output pixel from all input pixels. */
static double share(size_t o, size_t i, size_t n_in, size_t n_out)
{
    double scale = (double)n_in / (double)n_out, at = ((double)o + .5) * scale - .5;
    if (n_in >= n_out) {
        double from = fmax((double)o * scale, (double)i),
               to = fmin((double)(o + 1) * scale, (double)i + 1);
        return fmax(to - from, 0) / scale;
    }
    at = fmin(fmax(at, 0), (double)n_in - 1);
    return fmax(0, 1 - fabs(at - (double)i));
}

static void any_size_agrees_with_the_definition(void **state)
{
    (void)state;
    static const size_t size[][4] = {
        { 17, 9, 5, 5 }, { 5, 5, 16, 16 }, { 60, 80, 64, 64 }, { 1, 1, 8, 8 }, { 100, 3, 7, 7 }
    };
    for (size_t k = 0; k < sizeof size / sizeof *size; k++) {
        size_t w = size[k][0], h = size[k][1], ow = size[k][2], oh = size[k][3];
        uint8_t *in = noise(w, h, k), *out = mem_calloc(3 * ow, oh);
        resize(in, w, h, out, ow, oh);
        for (size_t y = 0; y < oh; y++) {
            for (size_t x = 0; x < ow; x++) {
                double want = 0;
                for (size_t i = 0; i < h; i++)
                    for (size_t j = 0; j < w; j++)
                        want += share(y, i, h, oh) * share(x, j, w, ow) * in[3 * (i * w + j) + 1];
                assert_near(out[3 * (y * ow + x) + 1], want, .5 + 1e-9, 0);
            }
        }
        free(out);
        free(in);
    }
}

static void mirrored_input_gives_mirrored_output(void **state)
{
    (void)state;
    static const size_t pair[][2] = { { 37, 16 }, { 16, 37 } };
    for (size_t k = 0; k < 2; k++) {
        size_t n = pair[k][0], m = pair[k][1];
        uint8_t *in = noise(n, n, 5), *flip = mem_calloc(3 * n, n);
        uint8_t *a = mem_calloc(3 * m, m), *b = mem_calloc(3 * m, m);
        for (size_t i = 0; i < n * n; i++)
            memcpy(flip + 3 * i, in + 3 * (n * n - 1 - i), 3);
        resize(in, n, n, a, m, m);
        resize(flip, n, n, b, m, m);
        for (size_t i = 0; i < m * m; i++)
            assert_memory_equal(a + 3 * i, b + 3 * (m * m - 1 - i), 3);
        free(b);
        free(a);
        free(flip);
        free(in);
    }
}

static void white_stays_white_at_the_largest_sizes(void **state)
{
    (void)state;
    uint8_t *row = mem_calloc(3, RESIZE_MAX_IN), out[12], *wide = mem_calloc(3, RESIZE_MAX_OUT);
    memset(row, 255, 3 * (size_t)RESIZE_MAX_IN);
    resize(row, RESIZE_MAX_IN, 1, out, 1, 1);
    assert_int_equal(out[0], 255);
    resize(row, 1, RESIZE_MAX_IN, out, 2, 2);
    assert_int_equal(out[11], 255);
    resize(row, 1, 1, wide, RESIZE_MAX_OUT, 1);
    assert_int_equal(wide[3 * RESIZE_MAX_OUT - 1], 255);
    free(wide);
    free(row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_size_changes_nothing),
        cmocka_unit_test(halving_is_the_mean_of_four_rounded_half_up),
        cmocka_unit_test(three_to_two_takes_pixels_by_their_share),
        cmocka_unit_test(growing_interpolates_between_centres),
        cmocka_unit_test(any_size_agrees_with_the_definition),
        cmocka_unit_test(mirrored_input_gives_mirrored_output),
        cmocka_unit_test(white_stays_white_at_the_largest_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
