#ifndef IO_RECORD_H
#define IO_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Rows of text on their way from a source (CSV, JSON, a query) to whoever types them. */

struct record_field {
    const char *text; /* valid UTF-8 without NUL, followed by a NUL; NULL: the source says that
                         there is no value (null, or a key that is not there) */
    size_t n;
};

/** A row as it is handed over; valid until the callback returns. */
struct record {
    int64_t line; /* physical line of the file on which it begins, or row of the query, from 1 */
    int64_t at;   /* bytes of the file (as it lies on disk) that were read so far */
    size_t n;     /* fields; the header's number */
    const struct record_field *field;
};

/** Why a row is kept out. */
enum record_fault {
    RECORD_RAGGED,       /* another number of fields than the header */
    RECORD_UNTERMINATED, /* a quote that is not closed before the end of the file */
    RECORD_STRAY_QUOTE,  /* text after a closing quote, or a quote inside an unquoted field */
    RECORD_LONG_QUOTE,   /* a quote that is not closed within max_field bytes, nor on its line */
    RECORD_TOO_LONG,     /* a field longer than max_field, or a row longer than 64 MiB */
    RECORD_NUL,          /* a NUL byte */
    RECORD_ENCODING,     /* bytes that are no text in the encoding of the file */
    RECORD_JSON,         /* not a JSON object, or one with a key twice, or too deep */
    N_RECORD_FAULT,
};

/**
 * Who gets the rows. Each returns 0 or an error that ends the reading.
 * header: once, first: the names of the fields. row: every good row. bad: a row that is kept out,
 * with its first line, the kind of fault, and its first bytes (UTF-8, shortened) or what was found
 * instead of what.
 */
struct record_sink {
    int (*header)(void *ctx, const struct record *row, struct err *e);
    int (*row)(void *ctx, const struct record *row, struct err *e);
    int (*bad)(void *ctx, int64_t line, enum record_fault fault, const char *detail, struct err *e);
};

enum { RECORD_MAX = 64 << 20 }; /* bytes of a row */

/** "wrong number of fields", "unterminated quote", ... */
const char *record_fault_name(enum record_fault fault);

/** n bytes as valid UTF-8 of at most `max` bytes for messages: what is invalid or a control
 * character becomes '?', a longer text ends in "...". Owned by the caller. */
char *record_shorten(const char *bytes, size_t n, size_t max);

/** ERR_DATA: the header of the file `path` has not the field `want`, which is what the text `what`
 * says behind it; did the user mean another one, and which are there? */
int record_no_field(const struct record *header, const char *path, const char *want,
                    const char *what, struct err *e);

#endif
