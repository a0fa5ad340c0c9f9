#ifndef IMPORT_INFER_H
#define IMPORT_INFER_H

#include "base/opt.h"
#include "base/str.h"

/** A first schema of these files, as YAML with a comment on every column: types, formats of dates,
 * missing tokens, keys, dialect. Every value was looked at: an import of the same files by it has
 * no value of a wrong type. Errors as csv_read and jsonrows_read. */
int infer_schema(const struct opt_list *file, struct str *out, struct err *e);

#endif
