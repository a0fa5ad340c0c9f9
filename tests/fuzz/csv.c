/* Any bytes as a CSV file, plain or packed, of a dialect that their last byte picks: never a crash,
 * what is handed over is what csv.h promises, and a file that is read in two parts gives what the
 * whole gives. */
#define _GNU_SOURCE /* memfd_create */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "io/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t n_column;
    int64_t line;
    uint64_t rows; /* FNV-1a of all that came after the header */
};

static void mix(struct seen *s, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        s->rows = (s->rows ^ p[i]) * 1099511628211u;
}

static void check_row(const struct record *row, struct seen *s)
{
    assert(row->line >= s->line);
    s->line = row->line;
    for (size_t i = 0; i < row->n; i++) {
        const struct record_field *f = &row->field[i];
        assert(f->n <= 40 && strlen(f->text) == f->n && utf8_valid(f->text, f->n));
    }
}

static int on_header(void *ctx, const struct record *row, struct err *e)
{
    struct seen *s = ctx;
    (void)e;
    assert(row->n > 0);
    s->line = 0;
    check_row(row, s);
    s->n_column = row->n;
    return 0;
}

static int on_row(void *ctx, const struct record *row, struct err *e)
{
    struct seen *s = ctx;
    assert(row->n == s->n_column);
    check_row(row, s);
    mix(s, &row->line, sizeof row->line);
    for (size_t i = 0; i < row->n; i++)
        mix(s, row->field[i].text, row->field[i].n + 1);
    return strcmp(row->field[0].text, "stop") == 0 ? err_set(e, ERR_DATA, "stop") : 0;
}

static int on_bad(void *ctx, int64_t line, enum record_fault fault, const char *detail,
                  struct err *e)
{
    struct seen *s = ctx;
    (void)e;
    assert(line >= s->line && s->n_column > 0 && record_fault_name(fault));
    assert(utf8_valid(detail, strlen(detail)));
    s->line = line;
    mix(s, &line, sizeof line);
    mix(s, detail, strlen(detail) + 1);
    return 0;
}

static const struct record_sink sink = { on_header, on_row, on_bad };

static int read_from(int fd, const struct csv_dialect *d, struct csv_mark *mark, struct seen *s)
{
    struct err e = { 0 };
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = csv_read(path, d, 40, mark, NULL, &sink, s, &e);
    assert((rc == 0) == (e.code == 0));
    return rc;
}

static void put(int fd, const uint8_t *data, size_t size)
{
    if (size && write(fd, data, size) != (ssize_t)size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned pick = size ? data[size - 1] : 0, cut = size > 1 ? data[size - 2] : 0;
    const struct csv_dialect d = { .delimiter = ",;\t|"[pick & 3],
                                   .no_quote = (pick & 12) == 12,
                                   .quote = (pick & 12) == 4 ? '\'' : '"',
                                   .encoding = (enum source_encoding)(pick >> 4 & 3) % 3 };
    struct seen whole = { 0 }, parts = { 0 };
    struct csv_mark mark = { 0 };
    size_t first = size * cut / 256;
    int fd = memfd_create("csv", 0), part = memfd_create("part", 0);
    if (fd < 0 || part < 0)
        abort();
    put(fd, data, size);
    put(part, data, first);
    int rc = read_from(fd, &d, NULL, &whole);
    if (read_from(part, &d, &mark, &parts) == 0 && mark.bytes) {
        put(part, data + first, size - first);
        if (read_from(part, &d, &mark, &parts) == 0 && rc == 0)
            assert(parts.rows == whole.rows);
    }
    close(part);
    close(fd);
    return 0;
}
