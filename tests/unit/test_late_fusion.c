#include "near.h"

#include <stdlib.h>
#include <unistd.h>

#include "models/history.h"
#include "models/late_fusion.h"
#include "num/metrics.h"
#include "tests/tools/toy.h"

enum { N = 150, N_CLASS = 3 };

static char dir[] = "/tmp/refit-test-late.XXXXXX";
static char text[64], table[64], blended[64];
static struct toy toy;

static void train(const char *network, const char *path)
{
    struct nn_spec spec = { 0 };
    struct history h = { 0 };
    struct model *m = NULL;
    struct err e = { 0 };
    assert_ok(nn_spec_parse(&spec, "test", network, &e), e);
    struct fit f = { .network = &spec, .data = &toy.data, .seed = 3, .threads = 1, .history = &h };
    assert_ok(model_fit(&m, &f, &e), e);
    assert_ok(model_save(m, path, &e), e);
    model_free(m);
    history_release(&h);
}

#define TRAINING "head: [dense: classes]\ntraining: {epochs: 3, batch: 16, learning_rate: 0.01}\n"

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return 1;
    snprintf(text, sizeof text, "%s/text.h5", dir);
    snprintf(table, sizeof table, "%s/table.h5", dir);
    snprintf(blended, sizeof blended, "%s/blended.h5", dir);
    toy_make(&toy, N, 4);
    train("network: 1\nbranches:\n  text: {vocabulary: all, length: longest, layers: [{embedding: "
          "8}, {lstm: 8}]}\n" TRAINING,
          text);
    train("network: 1\nbranches:\n  features: {layers: [{dense: 8}]}\n" TRAINING, table);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(text);
    unlink(table);
    unlink(blended);
    rmdir(dir);
    toy_release(&toy);
    return 0;
}

static void predict_all(struct model *m, float *out)
{
    size_t row[N];
    struct err e = { 0 };
    for (size_t i = 0; i < N; i++)
        row[i] = i;
    assert_ok(model_predict(m, &toy.data, row, N, out, &e), e);
}

static void predict_file(const char *path, float *out)
{
    struct model *m = NULL;
    struct err e = { 0 };
    assert_ok(model_load(&m, path, 1, &e), e);
    predict_all(m, out);
    model_free(m);
}

static void its_probabilities_are_those_of_both_mixed(void **state)
{
    (void)state;
    struct model *m = NULL;
    struct late_choice choice;
    struct err e = { 0 };
    float a[N * N_CLASS], b[N * N_CLASS], found[N * N_CLASS], loaded[N * N_CLASS];
    assert_ok(late_fusion_fit(&m, (const char *[]){ text, table }, &toy.data, 0.25, 2, &choice, &e),
              e);
    assert_near(choice.weight, 0.25, 0, 0);
    assert_int_equal(choice.n_row, 0);
    assert_string_equal(model_kind(m), "late_fusion");
    predict_file(text, a);
    predict_file(table, b);
    predict_all(m, found);
    for (size_t i = 0; i < N * N_CLASS; i++)
        assert_near((double)found[i], 0.25 * (double)a[i] + 0.75 * (double)b[i], 1e-6, 0);
    assert_ok(model_save(m, blended, &e), e);
    predict_file(blended, loaded);
    assert_memory_equal(found, loaded, sizeof found);
    struct model_wants w;
    model_wants(m, &w);
    assert_non_null(w.text_recipe);
    assert_int_equal(w.n_feature, 3);
    model_free(m);
}

