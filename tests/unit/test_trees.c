#include "near.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/trees/forest.h"
#include "models/trees/grow_inner.h"
#include "models/trees/scan.h"
#include "models/trees/walk.h"

enum { N = 300, D = 5, LD = 8, C = 3 };

/** Rows with a target that the first two columns decide, some values missing if asked for. */
struct fixture {
    float x[N * LD];
    double y[N], wide[N * D], weight[N];
    int32_t class[N];
    uint8_t gaps[D];
    size_t row[N];
    struct grow_data data;
    struct forest_options o;
    struct forest f;
    struct forest_report r;
};

static struct fixture *fixture(bool classes, bool gaps)
{
    struct fixture *t = mem_calloc(1, sizeof *t);
    struct rng rng;
    rng_init(&rng, 3, 0);
    for (size_t i = 0; i < N; i++) {
        float *x = t->x + i * LD;
        for (size_t j = 0; j < D; j++)
            x[j] = (float)rng_normal(&rng);
        x[4] = 7;
        double a = (double)x[0], b = (double)x[1];
        t->y[i] = 1000 + sin(2 * a) + (b > 0) + .01 * rng_normal(&rng);
        t->class[i] = (a > 0) + (b > .5);
        t->weight[i] = (double)rng_below(&rng, 3);
        if (gaps && rng_below(&rng, 4) == 0)
            x[2] = NAN;
        for (size_t j = 0; j < D; j++)
            t->wide[i * D + j] = (double)x[j];
        t->row[i] = i;
    }
    t->gaps[2] = 1;
    t->data = (struct grow_data){ .x = t->x,
                                  .n = N,
                                  .d = D,
                                  .ld = LD,
                                  .gaps = gaps ? t->gaps : NULL,
                                  .y = classes ? NULL : t->y,
                                  .class = classes ? t->class : NULL,
                                  .n_class = classes ? C : 0 };
    t->o = (struct forest_options){ .grow = { .criterion = classes ? GROW_GINI : GROW_MSE,
                                              .max_features = classes ? 2 : D,
                                              .min_leaf = 1,
                                              .min_split = 2 },
                                    .n_tree = 20,
                                    .seed = 11 };
    return t;
}

static void fit(struct fixture *t, const double *weight, int threads)
{
    forest_release(&t->f);
    forest_report_release(&t->r);
    forest_fit(&t->f, &t->r, &t->data, weight, &t->o, threads);
}

static void done(struct fixture *t)
{
    forest_release(&t->f);
    forest_report_release(&t->r);
    free(t);
}

static float *predict(struct fixture *t, int threads)
{
    float *out = mem_calloc(N, t->f.n_output * sizeof *out);
    struct forest_scratch *s = forest_scratch_new(&t->f, threads);
    forest_run(&t->f, s, t->wide, t->row, N, out);
    forest_scratch_free(s);
    return out;
}

/* ---- the loops ---- */

static void rows_of(const struct fixture *t, struct scan_row *row)
{
    for (size_t i = 0; i < N; i++)
        row[i] = (struct scan_row){ .row = (uint32_t)(i * 7 % N),
                                    .class = t->class[i * 7 % N],
                                    .weight = t->weight[i] + .5,
                                    .y = t->y[i] };
}

static void ranges_are_those_of_a_plain_loop(void **state)
{
    struct fixture *t = fixture(true, true);
    struct scan_row row[N];
    float lo[LD], hi[LD];
    (void)state;
    rows_of(t, row);
    scan_range(t->x, LD, row, 77, lo, hi);
    for (uint32_t j = 0; j < D; j++) {
        float l = INFINITY, h = -INFINITY, got_l, got_h;
        size_t missing = 0, got;
        for (size_t i = 0; i < 77; i++) {
            float v = t->x[row[i].row * LD + j];
            l = v < l ? v : l;
            h = v > h ? v : h;
            missing += isnan(v) ? 1 : 0;
        }
        scan_range_of(t->x, LD, row, 77, j, &got_l, &got_h, &got);
        assert_true(lo[j] == l && hi[j] == h && got_l == l && got_h == h);
        assert_int_equal(got, missing);
    }
    done(t);
}

