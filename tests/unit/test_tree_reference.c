/* Trees beside those of scikit-learn (tests/ref/sklearn_trees.py), and what a forest tells of
 * itself beside plain ways to find it. */
#include "near.h"

#include <stdlib.h>

#include "base/mem.h"
#include "hashed.h"
#include "models/trees/forest.h"
#include "models/trees/trees.h"

enum { ROWS = 400, NEW = 20, D = 6, LD = 8, MOST_CLASSES = 3 };

struct reference {
    const char *name;
    enum grow_criterion criterion;
    size_t n_class, max_depth, min_leaf, min_split;
    int weighted;
    size_t depth, n_node;
    const double *importance; /* (D) */
    const double *predicted;  /* (NEW, n_class), of a regression (NEW) */
};
#include "tests/ref/sklearn_trees.h"

/** The rows of a case: those that are learnt from, then the new ones. */
struct fixture {
    float x[(ROWS + NEW) * LD];
    double y[ROWS + NEW], weight[ROWS];
    int32_t class[ROWS + NEW];
    struct grow_data data;
    struct forest f;
    struct forest_report r;
};

static struct fixture *fixture(uint64_t seed, size_t n_class)
{
    struct fixture *t = mem_calloc(1, sizeof *t);
    for (size_t i = 0; i < ROWS + NEW; i++) {
        double x[D];
        for (size_t j = 0; j < D; j++) {
            x[j] = hashed_uniform(4 * seed, i * D + j);
            t->x[i * LD + j] = (float)x[j];
        }
        t->y[i] = sin(3 * x[0]) + x[1] * x[2] + .3 * hashed_uniform(4 * seed + 1, i);
        t->class[i] = (t->y[i] > 0) + (n_class > 2 && t->y[i] > .6);
    }
    for (size_t i = 0; i < ROWS; i++)
        t->weight[i] = 1.5 + hashed_uniform(4 * seed + 2, i);
    t->data = (struct grow_data){ .x = t->x,
                                  .n = ROWS,
                                  .d = D,
                                  .ld = LD,
                                  .y = n_class ? NULL : t->y,
                                  .class = n_class ? t->class : NULL,
                                  .n_class = n_class };
    return t;
}

static void done(struct fixture *t)
{
    forest_release(&t->f);
    forest_report_release(&t->r);
    free(t);
}

static void the_best_tree_is_that_of_scikit_learn(void **state)
{
    (void)state;
    for (size_t c = 0; c < sizeof references / sizeof *references; c++) {
        const struct reference *ref = &references[c];
        struct fixture *t = fixture(c, ref->n_class);
        size_t C = ref->n_class ? ref->n_class : 1;
        struct forest_options o = { .grow = { .criterion = ref->criterion,
                                              .best = true,
                                              .max_features = D,
                                              .max_depth = ref->max_depth,
                                              .min_leaf = ref->min_leaf,
                                              .min_split = ref->min_split },
                                    .n_tree = 1 };
        double sum[NEW * MOST_CLASSES] = { 0 };
        forest_fit(&t->f, &t->r, &t->data, ref->weighted ? t->weight : NULL, &o, 1);
        const struct tree *tree = &t->f.tree[0];
        if (tree->n_node != ref->n_node || tree_depth(tree) != ref->depth)
            fail_msg("%s: %zu nodes, %zu levels, want %zu and %zu", ref->name, tree->n_node,
                     tree_depth(tree), ref->n_node, ref->depth);
        tree_add(tree, t->x + ROWS * LD, NEW, LD, ref->n_class, sum, C);
        for (size_t i = 0; i < NEW * C; i++)
            assert_near(sum[i], ref->predicted[i], 1e-7, 1e-7);
        for (size_t j = 0; j < D; j++)
            assert_near(t->r.importance[j], ref->importance[j], 1e-10, 1e-10);
        done(t);
    }
}

/* ---- out of the bag ---- */

static void expect_oob(size_t n_class)
{
    enum { TREES = 7 }; /* so few that some row is in every bag */
    struct fixture *t = fixture(20, n_class);
    struct forest_options o = { .grow = { .criterion = n_class ? GROW_GINI : GROW_MSE,
                                          .max_features = 2,
                                          .min_leaf = 3,
                                          .min_split = 2 },
                                .n_tree = TREES,
                                .bootstrap = true,
                                .oob = true,
                                .seed = 5 };
    size_t C = n_class ? n_class : 1, never = 0;
    double *sum = mem_calloc(ROWS, C * sizeof *sum);
    size_t *n = mem_calloc(ROWS, sizeof *n);
    forest_fit(&t->f, &t->r, &t->data, NULL, &o, 2);
    for (size_t k = 0; k < TREES; k++) {
        bool seen[ROWS] = { 0 };
        struct rng rng;
        rng_init(&rng, o.seed, k + 1);
        for (size_t i = 0; i < ROWS; i++)
            seen[rng_below(&rng, ROWS)] = true;
        for (size_t i = 0; i < ROWS; i++)
            if (!seen[i]) {
                tree_add(&t->f.tree[k], t->x + i * LD, 1, LD, n_class, sum + i * C, C);
                n[i]++;
            }
    }
    for (size_t i = 0; i < ROWS; i++) {
        never += n[i] == 0;
        assert_int_equal(isnan(t->r.oob[i * C]) != 0, n[i] == 0);
        for (size_t k = 0; k < C && n[i]; k++)
            assert_near((double)t->r.oob[i * C + k], sum[i * C + k] / (double)n[i], 0, 1e-7);
    }
    assert_true(never > 0 && never < ROWS / 4);
    free(n);
    free(sum);
    done(t);
}

