/* The family `logistic` against scikit-learn, and where nothing is easy: separable classes,
 * collinear columns, one column, more columns than rows. */
#include "hashed.h"
#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "models/family.h"
#include "models/logistic/logistic.h"
#include "models/logistic/logistic_loss.h"
#include "models/logistic/row_kernels.h"
#include "models/nn/net.h"
#include "num/lbfgs.h"
#include "tests/tools/toy.h"

struct reference {
    const char *name;
    size_t n, d, n_class;
    double c;
    int l1, balanced;
    const double *parameters; /* (K, d + 1) */
};
#include "tests/ref/sklearn_logistic.h"

/* ---- rows that the reference had too -------------------------------------------------------- */

/* A table of a label and feature columns in memory. */
static void make(struct toy *t, size_t n, size_t d, size_t n_class)
{
    char text[24];
    *t = (struct toy){ 0 };
    struct column *c = mem_calloc(1, sizeof *c);
    *c = (struct column){ .name = mem_strdup("label"),
                          .type = COLUMN_CATEGORY,
                          .n = n,
                          .code = mem_calloc(n, sizeof *c->code),
                          .level = mem_calloc(n_class, sizeof *c->level),
                          .n_level = n_class };
    for (size_t k = 0; k < n_class; k++) {
        snprintf(text, sizeof text, "%zu", k);
        c->level[k] = mem_strdup(text);
    }
    t->table = (struct table){ .name = mem_strdup("rows"), .n_row = n, .n_col = 1, .col = c };
    t->table.roles.label = mem_strdup("label");
    table_hash_keys(&t->table);
    struct featmat *f = &t->features;
    *f = (struct featmat){ .n_row = n,
                           .n_col = d,
                           .x = mem_calloc(n, d * sizeof *f->x),
                           .name = mem_calloc(d, sizeof *f->name),
                           .state = mem_strdup("{}") };
    for (size_t j = 0; j < d; j++) {
        snprintf(text, sizeof text, "x%zu", j);
        f->name[j] = mem_strdup(text);
    }
    t->data = (struct model_data){ .table = &t->table, .features = f };
}

static void reference_rows(struct toy *t, uint64_t number, const struct reference *r)
{
    make(t, r->n, r->d, r->n_class);
    for (size_t i = 0; i < r->n; i++) {
        double best = -(double)INFINITY, *x = t->features.x + i * r->d;
        for (size_t j = 0; j < r->d; j++)
            x[j] = hashed_uniform(2 * number, i * r->d + j) * (double)(1 + j % 3);
        for (size_t k = 0; k < r->n_class; k++) {
            double score = hashed_uniform(2 * number + 1, i * r->n_class + k) * 2;
            for (size_t j = 0; j < r->d; j++)
                score += x[j] * (double)((int)((7 * j + 3 * k) % 5) - 2) * 0.25;
            score += k == 0 ? 0.5 : 0;
            if (score > best) {
                best = score;
                t->table.col->code[i] = (int32_t)k;
            }
        }
    }
}

static struct model *fit(const struct toy *t, const struct logistic_options *o, int threads)
{
    struct fit f = { .family = "logistic", .logistic = o, .data = &t->data, .threads = threads };
    struct model *m = NULL;
    struct err e = { 0 };
    assert_ok(model_fit(&m, &f, &e), e);
    return m;
}

static const double *parameters(const struct model *m)
{
    return ((const struct logistic *)m->state)->parameters;
}

static const struct logistic_options plain = { .c = 1, .max_iterations = 2000, .tolerance = 1e-10 };

/* ---- tests ---------------------------------------------------------------------------------- */

static void it_agrees_with_scikit_learn_to_a_millionth(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        const struct reference *r = &references[i];
        struct logistic_options o = { .c = r->c,
                                      .penalty = r->l1 ? LOGISTIC_L1 : LOGISTIC_L2,
                                      .class_weight = r->balanced ? WEIGHT_BALANCED : WEIGHT_NONE,
                                      .max_iterations = 20000,
                                      .tolerance = 1e-11 };
        struct toy t;
        reference_rows(&t, i, r);
        struct model *m = fit(&t, &o, 1);
        assert_non_null(strstr(model_training(m), "\"converged\""));
        for (size_t j = 0; j < logistic_functions(r->n_class) * (r->d + 1); j++)
            if (!(fabs(parameters(m)[j] - r->parameters[j]) <= 1e-6))
                fail_msg("%s: parameter %zu is %.12g, want %.12g", r->name, j, parameters(m)[j],
                         r->parameters[j]);
        model_free(m);
        toy_release(&t);
    }
}

