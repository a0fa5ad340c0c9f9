#include "near.h"

#include <stdlib.h>
#include <unistd.h>

#include "models/family.h"
#include "models/history.h"
#include "models/nn/net.h"
#include "models/rate_schedule.h"
#include "tests/tools/toy.h"

/* A network file from two parts: everything before `training` and some lines of it. */
static struct nn_spec network(const char *branches, const char *training)
{
    struct nn_spec spec = { 0 };
    struct err e = { 0 };
    char *text = str_format("%s%s", branches, training);
    assert_ok(nn_spec_parse(&spec, "test", text, &e), e);
    free(text);
    return spec;
}

#define TEXT_ONLY                                                          \
    "network: 1\nbranches:\n  text:\n    vocabulary: all\n    length: 5\n" \
    "    layers: [{embedding: 8}, {lstm: 8}, {dense: classes}]\n"

static struct model *fit(struct nn_spec *spec, const struct toy *t, int threads, struct history *h)
{
    struct model *m = NULL;
    struct err e = { 0 };
    struct fit f = {
        .network = spec, .data = &t->data, .seed = 3, .threads = threads, .history = h
    };
    assert_ok(model_fit(&m, &f, &e), e);
    return m;
}

static double accuracy(struct model *m, const struct toy *t, enum side side)
{
    size_t n = 0, right = 0, n_class = model_n_class(m);
    size_t *row = mem_calloc(t->table.n_row, sizeof *row);
    float *p = mem_calloc(t->table.n_row, n_class * sizeof *p);
    struct err e = { 0 };
    for (size_t i = 0; i < t->table.n_row; i++)
        if (t->sides.side[i] == side)
            row[n++] = i;
    assert_ok(model_predict(m, &t->data, row, n, p, &e), e);
    for (size_t i = 0; i < n; i++) {
        size_t best = 0;
        double sum = 0;
        for (size_t k = 0; k < n_class; k++) {
            sum += (double)p[i * n_class + k];
            best = p[i * n_class + k] > p[i * n_class + best] ? k : best;
        }
        assert_near(sum, 1, 1e-5, 0);
        right += (int32_t)best == t->table.col->code[row[i]];
    }
    free(p);
    free(row);
    return (double)right / (double)n;
}

static void a_fusion_learns_the_toy_problem(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 400, 1);
    struct nn_spec spec = network(TOY_NETWORK, "");
    struct model *m = fit(&spec, &t, 2, &h);
    assert_string_equal(model_kind(m), "fusion");
    assert_int_equal(model_n_class(m), 3);
    assert_true(accuracy(m, &t, SIDE_VALIDATION) > 0.95);
    assert_true(accuracy(m, &t, SIDE_TRAIN) > 0.95);
    assert_int_equal(h.n, 12);
    assert_string_equal(history_ending(&h), "epochs");
    assert_true(h.epoch[11].loss < h.epoch[0].loss);
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void the_figures_of_the_kept_epoch_are_those_of_the_model(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 200, 2);
    struct nn_spec spec = network(TOY_NETWORK, "  l2: 0.001\n");
    struct model *m = fit(&spec, &t, 1, &h);
    size_t best = 0;
    for (size_t i = 1; i < h.n; i++)
        best = h.epoch[i].val_loss < h.epoch[best].val_loss ? i : best;
    assert_int_equal(h.kept, (int64_t)best + 1);
    assert_near(accuracy(m, &t, SIDE_VALIDATION), h.epoch[best].val_accuracy, 1e-12, 0);
    assert_non_null(strstr(model_training(m), "\"seed\": 3"));
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void the_result_is_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    struct toy t;
    struct history h[2] = { { 0 }, { 0 } };
    float p[2][30];
    size_t row[10];
    struct err e = { 0 };
    toy_make(&t, 150, 4);
    for (size_t i = 0; i < 10; i++)
        row[i] = i;
    for (int i = 0; i < 2; i++) {
        struct nn_spec spec = network(TOY_NETWORK, "  class_weight: balanced\n");
        spec.training.epochs = 3;
        struct model *m = fit(&spec, &t, 1 + i, &h[i]);
        assert_ok(model_predict(m, &t.data, row, 10, p[i], &e), e);
        model_free(m);
    }
    assert_memory_equal(p[0], p[1], sizeof p[0]);
    assert_memory_equal(h[0].epoch, h[1].epoch, 3 * sizeof *h[0].epoch);
    history_release(&h[0]);
    history_release(&h[1]);
    toy_release(&t);
}

