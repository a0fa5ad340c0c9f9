#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "models/nn/spec.h"

#define HEAD "network: 1\nbranches:\n  features:\n    layers:\n"

static void refuses(const char *text, const char *part)
{
    struct nn_spec s = { 0 };
    struct err e = { 0 };
    assert_error(nn_spec_parse(&s, "net.yaml", text, &e), ERR_USAGE, e, part);
    assert_null(s.branch);
    assert_null(s.text);
}

static void the_preset_is_read_as_written(void **state)
{
    (void)state;
    struct nn_spec s = { 0 };
    struct err e = { 0 };
    assert_ok(nn_spec_read(&s, "models/presets/fusion.yaml", &e), e);
    assert_int_equal(s.n_branch, 4);
    const struct nn_branch *text = nn_spec_branch(&s, NN_TEXT),
                           *pixels = nn_spec_branch(&s, NN_PIXELS),
                           *ngrams = nn_spec_branch(&s, NN_NGRAMS);
    assert_int_equal(text->vocabulary, 20000);
    assert_int_equal(text->length, 64);
    assert_true(text->mask && !text->pad_front && !text->drop_unknown);
    assert_int_equal(text->n_layer, 4);
    assert_int_equal(text->layer[1].op, NN_POOL_TIME);
    assert_false(text->layer[1].mean);
    assert_near(text->layer[2].rate, 0.3, 0, 0);
    assert_int_equal(text->layer[3].activation, NN_ACT_RELU);
    assert_int_equal(pixels->layer[0].kernel, 3);
    assert_true(pixels->layer[0].same);
    assert_int_equal(pixels->image_size, 0);
    assert_int_equal(s.head[0].op, NN_CONCAT);
    assert_int_equal(s.head[s.n_head - 1].size, -1);
    assert_near(pixels->layer[2].rate, 0.9, 0, 0);
    assert_int_equal(ngrams->ngrams.words, 2);
    assert_int_equal(ngrams->ngrams.char_min, 3);
    assert_int_equal(ngrams->ngrams.char_max, 5);
    assert_int_equal(ngrams->ngrams.weight, GRAM_LOG_COUNT_RATIO);
    assert_int_equal(ngrams->layer[0].op, NN_EMBEDDING_BAG);
    assert_near(s.training.weight_decay, 0.05, 0, 0);
    assert_int_equal(s.training.shards, 4);
    assert_int_equal(s.training.keep, KEEP_VALIDATION_LOSS);
    assert_int_equal(s.training.plateau_patience, 3);
    assert_string_equal(s.text + strlen(s.text) - 22, "keep: validation_loss\n");
    nn_spec_release(&s);
    assert_null(s.branch);
}

static void every_key_of_the_text_branch_and_the_lstm(void **state)
{
    (void)state;
    struct nn_spec s = { 0 };
    struct err e = { 0 };
    assert_ok(nn_spec_parse(
                  &s, "net.yaml",
                  "network: 1\nbranches:\n  text:\n    vocabulary: all\n    unknown: drop\n    "
                  "length: longest\n"
                  "    pad: front\n    mask: false\n    layers: [embedding: 300, {lstm: 128, "
                  "steps: all, dropout: .5, "
                  "recurrent_dropout: 0.25, l1: 0.1, l2: 1e-3}, pool_time: mean, dense: classes]\n"
                  "training: {class_weight: one_minus_share, keep: last, stop_monitor: "
                  "validation_accuracy}\n",
                  &e),
              e);
    const struct nn_branch *b = &s.branch[0];
    assert_true(b->vocabulary == -1 && b->length == -1 && b->pad_front && b->drop_unknown &&
                !b->mask);
    assert_true(b->layer[1].all_steps);
    assert_near(b->layer[1].rate, 0.5, 0, 0);
    assert_near(b->layer[1].recurrent_rate, 0.25, 0, 0);
    assert_near(b->layer[1].l1, 0.1, 0, 0);
    assert_near(b->layer[1].l2, 1e-3, 0, 0);
    assert_true(b->layer[2].mean);
    assert_int_equal(s.training.class_weight, WEIGHT_ONE_MINUS_SHARE);
    assert_int_equal(s.training.keep, KEEP_LAST);
    assert_int_equal(s.training.stop_monitor, MONITOR_VALIDATION_ACCURACY);
    assert_int_equal(s.n_head, 0);
    nn_spec_release(&s);
}