static void the_weight_is_the_best_on_the_validation_rows(void **state)
{
    (void)state;
    struct model *m = NULL;
    struct late_choice choice;
    struct blend want;
    struct err e = { 0 };
    float a[N * N_CLASS], b[N * N_CLASS];
    int32_t label[N];
    size_t n = 0;
    assert_ok(late_fusion_fit(&m, (const char *[]){ text, table }, &toy.data, (double)NAN, 2,
                              &choice, &e),
              e);
    predict_file(text, a);
    predict_file(table, b);
    for (size_t i = 0; i < N; i++) {
        if (toy.sides.side[i] != SIDE_VALIDATION)
            continue;
        memmove(a + n * N_CLASS, a + i * N_CLASS, N_CLASS * sizeof *a);
        memmove(b + n * N_CLASS, b + i * N_CLASS, N_CLASS * sizeof *b);
        label[n++] = toy.table.col->code[i];
    }
    assert_ok(metrics_blend(&want, label, a, b, n, N_CLASS, &e), e);
    assert_int_equal(choice.n_row, n);
    assert_near(choice.weight, want.weight, 0, 0);
    assert_near(choice.accuracy, want.accuracy, 0, 0);
    assert_non_null(strstr(model_training(m), "{\"late_fusion\": {\"weight\": "));
    model_free(m);
}

static void refuses(const char *first, const char *second, const struct model_data *data,
                    const char *want)
{
    struct model *m = NULL;
    struct late_choice choice;
    struct err e = { 0 };
    assert_error(
        late_fusion_fit(&m, (const char *[]){ first, second }, data, (double)NAN, 1, &choice, &e),
        ERR_DATA, e, want);
    assert_null(m);
}

static void what_does_not_go_together_is_refused(void **state)
{
    (void)state;
    struct model_data data = toy.data;
    struct model *m = NULL;
    struct late_choice choice;
    struct err e = { 0 };
    refuses(text, text, &data, "both models read text");
    data.features = NULL;
    refuses(text, table, &data, "'features', which is not given");
    data = toy.data;
    data.sides = NULL;
    refuses(text, table, &data, "no validation row with a known label");
    assert_ok(late_fusion_fit(&m, (const char *[]){ text, table }, &toy.data, 1, 1, &choice, &e),
              e);
    assert_ok(model_save(m, blended, &e), e);
    model_free(m);
    refuses(text, blended, &toy.data, "is a model of the family 'late_fusion', want 'network'");
}

static void models_of_other_classes_are_refused(void **state)
{
    (void)state;
    int32_t kept[N];
    memcpy(kept, toy.table.col->code, sizeof kept);
    char other[64];
    snprintf(other, sizeof other, "%s/other.h5", dir);
    for (size_t i = 0; i < N; i++)
        if (kept[i] == 2)
            toy.table.col->code[i] = 3;
    train("network: 1\nbranches:\n  features: {layers: [{dense: 8}]}\n" TRAINING, other);
    memcpy(toy.table.col->code, kept, sizeof kept);
    refuses(text, other, &toy.data, "is 'teal', of the other model 'blue'");
    unlink(other);
}

static void a_file_that_contradicts_itself_is_refused(void **state)
{
    (void)state;
    static const char *const want[] = { "weight is 2, want 0 to 1",
                                        "reads 'pixels', which the model has not",
                                        "'features', which its network does not read" };
    for (int i = 0; i < 3; i++) {
        struct model *m = NULL;
        struct late_choice choice;
        struct err e = { 0 };
        assert_ok(
            late_fusion_fit(&m, (const char *[]){ text, table }, &toy.data, 0.5, 1, &choice, &e),
            e);
        struct late_fusion *f = m->state;
        if (i == 0)
            f->weight = 2;
        else if (i == 1)
            f->part[0].prep.reads[NN_PIXELS] = true;
        else
            f->part[0].prep.reads[NN_FEATURES] = true;
        assert_ok(model_save(m, blended, &e), e);
        model_free(m);
        m = NULL;
        assert_error(model_load(&m, blended, 1, &e), ERR_DATA, e, want[i]);
        assert_null(m);
    }
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, "test_late_fusion");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_probabilities_are_those_of_both_mixed),
        cmocka_unit_test(the_weight_is_the_best_on_the_validation_rows),
        cmocka_unit_test(what_does_not_go_together_is_refused),
        cmocka_unit_test(models_of_other_classes_are_refused),
        cmocka_unit_test(a_file_that_contradicts_itself_is_refused),
    };
    return cmocka_run_group_tests_name("late_fusion", tests, set_up, tear_down);
}
