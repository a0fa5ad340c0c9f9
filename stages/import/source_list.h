#ifndef IMPORT_SOURCE_LIST_H
#define IMPORT_SOURCE_LIST_H

#include "base/opt.h"
#include "intake.h"

/** How far sources are trusted, and where queries go. */
struct limits {
    const char *database; /* see query.h; NULL: none */
    size_t max_field;     /* bytes */
    double max_ratio;     /* of packed files, see source_open */
};

/** Every table has a file or a database, no file has two tables. ERR_DATA, ERR_USAGE. */
int sources_check(const struct schema *s, const struct opt_list *source, const char *database,
                  int64_t *out_bytes, struct err *e);

/** Is the file one of this table's? */
bool sources_belongs(const struct schema_table *t, const char *path);

/** Read one more file: JSON by its name, else CSV. `mark` and
 * `hash`: see csv_read; JSON always begins at its beginning. */
int sources_read_file(struct intake *in, const char *path, const struct limits *l,
                      struct csv_mark *mark, struct hash *hash, struct err *e);

/** What stands for a file where the rows of the query are meant; owned by the caller. */
char *sources_query_name(const struct schema_table *t);

/** Read the query of the table; with `above`, the rows whose `since` is above it. */
int sources_read_query(struct intake *in, const struct limits *l, const char *above, struct err *e);

/** The column of a query's result that is `since`. */
const char *sources_since(const struct schema_table *t, bool *out_number);

/** Roles of the main table, as far as its columns are there. */
void set_roles(const struct schema *s, struct table *t);

#endif
