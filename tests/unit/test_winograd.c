#include "convref.h"

#include "models/nn/winograd.h"

struct arrays {
    const float *x, *W, *dy;
    double *y, *dx, *dW;
};

static void add_product(void *arg, size_t x, size_t w, size_t y)
{
    const struct arrays *a = arg;
    a->y[y] += (double)a->x[x] * (double)a->W[w];
    a->dx[x] += (double)a->dy[y] * (double)a->W[w];
    a->dW[w] += (double)a->dy[y] * (double)a->x[x];
}

/* Forward and backward of `rows` pictures, the last one by a call of its own. */
static void check(struct conv_shape s, size_t rows)
{
    size_t nx = s.h * s.w * s.ci, ny = s.oh * s.ow * s.co, nw = 9 * s.ci * s.co;
    struct rng r;
    rng_init(&r, 7, nx + ny);
    float *x = conv_random(&r, rows * nx, 1), *dy = conv_random(&r, rows * ny, 1),
          *W = conv_random(&r, nw, 0.1f), *b = conv_random(&r, s.co, 1);
    float *y = mem_aligned(rows * ny, sizeof *y), *dx = mem_aligned(rows * nx, sizeof *dx),
          *dW = mem_aligned(nw, sizeof *dW), *db = mem_aligned(s.co, sizeof *db);
    double *wy = mem_calloc(rows * ny, sizeof *wy), *wdx = mem_calloc(rows * nx, sizeof *wdx),
           *wdW = mem_calloc(nw, sizeof *wdW), *wdb = mem_calloc(s.co, sizeof *wdb);
    struct winograd *w = winograd_new(&s);
    float *scratch = mem_aligned(winograd_scratch(&s), sizeof *scratch);

    for (size_t i = 0; i < rows; i++) {
        struct arrays a = { x + i * nx, W, dy + i * ny, wy + i * ny, wdx + i * nx, wdW };
        conv_visit(&s, add_product, &a);
        for (size_t o = 0; o < s.co; o++)
            for (size_t p = 0; p < s.oh * s.ow; p++) {
                size_t at = i * ny + conv_at(o, s.co, s.block_out, p, s.oh * s.ow);
                wy[at] += (double)b[o];
                wy[at] = s.relu ? fmax(wy[at], 0) : wy[at];
                wdb[o] += (double)dy[at];
            }
    }
    winograd_weights(w, W, b);
    for (int again = 0; again < 2; again++) { /* nothing may be left over */
        winograd_forward(w, rows, x, y, scratch);
        winograd_backward(w, rows - 1, x, dy, s.data_gradient ? dx : NULL, true, scratch);
        winograd_backward(w, 1, x + (rows - 1) * nx, dy + (rows - 1) * ny,
                          s.data_gradient ? dx + (rows - 1) * nx : NULL, rows == 1, scratch);
        winograd_gathered(w, dW, db, scratch);
    }
    conv_near(y, wy, rows * ny, 1e-5);
    if (s.data_gradient)
        conv_near(dx, wdx, rows * nx, 1e-5);
    conv_near(dW, wdW, nw, 1e-5);
    conv_near(db, wdb, s.co, 1e-5);
    winograd_free(w);
    free(scratch);
    free(x), free(dy), free(W), free(b), free(y), free(dx), free(dW), free(db);
    free(wy), free(wdx), free(wdW), free(wdb);
}

static struct conv_shape shape(size_t h, size_t w, size_t ci, size_t co, bool same, bool blocks)
{
    struct conv_shape s = conv_shape_3x3(h, w, ci, co, same, blocks);
    s.block_in = blocks ? 16 : ci;
    s.data_gradient = true;
    return s;
}

static bool is_here(void)
{
    struct conv_shape s = shape(8, 8, 16, 16, true, true);
    if (!winograd_fits(&s))
        puts("# no AVX-512 here: nothing to test");
    return winograd_fits(&s);
}

static void whole_tiles_match_the_definition(void **state)
{
    (void)state;
    if (!is_here())
        return;
    check(shape(8, 8, 16, 32, true, true), 3);
    check(shape(16, 16, 32, 16, true, false), 5); /* 80 tiles: several blocks of them */
}

static void pictures_that_are_no_whole_tiles(void **state)
{
    (void)state;
    if (!is_here())
        return;
    check(shape(9, 11, 16, 48, true, true), 3);
    check(shape(7, 10, 48, 16, true, false), 2);
    check(shape(3, 4, 16, 16, true, true), 1);
}

static void without_padding(void **state)
{
    (void)state;
    if (!is_here())
        return;
    check(shape(10, 9, 32, 32, false, true), 2);
    check(shape(6, 6, 16, 64, false, false), 2);
}

static void relu_and_no_gradient_of_the_input(void **state)
{
    (void)state;
    if (!is_here())
        return;
    struct conv_shape s = shape(12, 12, 16, 16, true, true);
    s.relu = true;
    s.data_gradient = false;
    check(s, 2);
}

static void a_nan_stays_one_under_relu(void **state)
{
    (void)state;
    if (!is_here())
        return;
    struct conv_shape s = shape(4, 4, 16, 16, true, true);
    s.relu = true;
    struct winograd *w = winograd_new(&s);
    float *W = mem_aligned(9 * 256, sizeof *W), *x = mem_aligned(256, sizeof *x),
          *y = mem_aligned(256, sizeof *y), *b = mem_aligned(16, sizeof *b),
          *scratch = mem_aligned(winograd_scratch(&s), sizeof *scratch);
    b[0] = nanf("");
    winograd_weights(w, W, b);
    winograd_forward(w, 1, x, y, scratch);
    assert_true(isnan(y[0]));
    assert_true(y[1] <= 0 && y[1] >= 0);
    winograd_free(w);
    free(W), free(x), free(y), free(b), free(scratch);
}

static void other_shapes_are_left_to_others(void **state)
{
    (void)state;
    struct conv_shape s = shape(8, 8, 16, 32, true, true);
    s.k = 5;
    assert_false(winograd_fits(&s));
    s = shape(8, 8, 3, 32, true, false);
    assert_false(winograd_fits(&s));
    s = shape(5, 5, 16, 16, true, true); /* 64 places of tiles for 25 */
    assert_false(winograd_fits(&s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_tiles_match_the_definition),
        cmocka_unit_test(pictures_that_are_no_whole_tiles),
        cmocka_unit_test(without_padding),
        cmocka_unit_test(relu_and_no_gradient_of_the_input),
        cmocka_unit_test(a_nan_stays_one_under_relu),
        cmocka_unit_test(other_shapes_are_left_to_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
