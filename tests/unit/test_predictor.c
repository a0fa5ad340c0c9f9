/* What prediction promises: a row's figures are its own, whoever shares its batch, and nothing is
 * allocated once it has run. */
#include "gradcheck.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "models/history.h"
#include "models/model.h"
#include "models/nn/optimizer.h"
#include "models/nn/packed.h"
#include "tests/tools/toy.h"

/* ---- counted allocations ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define COUNTS false
static atomic_size_t allocations;
#else
#define COUNTS true
static atomic_size_t allocations;
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t align, size_t n);

void *malloc(size_t n)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(align, n);
}
#endif

/* ---- a model that all tests share ---- */

enum { N = 100, C = 3 };

static struct toy toy;
static struct model *model, *two_threads;
static char path[] = "/tmp/refit-test-predictor.XXXXXX";

static int set_up(void **state)
{
    struct nn_spec spec = { 0 };
    struct history h = { 0 };
    struct err e = { 0 };
    (void)state;
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    toy_make(&toy, N, 6);
    assert_ok(nn_spec_parse(&spec, "test", TOY_NETWORK, &e), e);
    spec.training.epochs = 2;
    struct fit f = { .network = &spec, .data = &toy.data, .seed = 3, .threads = 1, .history = &h };
    assert_ok(model_fit(&model, &f, &e), e);
    assert_ok(model_save(model, path, &e), e);
    assert_ok(model_load(&two_threads, path, 2, &e), e);
    history_release(&h);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    model_free(model);
    model_free(two_threads);
    toy_release(&toy);
    return 0;
}

static void predict(struct model *m, const size_t *row, size_t n, float *out)
{
    struct err e = { 0 };
    assert_ok(model_predict(m, &toy.data, row, n, out, &e), e);
}

static void a_row_has_its_figures_in_any_company(void **state)
{
    (void)state;
    size_t row[N];
    float in_order[N * C], drawn[N * C], alone[C];
    struct rng r;
    rng_init(&r, 1, 1);
    for (size_t i = 0; i < N; i++)
        row[i] = i;
    predict(model, row, N, in_order);
    rng_shuffle(&r, row, N);
    predict(model, row, N, drawn);
    for (size_t i = 0; i < N; i++) {
        if (packed_is_here())
            assert_memory_equal(drawn + i * C, in_order + row[i] * C, sizeof alone);
        predict(model, &row[i], 1, alone);
        for (size_t k = 0; k < C; k++) {
            assert_near((double)drawn[i * C + k], (double)in_order[row[i] * C + k], 0, 1e-5);
            assert_near((double)alone[k], (double)in_order[row[i] * C + k], 0, 1e-5);
        }
    }
}

/* A row alone is shared out by branches, many rows by shards. */
static void threads_change_no_bit(void **state)
{
    (void)state;
    size_t row[N];
    float one[N * C], two[N * C];
    for (size_t i = 0; i < N; i++)
        row[i] = i;
    predict(model, row, N, one);
    predict(two_threads, row, N, two);
    assert_memory_equal(one, two, sizeof one);
    for (size_t i = 0; i < N; i++) {
        predict(model, &row[i], 1, one);
        predict(two_threads, &row[i], 1, two);
        assert_memory_equal(one, two, C * sizeof *one);
    }
}

static void a_request_that_is_no_larger_than_the_last_allocates_nothing(void **state)
{
    (void)state;
    size_t row[N];
    float out[N * C];
    if (!COUNTS) {
        print_message("allocations cannot be counted here: skipped\n");
        return;
    }
    for (size_t i = 0; i < N; i++)
        row[i] = N - 1 - i;
    predict(two_threads, row, N, out);
    size_t before = atomic_load(&allocations);
    for (size_t n = 1; n <= N; n += 9)
        predict(two_threads, row, n, out);
    assert_int_equal(atomic_load(&allocations) - before, 0);
    void *volatile counted = malloc(1);
    free(counted);
    assert_true(atomic_load(&allocations) > before);
}

static void nor_does_one_of_a_model_that_reads_ngrams(void **state)
{
    (void)state;
    static const char network[] =
        "network: 1\nbranches: {ngrams: {words: 2, characters: [2, 3], min_rows: 1, "
        "layers: [embedding_bag: classes]}}\n";
    struct nn_spec spec = { 0 };
    struct history h = { 0 };
    struct model *grams = NULL;
    struct err e = { 0 };
    size_t row[N];
    float out[N * C];
    assert_ok(nn_spec_parse(&spec, "test", network, &e), e);
    spec.training.epochs = 1;
    struct fit f = { .network = &spec, .data = &toy.data, .seed = 3, .threads = 1, .history = &h };
    assert_ok(model_fit(&grams, &f, &e), e);
    for (size_t i = 0; i < N; i++)
        row[i] = i;
    predict(grams, row, N, out);
    size_t before = atomic_load(&allocations);
    for (size_t n = 1; n <= N; n += 33)
        predict(grams, row, n, out);
    assert_int_equal(atomic_load(&allocations) - before, 0);
    model_free(grams);
    history_release(&h);
}

static void a_step_of_training_allocates_nothing(void **state)
{
    (void)state;
    static const char network[] =
        "network: 1\nbranches: {text: {vocabulary: 9, length: 5, layers: [embedding: 4, {lstm: 5, "
        "dropout: 0.2}]}, features: {layers: [{dense: 5, activation: relu}, batch_norm]}}\n"
        "head: [concat, dense: classes]\ntraining: {shards: 3, clip_norm: 1}\n";
    struct case_data c = case_make(network, small_dims, 6, 3);
    struct optimizer o = { 0 };
    struct err e = { 0 };
    struct net *n = NULL;
    struct nn_step done;
    c.dims.batch = 6;
    assert_ok(net_build(&n, &c.spec, &c.dims, 2, &e), e);
    net_init(n, 1);
    optimizer_init(&o, &c.spec.training, net_n_weight(n));
    assert_ok(optimizer_train(&o, n, &c.b, 0, 0.01, &done, &e), e);
    size_t before = atomic_load(&allocations);
    for (uint64_t draw = 1; draw < 4; draw++)
        assert_ok(optimizer_train(&o, n, &c.b, draw, 0.01, &done, &e), e);
    assert_int_equal(atomic_load(&allocations) - before, 0);
    optimizer_release(&o);
    net_free(n);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_its_figures_in_any_company),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(a_request_that_is_no_larger_than_the_last_allocates_nothing),
        cmocka_unit_test(nor_does_one_of_a_model_that_reads_ngrams),
        cmocka_unit_test(a_step_of_training_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