static void training_stops_early_and_says_so(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 150, 4);
    struct nn_spec spec = network(
        TEXT_ONLY, "training: {epochs: 50, stop_monitor: validation_loss, stop_min_delta: 100, "
                   "stop_patience: 3, keep: last}\n");
    struct model *m = fit(&spec, &t, 2, &h);
    assert_string_equal(model_kind(m), "text");
    assert_int_equal(h.n, 4);
    assert_int_equal(h.kept, 4);
    assert_string_equal(history_ending(&h), "stop_monitor");
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void without_validation_rows_the_last_epoch_is_kept(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 150, 4);
    t.data.sides = NULL;
    struct nn_spec spec = network(
        TEXT_ONLY, "training: {epochs: 3, stop_monitor: validation_loss, stop_patience: 1}\n");
    struct model *m = fit(&spec, &t, 2, &h);
    assert_int_equal(h.n, 3);
    assert_int_equal(h.kept, 3);
    assert_true(isnan(h.epoch[2].val_loss));
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void empty_inputs_leave_their_branch_out(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 100, 4);
    memset(t.pixels.status, PIXELS_MISSING, 100);
    for (size_t i = 0; i < t.features.n_col; i++)
        free(t.features.name[i]);
    t.features.n_col = 0;
    struct nn_spec spec = network(TOY_NETWORK, "");
    spec.training.epochs = 1;
    struct model *m = fit(&spec, &t, 1, &h);
    assert_string_equal(model_kind(m), "text");
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

/* What model_fit says to a toy problem that was spoilt. */
static void refuses(const struct toy *t, const char *branches, const char *training, int code,
                    const char *want)
{
    struct history h = { 0 };
    struct model *m = NULL;
    struct err e = { 0 };
    struct nn_spec spec = network(branches, training);
    struct fit f = { .network = &spec, .data = &t->data, .seed = 3, .threads = 1, .history = &h };
    assert_error(model_fit(&m, &f, &e), code, e, want);
    assert_null(m);
    nn_spec_release(&spec);
    history_release(&h);
}

static void what_cannot_be_learnt_from_is_refused(void **state)
{
    (void)state;
    struct toy t;
    toy_make(&t, 100, 4);
    t.data.pixels = NULL;
    refuses(&t, TOY_NETWORK, "", ERR_USAGE, "branch 'pixels' needs --pixels");
    t.tokens.n_id = 0;
    memset(t.tokens.offset, 0, 101 * sizeof *t.tokens.offset);
    refuses(&t, TEXT_ONLY, "", ERR_DATA, "nothing to learn from");
    toy_release(&t);
}

static void a_loss_that_is_not_finite_names_epoch_and_step(void **state)
{
    (void)state;
    struct toy t;
    toy_make(&t, 100, 4);
    for (size_t i = 0; i < 300; i++)
        t.features.x[i] = 1e200; /* infinite as float */
    refuses(&t, "network: 1\nbranches:\n  features:\n    layers: [{dense: classes}]\n", "",
            ERR_DATA, "epoch 1, step 1 of 3");
    toy_release(&t);
}

static void a_gap_among_the_features_is_refused_with_its_place(void **state)
{
    (void)state;
    struct toy t;
    toy_make(&t, 100, 4);
    t.features.x[6 * TOY_FEATURE + 1] = (double)NAN;
    t.features.n_gap = 1;
    refuses(&t, "network: 1\nbranches:\n  features:\n    layers: [{dense: classes}]\n", "",
            ERR_DATA, "row 6 of feature 'f1' has no value");
    toy_release(&t);
}

static void a_split_without_training_rows_is_refused(void **state)
{
    (void)state;
    struct toy t;
    toy_make(&t, 100, 4);
    for (size_t i = 0; i < 100; i++)
        t.sides.side[i] = i % 2 ? SIDE_VALIDATION : SIDE_TEST;
    refuses(&t, TOY_NETWORK, "", ERR_DATA,
            "no row to train on: the split has none with a label on the training side");
    toy_release(&t);
}

static void a_single_class_is_refused_by_its_name(void **state)
{
    (void)state;
    struct toy t;
    toy_make(&t, 100, 4);
    for (size_t i = 0; i < 100; i++)
        if (t.sides.side[i] == SIDE_TRAIN)
            t.table.col->code[i] = 1;
    refuses(&t, TOY_NETWORK, "", ERR_DATA,
            "all 70 training rows have the same 'colour', 'green': want two classes");
    toy_release(&t);
}

static void a_class_with_a_single_row_is_trained(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 100, 4);
    for (size_t i = 0; i < 100; i++)
        if (t.table.col->code[i] == 2)
            t.table.col->code[i] = 0;
    t.table.col->code[0] = 2;
    struct nn_spec spec = network(TOY_NETWORK, "  class_weight: balanced\n");
    struct model *m = fit(&spec, &t, 1, &h);
    assert_int_equal(model_n_class(m), 3);
    assert_true(isfinite(h.epoch[h.n - 1].loss));
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void inputs_without_content_are_refused_where_there_is_no_other(void **state)
{
    (void)state;
    struct toy t;
    toy_make(&t, 100, 4);
    memset(t.pixels.status, PIXELS_MISSING, 100);
    refuses(&t, "network: 1\nbranches: {pixels: {layers: [flatten]}}\nhead: [dense: classes]\n", "",
            ERR_DATA, "the inputs of all branches are empty");
    t.tokens.n_id = 0;
    memset(t.tokens.offset, 0, 101 * sizeof *t.tokens.offset);
    refuses(&t, TEXT_ONLY, "", ERR_DATA, "the inputs of all branches are empty");
    toy_release(&t);
}