static void sums_of_the_left_side_are_those_of_a_plain_loop(void **state)
{
    struct fixture *t = fixture(true, true);
    struct scan_row row[N];
    static const uint32_t pick[LD] = { 3, 2, 2, 0, 1, 0, 0, 0 };
    static const int32_t every[C] = { 0, 1, 2 };
    float threshold[LD] = { .1f, -.2f, .3f, 0, .5f, NAN, NAN, NAN };
    double count[LD], weight[LD], y[LD], class_count[LD], class[C * LD];
    (void)state;
    rows_of(t, row);
    for (int picks = 0; picks < 2; picks++) {
        const uint32_t *column = picks ? pick : NULL;
        scan_left_y(t->x, LD, row, N, column, threshold, LD, count, weight, y);
        scan_left_class(t->x, LD, row, N, column, threshold, LD, every, C, class_count, class);
        for (uint32_t j = 0; j < LD; j++) {
            double n = 0, w = 0, wy = 0, of_class[C] = { 0 };
            for (size_t i = 0; i < N; i++) {
                if (!(t->x[row[i].row * LD + (picks ? pick[j] : j)] <= threshold[j]))
                    continue;
                n++;
                w += row[i].weight;
                wy += row[i].weight * row[i].y;
                of_class[row[i].class] += row[i].weight;
            }
            assert_true(count[j] == n && weight[j] == w && y[j] == wy && class_count[j] == n);
            for (size_t k = 0; k < C; k++)
                assert_true(class[k * LD + j] == of_class[k]);
        }
    }
    done(t);
}

static void values_behind_one_another_are_counted_as_in_a_plain_loop(void **state)
{
    struct fixture *t = fixture(true, true);
    static const int32_t every[C + 1] = { 2, 0, 1 };
    float column[N], value[N + LD], lo, hi;
    int32_t row[N], class[N + LD] = { 0 }, weight[N + LD] = { 0 };
    (void)state;
    for (size_t i = 0; i < N; i++) {
        column[i] = t->x[i * LD + 2];
        row[i] = (int32_t)(i * 7 % N);
        class[i] = t->class[row[i]];
        weight[i] = (int32_t)(i % 5);
    }
    for (size_t n = 1; n < 40; n++) {
        float l = INFINITY, h = -INFINITY;
        int32_t sum[C] = { 0 }, count[C] = { 0 }, rows = 0, got[C + 1];
        scan_values(column, row, n, value, &lo, &hi);
        for (size_t i = 0; i < n; i++) {
            float v = column[row[i]];
            assert_memory_equal(&value[i], &v, sizeof v);
            l = v < l ? v : l;
            h = v > h ? v : h;
            rows += v <= .1f;
            count[class[i]] += v <= .1f;
            sum[class[i]] += v <= .1f ? weight[i] : 0;
        }
        assert_true(lo == l && hi == h && scan_left_rows(value, n, .1f) == rows);
        for (int weighs = 0; weighs < 2; weighs++) {
            scan_left_whole(value, class, weighs ? weight : NULL, n, .1f, every, C, got);
            for (size_t k = 0; k < C; k++)
                assert_int_equal(got[k], (weighs ? sum : count)[every[k]]);
        }
    }
    done(t);
}

/* ---- the best cut, against every threshold tried one by one ---- */

