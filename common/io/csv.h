#ifndef IO_CSV_H
#define IO_CSV_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* CSV files (RFC 4180: comma, double quotes doubled inside quotes, line ends LF, CRLF or CR inside
 * quotes or between rows; UTF-8 with or without a byte order mark), row by row, in bounded memory.
 * Parsed by libcsv in strict mode. Blanks around a field belong to it; blank lines are skipped. */

struct csv_field {
    const char *text; /* followed by a NUL */
    size_t n;
};

/** A row as it is handed over; valid until the callback returns. */
struct csv_row {
    int64_t line; /* physical line of the file on which it begins, from 1 */
    int64_t at;   /* bytes of the file that were read so far */
    size_t n;     /* fields; the header's number */
    const struct csv_field *field;
};

/**
 * Who gets the rows. Each returns 0 or an error that ends the reading.
 * header: the first row: distinct names. row: every good row. bad: a row that is kept out, with its
 * first line, the kind of fault, and its first bytes (UTF-8, shortened) or what was found instead
 * of what.
 */
enum csv_fault {
    CSV_RAGGED,       /* another number of fields than the header */
    CSV_UNTERMINATED, /* a quote that is not closed before the end of the file */
    CSV_STRAY_QUOTE,  /* text after a closing quote, or a quote inside an unquoted field */
    CSV_TOO_LONG,     /* a field longer than max_field, or a row longer than 64 MiB */
    CSV_NUL,          /* a NUL byte */
    CSV_NOT_UTF8,
};

struct csv_sink {
    int (*header)(void *ctx, const struct csv_row *row, struct err *e);
    int (*row)(void *ctx, const struct csv_row *row, struct err *e);
    int (*bad)(void *ctx, int64_t line, enum csv_fault fault, const char *detail, struct err *e);
};

/** "wrong number of fields", "unterminated quote", ... */
const char *csv_fault_name(enum csv_fault fault);

/**
 * Read a regular file. After a broken quote or a field that is too long, reading goes on at the
 * physical line after the one on which the bad row began. max_field  bytes of the longest field
 *   errors     ERR_IO: cannot be opened or read, or is no regular file; ERR_DATA: empty, UTF-16, a
 * header that is broken or has a name twice cost       O(bytes) time; about max_field + 256 KiB
 * memory
 */
int csv_read(const char *path, size_t max_field, const struct csv_sink *sink, void *ctx,
             struct err *e);

/** n bytes as valid UTF-8 of at most `max` bytes for messages: what is invalid or a control
 * character becomes '?', a longer text ends in "...". Owned by the caller. */
char *csv_shorten(const char *bytes, size_t n, size_t max);

#endif
