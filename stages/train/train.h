#ifndef TRAIN_TRAIN_H
#define TRAIN_TRAIN_H

#include <stdint.h>

#include "base/err.h"
#include "base/opt.h"
#include "models/nn/training.h"

struct params {
    const char *family, *network, *table, *text, *pixels, *features, *split, *model, *last_model,
        *history, *history_csv, *steps_csv, *checkpoint;
    struct opt_list warm_start, class_weights;
    double checkpoint_seconds;
    int64_t seed;
    double c, tolerance;
    int64_t max_iterations;
    const char *penalty;
    const char *target, *criterion, *splitter, *max_features, *weight;
    int64_t trees, max_depth, min_leaf, min_split, max_leaves, patience;
    bool bootstrap, out_of_bag;
    const char *importance;
    int64_t shuffles;
#define INT_FIELD(key, ...)    int64_t key;
#define REAL_FIELD(key, ...)   double key;
#define CHOICE_FIELD(key, ...) const char *key;
    NN_TRAINING_KEYS(INT_FIELD, REAL_FIELD, CHOICE_FIELD)
};

/** LABEL=WEIGHT of --class_weights, in place of those in *w. */
int given_class_weights(struct nn_class_weights *w, const struct opt_list *list, struct err *e);

/** Train a family that reads feature columns alone. */
int train_table(const struct params *p, struct err *e);

#endif
