#ifndef MODELS_PERMUTATION_H
#define MODELS_PERMUTATION_H

#include "models/model.h"

/** How much worse a model predicts when a column of the table is shuffled among the rows (Breiman,
 * Machine Learning 45, 2001): all columns of the matrix that were made of it together, for the
 * levels of a category shuffled one by one would hide behind each other. All owned. */
struct permutation {
    bool validation; /* on the validation rows; else there are none, and on the training rows */
    size_t n_row, n_column;
    char **name;  /* (n_column) of the table's columns, in the order of the matrix */
    double score; /* accuracy, or R2 of a regression, as the rows are */
    double *drop; /* (n_column) by how much it falls, mean over the shuffles */
};

/** Rows with their labels. Borrowed. */
struct judged {
    size_t n;
    const size_t *row;   /* (n) of the matrix */
    const double *truth; /* (n) class of the model, or number */
};

/**
 * For a model that reads feature columns alone. Column j is shuffled by stream j + 1 of the seed.
 *   errors  ERR_DATA as model_predict
 */
int permutation_of_rows(struct permutation *p, struct model *m, const struct featmat *features,
                        const struct judged *rows, size_t shuffles, uint64_t seed, struct err *e);

/** The same on the validation rows of the data, or without any on the training rows. ERR_DATA also
 * if no row has a label that the model knows. */
int permutation_fit(struct permutation *p, struct model *m, const struct model_data *data,
                    size_t shuffles, uint64_t seed, struct err *e);

/** CSV: column, drop; the largest first. */
int permutation_write(const struct permutation *p, const char *path, struct err *e);
void permutation_release(struct permutation *p);

#endif