static void augmentation_and_weights_of_classes(void **state)
{
    (void)state;
    struct nn_spec s = { 0 };
    struct err e = { 0 };
    assert_ok(nn_spec_parse(&s, "net.yaml",
                            "network: 1\nbranches:\n"
                            "  text: {vocabulary: 9, length: 4, word_dropout: 0.1, layers: "
                            "[embedding: 3, pool_time: max]}\n"
                            "  pixels:\n    augment: {flip: true, crop: 4, brightness: 0.2}\n"
                            "    layers: [flatten, dense: 3]\n"
                            "head: [concat, dense: classes]\n"
                            "training: {class_weights: {'10': 2.5, shoe: 0}}\n",
                            &e),
              e);
    assert_near(s.branch[0].word_dropout, 0.1, 0, 0);
    assert_true(s.branch[1].flip && s.branch[1].crop == 4);
    assert_near(s.branch[1].brightness, 0.2, 0, 0);
    assert_int_equal(s.class_weights.n, 2);
    assert_string_equal(s.class_weights.label[0], "10");
    assert_near(s.class_weights.weight[0], 2.5, 0, 0);
    nn_spec_release(&s);
    refuses("network: 1\nbranches: {pixels: {augment: {flop: true}, layers: [flatten]}}\n",
            "net.yaml:2:31: augment: unknown key 'flop'; did you mean 'flip'?");
    refuses("network: 1\nbranches: {pixels: {augment: {brightness: 2}, layers: [flatten]}}\n",
            "brightness: 2 is out of range: want 0 to 1");
    refuses("network: 1\nbranches: {features: {layers: [dense: classes]}}\n"
            "training: {class_weights: balanced}\n",
            "net.yaml:3:27: class_weights: want a mapping of label: weight");
    refuses("network: 1\nbranches: {features: {layers: [dense: classes]}}\n"
            "training: {class_weights: {a: -1}}\n",
            "net.yaml:3:31: a: -1 is out of range");
}

static void mistakes_are_found_with_their_place(void **state)
{
    (void)state;
    refuses("", "net.yaml:1:1: the file is empty");
    refuses("branches: {}\n", "'network: 1' is missing");
    refuses("network: 2\nbranches: {features: {layers: [dense: classes]}}\n",
            "net.yaml:1:10: network (version of this format): 2 is out of range");
    refuses("network: 1\nbranchs: {}\n",
            "net.yaml:2:1: network file: unknown key 'branchs'; did you mean 'branches'?");
    refuses("network: 1\nbranches: {pixel: {}}\n",
            "net.yaml:2:12: branches: unknown key 'pixel'; did you mean 'pixels'?");
    refuses("network: 1\nbranches: {}\n", "want at least one of text, pixels, features");
    refuses("network: 1\nbranches: {features: {}}\n",
            "net.yaml:2:22: features: 'layers' is missing");
    refuses("network: 1\nbranches: {features: {layers: []}}\n", "want a list of 1 to 64 layers");
    refuses(HEAD "      - dens: classes\n",
            "net.yaml:5:9: layer: unknown op 'dens'; did you mean 'dense'?");
    refuses(HEAD "      - {dense: 4, relu: 1}\n      - dense: classes\n",
            "net.yaml:5:20: layer: two ops ('dense' and 'relu')");
    refuses(HEAD "      - {dense: 4, activation: rellu}\n      - dense: classes\n",
            "net.yaml:5:32: activation: 'rellu' is not one of linear, relu; did you mean 'relu'?");
    refuses(HEAD "      - {dense: 4, activaton: relu}\n",
            "net.yaml:5:20: dense: unknown key 'activaton'; did you mean 'activation'?");
    refuses(HEAD "      - dense: 0\n", "net.yaml:5:16: dense: 0 is out of range: want 1 to 65536");
    refuses(HEAD "      - dense\n", "net.yaml:5:9: dense: want a size");
    refuses(HEAD "      - dropout: 1\n", "dropout: 1 is out of range: want 0 to 0.99");
    refuses(HEAD "      - relu: 3\n", "relu: takes no value, found '3'");
    refuses(HEAD "      - []\n", "layer: want a word or 'op: size'");
    refuses(HEAD "      - flatten\n", "the last layer must be 'dense: classes'");
}