/* Words of validation rows are no vocabulary. */
static void words_that_no_training_row_has_leave_the_branch_out(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 100, 4);
    for (size_t i = 0; i < 100; i++)
        if (t.tokens.offset[i] < t.tokens.offset[i + 1])
            t.sides.side[i] = i % 2 ? SIDE_VALIDATION : SIDE_NONE;
    t.sides.side[11] = SIDE_TRAIN; /* the row without a word */
    refuses(&t, TEXT_ONLY, "", ERR_DATA, "");
    for (size_t i = 0; i < 3; i++) { /* two more, of other classes */
        t.table.col->code[11 + i] = (int32_t)i;
        t.sides.side[11 + i] = SIDE_TRAIN;
    }
    int64_t gone = t.tokens.offset[14] - t.tokens.offset[12];
    for (size_t i = 12; i <= 100; i++)
        t.tokens.offset[i] = i <= 14 ? t.tokens.offset[11] : t.tokens.offset[i] - gone;
    struct nn_spec spec = network(TOY_NETWORK, "");
    spec.training.epochs = 1;
    struct model *m = fit(&spec, &t, 1, &h);
    struct model_wants w;
    model_wants(m, &w);
    assert_null(w.text_recipe);
    assert_non_null(w.pixels_recipe);
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void a_time_budget_cuts_the_epoch_and_the_history_says_so(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 150, 4);
    struct nn_spec spec = network(TOY_NETWORK, "  max_minutes: 1e-9\n");
    struct model *m = fit(&spec, &t, 1, &h);
    assert_string_equal(history_ending(&h), "max_minutes");
    assert_int_equal(h.n, 1); /* one step of 16 rows is always made */
    assert_int_equal(h.n_step, 1);
    assert_near(h.epoch[0].rows, 16, 0, 0);
    assert_true(h.epoch_rows > 16 && isfinite(h.epoch[0].val_loss));
    assert_int_equal(h.kept, 1);
    assert_near(accuracy(m, &t, SIDE_VALIDATION), h.epoch[0].val_accuracy, 1e-12, 0);
    assert_non_null(strstr(model_training(m), "\"stopped\": \"max_minutes\""));
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void figures_of_training_can_be_monitored_without_validation_rows(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 150, 4);
    t.data.sides = NULL;
    struct nn_spec spec = network(
        TEXT_ONLY, "training: {epochs: 9, stop_monitor: loss, stop_min_delta: 100, "
                   "stop_patience: 3, plateau_monitor: accuracy, plateau_min_delta: 1, "
                   "plateau_patience: 1, plateau_factor: 0.5}\n");
    struct model *m = fit(&spec, &t, 1, &h);
    assert_string_equal(history_ending(&h), "stop_monitor");
    assert_int_equal(h.n, 4);
    assert_near(h.epoch[1].learning_rate, 0.001, 1e-12, 0);
    assert_near(h.epoch[3].learning_rate, 0.00025, 1e-12, 0);
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void the_schedule_sets_the_rate_of_every_step(void **state)
{
    (void)state;
    struct toy t;
    struct history h = { 0 };
    toy_make(&t, 150, 4);
    struct nn_spec spec = network(TOY_NETWORK, "  schedule: cosine\n  warmup: 0.5\n");
    spec.training.epochs = 3;
    const struct nn_training options = spec.training;
    struct model *m = fit(&spec, &t, 1, &h);
    double norm = 0;
    assert_int_equal(h.n_step, 3 * h.epoch_steps);
    for (size_t i = 0; i < h.n_step; i++)
        assert_near(h.step[i].learning_rate, schedule_rate(&options, 0.01, i, h.epoch_steps), 0, 0);
    for (size_t i = 0; i < h.epoch_steps; i++)
        norm += h.step[i].gradient_norm / (double)h.epoch_steps;
    assert_true(norm > 0);
    assert_near(h.epoch[0].gradient_norm, norm, 1e-12, 0);
    assert_near(h.epoch[2].learning_rate, h.step[h.n_step - 1].learning_rate, 0, 0);
    model_free(m);
    history_release(&h);
    toy_release(&t);
}

