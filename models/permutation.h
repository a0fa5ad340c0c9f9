#ifndef MODELS_PERMUTATION_H
#define MODELS_PERMUTATION_H

#include "models/model.h"

/** How much worse a model predicts when a column is shuffled among the rows (Breiman, Machine
 * Learning 45, 2001). All owned. */
struct permutation {
    bool validation; /* on the validation rows; else there are none, and on the training rows */
    size_t n_row, n_column;
    double score; /* accuracy, or R2 of a regression, as the rows are */
    double *drop; /* (n_column) by how much it falls, mean over the shuffles */
};

/**
 * For a model that reads feature columns alone. Column j is shuffled by stream j + 1 of the seed.
 *   errors  ERR_DATA as model_predict, or if no row has a label that the model knows
 */
int permutation_fit(struct permutation *p, struct model *m, const struct model_data *data,
                    size_t shuffles, uint64_t seed, struct err *e);

/** CSV: column, drop; the largest first. */
int permutation_write(const struct permutation *p, const struct model *m, const char *path,
                      struct err *e);
void permutation_release(struct permutation *p);

#endif
