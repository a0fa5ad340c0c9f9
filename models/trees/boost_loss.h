#ifndef TREES_BOOST_LOSS_H
#define TREES_BOOST_LOSS_H

#include "models/trees/grow.h"

/** Sums that all rows begin with, by their weights: the mean, or the logarithm of the odds or of
 * the shares of classes. */
void boost_base(const struct grow_data *data, const double *weight, double *out);

/** Derivatives of the weighted loss of a row by its sums, into gradient and hessian (outputs, n).
 */
void boost_derivatives(const struct grow_data *data, const double *weight, const double *sum,
                       size_t row, float *gradient, float *hessian);

#endif
