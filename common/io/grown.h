#ifndef IO_GROWN_H
#define IO_GROWN_H

#include "base/intern.h"
#include "io/schema.h"
#include "io/spill.h"
#include "io/table.h"

/** A column that grows row by row. */
struct grown {
    const struct schema_column *schema;
    struct column c;     /* arrays have the room that grown_reserve made */
    struct spill bytes;  /* STRING: becomes c.bytes */
    struct intern level; /* CATEGORY without fixed levels */
    bool present;        /* in at least one source */
    bool has_time;       /* DATE: at least one value tells the time of day */
    size_t source;       /* field of the source that is being read; SIZE_MAX: it has none */
    struct cell cell;    /* of the row that is being read */
    enum cell_fault fault;
};

/** Empty; `beside` is the path of the output, where long columns lie while they grow. */
void grown_init(struct grown *g, const struct schema_column *schema, const char *beside);

/** Room for so many rows. */
void grown_reserve(struct grown *g, size_t room);

/** g->cell becomes row i, the next. ERR_IO. */
int grown_append(struct grown *g, size_t i, struct err *e);

/** Row i of a column as the cell that it was made of. */
void grown_cell(const struct column *c, size_t i, struct cell *out);

/** Move the n rows to *out. ERR_IO. */
int grown_finish(struct grown *g, size_t n, struct column *out, struct err *e);
void grown_release(struct grown *g);

#endif
