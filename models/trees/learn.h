#ifndef TREES_LEARN_H
#define TREES_LEARN_H

#include <jansson.h>

#include "models/rows.h"
#include "models/trees/grow.h"

/** The training rows as trees read them. All owned; all zeros is empty. */
struct learn {
    struct rows rows;
    float *x;            /* (n, ld) */
    int32_t *class;      /* (n) or NULL */
    double *y;           /* (n) or NULL */
    double *weight;      /* (n) NULL: all 1 */
    uint8_t *gaps;       /* (d) */
    float *validation_x; /* (n_validation, ld), where asked for; with them */
    int32_t *validation_class;
    double *validation_y;
    struct grow_data data;
};

/** Take the training rows out of the inputs, whose features are there. ERR_DATA as
 * rows_pick_target, or if there are more rows than 32 bits count. */
int learn_begin(struct learn *l, const struct model_data *data, struct err *e);

/** The validation rows, too. */
void learn_validation(struct learn *l, const struct model_data *data);

/** Weights of the training rows: a column of the table (NULL: none) times those of their classes.
 * ERR_DATA, naming the column, if it is absent, no number, misses a value or has one below 0, or if
 * no row weighs anything; ERR_USAGE for weights of classes where the label is a number. */
int learn_weigh(struct learn *l, const struct model_data *data, const char *column,
                enum nn_class_weight how, const struct nn_class_weights *given, struct err *e);
void learn_release(struct learn *l);

/** JSON as text, owned by the caller; root is used up. */
char *learn_json_text(json_t *root);

#endif
