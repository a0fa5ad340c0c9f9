#include "near.h"

#include <stdlib.h>
#include <unistd.h>

#include "io/h5.h"
#include "models/history.h"
#include "models/model.h"
#include "models/nn/net.h"
#include "models/nn/spec.h"
#include "tests/tools/toy.h"

enum { N = 150, ROWS = 20 };

/* No batch norm: its running statistics move in a step that moves no weight. */
#define FUSION                                                                              \
    "network: 1\nbranches:\n  text:\n    vocabulary: all\n    length: longest\n"            \
    "    layers: [{embedding: 8}, {lstm: 8}]\n  ngrams: {layers: [embedding_bag: "          \
    "classes]}\n  features:\n    layers: [dropout: 0.1, {dense: "                           \
    "8, activation: relu}]\nhead: [concat, {dense: 8, activation: relu}, dense: classes]\n" \
    "training: {learning_rate: 0.01, batch: 16, epochs: 3, auxiliary: 0.3}\n"
#define TEXT_ALONE                                                                      \
    "network: 1\nbranches:\n  text:\n    vocabulary: all\n    length: longest\n"        \
    "    layers: [{embedding: 8}, {lstm: 8}, {dropout: 0.1}]\nhead: [dense: classes]\n" \
    "training: {learning_rate: 0.01, batch: 16, epochs: 3}\n"
#define PIXELS_ALONE                                                                         \
    "network: 1\nbranches:\n  pixels:\n    layers: [{conv2d: 4, padding: same, activation: " \
    "relu}, maxpool: 2, flatten, {dense: 8, activation: relu}, batch_norm]\n"                \
    "head: [dense: classes]\ntraining: {learning_rate: 0.01, batch: 16, epochs: 3}\n"
#define ONLY_TABLE "network: 1\nbranches: {features: {layers: [{dense: 5}, dense: classes]}}\n"

static char dir[] = "/tmp/refit-test-warm.XXXXXX";
static char path[3][64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return 1;
    for (int i = 0; i < 3; i++)
        snprintf(path[i], sizeof path[i], "%s/model%d.h5", dir, i);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        unlink(path[i]);
    rmdir(dir);
    return 0;
}

/* Train; `still`: so slowly that the initial weights stay. */
static int fit(const struct toy *t, const char *network, bool still, const char *const *start,
               size_t n_start, struct model **out, struct err *e)
{
    struct nn_spec spec = { 0 };
    struct history h = { 0 };
    assert_ok(nn_spec_parse(&spec, "test", network, e), *e);
    spec.training.epochs = still ? 1 : 3;
    if (still)
        spec.training.learning_rate = 1e-9;
    struct fit f = { .network = &spec,
                     .data = &t->data,
                     .seed = 3,
                     .threads = 1,
                     .warm_start = start,
                     .n_warm_start = n_start,
                     .history = &h };
    int rc = model_fit(out, &f, e);
    history_release(&h);
    nn_spec_release(&spec);
    return rc;
}

static void make(const struct toy *t, const char *network, const char *to)
{
    struct model *m = NULL;
    struct err e = { 0 };
    assert_ok(fit(t, network, false, NULL, 0, &m, &e), e);
    assert_ok(model_save(m, to, &e), e);
    model_free(m);
}

/* Probability of a label for the first rows. */
static void predict(struct model *m, const struct toy *t, const char *label, double out[ROWS])
{
    size_t row[ROWS], C = model_n_class(m), k = (size_t)model_find_class(m, label);
    float *p = mem_calloc(ROWS, C * sizeof *p);
    struct err e = { 0 };
    for (size_t i = 0; i < ROWS; i++)
        row[i] = i;
    assert_ok(model_predict(m, &t->data, row, ROWS, p, &e), e);
    for (size_t i = 0; i < ROWS; i++)
        out[i] = (double)p[i * C + k];
    free(p);
}

static void check_same(const struct toy *a, struct model *m, const struct toy *b,
                       struct model *warm, double tolerance)
{
    static const char *const label[] = { "red", "green", "blue" };
    double want[ROWS], found[ROWS];
    for (int k = 0; k < 3; k++) {
        predict(m, a, label[k], want);
        predict(warm, b, label[k], found);
        for (size_t i = 0; i < ROWS; i++)
            assert_near(found[i], want[i], tolerance, 0);
    }
}

static void a_warm_start_begins_as_the_model_it_starts_from(void **state)
{
    (void)state;
    struct toy t;
    struct model *m = NULL, *warm = NULL;
    struct err e = { 0 };
    toy_make(&t, N, 4);
    make(&t, FUSION, path[0]);
    assert_ok(model_load(&m, path[0], 1, &e), e);
    assert_ok(fit(&t, FUSION, true, (const char *[]){ path[0] }, 1, &warm, &e), e);
    check_same(&t, m, &t, warm, 1e-5);
    model_free(m);
    model_free(warm);
    toy_release(&t);
}

static void swap_texts(char **a, char **b)
{
    char *kept = *a;
    *a = *b;
    *b = kept;
}

/* The same rows, but classes, feature columns and words have other numbers, and most words more or
 * less often: whatever is known is found by its name. */
