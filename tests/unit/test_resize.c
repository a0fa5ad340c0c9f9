#include "near.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "num/resize.h"
#include "num/rng.h"

static void resize_with(enum resize_filter filter, enum resize_code code, const uint8_t *in,
                        size_t w, size_t h, uint8_t *out, size_t ow, size_t oh)
{
    struct resize r;
    resize_init(&r, filter, w, h, ow, oh, out, 3 * ow);
    r.size.code = code < r.size.code ? code : r.size.code;
    for (size_t y = 0; y < h; y++)
        resize_row(&r, in + 3 * y * w);
    resize_release(&r);
}

static void resize(const uint8_t *in, size_t w, size_t h, uint8_t *out, size_t ow, size_t oh)
{
    resize_with(RESIZE_AREA, RESIZE_VBMI, in, w, h, out, ow, oh);
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

static double lanczos(double x)
{
    const double pi = 3.14159265358979323846;
    return x == 0 ? 1 : fabs(x) < 3 ? 3 * sin(pi * x) * sin(pi * x / 3) / (pi * x * pi * x) : 0;
}

/* The weight of input i for output o, from the definition of the filter. */
static double kernel_share(enum resize_filter filter, size_t o, size_t i, size_t n_in, size_t n_out)
{
    double scale = (double)n_in / (double)n_out, wide = fmax(scale, 1), total = 0, one = 0;
    for (size_t k = 0; k < n_in; k++) {
        double x = (((double)k + .5) - ((double)o + .5) * scale) / wide;
        double w = filter == RESIZE_LANCZOS ? lanczos(x) : fmax(0, 1 - fabs(x));
        total += w;
        if (k == i)
            one = w;
    }
    return one / total;
}

/* The definition in floating point: each output pixel from all input pixels. */
static double share(enum resize_filter filter, size_t o, size_t i, size_t n_in, size_t n_out)
{
    if (filter != RESIZE_AREA)
        return kernel_share(filter, o, i, n_in, n_out);
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
    static const size_t size[][4] = { { 17, 9, 5, 5 },  { 5, 5, 16, 16 }, { 60, 80, 64, 64 },
                                      { 1, 1, 8, 8 },   { 100, 3, 7, 7 }, { 125, 125, 64, 64 },
                                      { 63, 2, 31, 1 }, { 2, 90, 33, 9 } };
    for (size_t k = 0; k < 3 * sizeof size / sizeof *size; k++) {
        const size_t *z = size[k / 3], w = z[0], h = z[1], ow = z[2], oh = z[3];
        enum resize_filter filter = (enum resize_filter)(k % 3);
        uint8_t *in = noise(w, h, k), *out = mem_calloc(3 * ow, oh);
        double *line = mem_calloc(h, sizeof *line);
        resize_with(filter, RESIZE_VBMI, in, w, h, out, ow, oh);
        for (size_t x = 0; x < ow; x++) {
            for (size_t i = 0; i < h; i++) {
                line[i] = 0;
                for (size_t j = 0; j < w; j++)
                    line[i] += share(filter, x, j, w, ow) * in[3 * (i * w + j) + 1];
            }
            for (size_t y = 0; y < oh; y++) {
                double want = 0;
                for (size_t i = 0; i < h; i++)
                    want += share(filter, y, i, h, oh) * line[i];
                want = fmin(fmax(want, 0), 255);
                assert_near(out[3 * (y * ow + x) + 1], want, filter == RESIZE_LANCZOS ? .6 : .53,
                            0);
            }
        }
        free(line);
        free(out);
        free(in);
    }
}

static void simd_and_plain_code_give_the_same_bytes(void **state)
{
    (void)state;
    static const size_t size[][4] = { { 125, 125, 64, 64 }, { 250, 250, 224, 224 },
                                      { 7, 5, 64, 33 },     { 1, 1, 1, 1 },
                                      { 500, 333, 63, 1 },  { 3, 300, 5, 17 },
                                      { 90, 40, 37, 31 },   { 300, 200, 121, 199 },
                                      { 64, 64, 64, 64 } };
    struct resize r;
    uint8_t one[3];
    resize_init(&r, RESIZE_AREA, 1, 1, 1, 1, one, 3);
    enum resize_code best = r.size.code;
    resize_release(&r);
    if (best < RESIZE_VBMI)
        print_message("no %s here: not compared\n", best == RESIZE_AVX2 ? "VBMI" : "AVX2");
    for (size_t k = 0; k < 3 * sizeof size / sizeof *size; k++) {
        const size_t *z = size[k / 3], n = 3 * z[2] * z[3];
        /* as large as the row and no more: a sanitizer sees what is read behind it */
        uint8_t *in = noise(z[0], z[1], k), *a = mem_calloc(n, 1), *b = mem_calloc(n, 1);
        resize_with((enum resize_filter)(k % 3), RESIZE_PLAIN, in, z[0], z[1], a, z[2], z[3]);
        for (enum resize_code code = RESIZE_AVX2; code <= best; code++) {
            resize_with((enum resize_filter)(k % 3), code, in, z[0], z[1], b, z[2], z[3]);
            assert_memory_equal(a, b, n);
        }
        free(b);
        free(a);
        free(in);
    }
}

/* Two at a time from row `start` on, which is even. */
static void resize_by_twos(enum resize_code code, const uint8_t *in, const size_t z[4],
                           size_t start, uint8_t *out)
{
    struct resize r;
    size_t y = 0;
    resize_init(&r, RESIZE_AREA, z[0], z[1], z[2], z[3], out, 3 * z[2]);
    r.size.code = code < r.size.code ? code : r.size.code;
    for (; y < start; y++)
        resize_row(&r, in + 3 * y * z[0]);
    for (; y + 1 < z[1]; y += 2)
        resize_two_rows(&r, in + 3 * y * z[0], in + 3 * (y + 1) * z[0]);
    for (; y < z[1]; y++)
        resize_row(&r, in + 3 * y * z[0]);
    resize_release(&r);
}

static void two_rows_are_as_one_and_one(void **state)
{
    (void)state;
    static const size_t size[][4] = { { 25, 26, 22, 23 }, { 9, 13, 4, 5 }, { 5, 2, 9, 9 } };
    for (size_t k = 0; k < 3; k++) {
        size_t n = 3 * size[k][2] * size[k][3];
        uint8_t *in = noise(size[k][0], size[k][1], k), *a = mem_calloc(n, 1),
                *b = mem_calloc(n, 1);
        resize(in, size[k][0], size[k][1], a, size[k][2], size[k][3]);
        for (int code = RESIZE_PLAIN; code <= RESIZE_VBMI; code++) {
            for (size_t start = 0; start < size[k][1]; start += 2) {
                memset(b, 0, n);
                resize_by_twos((enum resize_code)code, in, size[k], start, b);
                assert_memory_equal(a, b, n);
            }
        }
        free(b);
        free(a);
        free(in);
    }
}

enum { N_SIZE = 20 }; /* more than are kept */

struct turns {
    uint8_t want[N_SIZE][3 * 16 * 16];
    atomic_int n_wrong;
};

static void one_size(void *ctx, int worker, size_t i)
{
    struct turns *t = ctx;
    size_t w = 20 + i % N_SIZE;
    uint8_t *in = noise(w, w, 3), out[sizeof t->want[0]];
    (void)worker;
    resize(in, w, w, out, 16, 16);
    if (memcmp(out, t->want[i % N_SIZE], sizeof out) != 0)
        atomic_fetch_add(&t->n_wrong, 1);
    free(in);
}

static void many_sizes_in_turns_and_threads_give_what_each_gives_alone(void **state)
{
    (void)state;
    struct turns *t = mem_calloc(1, sizeof *t);
    for (size_t i = 0; i < N_SIZE; i++) {
        uint8_t *in = noise(20 + i, 20 + i, 3);
        resize_with(RESIZE_AREA, RESIZE_PLAIN, in, 20 + i, 20 + i, t->want[i], 16, 16);
        free(in);
    }
    parallel_for(4, (size_t)20 * N_SIZE, one_size, t);
    assert_int_equal(atomic_load(&t->n_wrong), 0);
    free(t);
}

static void a_plain_colour_stays_what_it_is(void **state)
{
    (void)state;
    enum { W = 91, H = 47, OUT = 33 };
    uint8_t in[3 * W * H], out[3 * OUT * OUT];
    for (int filter = RESIZE_AREA; filter <= RESIZE_LANCZOS; filter++) {
        for (int level = 0; level < 256; level += 17) {
            memset(in, level, sizeof in);
            resize_with((enum resize_filter)filter, RESIZE_VBMI, in, W, H, out, OUT, OUT);
            for (size_t i = 0; i < sizeof out; i++)
                assert_int_equal(out[i], level);
        }
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
        cmocka_unit_test(simd_and_plain_code_give_the_same_bytes),
        cmocka_unit_test(two_rows_are_as_one_and_one),
        cmocka_unit_test(many_sizes_in_turns_and_threads_give_what_each_gives_alone),
        cmocka_unit_test(a_plain_colour_stays_what_it_is),
        cmocka_unit_test(mirrored_input_gives_mirrored_output),
        cmocka_unit_test(white_stays_white_at_the_largest_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