static void layers_that_do_not_fit_are_found_before_any_data(void **state)
{
    (void)state;
    refuses(HEAD "      - lstm: 4\n      - dense: classes\n",
            "net.yaml:5:9: lstm does not take rows: they have neither steps nor a picture");
    refuses("network: 1\nbranches: {pixels: {layers: [dense: 4]}}\n",
            "dense does not take a picture: make rows of it with flatten or pool_space");
    refuses("network: 1\nbranches: {text: {vocabulary: 9, length: 4, layers: [lstm: 4]}}\n",
            "lstm does not take words: begin with 'embedding: 128'");
    refuses("network: 1\nbranches: {text: {vocabulary: 9, length: 4, layers: [embedding: 4, dense: "
            "classes]}}\n",
            "'dense: classes' does not take steps");
    refuses("network: 1\nbranches: {text: {length: 4, layers: [embedding: 4]}}\n",
            "text: 'vocabulary' is missing");
    refuses("network: 1\nbranches: {text: {vocabulary: 1, length: 4, layers: [embedding: 4]}}\n",
            "vocabulary: 1 is out of range");
    refuses("network: 1\nbranches: {features: {layers: [dense: classes, relu]}}\n",
            "'dense: classes' must be the last layer");
    refuses("network: 1\nbranches: {features: {layers: [dense: 3]}, pixels: {layers: [flatten]}}\n",
            "2 branches need a 'head' that joins them");
    refuses("network: 1\nbranches: {features: {layers: [dense: 3]}, pixels: {layers: "
            "[flatten]}}\nhead: [dense: classes]\n",
            "the head of 2 branches must begin with 'concat'");
    refuses("network: 1\nbranches: {features: {layers: [dense: 3]}}\nhead: [relu, concat, dense: "
            "classes]\n",
            "concat belongs at the beginning of the head");
    refuses(
        "network: 1\nbranches: {pixels: {layers: [conv2d: 3]}}\nhead: [concat, dense: classes]\n",
        "branch 'pixels' hands a picture to the head, which takes rows");
    refuses("network: 1\nbranches: {features: {layers: [dense: classes]}}\nhead: [concat, dense: "
            "classes]\n",
            "all branches end in the classes: a head has nothing to join");
    refuses("network: 1\nbranches: {features: {layers: [dense: classes]}, ngrams: {layers: "
            "[embedding_bag: 4]}}\n",
            "a branch that does not end in the classes needs a 'head'");
    refuses("network: 1\nbranches: {ngrams: {layers: [dense: classes]}}\n",
            "dense does not take n-grams: begin with 'embedding_bag: 64'");
    refuses("network: 1\nbranches: {ngrams: {layers: [embedding_bag: classes, relu]}}\n",
            "'embedding_bag: classes' must be the last layer");
    refuses("network: 1\nbranches: {ngrams: {words: 0, layers: [embedding_bag: classes]}}\n",
            "ngrams: want 'words', 'characters', or both");
    refuses("network: 1\nbranches: {ngrams: {characters: 3, layers: [embedding_bag: classes]}}\n",
            "characters: want the shortest and the longest: [3, 5]");
    refuses("network: 1\nbranches: {ngrams: {characters: [4, 3], layers: [embedding_bag: "
            "classes]}}\n",
            "characters");
}

