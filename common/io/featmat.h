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
    double *x;   /* (n_row, n_col) row major, finite; NaN is a gap that was kept */
    char **name; /* (n_col) */
    char *state; /* JSON, see models/tabular.h */
    char keys_sha256[HASH_HEX];
    size_t n_gap; /* NaNs among x, where it was read from a file */
};

int featmat_read(struct featmat *f, const char *path, struct err *e);
int featmat_write(const struct featmat *f, const char *path, struct err *e);
void featmat_release(struct featmat *f);

/* The same file, of a matrix that is never whole in memory: begin, all its rows, publish. f->x is
 * not read. */
struct h5;
int featmat_begin(struct h5 *h, const struct featmat *f, const char *path, struct err *e);
/** n rows from `first` on: x (n, n_col), no infinities. */
int featmat_write_rows(struct h5 *h, size_t first, size_t n, const double *x, struct err *e);
int featmat_publish(struct h5 *h, const struct featmat *f, struct err *e);

#endif
