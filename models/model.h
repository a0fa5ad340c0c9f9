#ifndef MODELS_MODEL_H
#define MODELS_MODEL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/featmat.h"
#include "io/pixels.h"
#include "io/sides.h"
#include "io/table.h"
#include "io/tokens.h"

/* Model families behind one interface. Training, batch prediction and the server call the very same
 * model_predict. A model file (refit.model, docs/formats.md) carries everything that prediction
 * needs: network, weights, vocabulary, fitted state of impute_scale, label map, recipes of text and
 * pictures, roles of the input table. */

/** Inputs, row by row in the same order; what is absent is NULL. All borrowed. */
struct model_data {
    const struct table *table;
    const struct tokens *tokens;
    const struct pixels *pixels;
    const struct featmat *features;
    const struct sides *sides;
};

/** Files of a data set; NULL: absent. */
struct model_files {
    const char *table, *text, *pixels, *features, *split;
};
struct model_inputs {
    struct model_files files; /* the names, for messages; borrowed */
    struct table table;
    struct tokens tokens;
    struct pixels pixels;
    struct featmat features;
    struct sides sides;
    struct model_data data; /* points at those of the above that were read */
};

/** Read the files that are given and check that they have the same rows in the same order
 * (ERR_DATA). */
int model_inputs_read(struct model_inputs *in, const struct model_files *files, struct err *e);
void model_inputs_release(struct model_inputs *in);

struct model;

/** Numbers that a prediction of one row has: the classes, or 1 of a regression, which has none. */
size_t model_n_output(const struct model *m);

/** Classes of a model: index -> label text (and a name for people, or NULL). Borrowed from the
 * model. */
size_t model_n_class(const struct model *m);
const char *model_class(const struct model *m, size_t i);
const char *model_class_name(const struct model *m, size_t i);

/** What kind it is: of a network "fusion", "text", "image", "table": which inputs it reads; else
 * the name of its family: "late_fusion", "logistic"... */
const char *model_kind(const struct model *m);

/** Index of a label text among the classes, or -1. */
int64_t model_find_class(const struct model *m, const char *label);

/** Which inputs it reads, and how they were made: all borrowed, NULL or 0 where the model does not
 * read the input. */
struct model_wants {
    const char *text_recipe;      /* JSON of the text options (tokens.recipe) */
    size_t length;                /* words per row, T */
    bool pad_front, drop_unknown; /* see vocab.h */
    const char *pixels_recipe;    /* JSON of the picture options (pixels.recipe) */
    size_t height, width;
    const char *features_state; /* JSON of impute_scale's state (featmat.state) */
    char *const *feature;       /* (n_feature) column names */
    size_t n_feature;
    const struct table_roles *roles; /* of the table that it was trained on */
};
void model_wants(const struct model *m, struct model_wants *out);

/** How its training went, as JSON: rows, options, figures of the kept epoch. Borrowed. */
const char *model_training(const struct model *m);

/** Does it read feature columns and nothing else? */
bool model_reads_features_alone(const struct model *m);

/** How much of the decrease of its criterion in training each feature column made; (n_feature),
 * borrowed. NULL: the family does not know. */
const double *model_importance(const struct model *m);

/**
 * The column of a table that holds what the model predicts: the one that it has learnt, by its
 * name, or where the table has none of that name the table's label.
 *   path    of the table, for messages
 *   errors  ERR_DATA if there is neither, or if it is a category where the model predicts a number,
 *           or a number where it tells classes apart
 */
int model_target(const struct model *m, const struct table *t, const char *path,
                 const struct column **out, struct err *e);

/** Branches, layers with shapes and weights, as lines of text for the log; appended to *out. */
struct str;
void model_describe(const struct model *m, struct str *out);

/**
 * Class probabilities of n rows, or the estimated number of a regression.
 *   row     (n) row numbers in `data`
 *   out     (n, n_output) float32
 *   errors  ERR_DATA if an input that the model reads is absent or has other sizes or recipes than
 * it was trained on
 */
int model_predict(struct model *m, const struct model_data *data, const size_t *row, size_t n,
                  float *out, struct err *e);

/** What a model is made from. All borrowed, `network` is used up. */
struct nn_spec;
struct logistic_options;
struct trees_options;
struct boosting_options;
struct history;
struct fit {
    const char *family;      /* NULL: "network"; its options are in the member of its name */
    struct nn_spec *network; /* its `training` decides; branches with an empty input are taken out;
                                empty afterwards */
    const struct logistic_options *logistic;
    const struct trees_options *trees; /* of extra_trees */
    const struct boosting_options *boosting;
    const struct model_data *data; /* sides absent: every labelled row is for training */
    const char *const *warm_start; /* (n_warm_start) model files to begin with, each over the ones
                                      before */
    size_t n_warm_start;
    bool wants_last; /* model_use_last will be called */
    uint64_t seed;
    int threads;
    const char *checkpoint; /* file to go on from after an interruption; NULL: none */
    double checkpoint_seconds;
    const volatile sig_atomic_t *interrupt; /* see trainer.h; NULL: nobody asks */
    struct history *history;                /* filled */
};

/**
 * Train a model. The same fit gives the same model, bit by bit, for any number of threads and any
 * number of interruptions (on one kind of CPU). errors  ERR_USAGE if the family is not known or a
 * branch of the network has no input; ERR_DATA if there is nothing to learn from or the loss is not
 * finite (names epoch and step); ERR_RETRY after an interruption
 */
int model_fit(struct model **out, const struct fit *fit, struct err *e);

/** From now on a model that was just fit is that of the last epoch instead of the kept one. */
void model_use_last(struct model *m);

/** Read a refit.model. ERR_DATA where sizes, names or weights (finite) contradict the network that
 * the file holds. */
int model_load(struct model **out, const char *path, int threads, struct err *e);

/** Publish as refit.model: equal models are equal bytes. */
int model_save(struct model *m, const char *path, struct err *e);
void model_free(struct model *m);

#endif
