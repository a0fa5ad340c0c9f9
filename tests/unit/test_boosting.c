#include "near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/trees/boost_loss.h"
#include "models/trees/boosting.h"

enum { N = 600, D = 4, LD = 8 };

struct fixture {
    float x[N * LD];
    double y[N], weight[N], wide[N * D];
    int32_t class[N];
    uint8_t gaps[D];
    size_t row[N];
    struct grow_data data;
    struct boosting_options o;
    struct boost_validation v;
    struct forest f;
    struct boost_report r;
};

static struct fixture *fixture(size_t n_class)
{
    struct fixture *t = mem_calloc(1, sizeof *t);
    struct rng rng;
    rng_init(&rng, 9, 0);
    for (size_t i = 0; i < N; i++) {
        float *x = t->x + i * LD;
        for (size_t j = 0; j < D; j++)
            x[j] = (float)rng_normal(&rng);
        x[1] = rintf(x[1]);
        if (rng_below(&rng, 4) == 0)
            x[2] = NAN;
        x[3] = 1;
        double z = sin(2 * (double)x[0]) + .5 * (double)x[1] + (isnan(x[2]) ? 1 : 0);
        t->y[i] = 10 + z + .1 * rng_normal(&rng);
        t->class[i] = n_class == 2 ? z > .5 : (z > 0) + (z > 1);
        t->weight[i] = 1 + (double)rng_below(&rng, 3);
        for (size_t j = 0; j < D; j++)
            t->wide[i * D + j] = (double)x[j];
        t->row[i] = i;
    }
    t->gaps[2] = 1;
    t->data = (struct grow_data){ .x = t->x,
                                  .n = N,
                                  .d = D,
                                  .ld = LD,
                                  .gaps = t->gaps,
                                  .y = n_class ? NULL : t->y,
                                  .class = n_class ? t->class : NULL,
                                  .n_class = n_class };
    t->o = (struct boosting_options){
        .rounds = 40,
        .tree = { .max_leaves = 8, .min_leaf = 5, .learning_rate = .3 },
    };
    return t;
}

static void fit(struct fixture *t, const double *weight, int threads)
{
    forest_release(&t->f);
    free(t->r.importance);
    boost_fit(&t->f, &t->r, &t->data, weight, &t->v, &t->o, threads);
}

static void done(struct fixture *t)
{
    forest_release(&t->f);
    free(t->r.importance);
    free(t);
}

/* ---- bins ---- */

static void a_value_is_at_most_the_edge_of_its_bin_and_above_the_one_before(void **state)
{
    struct fixture *t = fixture(0);
    struct bins b;
    (void)state;
    bins_fit(&b, &t->data, 2);
    for (size_t j = 0; j < D; j++)
        for (size_t i = 0; i < N; i++) {
            float v = t->x[i * LD + j], *edge = b.edge + j * MAX_EDGES;
            size_t bin = b.bin[j * N + i];
            assert_int_equal(bin == BIN_MISSING, isnan(v) != 0);
            if (bin == BIN_MISSING)
                continue;
            assert_true(bin <= b.n_edge[j]);
            assert_true(bin == b.n_edge[j] || v <= edge[bin]);
            assert_true(bin == 0 || v > edge[bin - 1]);
        }
    assert_int_equal(b.n_edge[0], MAX_EDGES);
    assert_true(b.n_edge[1] < 10); /* whole numbers: one bin each */
    assert_int_equal(b.n_edge[3], 0);
    bins_release(&b);
    done(t);
}

/* ---- losses ---- */

static double weighted_loss(const struct fixture *t, const double *sum)
{
    double total = 0;
    for (size_t i = 0; i < N; i++)
        total += t->weight[i];
    return total * boost_loss(sum, N, t->data.n_class, t->data.y, t->data.class, t->weight);
}