static void training_values_have_ranges(void **state)
{
    (void)state;
#define TRAINING(t) \
    "network: 1\nbranches: {features: {layers: [dense: classes]}}\ntraining: {" t "}\n"
    refuses(TRAINING("learning_rat: 1"),
            "net.yaml:3:12: training: unknown key 'learning_rat'; did you mean 'learning_rate'?");
    refuses(TRAINING("learning_rate: 0"), "learning_rate: 0 is out of range");
    refuses(TRAINING("learning_rate: nan"), "learning_rate: 'nan' is not a number");
    refuses(TRAINING("batch: 0"), "batch: 0 is out of range");
    refuses(TRAINING("shards: 65"), "shards: 65 is out of range: want 1 to 64");
    refuses(TRAINING("optimizer: adm"), "optimizer: 'adm' is not one of adam, adamw, sgd");
    refuses(TRAINING("momentum: 1"), "momentum: 1 is out of range");
    refuses(TRAINING("nesterov: 2"), "nesterov: ");
    refuses(TRAINING("label_smoothing: 1"), "label_smoothing: 1 is out of range");
    refuses(TRAINING("clip_norm: -1"), "clip_norm: -1 is out of range");
    refuses(TRAINING("keep: validation_los"), "did you mean 'validation_loss'?");
    refuses(TRAINING("l1: -1"), "l1: -1 is out of range");
}

static void options_of_an_optimizer_without_effect_are_refused(void **state)
{
    (void)state;
    refuses(TRAINING("momentum: 0.9"),
            "net.yaml:3:11: training: momentum is for 'optimizer: sgd'; adam has its own");
    refuses(TRAINING("optimizer: sgd, nesterov: true"),
            "nesterov wants 'optimizer: sgd' and a momentum above 0");
    refuses(TRAINING("weight_decay: 0.1"), "weight_decay is for 'optimizer: adamw' or 'sgd'");
    refuses(TRAINING("optimizer: adamw"), "'optimizer: adamw' wants a weight_decay above 0");

    struct nn_spec s = { 0 };
    struct err e = { 0 };
    assert_ok(nn_spec_parse(&s, "net.yaml",
                            TRAINING("optimizer: sgd, momentum: 0.9, nesterov: true, weight_decay: "
                                     "0.01, clip_norm: 5, label_smoothing: 0.1"),
                            &e),
              e);
    assert_int_equal(s.training.optimizer, OPTIMIZER_SGD);
    assert_true(s.training.nesterov);
    assert_near(s.training.momentum, 0.9, 1e-12, 0);
    assert_near(s.training.weight_decay, 0.01, 1e-12, 0);
    assert_near(s.training.clip_norm, 5, 1e-12, 0);
    assert_near(s.training.label_smoothing, 0.1, 1e-12, 0);
    nn_spec_release(&s);
}

static void a_file_that_is_absent_or_binary_is_an_error(void **state)
{
    (void)state;
    struct nn_spec s = { 0 };
    struct err e = { 0 };
    char path[] = "/tmp/refit-spec-XXXXXX";
    assert_error(nn_spec_read(&s, "/nonexistent/net.yaml", &e), ERR_IO, e,
                 "cannot open '/nonexistent/net.yaml'");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "network: 1\0\n", 12), 12);
    close(fd);
    assert_error(nn_spec_read(&s, path, &e), ERR_USAGE, e, "it holds a NUL byte");
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_preset_is_read_as_written),
        cmocka_unit_test(every_key_of_the_text_branch_and_the_lstm),
        cmocka_unit_test(augmentation_and_weights_of_classes),
        cmocka_unit_test(mistakes_are_found_with_their_place),
        cmocka_unit_test(layers_that_do_not_fit_are_found_before_any_data),
        cmocka_unit_test(training_values_have_ranges),
        cmocka_unit_test(options_of_an_optimizer_without_effect_are_refused),
        cmocka_unit_test(a_file_that_is_absent_or_binary_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
