#ifndef IMPORT_TABLE_PROFILE_H
#define IMPORT_TABLE_PROFILE_H

#include <jansson.h>

#include "base/str.h"
#include "io/schema.h"
#include "io/table.h"

/* What is in the tables: counts, gaps, distinct values, histograms, lengths, classes, duplicates,
 * and how far that moved since the last import (docs/formats.md, profile). */

/** A column whose distribution moved. */
struct drift {
    double limit;    /* of the index, above chance */
    size_t n_over;   /* columns above it */
    char worst[160]; /* the one furthest above it: "price: 0.41" */
    double worst_psi;
};

/** A table and the column that names its rows, or NULL: it is not compared, and rows that differ in
 * it alone are duplicates. */
struct profile_table {
    const struct table *t;
    const char *key;
};

/** The profile of the tables; `last` is that of the last import, or NULL. A new reference. */
json_t *profile_make(const struct profile_table *t, size_t n, const json_t *last,
                     struct drift *drift);

/** The profile that lies there, a new reference; NULL if there is none that can be read. */
json_t *profile_last(const char *path);

/** The profile as a page with plots. ERR_IO. */
int profile_write_page(const char *path, const json_t *profile, struct err *e);

#endif