static double side_score(const struct fixture *t, const struct scan_row *row, uint32_t column,
                         float threshold, bool missing_left, bool want_left, double *out_n)
{
    double w = 0, y = 0, of_class[C] = { 0 }, sum = 0;
    *out_n = 0;
    for (size_t i = 0; i < N; i++) {
        float v = t->x[row[i].row * LD + column];
        if ((v <= threshold || (isnan(v) && missing_left)) != want_left)
            continue;
        ++*out_n;
        w += row[i].weight;
        y += row[i].weight * row[i].y;
        of_class[row[i].class] += row[i].weight;
    }
    if (t->data.n_class == 0)
        return y * y / w;
    for (size_t k = 0; k < C; k++)
        sum += t->o.grow.criterion == GROW_ENTROPY
                   ? of_class[k] > 0 ? of_class[k] * log(of_class[k] / w) : 0
                   : of_class[k] * of_class[k] / w;
    return sum;
}

static double best_by_trying(const struct fixture *t, const struct scan_row *row, uint32_t column)
{
    double best = -(double)INFINITY, left, right;
    for (size_t i = 0; i < N; i++)
        for (int missing_left = 0; missing_left < 2; missing_left++) {
            float threshold = t->x[row[i].row * LD + column];
            double score = side_score(t, row, column, threshold, missing_left, true, &left) +
                           side_score(t, row, column, threshold, missing_left, false, &right);
            if (left >= (double)t->o.grow.min_leaf && right >= (double)t->o.grow.min_leaf &&
                score > best)
                best = score;
        }
    return best;
}

static void expect_best(bool classes, bool gaps, enum grow_criterion criterion)
{
    struct fixture *t = fixture(classes, gaps);
    struct scan_row row[N];
    struct rng rng;
    t->o.grow = (struct grow_options){ .criterion = criterion,
                                       .best = true,
                                       .max_features = D,
                                       .min_leaf = 3,
                                       .min_split = 2,
                                       .max_depth = 1 };
    rows_of(t, row);
    for (size_t i = 0; i < N; i++)
        t->weight[row[i].row] = row[i].weight;
    struct grower *g = grower_new(&t->data, &t->o.grow);
    double gain[D] = { 0 }, best = -(double)INFINITY, mean = 0, weight = 0;
    struct tree tree = { 0 };
    rng_init(&rng, 1, 1);
    grower_run(g, t->weight, &rng, &tree, gain);
    for (size_t i = 0; i < N; i++) {
        row[i].y = classes ? 0 : t->y[row[i].row];
        mean += row[i].weight * row[i].y;
        weight += row[i].weight;
    }
    mean /= weight;
    for (size_t i = 0; i < N; i++)
        row[i].y -= mean;
    for (uint32_t j = 0; j < D; j++) {
        double here = best_by_trying(t, row, j);
        best = here > best ? here : best;
    }
    struct tree_node root = tree.node[0];
    double n, score = 0;
    assert_int_equal(tree.n_node, 3);
    for (int left = 0; left < 2; left++)
        score += side_score(t, row, root.feature & TREE_COLUMN, root.threshold,
                            root.feature & TREE_MISSING_LEFT, left, &n);
    assert_near(score, best, 1e-9, 1e-12);
    tree_release(&tree);
    grower_free(g);
    done(t);
}

static void the_best_cut_is_the_best_of_all(void **state)
{
    (void)state;
    for (int gaps = 0; gaps < 2; gaps++) {
        expect_best(false, gaps, GROW_MSE);
        expect_best(true, gaps, GROW_GINI);
        expect_best(true, gaps, GROW_ENTROPY);
    }
}

/* ---- trees ---- */

static void trees_that_are_fully_grown_know_their_rows(void **state)
{
    (void)state;
    for (int classes = 0; classes < 2; classes++)
        for (int best = 0; best < 2; best++)
            for (int gaps = 0; gaps < 2; gaps++) {
                struct fixture *t = fixture(classes, gaps);
                struct err e = { 0 };
                t->o.grow.best = best;
                fit(t, NULL, 2);
                float *p = predict(t, 2);
                for (size_t i = 0; i < N; i++)
                    for (size_t k = 0; k < t->f.n_output; k++)
                        assert_near((double)p[i * t->f.n_output + k],
                                    classes ? t->class[i] == (int32_t)k : t->y[i], 1e-3, 0);
                for (size_t k = 0; k < t->f.n_tree; k++)
                    assert_int_equal(tree_check(&t->f.tree[k], D, classes ? C : 0, &e), 0);
                assert_true(t->r.importance[0] + t->r.importance[1] > .5);
                assert_true(t->r.importance[4] == 0); /* a constant column */
                free(p);
                done(t);
            }
}