static void derivatives_are_those_of_the_loss(void **state)
{
    static const size_t classes[] = { 0, 2, 3 };
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct fixture *t = fixture(classes[c]);
        size_t K = boost_outputs(classes[c]);
        double *sum = mem_calloc(N, K * sizeof *sum), h = 1e-3;
        float *g = mem_calloc(N, K * sizeof *g), *hessian = mem_calloc(N, K * sizeof *g);
        for (size_t i = 0; i < N * K; i++)
            sum[i] = sin((double)i);
        for (size_t i = 0; i < 20; i++)
            boost_derivatives(&t->data, t->weight, sum, i, g, hessian);
        for (size_t i = 0; i < 20; i++)
            for (size_t k = 0; k < K; k++) {
                double at = sum[i * K + k], loss[3];
                for (int s = 0; s < 3; s++) {
                    sum[i * K + k] = at + (s - 1) * h;
                    loss[s] = weighted_loss(t, sum);
                }
                sum[i * K + k] = at;
                assert_near((double)g[k * N + i], (loss[2] - loss[0]) / (2 * h), 1e-5, 1e-5);
                assert_near((double)hessian[k * N + i], (loss[2] - 2 * loss[1] + loss[0]) / (h * h),
                            1e-3, 1e-3);
            }
        free(sum);
        free(g);
        free(hessian);
        done(t);
    }
}

static void the_base_is_where_the_loss_of_a_constant_is_least(void **state)
{
    static const size_t classes[] = { 0, 2, 3 };
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct fixture *t = fixture(classes[c]);
        size_t K = boost_outputs(classes[c]);
        double base[3], *sum = mem_calloc(N, K * sizeof *sum), loss[3];
        boost_base(&t->data, t->weight, base);
        for (size_t k = 0; k < K; k++) {
            for (int s = 0; s < 3; s++) {
                for (size_t i = 0; i < N * K; i++)
                    sum[i] = base[i % K] + (i % K == k ? .01 * (s - 1) : 0);
                loss[s] = weighted_loss(t, sum);
            }
            assert_true(loss[1] < loss[0] && loss[1] < loss[2]);
        }
        free(sum);
        done(t);
    }
}

/* ---- the first cut, against every cut tried one by one ---- */

static double gain_of(const struct fixture *t, size_t column, float threshold, int missing_left)
{
    double g[2] = { 0 }, h[2] = { 0 }, mean = 0, total = 0;
    size_t n[2] = { 0 };
    for (size_t i = 0; i < N; i++) {
        mean += t->weight[i] * t->y[i];
        total += t->weight[i];
    }
    mean /= total;
    for (size_t i = 0; i < N; i++) {
        float v = t->x[i * LD + column];
        int left = isnan(v) ? missing_left : v <= threshold;
        g[left] += t->weight[i] * (mean - t->y[i]);
        h[left] += t->weight[i];
        n[left]++;
    }
    if (n[0] < t->o.tree.min_leaf || n[1] < t->o.tree.min_leaf)
        return 0;
    double l2 = t->o.tree.l2, all = g[0] + g[1];
    return g[0] * g[0] / (h[0] + l2) + g[1] * g[1] / (h[1] + l2) - all * all / (h[0] + h[1] + l2);
}

static void the_first_cut_gains_most(void **state)
{
    struct fixture *t = fixture(0);
    struct bins b;
    double best = 0;
    (void)state;
    t->o.tree.max_leaves = 2;
    t->o.tree.l2 = 3;
    t->o.rounds = 1;
    fit(t, t->weight, 1);
    bins_fit(&b, &t->data, 1);
    for (size_t j = 0; j < D; j++)
        for (size_t k = 0; k <= b.n_edge[j]; k++)
            for (int missing_left = 0; missing_left < 2; missing_left++) {
                float edge = k < b.n_edge[j] ? b.edge[j * MAX_EDGES + k] : INFINITY;
                double gain = gain_of(t, j, edge, missing_left);
                best = gain > best ? gain : best;
            }
    struct tree_node root = t->f.tree[0].node[0];
    double found = gain_of(t, root.feature & TREE_COLUMN, root.threshold,
                           (root.feature & TREE_MISSING_LEFT) != 0);
    assert_true(best > 1);
    assert_near(found, best, 0, 1e-5);
    bins_release(&b);
    done(t);
}

/* ---- all together ---- */

