#ifndef IMPORT_SAMPLE_H
#define IMPORT_SAMPLE_H

#include "table_profile.h"

/** A column as numbers: its values (dates: days), the lengths of its texts in characters, or the
 * codes of its levels. */
struct sample {
    const struct column *c;
    double *v; /* (n) owned, of the rows with a value, ascending unless they are codes */
    size_t n, n_row;
};

/** Is it told of by its levels? */
bool sample_has_codes(const struct column *c);

void sample_take(struct sample *s, const struct column *c);

/** Mean and standard deviation (divisor n - 1). */
double sample_mean(const struct sample *s, double *out_sd);

/** How many different values (by a hash of 64 bits). Each row's hash in io_rows (n), or NULL, goes
 * on with its value. */
size_t distinct_values(const struct column *c, uint64_t *io_rows);

/** Does the column name the rows? */
bool names_rows(const struct profile_table *p, const struct column *c);

/** How many of n rows equal an earlier one, by their hashes, which are sorted. */
size_t duplicate_rows(uint64_t *rows, size_t n);

#endif
