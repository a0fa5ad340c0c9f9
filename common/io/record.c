#include "io/record.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

const char *record_fault_name(enum record_fault fault)
{
    static const char *const name[N_RECORD_FAULT] = {
        "wrong number of fields",
        "unterminated quote",
        "stray quote",
        "quote not closed within max_field",
        "field too long",
        "NUL byte",
        "invalid encoding",
        "bad JSON record",
    };
    return name[fault];
}

char *record_shorten(const char *bytes, size_t n, size_t max)
{
    struct str out = { 0 };
    bool cut = n > max;
    size_t end = cut ? utf8_cut(bytes, max) : n;
    str_add(&out, "", 0);
    for (size_t i = 0; i < end;) {
        size_t good = utf8_prefix(bytes + i, end - i);
        for (size_t j = i; j < i + good; j++)
            str_addc(&out, (unsigned char)bytes[j] < ' ' || bytes[j] == 0x7F ? '?' : bytes[j]);
        i += good;
        if (i < end) {
            str_addc(&out, '?');
            i++;
        }
    }
    if (cut)
        str_addz(&out, "...");
    return str_take(&out);
}

int record_no_field(const struct record *header, const char *path, const char *want,
                    const char *what, struct err *e)
{
    const char **name = mem_calloc(header->n, sizeof *name);
    struct str all = { 0 };
    for (size_t i = 0; i < header->n; i++) {
        name[i] = header->field[i].text;
        str_addf(&all, "%s%s", i ? ", " : "", header->field[i].n ? name[i] : "(unnamed)");
    }
    const char *near = str_nearest(want, name, header->n);
    char *shown = record_shorten(str_text(&all), all.n, 300);
    err_set(e, ERR_DATA, "'%s' has no column '%s'%s%s%s%s; it has: %s", path, want, what,
            near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", shown);
    free(shown);
    str_release(&all);
    free(name);
    return e->code;
}
