/* Well-formed HDF5 files with any content: lengths, offsets, codes, masks and attributes come from
 * the input. What our readers accept must be safe to use. Raw bytes are no good as input: Debian's
 * libhdf5 1.10.8 itself reads out of bounds or hangs on damaged metadata (docs/formats.md), which
 * is all that such a fuzzer finds. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "io/rowgroup.h"
#include "io/sides.h"
#include "io/table.h"
#include "io/tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const uint8_t *at, *end;
};

static unsigned take(struct input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

/* A dataset of up to 15 items of the type; small numbers mostly, so that some of them fit. */
static void put(struct h5 *h, const char *name, enum h5_type type, struct input *in)
{
    union {
        double f64[16];
        int64_t i64[16];
        int32_t i32[16];
        uint8_t u8[16];
    } v = { { 0 } };
    struct err e = { 0 };
    size_t n = take(in) % 16;
    for (size_t i = 0; i < n; i++) {
        int x = (int8_t)take(in);
        if (type == H5_F64)
            v.f64[i] = x / (double)(take(in) % 4);
        else if (type == H5_I64)
            v.i64[i] = x == 127 ? INT64_MAX : x;
        else if (type == H5_I32)
            v.i32[i] = x == 127 ? INT32_MAX : x;
        else
            v.u8[i] = (uint8_t)x;
    }
    int rc = h5_write(h, name, type, 1, &n, &v, &e);
    assert(rc == 0);
}

static void put_group(struct h5 *h, const char *name, struct input *in)
{
    static const char keys[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    struct err e = { 0 };
    int rc = rowgroup_write(h, name, take(in) % 17, keys, &e);
    assert(rc == 0);
}

static void make_table(struct h5 *h, struct input *in)
{
    static const char *const types[] = { "float", "int", "bool", "date", "category", "string" };
    static const char *const column[] = { "a", "b" }, *const list[] = { "t" },
                             *const rejects[] = { "file", "line", "column", "value", "reason" };
    struct err e = { 0 };
    put_group(h, "t", in);
    h5_set_text(h, "/", "main", "t", &e);
    h5_set_texts(h, "/", "tables", list, 1, &e);
    h5_set_texts(h, "t", "columns", column, 2, &e);
    h5_set_text(h, "t", "id", "a", &e);
    for (int j = 0; j < 2; j++) {
        const char *at = j ? "t/b" : "t/a";
        char name[40];
        unsigned type = take(in) % 6;
        static const enum h5_type stored[] = { H5_F64, H5_I64, H5_U8, H5_I64, H5_I32, H5_U8 };
        h5_group(h, at, &e);
        h5_set_text(h, at, "type", types[type], &e);
        h5_set_text(h, at, "unit", take(in) % 2 ? "us" : "days", &e);
        snprintf(name, sizeof name, "%s/%s", at, type == 5 ? "bytes" : "values");
        put(h, name, stored[type], in);
        snprintf(name, sizeof name, "%s/offsets", at);
        put(h, name, H5_I64, in);
        snprintf(name, sizeof name, "%s/levels/bytes", at);
        put(h, name, H5_U8, in);
        snprintf(name, sizeof name, "%s/levels/offsets", at);
        put(h, name, H5_I64, in);
        snprintf(name, sizeof name, "%s/valid", at);
        if (take(in) % 2)
            put(h, name, H5_U8, in);
    }
    h5_group(h, "rejects", &e);
    rowgroup_write(h, "rejects", 0,
                   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", &e);
    h5_set_texts(h, "rejects", "columns", rejects, 5, &e);
    for (int j = 0; j < 5; j++) {
        char name[40];
        snprintf(name, sizeof name, "rejects/%s", rejects[j]);
        h5_group(h, name, &e);
        h5_set_text(h, name, "type", j == 1 ? "int" : "string", &e);
        if (j != 1) {
            h5_write_strings(h, name, NULL, 0, &e);
            continue;
        }
        size_t none = 0;
        h5_write(h, "rejects/line/values", H5_I64, 1, &none, NULL, &e);
    }
}

static void use_table(const char *path)
{
    struct tables t = { 0 };
    struct err e = { 0 };
    struct str text = { 0 };
    if (tables_read(&t, path, &e) == 0) {
        for (size_t i = 0; i < t.item[0].n_row; i++)
            for (size_t j = 0; j < t.item[0].n_col; j++)
                column_text(&t.item[0].col[j], i, &text);
        table_hash_keys(&t.item[0]);
        tables_release(&t);
    } else {
        assert(e.code == ERR_DATA && e.text[0]);
    }
    str_release(&text);
}

static void use_tokens(const char *path)
{
    struct tokens t = { 0 };
    struct err e = { 0 };
    size_t n = 0;
    if (tokens_read(&t, path, &e) == 0) {
        for (size_t i = 0; i < t.n_row; i++)
            for (int64_t k = t.offset[i]; k < t.offset[i + 1]; k++)
                n += strlen(t.word[t.id[k]]);
        assert(n < 1000);
        tokens_release(&t);
    } else {
        assert(e.code == ERR_DATA && e.text[0]);
    }
}

static void use_sides(const char *path)
{
    struct sides s = { 0 };
    struct err e = { 0 };
    if (sides_read(&s, path, &e) == 0) {
        for (size_t i = 0; i < s.n_row; i++)
            assert(side_name((enum side)s.side[i]));
        sides_release(&s);
    } else {
        assert(e.code == ERR_DATA && e.text[0]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const kind[] = { "refit.table", "refit.tokens", "refit.split" };
    struct input in = { data, data + size };
    struct h5 h = { 0 };
    struct err e = { 0 };
    char path[60];
    unsigned which = take(&in) % 3;

    snprintf(path, sizeof path, "/dev/shm/refit-fuzz.%ld.h5", (long)getpid());
    int rc = h5_create(&h, path, kind[which], 1, &e);
    assert(rc == 0);
    if (which == 0) {
        make_table(&h, &in);
    } else if (which == 1) {
        put_group(&h, "text", &in);
        h5_set_text(&h, "text", "recipe", "{}", &e);
        put(&h, "text/ids", H5_I32, &in);
        put(&h, "text/offsets", H5_I64, &in);
        put(&h, "text/words/bytes", H5_U8, &in);
        put(&h, "text/words/offsets", H5_I64, &in);
    } else {
        put_group(&h, "split", &in);
        h5_set_text(&h, "split", "recipe", "{}", &e);
        put(&h, "split/side", H5_U8, &in);
    }
    rc = h5_publish(&h, &e);
    assert(rc == 0);
    use_table(path);
    use_tokens(path);
    use_sides(path);
    unlink(path);
    return 0;
}
