#include "near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/nn/packed.h"
#include "models/nn/packed_kernels.h"
#include "num/rng.h"

static float *draw(size_t n, uint64_t stream)
{
    float *x = mem_calloc(n + 1, sizeof *x);
    struct rng r;
    rng_init(&r, 4, stream);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)rng_normal(&r);
    return x;
}

/* c (m, n) begins as 1 everywhere and lies in rows of n + 3, the last three of which nobody may
 * touch. */
static float *product(size_t m, size_t k, size_t n, const float *a, const float *b, bool tb,
                      bool add)
{
    struct packed p;
    float *c = mem_calloc(m * (n + 3), sizeof *c);
    for (size_t i = 0; i < m * (n + 3); i++)
        c[i] = 1;
    packed_init(&p, k, n);
    packed_fill(&p, tb, b, tb ? k : n, 0, tb ? n : k);
    packed_multiply(&p, m, a, k, add, c, n + 3);
    packed_release(&p);
    return c;
}

static void products_are_those_of_the_definition(void **state)
{
    (void)state;
    static const size_t shape[][3] = { { 1, 1, 1 },     { 5, 3, 7 },     { 6, 16, 16 },
                                       { 7, 20, 64 },   { 13, 128, 65 }, { 100, 33, 128 },
                                       { 193, 64, 200 } };
    if (!packed_is_here()) {
        print_message("no AVX2 here: skipped\n");
        return;
    }
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (int variant = 0; variant < 4; variant++) {
            size_t m = shape[s][0], k = shape[s][1], n = shape[s][2];
            bool tb = variant & 1, add = variant & 2;
            float *a = draw(m * k, 1), *b = draw(k * n, 2), *c = product(m, k, n, a, b, tb, add);
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n + 3; j++) {
                    double want = add || j >= n ? 1 : 0;
                    for (size_t q = 0; q < k && j < n; q++)
                        want += (double)a[i * k + q] * (double)(tb ? b[j * k + q] : b[q * n + j]);
                    assert_near((double)c[i * (n + 3) + j], want, 1e-5 * (double)k, 1e-6);
                }
            free(a);
            free(b);
            free(c);
        }
}

static void a_row_has_the_same_bits_whatever_is_beside_it(void **state)
{
    (void)state;
    enum { M = 29, K = 70, N = 150 };
    if (!packed_is_here()) {
        print_message("no AVX2 here: skipped\n");
        return;
    }
    float *a = draw(M * K, 1), *b = draw(K * N, 2), *all = product(M, K, N, a, b, false, false);
    for (size_t i = 0; i < M; i++) {
        float *one = product(1, K, N, a + i * K, b, false, false);
        assert_memory_equal(one, all + i * (N + 3), N * sizeof *one);
        free(one);
    }
    free(a);
    free(b);
    free(all);
}

/* c = a' b, where b is laid out in two parts of a factor that has more rows. */
static void gradient_of_parts(size_t m, size_t k, size_t n, const float *a, const float *b,
                              float *c)
{
    struct packed p;
    packed_init(&p, m + 5, n);
    packed_put(&p, 0, m / 2, b);
    packed_put(&p, m / 2, m - m / 2, b + m / 2 * n);
    packed_transposed(&p, m, k, a, c);
    packed_release(&p);
}

static void gradients_are_those_of_the_definition(void **state)
{
    (void)state;
    static const size_t shape[][3] = {
        { 1, 1, 1 }, { 16, 200, 128 }, { 300, 13, 65 }, { 600, 7, 20 }
    };
    if (!packed_is_here()) {
        print_message("no AVX2 here: skipped\n");
        return;
    }
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++)
        for (int add = 0; add < 2; add++) {
            size_t m = shape[s][0], k = shape[s][1], n = shape[s][2];
            float *a = draw(m * k, 1), *b = draw(m * n, 2), *c = draw(k * n, 3);
            float *before = draw(k * n, 3), *laid_out = mem_calloc(k * n, sizeof *laid_out);
            packed_gradient(m, k, n, a, b, add, c);
            for (size_t i = 0; i < k; i++)
                for (size_t j = 0; j < n; j++) {
                    double want = add ? (double)before[i * n + j] : 0;
                    for (size_t q = 0; q < m; q++)
                        want += (double)a[q * k + i] * (double)b[q * n + j];
                    assert_near((double)c[i * n + j], want, 1e-6 * (double)m, 1e-6);
                }
            gradient_of_parts(m, k, n, a, b, laid_out);
            if (!add)
                assert_memory_equal(laid_out, c, k * n * sizeof *c);
            free(a);
            free(b);
            free(c);
            free(before);
            free(laid_out);
        }
}

/* One chain of fused multiply-adds in the order of k, on every processor. */
static void both_kernels_give_the_bits_of_the_chain(void **state)
{
    (void)state;
    enum { M = 8, K = 37, N = PACKED_WIDTH_AVX512 };
    float *a = draw(M * K, 1), *b = draw(K * N, 2), *want = mem_calloc(M * N, sizeof *want);
    float *c = mem_calloc(M * N, sizeof *c), *part = mem_calloc(K * N, sizeof *part);
    for (size_t i = 0; i < M; i++)
        for (size_t j = 0; j < N; j++)
            for (size_t q = 0; q < K; q++)
                want[i * N + j] = fmaf(a[i * K + q], b[q * N + j], want[i * N + j]);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f")) {
        packed_panel_avx512(false, M, K, a, K, b, false, c, N, N);
        assert_memory_equal(c, want, M * N * sizeof *c);
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        for (size_t first = 0; first < N; first += PACKED_WIDTH_AVX2) {
            for (size_t q = 0; q < K; q++)
                memcpy(part + q * PACKED_WIDTH_AVX2, b + q * N + first,
                       PACKED_WIDTH_AVX2 * sizeof *part);
            packed_panel_avx2(false, M, K, a, K, part, false, c + first, N, PACKED_WIDTH_AVX2);
        }
        assert_memory_equal(c, want, M * N * sizeof *c);
    }
#endif
    free(a);
    free(b);
    free(c);
    free(part);
    free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_those_of_the_definition),
        cmocka_unit_test(gradients_are_those_of_the_definition),
        cmocka_unit_test(a_row_has_the_same_bits_whatever_is_beside_it),
        cmocka_unit_test(both_kernels_give_the_bits_of_the_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
