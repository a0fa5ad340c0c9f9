#ifndef NN_TRAINING_H
#define NN_TRAINING_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "io/yaml.h"

/**
 * How a network is trained: every key of a network file's `training`, which is also a parameter of
 * train (that wins), part of a training's identity, and told in the model file. A key is one line
 * here and nothing elsewhere:
 *   INT(name, default, min, max, unit, help), REAL(likewise), CHOICE(name, default, choices, help).
 * The value of a choice is its number in the list; the enums below name them.
 */
#define NN_TRAINING_KEYS(INT, REAL, CHOICE)                                                       \
    CHOICE(optimizer, "adam", "adam|adamw|sgd", "how gradients become steps")                     \
    REAL(learning_rate, 0.001, 1e-9, 10, NULL,                                                    \
         "at the start; of boosting what multiplies every round, 0.1 unless given")               \
    REAL(momentum, 0, 0, 0.9999, NULL, "of sgd")                                                  \
    CHOICE(nesterov, "false", "false|true", "sgd looks ahead along its momentum")                 \
    REAL(weight_decay, 0, 0, 10, NULL,                                                            \
         "of adamw and sgd: a step takes learning_rate x weight_decay of every kernel away")      \
    REAL(clip_norm, 0, 0, 1e6, NULL, "norm that all gradients have together at most; 0: any")     \
    REAL(label_smoothing, 0, 0, 0.99, NULL,                                                       \
         "share of the label's probability that the loss spreads over all classes")               \
    REAL(l1, 0, 0, 10, NULL, "penalty: l1 x sum |w| of every kernel")                             \
    REAL(l2, 0, 0, 10, NULL,                                                                      \
         "penalty: l2 x sum w^2 of every kernel; of boosting added to the second derivatives of " \
         "a leaf, 0 unless given")                                                                \
    REAL(auxiliary, 0, 0, 10, NULL,                                                               \
         "weight of the loss that every branch of a fusion has by itself")                        \
    INT(batch, 32, 1, 65536, "rows", "rows for one step")                                         \
    INT(epochs, 30, 1, 1000000, NULL, "passes over the rows at most")                             \
    INT(bucket, 16, 0, 1000000, "batches",                                                        \
        "rows of so many batches are sorted by length together, so that no padding is computed; " \
        "0: none")                                                                                \
    INT(shards, 4, 1, NN_MAX_SHARDS, NULL,                                                        \
        "parts of a batch that threads share out; part of the result, the number of threads is "  \
        "not")                                                                                    \
    CHOICE(kernels, "auto", "auto|onednn|openblas",                                               \
           "auto: by a fixed rule on shape and processor; or none of our own; or OpenBLAS alone") \
    CHOICE(class_weight, "none", "none|balanced|one_minus_share",                                 \
           "weight of a row in the loss: 1, N/(C n_c), or 1 - n_c/N")                             \
    CHOICE(keep, "validation_loss", "last|validation_loss|validation_accuracy",                   \
           "weights of which epoch the model gets")                                               \
    CHOICE(stop_monitor, "none", NN_MONITORS, "stop early when this gets no better")              \
    REAL(stop_min_delta, 0, 0, 1e6, NULL, "what counts as better")                                \
    INT(stop_patience, 5, 1, 1000000, "epochs", "how long to wait")                               \
    CHOICE(plateau_monitor, "none", NN_MONITORS,                                                  \
           "lower the learning rate when this gets no better")                                    \
    REAL(plateau_factor, 0.1, 1e-6, 0.999999, NULL, "new learning rate / old one")                \
    REAL(plateau_min_delta, 0, 0, 1e6, NULL, "what counts as better")                             \
    INT(plateau_patience, 3, 1, 1000000, "epochs", "how long to wait")                            \
    INT(plateau_cooldown, 0, 0, 1000000, "epochs", "rest after a lower learning rate")            \
    CHOICE(schedule, "none", "none|cosine|step", "how the learning rate falls by itself")         \
    REAL(schedule_floor, 0, 0, 1, NULL, "cosine: last learning rate / first one")                 \
    INT(schedule_every, 10, 1, 1000000, "epochs", "step: how long a learning rate lasts")         \
    REAL(schedule_factor, 0.1, 1e-6, 0.999999, NULL, "step: new learning rate / old one")         \
    REAL(warmup, 0, 0, 1000000, "epochs", "the learning rate rises from 0 so long")               \
    REAL(max_minutes, 0, 0, 1000000, "min",                                                       \
         "time budget: training ends after it, with the best weights; 0: none")

#define NN_MONITORS "none|validation_loss|validation_accuracy|loss|accuracy"

enum { NN_MAX_SHARDS = 64 };
enum nn_optimizer { OPTIMIZER_ADAM, OPTIMIZER_ADAMW, OPTIMIZER_SGD };
enum nn_kernels { KERNELS_AUTO, KERNELS_ONEDNN, KERNELS_OPENBLAS };
enum nn_class_weight { WEIGHT_NONE, WEIGHT_BALANCED, WEIGHT_ONE_MINUS_SHARE };
enum nn_keep { KEEP_LAST, KEEP_VALIDATION_LOSS, KEEP_VALIDATION_ACCURACY };
enum nn_monitor {
    MONITOR_NONE,
    MONITOR_VALIDATION_LOSS,
    MONITOR_VALIDATION_ACCURACY,
    MONITOR_LOSS,
    MONITOR_ACCURACY
};
enum nn_schedule { SCHEDULE_NONE, SCHEDULE_COSINE, SCHEDULE_STEP };

#define NN_INT_MEMBER(name, ...)    int64_t name;
#define NN_REAL_MEMBER(name, ...)   double name;
#define NN_CHOICE_MEMBER(name, ...) int name;
struct nn_training {
    NN_TRAINING_KEYS(NN_INT_MEMBER, NN_REAL_MEMBER, NN_CHOICE_MEMBER)
};

/** A weight that `class_weights` gives the rows of a class, on top of class_weight's. */
struct nn_class_weights {
    size_t n;
    char **label;   /* (n) owned */
    double *weight; /* (n) owned; >= 0 */
};
enum { NN_MAX_CLASS_WEIGHT = 1000000 };

/** One key, for code that goes over all of them. */
struct nn_key {
    const char *name;
    enum { NN_KEY_INT, NN_KEY_REAL, NN_KEY_CHOICE } kind;
    size_t offset; /* in struct nn_training */
    double def, min, max;
    const char *choices, *choice; /* of a choice: all, and the default */
};
extern const struct nn_key nn_training_keys[]; /* ends with a key without name */

/** From the `training` of a network file (NULL: it has none): defaults, then what is given, which
 * may also be `class_weights`, a map of label: weight. ERR_USAGE with file:line:column. */
int nn_training_read(struct nn_training *t, struct nn_class_weights *w, const struct yaml *map,
                     struct err *e);

void nn_class_weights_add(struct nn_class_weights *w, const char *label, size_t len, double weight);
void nn_class_weights_release(struct nn_class_weights *w);

/** Do the options fit each other? ERR_USAGE: one that would have no effect, or one that is missing.
 */
int nn_training_check(const struct nn_training *t, struct err *e);

/** `"key": value` of all keys, separated by commas: a part of a JSON object. Appended to *out. */
void nn_training_json(const struct nn_training *t, struct str *out);

#endif
