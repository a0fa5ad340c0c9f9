/* The fitted state of impute_scale as a model file holds it: a JSON is taken and then repeats
 * itself, and takes a table that has all its columns, and one that has none, or is refused. */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/tabular.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N = 4 };

/* The column that a fitted one wants: a level that it knows, one that it does not, gaps. */
static struct column made_for(const struct tabular_column *c, char **level)
{
    static double real[N] = { 0, -1.5, 1e300, 7 };
    static int64_t whole[N] = { 0, INT64_MIN, INT64_MAX, 40000 };
    static int32_t code[N] = { 0, -1, 1, 0 };
    static uint8_t there[N] = { 1, 0, 1, 1 };
    static char unknown[] = "\x01", days[] = "days";
    level[0] = unknown;
    level[1] = c->n_level ? c->level[c->n_level / 2] : unknown;
    return (struct column){ .name = c->name,
                            .type = c->category ? COLUMN_CATEGORY
                                    : c->part   ? COLUMN_DATE
                                                : COLUMN_FLOAT,
                            .n = N,
                            .valid = there,
                            .real = real,
                            .whole = whole,
                            .code = code,
                            .level = level,
                            .n_level = 2,
                            .unit = days };
}

/* Rows through the state: numbers, or a text that says why not. */
static void apply(const struct tabular *s, const struct table *t)
{
    struct err e = { 0 };
    double *x = mem_calloc(N, (s->n_out + 1) * sizeof *x);
    int rc = tabular_apply(s, t, NULL, N, x, &e);
    assert(rc == e.code && (rc == 0 || *e.text));
    for (size_t i = 0; rc == 0 && i < N * s->n_out; i++)
        assert(!isinf(x[i]));
    free(x);
}

static void take(const struct tabular *s)
{
    struct column *column = mem_calloc(s->n_col + 1, sizeof *column);
    char **level = mem_calloc(s->n_col + 1, 2 * sizeof *level);
    for (size_t i = 0; i < s->n_col; i++)
        column[i] = made_for(&s->col[i], level + 2 * i);
    apply(s, &(struct table){ .n_row = N, .n_col = s->n_col, .col = column });
    apply(s, &(struct table){ .n_row = N });
    free(level);
    free(column);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *json = mem_strndup((const char *)data, size);
    struct tabular s = { 0 }, again = { 0 };
    struct str explained = { 0 };
    struct err e = { 0 };

    free(tabular_kept(json));
    if (tabular_parse(&s, "m", json, &e)) {
        assert(e.code == ERR_DATA && *e.text);
    } else {
        char *text = tabular_text(&s), *text2;
        assert(tabular_parse(&again, "m", text, &e) == 0);
        text2 = tabular_text(&again);
        assert(strcmp(text, text2) == 0);
        tabular_explain(&s, &explained);
        take(&s);
        free(text);
        free(text2);
    }
    str_release(&explained);
    tabular_release(&again);
    tabular_release(&s);
    free(json);
    return 0;
}