static void what_has_a_name_is_found_by_it(void **state)
{
    (void)state;
    struct toy a, b;
    struct model *m = NULL, *warm = NULL;
    struct err e = { 0 };
    toy_make(&a, N, 4);
    toy_make(&b, N, 4);
    struct column *c = b.table.col;
    swap_texts(&c->level[0], &c->level[2]); /* red and blue */
    swap_texts(&c->level_name[0], &c->level_name[2]);
    for (size_t i = 0; i < N; i++)
        c->code[i] = c->code[i] == 0 ? 2 : c->code[i] == 2 ? 0 : c->code[i];
    swap_texts(&b.features.name[0], &b.features.name[1]);
    for (size_t i = 0; i < N; i++) {
        double kept = b.features.x[3 * i];
        b.features.x[3 * i] = b.features.x[3 * i + 1];
        b.features.x[3 * i + 1] = kept;
    }
    for (size_t i = 60; i < N; i++) /* other rows, other counts */
        b.sides.side[i] = SIDE_NONE;
    make(&a, FUSION, path[0]);
    assert_ok(model_load(&m, path[0], 1, &e), e);
    assert_ok(fit(&b, FUSION, true, (const char *[]){ path[0] }, 1, &warm, &e), e);
    struct model_wants w;
    model_wants(warm, &w);
    assert_string_equal(w.feature[0], "f1");
    assert_string_equal(model_class(warm, 0), "blue");
    check_same(&a, m, &b, warm, 1e-5);
    model_free(m);
    model_free(warm);
    toy_release(&a);
    toy_release(&b);
}

static float *tensor(const char *file, const char *name, size_t n)
{
    struct h5 h = { 0 };
    struct err e = { 0 };
    void *x = NULL;
    size_t dims[2] = { 0 };
    assert_ok(h5_open(&h, file, "refit.model", 1, &e), e);
    assert_ok(h5_read(&h, name, H5_F32, n > 8 ? 2 : 1, dims, &x, 1 << 20, &e), e);
    h5_close(&h);
    return x;
}

static void check_tensor(const char *a, const char *b, const char *name, size_t n)
{
    float *x = tensor(a, name, n), *y = tensor(b, name, n);
    for (size_t i = 0; i < n; i++)
        assert_near((double)x[i], (double)y[i], 1e-6, 0);
    free(x);
    free(y);
}

static void a_fusion_begins_with_its_branches_trained_alone(void **state)
{
    (void)state;
    struct toy t;
    struct model *m = NULL;
    struct err e = { 0 };
    toy_make(&t, N, 4);
    make(&t, TEXT_ALONE, path[0]);
    make(&t, PIXELS_ALONE, path[1]);
    assert_ok(fit(&t, TOY_NETWORK, true, (const char *[]){ path[0], path[1] }, 2, &m, &e), e);
    assert_ok(model_save(m, path[2], &e), e);
    check_tensor(path[0], path[2], "weights/text.1_lstm.kernel", 8 * 32);
    check_tensor(path[0], path[2], "weights/text.0_embedding.embeddings", 14 * 8);
    check_tensor(path[1], path[2], "weights/pixels.3_dense.kernel", 64 * 8);
    check_tensor(path[1], path[2], "weights/pixels.4_batch_norm.gamma", 8);
    model_free(m);
    toy_release(&t);
}

static void a_class_that_is_new_begins_anew_and_the_others_do_not(void **state)
{
    (void)state;
    struct toy t;
    struct model *m = NULL;
    struct err e = { 0 };
    toy_make(&t, N, 4);
    uint8_t *side = mem_calloc(N, 1);
    memcpy(side, t.sides.side, N);
    for (size_t i = 0; i < N; i++)
        if (t.table.col->code[i] == 2)
            t.sides.side[i] = SIDE_NONE;
    make(&t, TOY_NETWORK, path[0]);
    memcpy(t.sides.side, side, N);
    assert_ok(fit(&t, TOY_NETWORK, true, (const char *[]){ path[0] }, 1, &m, &e), e);
    assert_ok(model_save(m, path[1], &e), e);
    float *two = tensor(path[0], "weights/head.2_dense.kernel", 16),
          *three = tensor(path[1], "weights/head.2_dense.kernel", 24);
    for (size_t i = 0; i < 8; i++)
        for (size_t k = 0; k < 2; k++)
            assert_near((double)three[3 * i + k], (double)two[2 * i + k], 1e-6, 0);
    free(two);
    free(three);
    free(side);
    model_free(m);
    toy_release(&t);
}

static void what_cannot_be_started_from_is_refused(void **state)
{
    (void)state;
    struct toy t;
    struct model *m = NULL;
    struct err e = { 0 };
    toy_make(&t, N, 4);
    make(&t, TEXT_ALONE, path[0]);
    assert_error(fit(&t, ONLY_TABLE, true, (const char *[]){ path[0] }, 1, &m, &e), ERR_DATA, e,
                 "fits this network");
    assert_error(fit(&t, TOY_NETWORK, true, (const char *[]){ "/nowhere.h5" }, 1, &m, &e), ERR_IO,
                 e, "warm start: ");
    assert_null(m);
    toy_release(&t);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, "test_warm");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_warm_start_begins_as_the_model_it_starts_from),
        cmocka_unit_test(what_has_a_name_is_found_by_it),
        cmocka_unit_test(a_fusion_begins_with_its_branches_trained_alone),
        cmocka_unit_test(a_class_that_is_new_begins_anew_and_the_others_do_not),
        cmocka_unit_test(what_cannot_be_started_from_is_refused),
    };
    return cmocka_run_group_tests_name("warm", tests, set_up, tear_down);
}
