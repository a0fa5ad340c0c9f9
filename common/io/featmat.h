#ifndef IO_FEATMAT_H
#define IO_FEATMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "num/hash.h"

/** refit.features: float64 (n, d) matrix, names of its columns, and the fitted state (JSON) that
 * made it from a table, so that a model can repeat it. d may be 0. All owned. */
struct featmat {
    size_t n_row, n_col;
    double *x;   /* (n_row, n_col) row major, finite */
    char **name; /* (n_col) */
    char *state; /* JSON, see models/tabular.h */
    char keys_sha256[HASH_HEX];
};

int featmat_read(struct featmat *f, const char *path, struct err *e);
int featmat_write(const struct featmat *f, const char *path, struct err *e);
void featmat_release(struct featmat *f);

#endif
