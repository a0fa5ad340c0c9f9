#include "gradcheck.h"

#include "base/str.h"
#include "models/nn/optimizer.h"

static struct net *build(const char *network, struct nn_dims dims)
{
    struct nn_spec s = { 0 };
    struct err e = { 0 };
    struct net *n = NULL;
    assert_ok(nn_spec_parse(&s, "case", network, &e), e);
    assert_ok(net_build(&n, &s, &dims, 1, &e), e);
    nn_spec_release(&s);
    return n;
}

static void three_steps_worked_out_by_hand(void **state)
{
    (void)state;
    /* g = 1, then -2, then 0 with rate 0.1. Step 1: m = .1, v = .001, so w moves by -0.1 sqrt(.001)
     * / .1 * .1 / (sqrt(.001)
     * + 1e-7). Keras adds epsilon to the root of v before its correction. */
    struct net *n = build(FEATURES_OF("dense: classes"),
                          (struct nn_dims){ .n_feature = 1, .n_class = 1, .batch = 1 });
    struct optimizer a = { 0 };
    double m = 0, v = 0, w = 0.5, g[] = { 1, -2, 0 };
    optimizer_init(&a, &(struct nn_training){ 0 }, net_n_weight(n));
    net_weights(n)[0] = 0.5f;
    for (int t = 1; t <= 3; t++) {
        net_gradients(n)[0] = (float)g[t - 1];
        optimizer_step(&a, n, 0.1);
        m = 0.9 * m + 0.1 * g[t - 1];
        v = 0.999 * v + 0.001 * g[t - 1] * g[t - 1];
        w -= 0.1 * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t)) * m / (sqrt(v) + 1e-7);
        assert_near((double)net_weights(n)[0], w, 1e-6, 0);
    }
    assert_near(w, 0.5 - 0.1 + 0.036610 + 0.028300, 1e-5, 0); /* the same three steps on paper */
    assert_int_equal(a.step, 3);
    optimizer_release(&a);
    assert_null(a.m);
    net_free(n);
}

static void words_that_are_not_in_the_batch_stay_as_they_are(void **state)
{
    (void)state;
    /* 3 rows of 50 different words each time, from different parts of the vocabulary */
    struct nn_dims dims = { .vocabulary = 500, .length = 50, .n_class = 3, .batch = 3 };
    struct case_data c = case_make(TEXT_OF("embedding: 4, pool_time: mean, dense: classes"), dims,
                                   3, 1);
    struct net *n = build(TEXT_OF("embedding: 4, pool_time: mean, dense: classes"), dims);
    struct err e = { 0 };
    struct optimizer a = { 0 };
    float before[2000];
    double loss;
    optimizer_init(&a, &(struct nn_training){ 0 }, net_n_weight(n));
    net_init(n, 1);
    for (int32_t step = 0; step < 3; step++) {
        for (int32_t i = 0; i < 150; i++) {
            c.ids[i] = 1 + step * 160 + i;
            c.n_word[i / 50] = 50;
        }
        memcpy(before, net_weights(n), sizeof before);
        assert_ok(net_train(n, &c.b, 1, &loss, NULL, &e), e);
        optimizer_step(&a, n, 0.01);
        for (int32_t i = 0; i < 2000; i++) {
            int32_t word = i / 4 - 1 - step * 160;
            assert_int_equal(net_weights(n)[i] != before[i], word >= 0 && word < 150);
        }
    }
    optimizer_release(&a);
    net_free(n);
    case_free(&c);
}

static void running_statistics_are_not_stepped(void **state)
{
    (void)state;
    struct net *n = build(FEATURES_OF("batch_norm, dense: classes"),
                          (struct nn_dims){ .n_feature = 2, .n_class = 2, .batch = 1 });
    struct optimizer a = { 0 };
    optimizer_init(&a, &(struct nn_training){ 0 }, net_n_weight(n));
    net_init(n, 1);
    for (size_t i = 0; i < net_n_weight(n); i++)
        net_gradients(n)[i] = 1;
    optimizer_step(&a, n, 0.5);
    const struct nn_param *p = net_params(n);
    for (size_t k = 0; k < net_n_param(n); k++)
        for (size_t i = 0; i < p[k].n; i++) {
            double start = k == 0 || k == 3 ? 1 : 0;
            if (k < 4)
                assert_near((double)net_weights(n)[p[k].offset + i],
                            p[k].trainable ? start - 0.5 : start, 1e-4, 0);
        }
    optimizer_release(&a);
    net_free(n);
}

/* The rules of optimizer.h, word for word, for one weight. */
struct plain {
    double w, m, v;
};

static void plain_step(struct plain *p, const struct nn_training *o, double g, double rate, int t)
{
    if (o->optimizer == OPTIMIZER_SGD) {
        p->m = o->momentum * p->m + g;
        p->w -= rate * o->weight_decay * p->w;
        p->w -= rate * (o->nesterov ? g + o->momentum * p->m : p->m);
        return;
    }
    p->w -= rate * o->weight_decay * p->w;
    p->m = 0.9 * p->m + 0.1 * g;
    p->v = 0.999 * p->v + 0.001 * g * g;
    p->w -= rate * sqrt(1 - pow(0.999, t)) / (1 - pow(0.9, t)) * p->m / (sqrt(p->v) + 1e-7);
}

/* A dense layer of 5 x 7 weights and 7 biases, more than two vector registers and a rest; random
 * gradients, a falling rate. */
