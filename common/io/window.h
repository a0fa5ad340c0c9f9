#ifndef IO_WINDOW_H
#define IO_WINDOW_H

#include "io/source.h"

/* A file passes through a window that always holds all of the current row. All zeros is empty. */
struct window {
    struct source source;
    char *bytes; /* (room) owned; one byte more than is filled */
    size_t room, n;
    size_t row;   /* where the row begins */
    bool ended;   /* nothing comes after the n bytes */
    char last;    /* of the bytes that were read so far */
    int64_t line; /* physical line on which the row begins, from 1 */
};

/** Open a file, or another one after source_close: the window is empty, `line` is 1. Errors as
 * source_open. */
int window_open(struct window *w, const char *path, enum source_encoding encoding, double max_ratio,
                struct err *e);

/** Read on behind what is there: the row moves to the beginning of the window, which grows when it
 * is full. Errors as source_read. */
int window_refill(struct window *w, struct err *e);

/** The row ends after `length` bytes; another begins there. */
void window_next(struct window *w, size_t length);

/** Leave the row at the end of the physical line on which it began. */
int window_skip_line(struct window *w, struct err *e);

/** Physical lines that end in n bytes. */
int64_t window_lines(const char *bytes, size_t n);

void window_release(struct window *w);

#endif