static bool same_trees(const struct forest *a, const struct forest *b)
{
    for (size_t t = 0; t < a->n_tree; t++) {
        const struct tree *p = &a->tree[t], *q = &b->tree[t];
        if (p->n_node != q->n_node || p->n_share != q->n_share ||
            memcmp(p->node, q->node, p->n_node * sizeof *p->node) != 0 ||
            memcmp(p->share, q->share, p->n_share * a->n_class * sizeof *p->share) != 0)
            return false;
    }
    return true;
}

static void any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    for (int classes = 0; classes < 2; classes++) {
        struct fixture *one = fixture(classes, true), *many = fixture(classes, true);
        one->o.bootstrap = many->o.bootstrap = one->o.oob = many->o.oob = true;
        one->o.grow.min_leaf = many->o.grow.min_leaf = 4;
        fit(one, one->weight, 1);
        fit(many, many->weight, 5);
        size_t n = N * one->f.n_output;
        float *p = predict(one, 1), *q = predict(many, 5);
        assert_true(same_trees(&one->f, &many->f));
        assert_memory_equal(p, q, n * sizeof *p);
        assert_memory_equal(one->r.oob, many->r.oob, n * sizeof *p);
        assert_memory_equal(one->r.importance, many->r.importance, sizeof(double) * D);
        free(p);
        free(q);
        done(one);
        done(many);
    }
}

static void weights_that_are_whole_give_the_trees_of_those_that_are_not(void **state)
{
    (void)state;
    for (int gaps = 0; gaps < 2; gaps++)
        for (size_t max = 2; max <= D; max += D - 2)
            for (int bootstrap = 0; bootstrap < 2; bootstrap++) {
                struct fixture *whole = fixture(true, gaps), *half = fixture(true, gaps);
                whole->o.bootstrap = half->o.bootstrap = bootstrap;
                whole->o.grow.max_features = half->o.grow.max_features = max;
                whole->o.grow.min_leaf = half->o.grow.min_leaf = max;
                for (size_t i = 0; i < N; i++)
                    half->weight[i] = whole->weight[i] / 2;
                fit(whole, whole->weight, 2);
                fit(half, half->weight, 2);
                assert_true(same_trees(&whole->f, &half->f));
                assert_memory_equal(whole->r.importance, half->r.importance, D * sizeof(double));
                done(whole);
                done(half);
            }
}

static void a_grower_takes_nothing_from_one_tree_to_the_next(void **state)
{
    struct fixture *t = fixture(true, true);
    struct tree first = { 0 }, again = { 0 };
    double gain[D] = { 0 };
    struct grower *g = grower_new(&t->data, &t->o.grow);
    (void)state;
    for (int i = 0; i < 3; i++) { /* the third tree as the first one */
        struct rng rng;
        rng_init(&rng, 5, i == 1 ? 2 : 1);
        tree_release(&again);
        grower_run(g, NULL, &rng, &again, gain);
        if (i == 0) {
            first = again;
            again = (struct tree){ 0 };
        }
    }
    assert_int_equal(first.n_node, again.n_node);
    assert_memory_equal(first.node, again.node, first.n_node * sizeof *first.node);
    tree_release(&first);
    tree_release(&again);
    grower_free(g);
    done(t);
}

static void another_seed_gives_another_forest(void **state)
{
    struct fixture *a = fixture(false, false), *b = fixture(false, false);
    (void)state;
    b->o.seed = 12;
    fit(a, NULL, 1);
    fit(b, NULL, 1);
    assert_false(same_trees(&a->f, &b->f));
    done(a);
    done(b);
}

