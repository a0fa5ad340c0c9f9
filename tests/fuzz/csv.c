/* Any bytes as a CSV file: never a crash, and what is handed over is what csv.h promises. */
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
};

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
    assert(s->n_column == 0 && row->n > 0);
    check_row(row, s);
    s->n_column = row->n;
    return 0;
}

static int on_row(void *ctx, const struct record *row, struct err *e)
{
    struct seen *s = ctx;
    assert(row->n == s->n_column);
    check_row(row, s);
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
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct record_sink sink = { on_header, on_row, on_bad };
    struct seen seen = { 0 };
    struct err e = { 0 };
    char path[40];
    int fd = memfd_create("csv", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    csv_read(path, &(struct csv_dialect){ 0 }, 40, NULL, NULL, &sink, &seen, &e);
    close(fd);
    return 0;
}