static void follows_its_rule(struct nn_training options)
{
    enum { N = 42, KERNEL = 35 };
    struct net *n = build(FEATURES_OF("dense: classes"),
                          (struct nn_dims){ .n_feature = 5, .n_class = 7, .batch = 1 });
    struct optimizer o = { 0 };
    struct plain want[N];
    struct rng r;
    rng_init(&r, 2, 2);
    optimizer_init(&o, &options, net_n_weight(n));
    for (size_t i = 0; i < N; i++) {
        net_weights(n)[i] = (float)rng_normal(&r);
        want[i] = (struct plain){ .w = (double)net_weights(n)[i] };
    }
    for (int t = 1; t <= 8; t++) {
        double square = 0, rate = 0.1 / t, scale = 1;
        for (size_t i = 0; i < N; i++) {
            net_gradients(n)[i] = (float)rng_normal(&r);
            square += pow((double)net_gradients(n)[i], 2);
        }
        if (options.clip_norm > 0)
            scale = options.clip_norm / fmax(sqrt(square), options.clip_norm);
        assert_near(optimizer_step(&o, n, rate), sqrt(square), 0, 1e-12);
        for (size_t i = 0; i < N; i++) {
            struct nn_training rule = options;
            rule.weight_decay = i < KERNEL ? options.weight_decay : 0;
            plain_step(&want[i], &rule, scale * (double)net_gradients(n)[i], rate, t);
            assert_near((double)net_weights(n)[i], want[i].w, 1e-6, 1e-5);
        }
    }
    optimizer_release(&o);
    net_free(n);
}

static void every_optimizer_follows_its_rule(void **state)
{
    (void)state;
    follows_its_rule((struct nn_training){ .optimizer = OPTIMIZER_ADAM });
    follows_its_rule((struct nn_training){ .optimizer = OPTIMIZER_ADAMW, .weight_decay = 0.3 });
    follows_its_rule((struct nn_training){ .optimizer = OPTIMIZER_SGD });
    follows_its_rule((struct nn_training){ .optimizer = OPTIMIZER_SGD, .weight_decay = 0.3 });
    follows_its_rule((struct nn_training){ .optimizer = OPTIMIZER_SGD, .momentum = 0.9 });
    follows_its_rule((struct nn_training){
        .optimizer = OPTIMIZER_SGD, .momentum = 0.8, .nesterov = true, .weight_decay = 0.2 });
}

static void gradients_are_cut_to_a_norm(void **state)
{
    (void)state;
    /* 42 normal draws have a norm of about 6.5 */
    follows_its_rule((struct nn_training){ .optimizer = OPTIMIZER_SGD, .clip_norm = 0.5 });
    follows_its_rule((struct nn_training){ .optimizer = OPTIMIZER_ADAM, .clip_norm = 6.5 });
    follows_its_rule(
        (struct nn_training){ .optimizer = OPTIMIZER_SGD, .momentum = 0.9, .clip_norm = 1000 });
}

/* Five steps of one network by net_train and optimizer_step, of another by optimizer_train: the
 * second sums no gradient that the first does not, and in the same order. */
static void steps_alike(const char *options)
{
    static const char layers[] =
        "network: 1\nbranches: {text: {vocabulary: 9, length: 5, layers: "
        "[embedding: 19, {lstm: 5, l2: 0.01}, batch_norm, dense: classes]}}"
        "\ntraining: {shards: 3, %s}\n";
    struct nn_dims dims = { .vocabulary = 9, .length = 5, .n_class = 3, .batch = 6 };
    char *network = str_format(layers, options);
    struct case_data c = case_make(network, dims, 6, 1);
    struct net *one = build(network, dims), *other = build(network, dims);
    struct optimizer o = { 0 }, p = { 0 };
    struct err e = { 0 };
    optimizer_init(&o, &c.spec.training, net_n_weight(one));
    optimizer_init(&p, &c.spec.training, net_n_weight(other));
    net_init(one, 1);
    net_init(other, 1);
    for (uint64_t draw = 0; draw < 5; draw++) {
        struct nn_step done;
        double loss, square = 0;
        size_t right;
        assert_ok(net_train(one, &c.b, draw, &loss, &right, &e), e);
        for (size_t i = 0; i < net_n_weight(one); i++)
            square += pow((double)net_gradients(one)[i], 2);
        double norm = optimizer_step(&o, one, 0.01);
        assert_ok(optimizer_train(&p, other, &c.b, draw, 0.01, &done, &e), e);
        assert_true(done.loss == loss && done.right == right && done.gradient_norm == norm);
        assert_near(norm, sqrt(square), 0, 1e-9);
        assert_memory_equal(net_weights(one), net_weights(other),
                            net_n_weight(one) * sizeof(float));
    }
    optimizer_release(&o);
    optimizer_release(&p);
    net_free(one);
    net_free(other);
    case_free(&c);
    free(network);
}

static void one_sweep_gives_the_bits_of_gradients_and_step(void **state)
{
    (void)state;
    steps_alike("optimizer: adam");
    steps_alike("optimizer: adam, clip_norm: 0.1, l1: 0.001");
    steps_alike("optimizer: sgd, momentum: 0.9, weight_decay: 0.1");
    steps_alike("optimizer: sgd, clip_norm: 0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_steps_worked_out_by_hand),
        cmocka_unit_test(words_that_are_not_in_the_batch_stay_as_they_are),
        cmocka_unit_test(running_statistics_are_not_stepped),
        cmocka_unit_test(every_optimizer_follows_its_rule),
        cmocka_unit_test(gradients_are_cut_to_a_norm),
        cmocka_unit_test(one_sweep_gives_the_bits_of_gradients_and_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
