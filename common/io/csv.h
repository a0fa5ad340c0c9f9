#ifndef IO_CSV_H
#define IO_CSV_H

#include <stdbool.h>

#include "io/record.h"
#include "io/source.h"

/* CSV files (RFC 4180: quotes doubled inside quotes, line ends LF, CRLF or CR inside quotes or
 * between rows), row by row, in bounded memory. Blanks around a field belong to it; blank lines are
 * skipped. Read strictly: a quote inside an unquoted field or text after a closing one is a fault
 * of the row. Fields are found by memchr and a table of 256 classes and handed over where they
 * were read, so that a file costs little more than looking at its bytes. */

/** What the file looks like. All zeros is RFC 4180: comma, double quote, UTF-8. */
struct csv_dialect {
    char delimiter; /* 0: ',' */
    char quote;     /* 0: '"' */
    bool no_quote;  /* quotes are text like any other; `quote` is not looked at */
    enum source_encoding encoding;
    char decimal;     /* of numbers, in place of a point; 0: a point. For who reads the fields */
    double max_ratio; /* of gzip (see source_open); 0: 200 */
};

/** Where reading may begin: after the header and so many rows that were read before. */
struct csv_mark {
    int64_t bytes; /* of the file; 0: from its beginning */
    int64_t line;  /* physical line that begins there, from 1 */
    int64_t size;  /* on success: bytes of the file that were read, with what was passed over */
};

/**
 * Read a file. After a broken quote or a field that is too long, reading goes on at the physical
 * line after the one on which the bad row began.
 *
 *   max_field  bytes of the longest field
 *   mark       NULL: all of it. Else where to begin (the header is read all the same); on success
 *              where the file ended, with bytes 0 if a row may not simply follow there: it is
 *              packed, has a byte order mark, or does not end in a line end, or ends inside of
 * quotes hash       NULL, or gets the bytes of the file up to its end errors     as source_read;
 * ERR_DATA: empty, a header that is broken, has a name twice or over 16,384 columns; what the sink
 * returns cost       O(bytes) time; 2 max_field + 512 KiB memory, at most 64 MiB for a row
 */
int csv_read(const char *path, const struct csv_dialect *dialect, size_t max_field,
             struct csv_mark *mark, struct hash *hash, const struct record_sink *sink, void *ctx,
             struct err *e);

#endif
