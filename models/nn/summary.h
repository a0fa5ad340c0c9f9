#ifndef NN_SUMMARY_H
#define NN_SUMMARY_H

#include "base/str.h"
#include "models/nn/memory.h"

/**
 * A network layer by layer, as Keras' summary has it: what each puts out for one row, its weights,
 * the arithmetic of one row forward, the memory of what it puts out for a batch.
 *
 * Arithmetic is that of the matrix products alone, 2 for a multiplication and its addition: for a
 * kernel of n weights 2 n at every position (step or pixel) that it is used at. Backward takes
 * about twice that again.
 */

/** The table as text, with totals below; or as JSON. Appended to *out. */
void net_summary(const struct net *n, const struct nn_training *t, struct str *out);
void net_summary_json(const struct net *n, const struct nn_training *t, struct str *out);

#endif