static void out_of_the_bag_are_the_trees_that_have_not_drawn_the_row(void **state)
{
    (void)state;
    expect_oob(0);
    expect_oob(3);
}

/* ---- random thresholds ---- */

/* With as many columns tried as there are, the cut is the best of one for each column: no column
 * that tells nothing comes before the one that tells all. */
static void of_random_cuts_the_best_is_made(void **state)
{
    struct fixture *t = fixture(30, 2);
    struct forest_options o = { .grow = { .criterion = GROW_ENTROPY,
                                          .max_features = D,
                                          .max_depth = 1,
                                          .min_leaf = 1,
                                          .min_split = 2 },
                                .n_tree = 200,
                                .seed = 5 };
    size_t of_the_first[2] = { 0 };
    (void)state;
    for (size_t i = 0; i < ROWS; i++)
        t->class[i] = t->x[i * LD + 3] > 0;
    for (int all = 1; all >= 0; all--) {
        o.grow.max_features = all ? D : 1;
        forest_release(&t->f);
        forest_report_release(&t->r);
        forest_fit(&t->f, &t->r, &t->data, NULL, &o, 1);
        for (size_t k = 0; k < o.n_tree; k++)
            of_the_first[all] += (t->f.tree[k].node[0].feature & TREE_COLUMN) == 3;
    }
    assert_true(of_the_first[1] > o.n_tree * 9 / 10); /* a threshold may fall at the very end */
    assert_true(of_the_first[0] < o.n_tree / 3);      /* one in D, a threshold where it may */
    done(t);
}

static void infinities_are_numbers_at_the_ends(void **state)
{
    (void)state;
    for (int best = 0; best < 2; best++) {
        struct fixture *t = fixture(31, 2);
        struct forest_options o = { .grow = { .best = best,
                                              .criterion = GROW_GINI,
                                              .max_features = D,
                                              .min_leaf = 1,
                                              .min_split = 2 },
                                    .n_tree = 5,
                                    .seed = 5 };
        struct err e = { 0 };
        for (size_t i = 0; i < ROWS; i++) {
            t->x[i * LD] = i % 3 == 0 ? -INFINITY : i % 3 == 1 ? 0 : INFINITY;
            for (size_t j = 1; j < D; j++)
                t->x[i * LD + j] = 0;
            t->class[i] = i % 3 == 1;
        }
        forest_fit(&t->f, &t->r, &t->data, NULL, &o, 1);
        for (size_t k = 0; k < o.n_tree; k++) {
            double sum[ROWS * 2] = { 0 };
            assert_ok(tree_check(&t->f.tree[k], D, 2, &e), e);
            tree_add(&t->f.tree[k], t->x, ROWS, LD, 2, sum, 2);
            for (size_t i = 0; i < ROWS; i++)
                assert_true(sum[2 * i + (size_t)t->class[i]] == 1);
        }
        done(t);
    }
}

static void columns_that_are_tried_are_named_as_in_scikit_learn(void **state)
{
    static const struct {
        const char *text;
        bool regression;
        size_t d, want;
    } cases[] = {
        { "auto", false, 30, 5 }, { "auto", true, 30, 30 }, { "all", false, 30, 30 },
        { "sqrt", true, 30, 5 },  { "log2", true, 30, 4 },  { "7", true, 30, 7 },
        { "99", true, 30, 30 },   { ".5", true, 30, 15 },   { ".01", true, 30, 1 },
        { "log2", true, 1, 1 },
    };
    struct err e = { 0 };
    size_t got;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(trees_max_features(&got, cases[i].text, cases[i].d, cases[i].regression, &e), e);
        assert_int_equal(got, cases[i].want);
    }
    static const char *const bad[] = { "0", "-1", "1.5", "", "nan", "few" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_error(trees_max_features(&got, bad[i], 30, true, &e), ERR_USAGE, e,
                     "want auto, all, sqrt, log2, a count or a share below 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_best_tree_is_that_of_scikit_learn),
        cmocka_unit_test(out_of_the_bag_are_the_trees_that_have_not_drawn_the_row),
        cmocka_unit_test(of_random_cuts_the_best_is_made),
        cmocka_unit_test(infinities_are_numbers_at_the_ends),
        cmocka_unit_test(columns_that_are_tried_are_named_as_in_scikit_learn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
