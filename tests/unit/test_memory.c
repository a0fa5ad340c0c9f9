#include "gradcheck.h"

#include <string.h>

#include "base/machine.h"
#include "models/nn/memory.h"

static const char network[] = PICTURE_OF("{conv2d: 16, padding: same, activation: relu}, {conv2d: "
                                         "32}, flatten, {dense: 8}, dense: classes");

static struct net *built(struct case_data *c, size_t batch)
{
    struct err e = { 0 };
    struct net *n = NULL;
    c->dims.batch = batch;
    assert_ok(net_build(&n, &c->spec, &c->dims, 1, &e), e);
    return n;
}

static void the_total_is_the_sum_of_its_parts(void **state)
{
    (void)state;
    struct case_data c = case_make(network, small_dims, 2, 1);
    struct net *n = built(&c, 8);
    struct nn_memory m = net_memory(n, &c.spec.training);
    assert_int_equal(m.weights, 2 * net_n_weight(n) * sizeof(float));
    assert_int_equal(m.optimizer, 3 * net_n_weight(n) * sizeof(float)); /* Adam's two, the kept */
    assert_int_equal(m.total,
                     m.weights + m.optimizer + m.kernels + m.activations + m.gradients + m.scratch);
    assert_true(m.activations > 0 && m.gradients > 0 && m.scratch > 0);
    net_free(n);
    case_free(&c);
}

static void what_does_not_fit_is_refused_with_a_batch_that_does(void **state)
{
    (void)state;
    struct case_data c = case_make(network, small_dims, 2, 1);
    struct err e = { 0 };
    size_t fits = 0;
    struct net *n = built(&c, 512);
    struct nn_memory m = net_memory(n, &c.spec.training);
    assert_ok(net_check_memory(n, &c.spec.training, m.total, &e), e);
    size_t some = m.total - m.activations / 2;
    assert_int_equal(net_check_memory(n, &c.spec.training, some, &e), ERR_MEMORY);
    const char *advice = strstr(e.text, "a batch of ");
    assert_non_null(advice);
    assert_int_equal(sscanf(advice, "a batch of %zu would fit", &fits), 1);
    assert_true(fits > 200 && fits <= 256);
    net_free(n);
    n = built(&c, fits);
    assert_true(net_memory(n, &c.spec.training).total <= some);
    e = (struct err){ 0 };
    assert_error(net_check_memory(n, &c.spec.training, 1000, &e), ERR_MEMORY, e,
                 "not even a batch of 1 would fit");
    net_free(n);
    case_free(&c);
}

static void more_than_the_machine_has_is_refused_before_any_of_it_is_taken(void **state)
{
    (void)state;
    struct case_data c = case_make(network, small_dims, 2, 1);
    struct err e = { 0 };
    struct net *n = NULL;
    c.dims.batch = (size_t)1 << 40;
    assert_error(net_build(&n, &c.spec, &c.dims, 1, &e), ERR_MEMORY, e, "a batch of ");
    assert_null(n);
    c.dims.batch = 2;
    c.dims.height = c.dims.width = 10000; /* a dense layer of 25 GB, and as much for its kernels */
    e = (struct err){ 0 };
    assert_int_not_equal(net_build(&n, &c.spec, &c.dims, 1, &e), 0);
    assert_null(n);
    case_free(&c);
}

static void the_machine_tells_what_it_has(void **state)
{
    (void)state;
    uint64_t some = machine_memory();
    assert_true(some > 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_total_is_the_sum_of_its_parts),
        cmocka_unit_test(what_does_not_fit_is_refused_with_a_batch_that_does),
        cmocka_unit_test(more_than_the_machine_has_is_refused_before_any_of_it_is_taken),
        cmocka_unit_test(the_machine_tells_what_it_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
