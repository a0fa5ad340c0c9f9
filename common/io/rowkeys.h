#ifndef IO_ROWKEYS_H
#define IO_ROWKEYS_H

#include <stdint.h>

#include "io/pixels.h"
#include "io/table.h"
#include "io/tokens.h"

/* What rows have in common, as keys for num/kin.h: equal content, equal number; -1 where a row has
 * none. (n_row), owned by the caller. Contents are told apart by their SHA-256. */

/** Equal values of a column, as text; a gap has no key. */
int32_t *rowkeys_column(const struct column *c);

/** Equal texts: all columns of the text role, byte for byte. An empty text has no key. */
int32_t *rowkeys_text(const struct table *t);

/** Equal words in the same order. A row without words has no key. */
int32_t *rowkeys_words(const struct tokens *t);

/** Equal picture files. NULL if the file has no digests. */
int32_t *rowkeys_pictures(const struct pixels *p);

#endif