static void a_weight_of_two_is_the_row_twice(void **state)
{
    struct fixture *t = fixture(false, false), *twice = fixture(false, false);
    double weight[N];
    (void)state;
    for (size_t i = 0; i < N; i++) {
        size_t from = i < N / 2 ? i : i - N / 2;
        weight[i] = i < N / 2 ? 2 : 0;
        memcpy(twice->x + i * LD, t->x + from * LD, LD * sizeof(float));
        twice->y[i] = t->y[from];
    }
    t->o.grow.best = twice->o.grow.best = true;
    t->o.grow.max_depth = twice->o.grow.max_depth = 4;
    t->o.n_tree = twice->o.n_tree = 1;
    fit(t, weight, 1);
    fit(twice, NULL, 1);
    float *p = predict(t, 1), *q = predict(twice, 1);
    for (size_t i = 0; i < N / 2; i++)
        assert_near((double)p[i], (double)q[i], 0, 1e-6);
    free(p);
    free(q);
    done(t);
    done(twice);
}

static void limits_of_depth_and_leaf_hold(void **state)
{
    (void)state;
    for (int best = 0; best < 2; best++) {
        struct fixture *t = fixture(false, true);
        double sum[N] = { 0 };
        t->o.grow.best = best;
        t->o.grow.max_depth = 3;
        t->o.grow.min_leaf = 20;
        t->o.n_tree = 5;
        fit(t, NULL, 1);
        for (size_t k = 0; k < t->f.n_tree; k++) {
            const struct tree *tree = &t->f.tree[k];
            assert_true(tree_depth(tree) >= 1 && tree_depth(tree) <= 3);
            memset(sum, 0, sizeof sum);
            tree_add(tree, t->x, N, LD, 0, sum, 1);
            for (size_t i = 0; i < N; i++) {
                size_t same = 0;
                for (size_t j = 0; j < N; j++)
                    same += sum[i] == sum[j];
                assert_true(same >= 20);
            }
        }
        done(t);
    }
}

static void missing_values_are_a_branch_of_their_own(void **state)
{
    (void)state;
    for (int best = 0; best < 2; best++) { /* nothing but the gaps tells the classes apart */
        struct fixture *t = fixture(true, true);
        t->o.grow.best = best;
        t->o.grow.max_features = D;
        for (size_t i = 0; i < N; i++) {
            for (size_t j = 0; j < D; j++)
                if (j != 2)
                    t->x[i * LD + j] = 0;
            t->x[i * LD + 2] = i % 3 ? 5 : NAN;
            t->class[i] = i % 3 ? 0 : 2;
            t->wide[i * D + 2] = (double)t->x[i * LD + 2];
        }
        fit(t, NULL, 1);
        float *p = predict(t, 1);
        for (size_t i = 0; i < N; i++)
            assert_true(p[i * C + (size_t)t->class[i]] == 1);
        assert_true(t->f.tree[0].n_node == 3);
        free(p);
        done(t);
    }
}

static void a_target_that_does_not_vary_gives_one_leaf(void **state)
{
    struct fixture *t = fixture(false, false);
    (void)state;
    for (size_t i = 0; i < N; i++)
        t->y[i] = 1e9;
    fit(t, NULL, 1);
    float *p = predict(t, 1);
    assert_int_equal(t->f.tree[0].n_node, 1);
    assert_near((double)p[5], 1e9, 0, 1e-7);
    for (size_t j = 0; j < D; j++)
        assert_true(t->r.importance[j] == 0);
    free(p);
    done(t);
}