static void the_gradient_is_that_of_central_differences(void **state)
{
    (void)state;
    for (size_t n_class = 2; n_class <= 3; n_class++) {
        const struct reference r = { .n = 150, .d = 4, .n_class = n_class };
        double weight[3] = { 1, 2, 0.5 }, p[15], g[15];
        struct logistic_loss l;
        struct toy t;
        reference_rows(&t, 5, &r);
        size_t row[150], n = logistic_functions(n_class) * 5;
        for (size_t i = 0; i < 150; i++)
            row[i] = i;
        const struct logistic_rows rows = { t.features.x,      row,    150,    4,
                                            t.table.col->code, weight, n_class };
        logistic_loss_init(&l, &rows, 0.3, 1);
        for (size_t j = 0; j < n; j++)
            p[j] = hashed_uniform(77, j);
        logistic_loss_value(&l, p, g);
        for (size_t j = 0; j < n; j++) {
            double keep = p[j], h = 1e-5;
            p[j] = keep + h;
            double above = logistic_loss_value(&l, p, NULL);
            p[j] = keep - h;
            double below = logistic_loss_value(&l, p, NULL);
            p[j] = keep;
            assert_near(g[j], (above - below) / (2 * h), 1e-9, 1e-7);
        }
        logistic_loss_release(&l);
        toy_release(&t);
    }
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t k = 0; k < 2; k++) { /* of the second a sample is learnt first */
        const struct reference r = { .n = k ? 20000 : 5000, .d = 7, .n_class = 3 - k };
        struct toy t;
        reference_rows(&t, 3, &r);
        struct model *one = fit(&t, &plain, 1), *three = fit(&t, &plain, 3);
        assert_memory_equal(parameters(one), parameters(three), (k ? 8 : 24) * sizeof(double));
        model_free(one);
        model_free(three);
        toy_release(&t);
    }
}

static void a_row_is_predicted_alike_wherever_it_stands(void **state)
{
    (void)state;
    const struct reference r = { .n = 300, .d = 7, .n_class = 2 };
    /* the first and last are as far apart as if they all followed each other */
    const size_t row[] = { 3, 1, 2, 0, 3, 6, 5, 5, 4, 10 };
    enum { N_ROW = sizeof row / sizeof *row };
    struct toy t;
    struct err e = { 0 };
    float all[300][2], some[N_ROW][2];
    size_t every[300];
    reference_rows(&t, 3, &r);
    for (size_t i = 0; i < 300; i++)
        every[i] = i;
    struct model *m = fit(&t, &plain, 1);
    assert_ok(model_predict(m, &t.data, every, 300, all[0], &e), e);
    for (size_t n = 1; n <= N_ROW; n++) {
        assert_ok(model_predict(m, &t.data, row, n, some[0], &e), e);
        for (size_t i = 0; i < n; i++)
            assert_memory_equal(some[i], all[row[i]], sizeof some[i]);
    }
    model_free(m);
    toy_release(&t);
}

/* ---- kernels -------------------------------------------------------------------------------- */

static void products_and_sums_of_rows_are_those_of_plain_loops(void **state)
{
    (void)state;
    enum { M = 13, D = 37 };
    double x[M * D], w[D], s[M], out[M], sum[D], want[D];
    for (size_t i = 0; i < M * D; i++)
        x[i] = hashed_uniform(1, i);
    for (size_t j = 0; j < D; j++)
        w[j] = hashed_uniform(2, j);
    for (size_t i = 0; i < M; i++)
        s[i] = hashed_uniform(3, i);
    for (size_t d = 1; d <= D; d++) {
        for (size_t m = 1; m <= M; m++) {
            row_products(x, m, d, w, 0.5, out);
            for (size_t i = 0; i < m; i++) {
                double plain_sum = 0.5;
                for (size_t j = 0; j < d; j++)
                    plain_sum += x[i * d + j] * w[j];
                assert_near(out[i], plain_sum, 1e-13, 0);
            }
            for (size_t j = 0; j < d; j++) {
                sum[j] = want[j] = w[j];
                for (size_t i = 0; i < m; i++)
                    want[j] += x[i * d + j] * s[i];
            }
            row_sums(x, m, d, s, sum);
            for (size_t j = 0; j < d; j++)
                assert_near(sum[j], want[j], 1e-13, 0);
        }
    }
}

