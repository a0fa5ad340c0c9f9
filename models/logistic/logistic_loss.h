#ifndef MODELS_LOGISTIC_LOSS_H
#define MODELS_LOGISTIC_LOSS_H

#include <stddef.h>
#include <stdint.h>

/* The function that a logistic regression minimises, and probabilities. Below, d is the number of
 * feature columns, C of classes, K of linear functions: 1 of two classes (of the second one), else
 * C. Parameters are (K, d + 1): coefficients, then the intercept. */

/** Rows to learn from. All borrowed. */
struct logistic_rows {
    const double *x;   /* (n_row, d) row major, rows of a larger matrix */
    const size_t *row; /* (n) which of them, rising */
    size_t n, d;
    const int32_t *class; /* by row of the matrix: 0 .. C - 1 */
    const double *weight; /* (C) of the rows of a class, >= 0 */
    size_t n_class;
};

/** All owned but `rows`. */
struct logistic_loss {
    struct logistic_rows rows;
    int threads;
    double l2;     /* of each coefficient, none of an intercept: l2 / 2 |w|^2 */
    double total;  /* sum of the weights of all rows */
    size_t n_part; /* of the rows, by their number alone: sums have the same bits for any threads */
    double *sum;   /* (n_part, K (d + 1) + 1) */
    double *tiles; /* (threads, room of one) */
    double
        *factor; /* Cholesky factor (d + 1, d + 1) of the preconditioner, or its diagonal (d + 1) */
    int dense;
};

/** K */
size_t logistic_functions(size_t n_class);

/** l2 becomes 1 / (c total); c may be infinite. */
void logistic_loss_init(struct logistic_loss *l, const struct logistic_rows *rows, double c,
                        int threads);
void logistic_loss_release(struct logistic_loss *l);

/** Mean over the rows, by their weights, of the cross-entropy in nats, + l2 / 2 |w|^2, and its
 * gradient (NULL: not wanted). A lbfgs_function of struct logistic_loss. */
double logistic_loss_value(void *loss, const double *parameters, double *out_gradient);

/**
 * An estimate of the Hessian by the rows of another loss, or of this one, that takes the
 * correlations of the columns out of the problem: at some parameters (two classes), or, NULL,
 * Boehning's bound, Ann. Inst. Statist. Math. 44 (1992) 197-200: 1/4 X'X of two classes, 1/2 X'X
 * of each of more. Of more than 512 columns, its diagonal.
 */
void logistic_loss_learn_curvature(struct logistic_loss *l, const struct logistic_loss *from,
                                   const double *parameters);

/** v (K, d + 1) times the inverse of that estimate. */
void logistic_loss_precondition(void *loss, double *v);

/** The diagonal of that estimate, (K, d + 1), > 0. */
void logistic_loss_diagonal(const struct logistic_loss *l, double *out);

/** Probabilities (n, C) of rows of a matrix (n_row, d). */
void logistic_probabilities(const double *parameters, const double *x, const size_t *row, size_t n,
                            size_t d, size_t n_class, int threads, float *out);

#endif
