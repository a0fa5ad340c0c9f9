#include "gradcheck.h"

#include <float.h>

#include "models/nn/optimizer.h"
#include "models/nn/overflow.h"

#define FUSION                                                                               \
    "network: 1\nbranches:\n"                                                                \
    "  text: {vocabulary: 9, length: 5, layers: [{embedding: 4}, {lstm: 3}]}\n"              \
    "  pixels: {layers: [{conv2d: 4, activation: relu}, batch_norm, maxpool: 2, flatten]}\n" \
    "  features: {layers: [{dense: 4}]}\n"                                                   \
    "head: [concat, {dense: 5, activation: relu}, dense: classes]\n"                         \
    "training: {shards: 3}\n"

#define LINEAR FEATURES_OF("dense: 2, dense: 2, dense: classes")

struct setting {
    const char *param;
    float value; /* of all its weights */
};

/* One step with some weights and the first feature set by hand: its message. */
static void step(const char *network, const struct setting *set, float feature, const char *want)
{
    struct case_data c = case_make(network, small_dims, 6, 3);
    struct optimizer o = { 0 };
    struct nn_step out;
    struct net *n = NULL;
    struct err e = { 0 };
    double *w;
    c.dims.batch = 6;
    assert_ok(net_build(&n, &c.spec, &c.dims, 2, &e), e);
    case_weights(n, &w);
    optimizer_init(&o, &c.spec.training, net_n_weight(n));
    c.features[0] = feature;
    for (; set->param; set++)
        for (size_t i = 0; i < net_n_param(n); i++)
            for (size_t k = 0; k < net_params(n)[i].n; k++)
                if (strcmp(net_params(n)[i].name, set->param) == 0)
                    net_weights(n)[net_params(n)[i].offset + k] = set->value;
    assert_error(optimizer_train(&o, n, &c.b, 1, 0.1, &out, &e), ERR_DATA, e, want);
    assert_int_equal(o.step, 0);
    optimizer_release(&o);
    free(w);
    net_free(n);
    case_free(&c);
}

static void the_first_layer_that_overflows_is_named(void **state)
{
    (void)state;
    step(FUSION, (struct setting[]){ { "features.0_dense.kernel", FLT_MAX }, { 0 } }, 9,
         "the loss is not finite: the activations of 'features.0_dense' are the first that are not "
         "finite");
    step(FUSION, (struct setting[]){ { "pixels.0_conv2d.kernel", FLT_MAX }, { 0 } }, 0,
         "the activations of 'pixels.0_conv2d'");
    step(FUSION, (struct setting[]){ { 0 } }, INFINITY, "the values of 'features'");
}

static void a_weight_that_is_no_number_is_named(void **state)
{
    (void)state;
    step(FUSION, (struct setting[]){ { "pixels.0_conv2d.bias", INFINITY }, { 0 } }, 0,
         "the weights of 'pixels.0_conv2d'");
    step(FUSION, (struct setting[]){ { "text.1_lstm.bias", (float)NAN }, { 0 } }, 0,
         "the weights of 'text.1_lstm'");
}

/* All activations are 0, but the gradient on its way back meets 1e20 and 1e30. */
static void gradients_that_overflow_are_named_where_they_do_first(void **state)
{
    (void)state;
    step(LINEAR,
         (struct setting[]){ { "features.0_dense.kernel", 0 },
                             { "features.0_dense.bias", 0 },
                             { "features.1_dense.kernel", 1e30f },
                             { "features.1_dense.bias", 0 },
                             { "features.2_dense.kernel", 1e20f },
                             { 0 } },
         0, "the gradients are not finite: the gradients of 'features.1_dense'");
}

/* All finite but for their product. */
static void a_gradient_that_overflows_in_its_sum_over_rows_is_named(void **state)
{
    (void)state;
    step(LINEAR,
         (struct setting[]){ { "features.0_dense.kernel", 0 },
                             { "features.0_dense.bias", 0 },
                             { "features.1_dense.kernel", 1e10f },
                             { "features.2_dense.kernel", 1 },
                             { "features.2_dense.bias", 0 },
                             { 0 } },
         1e38f, "the gradients are not finite: the gradients of 'features.0_dense'");
}

static void a_loss_that_explodes_is_told_with_the_layer(void **state)
{
    (void)state;
    step(LINEAR, (struct setting[]){ { 0 } }, 1e14f, "has exploded to");
    step(LINEAR, (struct setting[]){ { 0 } }, 1e14f,
         "the values of 'features' are the first above 1e6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_layer_that_overflows_is_named),
        cmocka_unit_test(a_weight_that_is_no_number_is_named),
        cmocka_unit_test(a_loss_that_explodes_is_told_with_the_layer),
        cmocka_unit_test(gradients_that_overflow_are_named_where_they_do_first),
        cmocka_unit_test(a_gradient_that_overflows_in_its_sum_over_rows_is_named),
    };
    return cmocka_run_group_tests_name("overflow", tests, NULL, NULL);
}
