#include "io/window.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { PIECE = 256 * 1024 };

int window_open(struct window *w, const char *path, enum source_encoding encoding, double max_ratio,
                struct err *e)
{
    if (!w->bytes) {
        w->room = 2 * PIECE;
        w->bytes = mem_realloc(NULL, w->room, 1);
    }
    w->n = w->row = 0;
    w->ended = false;
    w->line = 1;
    return source_open(&w->source, path, encoding, max_ratio, e);
}

int window_refill(struct window *w, struct err *e)
{
    size_t got = 0;
    int rc;
    if (w->row) {
        w->n -= w->row;
        memmove(w->bytes, w->bytes + w->row, w->n);
        w->row = 0;
    }
    if (w->n + PIECE + 1 > w->room) {
        w->room *= 2;
        w->bytes = mem_realloc(w->bytes, w->room, 1);
    }
    if ((rc = source_read(&w->source, w->bytes + w->n, PIECE, &got, e)))
        return rc;
    w->n += got;
    w->ended = got == 0;
    if (got)
        w->last = w->bytes[w->n - 1];
    return 0;
}

int64_t window_lines(const char *bytes, size_t n)
{
    int64_t lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += bytes[i] == '\n';
    return lines;
}

void window_next(struct window *w, size_t length)
{
    w->line += window_lines(w->bytes + w->row, length);
    w->row += length;
}

int window_skip_line(struct window *w, struct err *e)
{
    for (;;) {
        size_t n = w->n - w->row;
        const char *p = w->bytes + w->row, *end = memchr(p, '\n', n);
        window_next(w, end ? (size_t)(end - p) + 1 : n);
        if (end || w->ended)
            return 0;
        int rc = window_refill(w, e);
        if (rc)
            return rc;
    }
}

void window_release(struct window *w)
{
    source_close(&w->source);
    free(w->bytes);
    *w = (struct window){ 0 };
}
