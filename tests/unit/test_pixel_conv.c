#include "convref.h"

#include <string.h>

#include "models/nn/pixel_conv.h"

struct sums {
    const uint8_t *bytes;
    const float *W;
    const double *dfull; /* gradient before pooling */
    double *full, *dW;
};

static void add_forward(void *arg, size_t x, size_t w, size_t y)
{
    const struct sums *a = arg;
    a->full[y] += (double)a->bytes[x] / 255 * (double)a->W[w];
}

static void add_backward(void *arg, size_t x, size_t w, size_t y)
{
    const struct sums *a = arg;
    a->dW[w] += (double)a->bytes[x] / 255 * a->dfull[y];
}

static struct conv_shape shape(size_t h, size_t w, size_t co, bool same, bool blocks)
{
    struct conv_shape s = conv_shape_3x3(h, w, 3, co, same, blocks);
    s.relu = true;
    return s;
}

/* Two pictures; the places of the maxima are taken from the kernel and checked. */
static void check(struct conv_shape s)
{
    enum { N = 2 };
    size_t nx = s.h * s.w * 3, nf = s.oh * s.ow * s.co, high = s.oh / 2, wide = s.ow / 2,
           ny = high * wide * s.co, nw = 27 * s.co;
    struct rng r;
    rng_init(&r, 3, nx);
    float *W = conv_random(&r, nw, 0.2f), *b = conv_random(&r, s.co, 0.2f),
          *dy = conv_random(&r, N * ny, 1), *y = mem_aligned(ny, sizeof *y),
          *dW = mem_aligned(nw, sizeof *dW), *db = mem_aligned(s.co, sizeof *db),
          *scratch = mem_aligned(pixel_conv_scratch(&s), sizeof *scratch);
    uint8_t *bytes = mem_calloc(N, nx), *place = mem_calloc(ny, 1);
    double *full = mem_calloc(nf, sizeof *full), *dfull = mem_calloc(nf, sizeof *dfull),
           *wdW = mem_calloc(nw, sizeof *wdW), *wdb = mem_calloc(s.co, sizeof *wdb),
           *wy = mem_calloc(ny, sizeof *wy);
    for (size_t i = 0; i < N * nx; i++)
        bytes[i] = (uint8_t)rng_below(&r, 256);

    for (size_t k = 0; k < N; k++) {
        struct sums a = { bytes + k * nx, W, dfull, full, wdW };
        memset(full, 0, nf * sizeof *full);
        memset(dfull, 0, nf * sizeof *dfull);
        conv_visit(&s, add_forward, &a);
        pixel_conv_forward(&s, W, b, bytes + k * nx, y, place, scratch);
        for (size_t o = 0; o < s.co; o++)
            for (size_t p = 0; p < high * wide; p++) {
                size_t at = conv_at(o, s.co, s.block_out, p, high * wide), best = 0, from[4];
                for (size_t q = 0; q < 4; q++) {
                    from[q] = conv_y(&s, o, p / wide * 2 + q / 2, p % wide * 2 + q % 2);
                    best = full[from[q]] > full[from[best]] ? q : best;
                }
                assert_int_equal(place[at], best);
                wy[at] = fmax(0, full[from[best]] + (double)b[o]);
                double d = wy[at] > 0 ? (double)dy[k * ny + at] : 0;
                dfull[from[best]] = d;
                wdb[o] += d;
            }
        conv_near(y, wy, ny, 2e-6);
        conv_visit(&s, add_backward, &a);
        pixel_conv_backward(&s, bytes + k * nx, y, dy + k * ny, place, k == 0, dW, db, scratch);
    }
    conv_near(dW, wdW, nw, 2e-6);
    conv_near(db, wdb, s.co, 2e-6);
    free(W), free(b), free(dy), free(y), free(dW), free(db), free(scratch), free(bytes);
    free(place), free(full), free(dfull), free(wdW), free(wdb), free(wy);
}

static bool is_here(void)
{
    struct conv_shape s = shape(8, 8, 16, true, true);
    if (!pixel_conv_fits(&s, 2))
        puts("# no AVX-512 here: nothing to test");
    return pixel_conv_fits(&s, 2);
}

static void pooled_values_and_gradients_match_the_definition(void **state)
{
    (void)state;
    if (!is_here())
        return;
    check(shape(8, 12, 32, true, true));
    check(shape(10, 8, 48, true, false));
    check(shape(10, 6, 16, false, true));
}

static void odd_sizes_leave_a_row_and_a_column_out(void **state)
{
    (void)state;
    if (!is_here())
        return;
    check(shape(7, 11, 16, true, true));
    check(shape(9, 13, 32, false, false));
    check(shape(2, 3, 16, true, true));
}

static void other_shapes_are_left_to_others(void **state)
{
    (void)state;
    struct conv_shape s = shape(8, 8, 20, true, true);
    assert_false(pixel_conv_fits(&s, 2));
    s = shape(8, 8, 32, true, true);
    assert_false(pixel_conv_fits(&s, 3));
    s.relu = false;
    assert_false(pixel_conv_fits(&s, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pooled_values_and_gradients_match_the_definition),
        cmocka_unit_test(odd_sizes_leave_a_row_and_a_column_out),
        cmocka_unit_test(other_shapes_are_left_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