static void weights_of_classes_are_the_given_times_the_computed(void **state)
{
    (void)state;
    static const char *const training[] = {
        "  class_weights: {red: 0, green: 0}\n", /* only blue counts */
        "  class_weight: balanced\n",
        "  class_weights: {red: 1, green: 1, blue: 1}\n  class_weight: balanced\n",
    };
    struct toy t;
    float p[3][30];
    size_t row[10], blue = 0;
    struct err e = { 0 };
    toy_make(&t, 150, 4);
    for (size_t i = 0; i < 10; i++)
        row[i] = i;
    for (int i = 0; i < 3; i++) {
        struct history h = { 0 };
        struct nn_spec spec = network(TOY_NETWORK, training[i]);
        spec.training.epochs = 3;
        spec.training.keep = KEEP_LAST;
        struct model *m = fit(&spec, &t, 1, &h);
        assert_ok(model_predict(m, &t.data, row, 10, p[i], &e), e);
        model_free(m);
        history_release(&h);
    }
    for (size_t i = 0; i < 10; i++)
        blue += p[0][3 * i + 2] > p[0][3 * i] && p[0][3 * i + 2] > p[0][3 * i + 1];
    assert_int_equal(blue, 10);
    assert_memory_equal(p[1], p[2], sizeof p[1]);
    toy_release(&t);
}

static void a_weight_for_no_class_is_refused_with_the_nearest_one(void **state)
{
    (void)state;
    struct toy t;
    toy_make(&t, 100, 4);
    refuses(&t, TOY_NETWORK, "  class_weights: {gren: 2}\n", ERR_DATA,
            "label 'gren'; did you mean 'green'?");
    toy_release(&t);
}

static void an_interruption_writes_a_checkpoint_and_leaves_no_model(void **state)
{
    (void)state;
    struct toy t;
    char path[] = "/tmp/refit-test-trainer.XXXXXX";
    float p[2][30];
    size_t row[10];
    struct err e = { 0 };
    volatile sig_atomic_t signal = SIGTERM;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    unlink(path);
    toy_make(&t, 150, 4);
    for (size_t i = 0; i < 10; i++)
        row[i] = i;
    for (int i = 0; i < 3; i++) { /* undisturbed; stopped before the first step; gone on */
        struct history h = { 0 };
        struct model *m = NULL;
        struct nn_spec spec = network(TOY_NETWORK, "");
        spec.training.epochs = 2;
        struct fit f = {
            .network = &spec, .data = &t.data, .seed = 3, .threads = 2, .history = &h
        };
        f.checkpoint = i ? path : NULL;
        f.checkpoint_seconds = 1e6;
        f.interrupt = i == 1 ? &signal : NULL;
        if (i == 1) {
            assert_error(model_fit(&m, &f, &e), ERR_RETRY, e, "in epoch 1, after step 0 of");
            assert_int_equal(access(path, F_OK), 0);
        } else {
            assert_ok(model_fit(&m, &f, &e), e);
            assert_ok(model_predict(m, &t.data, row, 10, p[i / 2], &e), e);
        }
        model_free(m);
        history_release(&h);
    }
    assert_memory_equal(p[0], p[1], sizeof p[0]);
    unlink(path);
    toy_release(&t);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, "test_trainer");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fusion_learns_the_toy_problem),
        cmocka_unit_test(the_figures_of_the_kept_epoch_are_those_of_the_model),
        cmocka_unit_test(the_result_is_the_same_for_any_number_of_threads),
        cmocka_unit_test(training_stops_early_and_says_so),
        cmocka_unit_test(without_validation_rows_the_last_epoch_is_kept),
        cmocka_unit_test(empty_inputs_leave_their_branch_out),
        cmocka_unit_test(what_cannot_be_learnt_from_is_refused),
        cmocka_unit_test(a_loss_that_is_not_finite_names_epoch_and_step),
        cmocka_unit_test(a_gap_among_the_features_is_refused_with_its_place),
        cmocka_unit_test(a_split_without_training_rows_is_refused),
        cmocka_unit_test(a_single_class_is_refused_by_its_name),
        cmocka_unit_test(a_class_with_a_single_row_is_trained),
        cmocka_unit_test(inputs_without_content_are_refused_where_there_is_no_other),
        cmocka_unit_test(words_that_no_training_row_has_leave_the_branch_out),
        cmocka_unit_test(a_time_budget_cuts_the_epoch_and_the_history_says_so),
        cmocka_unit_test(figures_of_training_can_be_monitored_without_validation_rows),
        cmocka_unit_test(the_schedule_sets_the_rate_of_every_step),
        cmocka_unit_test(weights_of_classes_are_the_given_times_the_computed),
        cmocka_unit_test(a_weight_for_no_class_is_refused_with_the_nearest_one),
        cmocka_unit_test(an_interruption_writes_a_checkpoint_and_leaves_no_model),
    };
    return cmocka_run_group_tests_name("trainer", tests, NULL, NULL);
}
