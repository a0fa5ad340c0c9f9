#ifndef NN_SPEC_H
#define NN_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "models/nn/training.h"

/* The network file (models/presets/): which branches read which input, which layers they have, how
 * the head joins them, and the defaults of training. Data, not code; kept word for word in the
 * model file. docs/formats.md. */

enum nn_op {
    NN_EMBEDDING,
    NN_LSTM,
    NN_CONV2D,
    NN_MAXPOOL,
    NN_DENSE,
    NN_BATCH_NORM,
    NN_DROPOUT,
    NN_RELU,
    NN_FLATTEN,
    NN_CONCAT,
    NN_POOL_TIME,
    NN_POOL_SPACE,
    NN_EMBEDDING_BAG
};

/** The word for an op in network files: "lstm". */
const char *nn_op_name(enum nn_op op);

enum nn_activation { NN_LINEAR, NN_ACT_RELU };
enum nn_input { NN_TEXT, NN_PIXELS, NN_FEATURES, NN_NGRAMS, N_NN_INPUT };

/** The word for an input in network files: "text". */
const char *nn_input_name(enum nn_input input);

struct nn_layer {
    enum nn_op op;
    int64_t size; /* embedding, embedding_bag, lstm, dense: units; conv2d: filters; maxpool: window;
                     -1: classes */
    int64_t kernel; /* conv2d */
    bool same;      /* conv2d: zero padding that keeps height and width; else none */
    bool all_steps; /* lstm: (B, T, H) instead of the last step (B, H) */
    bool mean;      /* pool_time, pool_space: mean instead of maximum */
    enum nn_activation activation;
    double rate;           /* dropout; lstm, embedding_bag: of its input; batch_norm: momentum */
    double recurrent_rate; /* lstm: of its state */
    double l1, l2;         /* penalty on the layer's kernels, on top of training's */
};

/** Which n-grams of a row's words a branch reads, and what each counts. */
struct nn_ngrams {
    int64_t words;              /* of 1 to so many words */
    int64_t char_min, char_max; /* of so many characters of one word; 0: none */
    int64_t min_rows;           /* in at least so many training rows */
    enum nn_gram_weight { GRAM_ONE, GRAM_IDF, GRAM_LOG_COUNT_RATIO } weight;
};

struct nn_branch {
    enum nn_input input;
    int64_t vocabulary; /* text, ngrams: the most frequent; -1: all */
    int64_t length;     /* words per row that are read; -1: text: of the longest training row,
                           ngrams: all */
    struct nn_ngrams ngrams;
    bool pad_front;      /* text: padding before the words instead of after them */
    bool drop_unknown;   /* text: leave out unknown words instead of coding them 1 */
    bool mask;           /* text: recurrent and time-pooling layers skip the padding */
    int64_t image_size;  /* pixels: expected height = width; 0: whatever the file has */
    double word_dropout; /* text: training makes a word unknown with this probability */
    bool flip;           /* pixels: training mirrors half of the pictures */
    int64_t crop;        /* pixels: training shifts them by at most so many pixels */
    double brightness;   /* pixels: training makes them darker or brighter by at most this share */
    struct nn_layer *layer; /* owned */
    size_t n_layer;
};

struct nn_spec {
    struct nn_branch *branch; /* owned */
    size_t n_branch;
    struct nn_layer *head; /* owned; empty: the only branch ends in the classes itself */
    size_t n_head;
    struct nn_training training; /* defaults; each is also an option of train, which wins */
    struct nn_class_weights class_weights; /* owned; likewise */
    char *text;                            /* owned: the file, word for word */
};

/** Read a network file. ERR_USAGE with file:line:column: unknown keys, values out of range, layers
 * whose forms do not fit each other (sizes that come from the data are checked by net_build).
 * ERR_IO if it cannot be read. */
int nn_spec_read(struct nn_spec *s, const char *path, struct err *e);

/** The same from a text (as kept in a model file); `name` stands for the file in messages. */
int nn_spec_parse(struct nn_spec *s, const char *name, const char *text, struct err *e);
void nn_spec_release(struct nn_spec *s);

/** Is the last layer as wide as there are classes? */
bool nn_ends_in_classes(const struct nn_layer *l, size_t n);

/** The branch that reads an input, or NULL. */
const struct nn_branch *nn_spec_branch(const struct nn_spec *s, enum nn_input input);

/** Take a branch away because its input is empty (with a warning by the caller). */
void nn_spec_drop(struct nn_spec *s, enum nn_input input);

#endif
