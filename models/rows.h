#ifndef MODELS_ROWS_H
#define MODELS_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "models/classes.h"
#include "models/model.h"

/** Who is trained on and who is validated on. All zeros: nobody. All owned. */
struct rows {
    struct classes classes; /* labels of the training rows */
    int32_t *class_of_row;  /* (rows of the table), -1: no label, or one that no training row has */
    double *target; /* (rows of the table) of a number label, which has no classes; else NULL */
    size_t *train, *validation;
    size_t n_train, n_validation;
};

/**
 * Rows with a label by their side; without sides every row with a label is for training. Validation
 * rows whose label no training row has are left out, counted in a warning. errors  ERR_DATA if the
 * table has no label column or the training rows have fewer than two labels
 */
int rows_pick(struct rows *r, const struct model_data *data, struct err *e);
/** As rows_pick, and also of a number label: regression. */
int rows_pick_target(struct rows *r, const struct model_data *data, struct err *e);
void rows_release(struct rows *r);

#endif
