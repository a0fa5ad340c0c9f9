#ifndef IO_ROWGROUP_H
#define IO_ROWGROUP_H

#include <stddef.h>

#include "base/err.h"
#include "io/h5.h"
#include "num/hash.h"

/* What every row-indexed group of a file carries: `rows` (int64) and `keys_sha256` (text), the hash
 * of its ordered row keys (table_hash_keys). A row count alone cannot see a reordering. */

/** Make the group and write both. */
int rowgroup_write(struct h5 *h, const char *group, size_t n_row, const char *keys_sha256,
                   struct err *e);

/** Read both. ERR_DATA if the group or one of them is absent or is none: rows below 0 or over 2^40,
 * not 64 hexadecimal digits. The count is a claim: check it against the shapes of the datasets
 * before allocating by it. */
int rowgroup_read(struct h5 *h, const char *group, size_t *out_n_row,
                  char out_keys_sha256[HASH_HEX], struct err *e);

#endif