static void losses_of_rows_are_those_of_the_formula(void **state)
{
    (void)state;
    static const double z[] = {
        0, -0.0, 1e-9, -3.5, 3.5, 20, -20, 36.7, 0.7, -300, 300, 1e30, -1e30
    };
    enum { M = sizeof z / sizeof *z };
    for (size_t i = 0; i < M; i++) {
        for (int y = 0; y < 2; y++) {
            double score = z[i], weight = 1.5, product[2], label = y;
            double loss = row_losses(&label, &weight, 1, &score, product);
            float p[2];
            assert_near(loss + weight * log(product[y]),
                        weight * (fmax(z[i], 0) + log1p(exp(-fabs(z[i]))) - y * z[i]), 1e-15,
                        1e-15);
            assert_near(product[1 - y], 1, 0, 0);
            assert_near(score, weight * (1 / (1 + exp(-z[i])) - y), 1e-300, 4e-16);
            row_sigmoids(&z[i], 1, p);
            assert_near((double)p[1], 1 / (1 + exp(-z[i])), 1e-37, 1e-7);
            assert_near((double)p[0], 1 / (1 + exp(z[i])), 1e-37, 1e-7);
        }
    }
    double bad = (double)NAN, one = 1, product[2];
    assert_true(isnan(row_losses(&one, &one, 1, &bad, product) + log(product[1])));
}

/* Rows of two classes, x of the first column alone tells them apart. */
static void separable(struct toy *t, size_t n, size_t d)
{
    make(t, n, d, 2);
    for (size_t i = 0; i < n; i++) {
        t->table.col->code[i] = i % 2;
        for (size_t j = 0; j < d; j++)
            t->features.x[i * d + j] = i % 2 ? 1 : -1;
    }
}

static void separable_classes_have_finite_coefficients_by_the_penalty(void **state)
{
    (void)state;
    struct toy t;
    separable(&t, 100, 1);
    struct model *m = fit(&t, &plain, 1);
    /* the minimum of 100 log(1 + exp(-w)) + w^2 / 2: 100 / (1 + exp(w)) = w */
    double w = parameters(m)[0];
    assert_near(100 / (1 + exp(w)), w, 1e-6, 0);
    assert_near(parameters(m)[1], 0, 1e-9, 0);
    model_free(m);
    toy_release(&t);
}

static void without_a_penalty_separable_classes_end_too(void **state)
{
    (void)state;
    struct logistic_options o = plain;
    struct toy t;
    o.penalty = LOGISTIC_NONE;
    separable(&t, 100, 1);
    struct model *m = fit(&t, &o, 1);
    assert_true(isfinite(parameters(m)[0]) && parameters(m)[0] > 10);
    model_free(m);
    toy_release(&t);
}

static void equal_columns_share_what_one_would_have(void **state)
{
    (void)state;
    struct toy t;
    separable(&t, 60, 3); /* three times the same column */
    struct model *m = fit(&t, &plain, 1);
    double w = parameters(m)[0];
    assert_near(60 / (1 + exp(3 * w)), w, 1e-6, 0);
    for (size_t j = 1; j < 3; j++)
        assert_near(parameters(m)[j], w, 1e-7, 0);
    model_free(m);
    toy_release(&t);
}

static void a_constant_column_and_one_of_huge_numbers_do_no_harm(void **state)
{
    (void)state;
    struct reference r = references[0];
    struct toy t;
    reference_rows(&t, 0, &r);
    for (size_t i = 0; i < r.n; i++) {
        t.features.x[i * r.d + 4] = 7;
        t.features.x[i * r.d + 5] *= 1e9;
    }
    struct model *m = fit(&t, &plain, 1);
    for (size_t j = 0; j <= r.d; j++)
        assert_true(isfinite(parameters(m)[j]));
    assert_near(parameters(m)[4], 0, 1e-6, 0);
    model_free(m);
    for (size_t i = 0; i < r.n; i++)
        t.features.x[i * r.d] *= 1e200;
    m = fit(&t, &plain, 1); /* squares of it are infinite: a warning, and numbers */
    for (size_t j = 0; j <= r.d; j++)
        assert_true(isfinite(parameters(m)[j]));
    model_free(m);
    toy_release(&t);
}

static void a_limit_of_iterations_is_told(void **state)
{
    (void)state;
    struct logistic_options o = plain;
    struct toy t;
    o.max_iterations = 2;
    reference_rows(&t, 0, &references[0]);
    struct model *m = fit(&t, &o, 1);
    assert_non_null(strstr(model_training(m), "\"max_iterations\""));
    model_free(m);
    toy_release(&t);
}

