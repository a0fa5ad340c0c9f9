#ifndef IO_ROWTEXT_H
#define IO_ROWTEXT_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "io/table.h"
#include "io/text.h"

/* The text of a row: the columns of the table's text role, joined in that order. What training and
 * serving both clean. */

/** The text columns of a table. All zeros is empty. */
struct rowtext {
    const struct column **column; /* (n) owned, borrowed items */
    size_t n;
};

/** ERR_DATA (naming path) if the table names no text column, or one that it does not have. */
int rowtext_init(struct rowtext *r, const struct table *t, const char *path, struct err *e);
void rowtext_release(struct rowtext *r);

/** What one thread reads rows into: storage that stays. All zeros is empty. */
struct rowtext_parts {
    struct text_part *part; /* (n) owned: of the row, in the column or in value */
    struct str *value;      /* (n) owned: of columns that are no text already */
    size_t n;
};

/** The parts of a row, valid until the next. */
void rowtext_read(const struct rowtext *r, size_t row, struct rowtext_parts *p);
void rowtext_parts_release(struct rowtext_parts *p);

#endif