static void boosting_learns_and_the_file_of_sums_is_the_loss(void **state)
{
    static const size_t classes[] = { 0, 2, 3 };
    static const double at_most[] = { .02, .05, .1 };
    (void)state;
    for (int c = 0; c < 3; c++) {
        struct fixture *t = fixture(classes[c]);
        size_t K = boost_outputs(classes[c]), C = classes[c] ? classes[c] : 1;
        fit(t, NULL, 2);
        float *p = mem_calloc(N, C * sizeof *p);
        double *sum = mem_calloc(N, K * sizeof *sum);
        struct forest_scratch *s = forest_scratch_new(&t->f, 1);
        forest_run(&t->f, s, t->wide, t->row, N, p);
        for (size_t i = 0; i < N * K; i++)
            sum[i] = (double)p[i];
        double loss = boost_loss(sum, N, classes[c], t->data.y, t->data.class, NULL);
        assert_near(loss, t->r.loss, 1e-5, 1e-4);
        assert_true(loss < at_most[c]);
        assert_int_equal(t->f.n_tree, 40 * K);
        assert_true(t->r.importance[3] == 0 && t->r.importance[2] > .05);
        boost_probabilities(p, N, classes[c]);
        double cross = 0;
        for (size_t i = 0; i < N && classes[c]; i++)
            cross -= log((double)p[i * C + (size_t)t->class[i]]) / N;
        assert_near(classes[c] ? cross : loss, loss, 1e-5, 1e-3);
        forest_scratch_free(s);
        free(sum);
        free(p);
        done(t);
    }
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    struct fixture *one = fixture(3), *many = fixture(3);
    (void)state;
    fit(one, one->weight, 1);
    fit(many, many->weight, 4);
    assert_int_equal(one->f.n_tree, many->f.n_tree);
    for (size_t t = 0; t < one->f.n_tree; t++) {
        assert_int_equal(one->f.tree[t].n_node, many->f.tree[t].n_node);
        assert_memory_equal(one->f.tree[t].node, many->f.tree[t].node,
                            one->f.tree[t].n_node * sizeof(struct tree_node));
    }
    done(one);
    done(many);
}

static void the_round_of_least_validation_loss_is_kept(void **state)
{
    struct fixture *t = fixture(0);
    (void)state;
    t->data.n = N / 2;
    t->v = (struct boost_validation){ .x = t->x + N / 2 * LD, .n = N / 2, .y = t->y + N / 2 };
    t->o.rounds = 400;
    t->o.patience = 7;
    t->o.tree.min_leaf = 1;
    t->o.tree.max_leaves = 31;
    fit(t, NULL, 1);
    assert_true(t->r.kept > 1 && t->r.rounds == t->r.kept + 7 && t->r.rounds < 400);
    assert_int_equal(t->f.n_tree, t->r.kept);
    double least = t->r.validation_loss;
    for (size_t rounds = t->r.kept - 1; rounds <= t->r.rounds; rounds++) {
        if (rounds == t->r.kept)
            continue;
        t->o.rounds = rounds; /* the loss after any other number of rounds is higher */
        t->o.patience = 0;
        struct fixture *other = fixture(0);
        other->data = t->data;
        other->v = t->v;
        other->o = t->o;
        fit(other, NULL, 1);
        double *sum = mem_calloc(N / 2, sizeof *sum);
        for (size_t i = 0; i < N / 2; i++)
            sum[i] = other->f.base[0];
        for (size_t k = 0; k < other->f.n_tree; k++)
            tree_add(&other->f.tree[k], t->v.x, N / 2, LD, 0, sum, 1);
        assert_true(boost_loss(sum, N / 2, 0, t->v.y, NULL, NULL) >= least);
        free(sum);
        done(other);
    }
    done(t);
}

static void a_target_that_does_not_vary_ends_at_once(void **state)
{
    struct fixture *t = fixture(0);
    (void)state;
    for (size_t i = 0; i < N; i++)
        t->y[i] = 42;
    fit(t, NULL, 1);
    assert_int_equal(t->r.rounds, 1);
    assert_int_equal(t->f.tree[0].n_node, 1);
    assert_true(t->f.base[0] == 42 && t->f.tree[0].node[0].threshold == 0);
    done(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_at_most_the_edge_of_its_bin_and_above_the_one_before),
        cmocka_unit_test(derivatives_are_those_of_the_loss),
        cmocka_unit_test(the_base_is_where_the_loss_of_a_constant_is_least),
        cmocka_unit_test(the_first_cut_gains_most),
        cmocka_unit_test(boosting_learns_and_the_file_of_sums_is_the_loss),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(the_round_of_least_validation_loss_is_kept),
        cmocka_unit_test(a_target_that_does_not_vary_ends_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
