/* Any bytes as a file of JSON records: never a crash, and what is handed over is what jsonrows.h
 * promises. */
#define _GNU_SOURCE /* memfd_create */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "io/jsonrows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_row(void *ctx, const struct record *row, struct err *e)
{
    int64_t *line = ctx;
    (void)e;
    assert(row->n == 2 && row->line >= *line);
    *line = row->line;
    for (size_t i = 0; i < row->n; i++) {
        const struct record_field *f = &row->field[i];
        assert(f->n <= 40 && (f->text ? strlen(f->text) == f->n : f->n == 0));
        assert(!f->text || utf8_valid(f->text, f->n));
    }
    return 0;
}

static int on_bad(void *ctx, int64_t line, enum record_fault fault, const char *detail,
                  struct err *e)
{
    int64_t *last = ctx;
    (void)e;
    assert(line >= *last && record_fault_name(fault) && utf8_valid(detail, strlen(detail)));
    *last = line;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct record_sink sink = { NULL, on_row, on_bad };
    static char a[] = "a", b[] = "b";
    static char *const name[] = { a, b };
    const struct jsonrows_field field[] = { { name, 2 }, { name + 1, 1 } };
    struct intern names = { 0 };
    struct err e = { 0 };
    bool seen[2] = { false, false };
    int64_t line = 0;
    char path[40];
    int fd = memfd_create("json", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int rc = jsonrows_read(path, field, 2, 40, 200, NULL, &sink, &line, seen, NULL, &e);
    assert((rc == 0) == (e.code == 0));
    e = (struct err){ 0 };
    jsonrows_names(path, 200, &names, &e);
    intern_release(&names);
    close(fd);
    return 0;
}