static void rows_out_of_the_bag_are_predicted_by_trees_that_have_not_seen_them(void **state)
{
    struct fixture *t = fixture(true, false);
    size_t right = 0, right_seen = 0;
    (void)state;
    t->o.bootstrap = t->o.oob = true;
    t->o.n_tree = 60;
    for (size_t i = 0; i < N; i++)
        t->class[i] = (int32_t)(i * 7919 % 3); /* nothing to learn */
    fit(t, NULL, 2);
    float *p = predict(t, 1);
    for (size_t i = 0; i < N; i++) {
        size_t k = (size_t)t->class[i];
        right += t->r.oob[i * C + k] > .5f;
        right_seen += p[i * C + k] > .5f;
    }
    assert_true(right_seen > N * 9 / 10);
    assert_true(right < N / 3);
    free(p);
    done(t);
}

/* ---- walks ---- */

/** Rows of noise, and a tree that is grown on them until every leaf is one row or so. */
struct woods {
    size_t n, d, ld, n_class, n_output;
    float *x;
    uint32_t *key;
    double *wide;
    struct tree tree;
    struct walk_room room;
};

static void woods_grow(struct woods *w, bool missing)
{
    double *y = mem_calloc(w->n, sizeof *y), *gain = mem_calloc(w->d, sizeof *gain);
    int32_t *class = mem_calloc(w->n, sizeof *class);
    uint8_t *gaps = mem_calloc(w->d, 1);
    struct rng rng;
    rng_init(&rng, 8, 0);
    w->ld = forest_stride(w->d);
    w->n_output = w->n_class ? w->n_class : 1;
    w->x = mem_calloc(w->n, w->ld * sizeof *w->x);
    w->wide = mem_calloc(w->n, w->d * sizeof *w->wide);
    w->key = mem_aligned(w->n, walk_stride(w->d) * sizeof *w->key);
    w->room = (struct walk_room){ mem_calloc(w->n, sizeof(uint32_t)),
                                  mem_calloc(w->n, sizeof(uint32_t)) };
    memset(gaps, 1, w->d);
    for (size_t i = 0; i < w->n; i++) {
        for (size_t j = 0; j < w->d; j++) {
            float value = (float)rng_normal(&rng);
            value = missing && rng_below(&rng, 9) == 0 ? NAN : rng_below(&rng, 50) ? value : -0.0f;
            w->x[i * w->ld + j] = value;
            w->wide[i * w->d + j] = (double)value;
        }
        bool gap = walk_keys(w->key + i * walk_stride(w->d), w->wide + i * w->d, w->d);
        assert_true(missing || !gap);
        y[i] = rng_normal(&rng);
        class[i] = (int32_t)rng_below(&rng, C);
    }
    struct grow_data data = { .x = w->x,
                              .n = w->n,
                              .d = w->d,
                              .ld = w->ld,
                              .y = y,
                              .class = class,
                              .gaps = missing ? gaps : NULL,
                              .n_class = w->n_class };
    struct grow_options o = { .criterion = w->n_class ? GROW_GINI : GROW_MSE,
                              .max_features = 2,
                              .min_leaf = 1,
                              .min_split = w->n_class ? 4 : 2 };
    struct grower *g = grower_new(&data, &o);
    grower_run(g, NULL, &rng, &w->tree, gain);
    grower_free(g);
    void *owned[] = { y, gain, class, gaps };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
}

static void woods_release(struct woods *w)
{
    void *owned[] = { w->x, w->key, w->wide, w->room.at, w->room.order };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        free(owned[i]);
    tree_release(&w->tree);
}

/* Some of the rows, by the reference and by the walk. */
static void expect_same_sums(const struct woods *w, const struct walk *walk, size_t n, bool missing)
{
    size_t K = w->n_output;
    double *plain = mem_calloc(w->n, K * sizeof *plain), *sum = mem_calloc(w->n, K * sizeof *sum);
    tree_add(&w->tree, w->x, n, w->ld, w->n_class, plain, K);
    walk_add(walk, &w->room, w->key, n, walk_stride(w->d), missing, w->n_class, sum, K);
    assert_memory_equal(sum, plain, w->n * K * sizeof *sum);
    free(plain);
    free(sum);
}

