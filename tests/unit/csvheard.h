#ifndef TESTS_CSVHEARD_H
#define TESTS_CSVHEARD_H

/* What csv_read tells a sink, as one text. */

#include "near.h"

#include <stdio.h>

#include "base/str.h"
#include "io/csv.h"

/* What was read, as one text: "H:a|b\n1:...": line number, fields between bars; bad rows as "!line
 * fault <detail>". */
static inline int keep(struct str *out, const char *mark, int64_t line, const struct record *row)
{
    str_addf(out, "%s%lld:", mark, (long long)line);
    for (size_t i = 0; i < row->n; i++) {
        assert_int_equal(row->field[i].text[row->field[i].n], 0);
        str_addf(out, "%s%s", i ? "|" : "", row->field[i].text);
    }
    str_addc(out, '\n');
    return 0;
}

static inline int on_header(void *ctx, const struct record *row, struct err *e)
{
    (void)e;
    return keep(ctx, "H", row->line, row);
}

/* A first field "stop" is refused, as a reader of rows may. */
static inline int on_row(void *ctx, const struct record *row, struct err *e)
{
    if (strcmp(row->field[0].text, "stop") == 0)
        return err_set(e, ERR_DATA, "stopped");
    return keep(ctx, "", row->line, row);
}

static inline int on_bad(void *ctx, int64_t line, enum record_fault fault, const char *detail,
                         struct err *e)
{
    (void)e;
    str_addf(ctx, "!%lld %s <%s>\n", (long long)line, record_fault_name(fault), detail);
    return 0;
}

static const struct csv_dialect rfc4180 = { 0 };
static const struct record_sink sink = { on_header, on_row, on_bad };

/** n bytes as the file `path`. */
static inline void put(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

#endif
