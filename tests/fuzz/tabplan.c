/* A plan of impute_scale: any bytes are read or refused with a text, and what was read fits a table
 * that has a column of every kind under each of its names, or is refused. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/tabular_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N = 6 };

/* Column i of the table: a float with gaps, a category, a date, a whole number. */
static void make(struct column *c, size_t i, char *name)
{
    static double real[N] = { 1, 0, 3, 4.5, 1e-3, 2 };
    static int64_t whole[N] = { 0, -1, 20000, INT64_MAX, INT64_MIN, 3 };
    static int32_t code[N] = { 0, 1, -1, 1, 2, 0 };
    static uint8_t there[N] = { 1, 1, 0, 1, 1, 1 };
    static char a[] = "a", b[] = "Rare", d[] = "", us[] = "us";
    static char *level[] = { b, a, d };
    static const enum column_type type[] = { COLUMN_FLOAT, COLUMN_CATEGORY, COLUMN_DATE,
                                             COLUMN_INT };
    *c = (struct column){ .name = name,
                          .type = type[i % 4],
                          .n = N,
                          .valid = there,
                          .real = real,
                          .whole = whole,
                          .code = code,
                          .level = level,
                          .n_level = 3,
                          .unit = us };
}

static void fit(const struct tabular_plan *plan, struct tabular_options *o)
{
    static const size_t row[] = { 0, 1, 2, 3, 4 };
    struct column *column = mem_calloc(plan->n + 1, sizeof *column);
    char **feature = mem_calloc(plan->n + 1, sizeof *feature), label[] = "\x01 label";
    struct table t = { .n_row = N, .n_col = plan->n + 1, .col = column };
    struct tabular s = { 0 };
    struct err e = { 0 };
    for (size_t i = 0; i < plan->n; i++) {
        feature[i] = mem_strdup(plan->choice[i].column);
        make(&column[i], i, feature[i]);
    }
    make(&column[plan->n], 1, label);
    t.roles = (struct table_roles){ .label = label, .feature = feature, .n_feature = plan->n };
    o->choice = plan->choice;
    o->n_choice = plan->n;
    if (tabular_fit(&s, &t, row, 5, o, 1, &e) == 0) {
        double *x = mem_calloc(N, (s.n_out + 1) * sizeof *x);
        int rc = tabular_apply(&s, &t, NULL, N, x, &e);
        assert(rc == e.code && (rc == 0 || *e.text));
        free(x);
    } else {
        assert(e.code && *e.text);
    }
    tabular_release(&s);
    mem_free_texts(feature, plan->n);
    free(column);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tabular_plan plan = { 0 };
    struct tabular_options all = { .missing_label = "Missing", .rare_label = "Rare" };
    struct err e = { 0 };
    int rc = tabular_plan_parse(&plan, "p.yaml", (const char *)data, size, &all, &e);
    assert(rc == e.code && (rc == 0 || *e.text));
    if (rc == 0)
        fit(&plan, &all);
    tabular_plan_release(&plan);
    return 0;
}