static void expect_same_walks(size_t n, size_t d, size_t n_class, bool missing)
{
    struct woods w = { .n = n, .d = d, .n_class = n_class };
    struct walk walk;
    woods_grow(&w, missing);
    walk_init(&walk, &w.tree, d);
    assert_true(n < 1000 || w.tree.n_node > 1 << 14);
    assert_int_equal(walk.column != NULL, d > 127);
    expect_same_sums(&w, &walk, n - 3, missing);
    expect_same_sums(&w, &walk, n < 1025 ? 0 : 1025, true);
    expect_same_sums(&w, &walk, 13, true);
    walk_release(&walk);
    woods_release(&w);
}

static void walks_end_where_plain_walks_end(void **state)
{
    enum { LARGE = 30003, SMALL = 500, WIDE = 130 };
    (void)state;
    for (size_t n_class = 0; n_class <= C; n_class += C)
        for (int missing = 0; missing < 2; missing++) {
            expect_same_walks(LARGE, D, n_class, missing); /* in the order of its parts */
            expect_same_walks(SMALL, D, n_class, missing);
            expect_same_walks(LARGE, WIDE, n_class, missing);
            expect_same_walks(SMALL, WIDE, n_class, missing);
        }
}

static void a_tree_from_a_bad_file_is_refused(void **state)
{
    struct tree_node node[3] = { { .5f, 1, 2 }, { 1, 0, TREE_LEAF }, { 2, 0, TREE_LEAF } };
    struct tree t = { .node = node, .n_node = 3 };
    struct err e = { 0 };
    (void)state;
    assert_int_equal(tree_check(&t, 3, 0, &e), 0);
    assert_int_equal(tree_check(&t, 2, 0, &e), ERR_DATA);
    assert_string_equal(e.text, "node 0 asks for column 2 of 2");
    node[0].child = 0;
    assert_int_equal(tree_check(&t, 3, 0, &e), ERR_DATA);
    assert_string_equal(e.text, "node 0 has its children at 0, want 1 to 1");
    node[0].child = 2;
    assert_int_equal(tree_check(&t, 3, 0, &e), ERR_DATA);
    node[0] = (struct tree_node){ .feature = TREE_LEAF | TREE_PURE, .child = 4 };
    assert_int_equal(tree_check(&t, 3, 4, &e), ERR_DATA);
    assert_string_equal(e.text, "leaf 0 names class 4 of 4");
    node[0] = (struct tree_node){ .feature = TREE_LEAF, .threshold = NAN };
    assert_int_equal(tree_check(&t, 3, 0, &e), ERR_DATA);
    t.n_node = 0;
    assert_int_equal(tree_check(&t, 3, 0, &e), ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_those_of_a_plain_loop),
        cmocka_unit_test(sums_of_the_left_side_are_those_of_a_plain_loop),
        cmocka_unit_test(values_behind_one_another_are_counted_as_in_a_plain_loop),
        cmocka_unit_test(the_best_cut_is_the_best_of_all),
        cmocka_unit_test(trees_that_are_fully_grown_know_their_rows),
        cmocka_unit_test(any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(weights_that_are_whole_give_the_trees_of_those_that_are_not),
        cmocka_unit_test(a_grower_takes_nothing_from_one_tree_to_the_next),
        cmocka_unit_test(another_seed_gives_another_forest),
        cmocka_unit_test(a_weight_of_two_is_the_row_twice),
        cmocka_unit_test(limits_of_depth_and_leaf_hold),
        cmocka_unit_test(missing_values_are_a_branch_of_their_own),
        cmocka_unit_test(a_target_that_does_not_vary_gives_one_leaf),
        cmocka_unit_test(rows_out_of_the_bag_are_predicted_by_trees_that_have_not_seen_them),
        cmocka_unit_test(walks_end_where_plain_walks_end),
        cmocka_unit_test(a_tree_from_a_bad_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
