#include "gradcheck.h"

#define NGRAMS_OF(layers) \
    "network: 1\nbranches: {ngrams: {layers: [" layers "]}}\ntraining: {shards: 3}\n"

static void a_bag_is_the_weighted_sum_of_its_rows_of_the_table(void **state)
{
    (void)state;
    check_network(NGRAMS_OF("{embedding_bag: 6, activation: relu}, dense: classes"), small_dims);
}

static void a_bag_may_be_the_whole_network(void **state)
{
    (void)state;
    check_network(NGRAMS_OF("embedding_bag: classes"), small_dims);
}

static void dropout_takes_ngrams_out(void **state)
{
    (void)state;
    check_network(NGRAMS_OF("{embedding_bag: 5, dropout: 0.4}, dense: classes"), small_dims);
}

static void logits_of_wide_branches_are_added_to_the_heads(void **state)
{
    (void)state;
    check_network("network: 1\nbranches:\n"
                  "  ngrams: {layers: [{embedding_bag: classes, dropout: 0.2}]}\n"
                  "  text: {vocabulary: 9, length: 5, layers: [embedding: 4, pool_time: mean]}\n"
                  "  features: {layers: [dense: classes]}\n"
                  "  pixels: {layers: [{conv2d: 4}, maxpool: 3, flatten]}\n"
                  "head: [concat, {dense: 5, activation: relu}, dropout: 0.3, dense: classes]\n"
                  "training: {shards: 3, auxiliary: 0.4, l2: 0.01}\n",
                  small_dims);
}

static void without_a_head_the_branches_themselves_are_added(void **state)
{
    (void)state;
    check_network("network: 1\nbranches:\n"
                  "  ngrams: {layers: [embedding_bag: classes]}\n"
                  "  features: {layers: [dense: classes]}\ntraining: {shards: 2}\n",
                  small_dims);
}

static void one_branch_is_joined_without_concat(void **state)
{
    (void)state;
    check_network("network: 1\nbranches:\n"
                  "  features: {layers: [{dense: 4, activation: relu}]}\n"
                  "  ngrams: {layers: [embedding_bag: classes]}\n"
                  "head: [dense: classes]\ntraining: {shards: 2}\n",
                  small_dims);
}

/* Weights after some steps with this number of threads; owned by the caller. */
static float *trained(struct case_data *c, int threads)
{
    struct err e = { 0 };
    struct net *n = NULL;
    double loss;
    assert_ok(net_build(&n, &c->spec, &c->dims, threads, &e), e);
    net_init(n, 3);
    for (uint64_t draw = 0; draw < 5; draw++) {
        assert_ok(net_train(n, &c->b, draw, &loss, NULL, &e), e);
        for (size_t i = 0; i < net_n_weight(n); i++)
            net_weights(n)[i] -= 0.1f * net_gradients(n)[i];
    }
    float *w = mem_calloc(net_n_weight(n), sizeof *w);
    memcpy(w, net_weights(n), net_n_weight(n) * sizeof *w);
    net_free(n);
    return w;
}

static void the_bits_are_the_same_for_any_number_of_threads(void **state)
{
    (void)state;
    struct nn_dims dims = small_dims;
    dims.n_gram = 300;
    dims.most_grams = 40;
    dims.batch = 30;
    struct case_data c = case_make("network: 1\nbranches:\n"
                                   "  ngrams: {layers: [{embedding_bag: classes, dropout: 0.2}]}\n"
                                   "training: {shards: 7}\n",
                                   dims, 30, 8);
    float *one = trained(&c, 1), *three = trained(&c, 3);
    assert_memory_equal(one, three, (300 * 3 + 3) * sizeof *one);
    free(one);
    free(three);
    case_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bag_is_the_weighted_sum_of_its_rows_of_the_table),
        cmocka_unit_test(a_bag_may_be_the_whole_network),
        cmocka_unit_test(dropout_takes_ngrams_out),
        cmocka_unit_test(logits_of_wide_branches_are_added_to_the_heads),
        cmocka_unit_test(without_a_head_the_branches_themselves_are_added),
        cmocka_unit_test(one_branch_is_joined_without_concat),
        cmocka_unit_test(the_bits_are_the_same_for_any_number_of_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
