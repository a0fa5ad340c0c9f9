#ifndef MODELS_BUCKET_H
#define MODELS_BUCKET_H

#include <stddef.h>
#include <stdint.h>

#include "num/rng.h"

/**
 * Make batches of rows that are about equally long, so that (almost) no padding is computed: the
 * rows of each window of `window` batches are sorted by length, longest first, cut into batches,
 * and the batches of the window come in an order of their own (bucketing; Khomenko et al. 2016). A
 * last batch that is not full stays last, as it was drawn, sorted. order   (n) rows in the order of
 * a drawn epoch; rearranged length  of every row that `order` names: words, or whatever its cost
 * goes by window  batches, >= 1; the larger, the less padding and the less chance in who meets whom
 */
void bucket_order(size_t *order, size_t n, const int32_t *length, size_t batch, size_t window,
                  struct rng *r);

/** Sort rows by length, longest first, equally long ones as they stand. */
void bucket_sort(size_t *order, size_t n, const int32_t *length);

#endif
