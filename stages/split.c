/* split: put every labelled row on one side: training, validation, test, or none. Nothing that is
 * learned later may look at rows of another side than training.
 *
 *   in   table  refit.table; a row without label is on no side
 *   out  split  refit.split, the rows of the table in its order
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "base/str.h"
#include "io/sides.h"
#include "io/table.h"
#include "num/partition.h"

struct params {
    const char *table, *split, *method;
    double train, validation, test;
    int64_t train_per_class, validation_per_class, seed;
};

static const struct opt options[] = {
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "table whose rows are divided" },
    { OPT_OUT(struct params, split), .format = "hdf5:refit.split", .help = "side of every row" },
    { OPT_CHOICE(struct params, method), .text = "stratified",
      .choices = "random|stratified|balanced",
      .help = "random: all rows together; stratified: every class by these shares; balanced: the "
              "same number of rows "
              "from every class, the rest is for test" },
    { OPT_REAL(struct params, train), .def = 0.8, .min = 0, .max = 1,
      .help = "share of the rows for training" },
    { OPT_REAL(struct params, validation), .def = 0.1, .min = 0, .max = 1,
      .help = "share for validation" },
    { OPT_REAL(struct params, test), .def = 0.1, .min = 0, .max = 1,
      .help = "share for test; what the three leave over is on no side" },
    { OPT_INT(struct params, train_per_class), .def = 600, .min = 1, .max = 1e9, .unit = "rows",
      .only_if = "method=balanced", .help = "training rows of every class" },
    { OPT_INT(struct params, validation_per_class), .def = 50, .min = 0, .max = 1e9, .unit = "rows",
      .only_if = "method=balanced", .help = "validation rows of every class" },
    { OPT_INT(struct params, seed), .def = 42, .min = 0, .max = 9e15, .help = "of the draw" },
    { 0 },
};

static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    double sum = p->train + p->validation + p->test;
    if (sum > 1 + 1e-9)
        return err_set(e, ERR_USAGE,
                       "--train %g, --validation %g and --test %g sum to %g: want at most 1",
                       p->train, p->validation, p->test, sum);
    return 0;
}

static char *recipe(const struct params *p)
{
    bool balanced = strcmp(p->method, "balanced") == 0;
    json_t *j = json_pack("{s:s}", "method", p->method);
    if (balanced) {
        json_object_set_new(j, "train_per_class", json_integer(p->train_per_class));
        json_object_set_new(j, "validation_per_class", json_integer(p->validation_per_class));
    } else {
        json_object_set_new(j, "train", json_real(p->train));
        json_object_set_new(j, "validation", json_real(p->validation));
        json_object_set_new(j, "test", json_real(p->test));
    }
    json_object_set_new(j, "seed", json_integer(p->seed));
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
}

static void warn_short(const struct column *label, const uint8_t *is_short, const struct params *p)
{
    struct str names = { 0 };
    size_t n = 0;
    for (size_t c = 0; c < label->n_level; c++) {
        if (!is_short[c])
            continue;
        if (++n <= 10)
            str_addf(&names, "%s%s", n > 1 ? ", " : "", label->level[c]);
    }
    if (n)
        log_warn(
            "%zu of %zu classes have fewer than %lld + %lld rows and give what they have: %s%s", n,
            label->n_level, (long long)p->train_per_class, (long long)p->validation_per_class,
            names.text, n > 10 ? ", ..." : "");
    str_release(&names);
}

static void draw(const struct params *p, const struct column *label, const size_t *row, size_t n,
                 uint8_t *side)
{
    double share[N_PARTITION] = { [PARTITION_TRAIN] = p->train,
                                  [PARTITION_VALIDATION] = p->validation,
                                  [PARTITION_TEST] = p->test };
    uint64_t seed = (uint64_t)p->seed;
    partition_shares(share);
    if (strcmp(p->method, "random") == 0) {
        partition_random(side, row, n, share, seed);
    } else if (strcmp(p->method, "stratified") == 0) {
        partition_stratified(side, row, n, label->code, label->n_level, share, seed);
    } else {
        uint8_t *is_short = mem_calloc(label->n_level, 1);
        partition_balanced(side, row, n, label->code, label->n_level, (size_t)p->train_per_class,
                           (size_t)p->validation_per_class, seed, is_short);
        warn_short(label, is_short, p);
        free(is_short);
    }
}

/* The rows that have a label; all of them when the table has no label at all. */
static size_t labelled_rows(const struct column *label, size_t n_row, size_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < n_row; i++)
        if (!label || column_valid(label, i))
            out[n++] = i;
    return n;
}

static int report(const struct params *p, const struct sides *s, struct err *e)
{
    size_t count[256] = { 0 };
    for (size_t i = 0; i < s->n_row; i++)
        count[s->side[i]]++;
    if (count[SIDE_TRAIN] == 0)
        return err_set(
            e, ERR_DATA,
            "'%s': no row is left to train on (%zu rows: %zu validation, %zu test, %zu without "
            "label or unused)",
            p->table, s->n_row, count[SIDE_VALIDATION], count[SIDE_TEST], count[SIDE_NONE]);
    log_info("%zu rows: %zu training, %zu validation, %zu test, %zu unused", s->n_row,
             count[SIDE_TRAIN], count[SIDE_VALIDATION], count[SIDE_TEST], count[SIDE_NONE]);
    event_metric("rows_train", (double)count[SIDE_TRAIN], 0);
    event_metric("rows_validation", (double)count[SIDE_VALIDATION], 0);
    event_metric("rows_test", (double)count[SIDE_TEST], 0);
    return 0;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct table t = { 0 };
    struct sides s = { 0 };
    const struct column *label = NULL;
    size_t *row = NULL;
    int rc;

    if ((rc = check(p, e)) || (rc = table_read(&t, p->table, e)))
        goto out;
    if (strcmp(p->method, "random") == 0)
        label = t.roles.label ? table_column(&t, t.roles.label) : NULL;
    else if ((rc = table_label(&t, p->table, &label, e))) {
        err_wrap(e, "--method %s divides by class", p->method);
        goto out;
    }
    row = mem_calloc(t.n_row, sizeof *row);
    s = (struct sides){ .n_row = t.n_row, .side = mem_calloc(t.n_row, 1), .recipe = recipe(p) };
    memcpy(s.keys_sha256, t.keys_sha256, HASH_HEX);
    memset(s.side, SIDE_NONE, t.n_row);
    draw(p, label, row, labelled_rows(label, t.n_row, row), s.side);
    if ((rc = report(p, &s, e)) == 0)
        rc = sides_write(&s, p->split, e);
out:
    free(row);
    sides_release(&s);
    table_release(&t);
    return rc;
}

static const struct stage stage = {
    .name = "split",
    .purpose = "divide the labelled rows into training, validation and test",
    .opts = options,
    .size = sizeof(struct params),
    .run = run,
    .check = check,
    .more = "Example: split --table table.h5 --split split.h5 --method stratified --train 0.8 "
            "--validation 0.1 --test "
            "0.1 --seed 42",
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