static void more_columns_than_the_matrix_of_products_takes_agree_with_it(void **state)
{
    (void)state;
    enum { N = 80, D = 600, FEW = 400 };
    struct toy t;
    make(&t, N, D, 2);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < FEW; j++) /* the others are 0 and change nothing */
            t.features.x[i * D + j] = hashed_uniform(9, i * FEW + j);
        t.table.col->code[i] = t.features.x[i * D] + hashed_uniform(10, i) > 0;
    }
    struct model *wide = fit(&t, &plain, 1);
    for (size_t i = 0; i < N; i++)
        memmove(t.features.x + i * FEW, t.features.x + i * D, FEW * sizeof(double));
    for (size_t j = FEW; j < D; j++)
        free(t.features.name[j]);
    t.features.n_col = FEW;
    struct model *narrow = fit(&t, &plain, 1);
    for (size_t j = 0; j < FEW; j++)
        assert_near(parameters(wide)[j], parameters(narrow)[j], 1e-6, 0);
    assert_near(parameters(wide)[FEW + 100], 0, 0, 0);
    model_free(wide);
    model_free(narrow);
    toy_release(&t);
}

static void what_cannot_be_learnt_from_is_refused(void **state)
{
    (void)state;
    struct err e = { 0 };
    struct model *m = NULL;
    struct toy t;
    struct nn_class_weights none = { 0 };
    nn_class_weights_add(&none, "0", 1, 0);
    nn_class_weights_add(&none, "1", 1, 0);
    struct logistic_options o = plain;
    struct fit f = { .family = "logistic", .logistic = &o, .data = &t.data, .threads = 1 };
    separable(&t, 20, 1);
    o.class_weights = &none;
    assert_error(model_fit(&m, &f, &e), ERR_DATA, e, "every class has the weight 0");
    nn_class_weights_release(&none);
    o = plain;
    t.data.features = NULL;
    assert_error(model_fit(&m, &f, &e), ERR_USAGE, e, "--features");
    t.data.features = &t.features;
    for (size_t i = 0; i < 20; i++)
        t.table.col->code[i] = 1;
    assert_error(model_fit(&m, &f, &e), ERR_DATA, e, "class");
    free(t.features.name[0]);
    t.features.n_col = 0;
    assert_error(model_fit(&m, &f, &e), ERR_DATA, e, "no feature column");
    f.family = "late_fusion";
    assert_error(model_fit(&m, &f, &e), ERR_USAGE, e, "late_fusion");
    assert_null(m);
    toy_release(&t);
}

static void a_saved_model_predicts_the_same_and_sums_to_one(void **state)
{
    (void)state;
    enum { N = 700, C = 3 };
    char path[] = "/tmp/refit-test-logistic.XXXXXX";
    struct err e = { 0 };
    struct model *again = NULL;
    struct toy t;
    toy_make(&t, N, 4);
    struct model *m = fit(&t, &plain, 2);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(model_save(m, path, &e), e);
    assert_ok(model_load(&again, path, 1, &e), e);
    size_t *row = mem_calloc(N, sizeof *row);
    float *a = mem_calloc(N, C * sizeof *a), *b = mem_calloc(N, C * sizeof *b), one[C];
    for (size_t i = 0; i < N; i++)
        row[i] = N - 1 - i;
    assert_ok(model_predict(m, &t.data, row, N, a, &e), e);
    assert_ok(model_predict(again, &t.data, row, N, b, &e), e);
    assert_memory_equal(a, b, N * C * sizeof *a);
    for (size_t i = 0; i < N; i += 50) {
        assert_ok(model_predict(m, &t.data, row + i, 1, one, &e), e);
        double sum = 0;
        for (size_t k = 0; k < C; k++) {
            assert_near((double)one[k], (double)a[i * C + k], 1e-6, 0); /* kernels differ by size */
            sum += (double)one[k];
        }
        assert_near(sum, 1, 1e-6, 0);
    }
    assert_string_equal(model_kind(again), "logistic");
    unlink(path);
    free(row);
    free(a);
    free(b);
    model_free(m);
    model_free(again);
    toy_release(&t);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, "test_logistic");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_agrees_with_scikit_learn_to_a_millionth),
        cmocka_unit_test(the_gradient_is_that_of_central_differences),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(a_row_is_predicted_alike_wherever_it_stands),
        cmocka_unit_test(products_and_sums_of_rows_are_those_of_plain_loops),
        cmocka_unit_test(losses_of_rows_are_those_of_the_formula),
        cmocka_unit_test(separable_classes_have_finite_coefficients_by_the_penalty),
        cmocka_unit_test(without_a_penalty_separable_classes_end_too),
        cmocka_unit_test(equal_columns_share_what_one_would_have),
        cmocka_unit_test(a_constant_column_and_one_of_huge_numbers_do_no_harm),
        cmocka_unit_test(a_limit_of_iterations_is_told),
        cmocka_unit_test(more_columns_than_the_matrix_of_products_takes_agree_with_it),
        cmocka_unit_test(what_cannot_be_learnt_from_is_refused),
        cmocka_unit_test(a_saved_model_predicts_the_same_and_sums_to_one),
    };
    return cmocka_run_group_tests_name("logistic", tests, NULL, NULL);
}
