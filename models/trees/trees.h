#ifndef MODELS_TREES_H
#define MODELS_TREES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/nn/training.h"
#include "models/trees/forest.h"

/* The family `extra_trees`: extremely randomised trees, and random forests (splitter best,
 * bootstrap), of feature columns. A category label gives shares of classes, a number label its
 * mean. */

enum trees_criterion { TREES_AUTO, TREES_MSE, TREES_GINI, TREES_ENTROPY };
#define TREES_CRITERIA  "auto|mse|gini|entropy"
#define TREES_SPLITTERS "random|best"

struct trees_options {
    size_t n_tree;
    enum trees_criterion criterion; /* auto: gini of classes, mse of numbers */
    bool best;                      /* splitter */
    const char *max_features;       /* auto, all, sqrt, log2, a count, or a share below 1 */
    size_t max_depth, min_leaf, min_split;
    bool bootstrap, out_of_bag;
    const char *weight; /* column of the table with the weight of a row, >= 0; NULL: all 1 */
    enum nn_class_weight class_weight;
    const struct nn_class_weights *class_weights; /* on top of it; borrowed, NULL: none */
};

/** Columns that are tried at a node, of d. ERR_USAGE if the text says nothing of the sort. */
int trees_max_features(size_t *out, const char *text, size_t d, bool regression, struct err *e);

/** What both families of trees keep. All owned. */
struct trees {
    struct forest forest;
    double *importance; /* (d) */
    int threads;
    struct forest_scratch *scratch; /* made by the first prediction */
};

struct model;
struct h5;
struct str;
/** What is the same in both families. */
int trees_save(const struct model *m, struct h5 *h, struct err *e);
int trees_load(struct model *m, struct h5 *h, int threads, struct err *e);
void trees_describe(const struct model *m, struct str *out);
const double *trees_importance(const struct model *m);
void trees_free(void *state);
struct model_data;
int trees_predict(struct model *m, const struct model_data *data, const size_t *row, size_t n,
                  float *out, struct err *e);

#endif
