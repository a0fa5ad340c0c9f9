/* split: put every labelled row on one side: training, validation, test, or none. Nothing that is
 * learned later may look at rows of another side than training.
 *
 *   in   table   refit.table; a row without label is on no side
 *        text    refit.tokens, optional: rows with the same words are the same text
 *        pixels  refit.images, optional: rows with the same picture file
 *   out  split   refit.split, the rows of the table in its order
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/opt.h"
#include "io/rowkeys.h"
#include "io/sides.h"
#include "num/kin.h"
#include "stages/split/split.h"

static const struct opt options[] = {
    { OPT_IN(struct params, table), .format = "hdf5:refit.table",
      .help = "table whose rows are divided" },
    { OPT_IN(struct params, text), .format = "hdf5:refit.tokens", .optional = true,
      .help = "words of the rows: equal words are equal texts (default: equal text columns)" },
    { OPT_IN(struct params, pixels), .format = "hdf5:refit.images", .optional = true,
      .help = "pictures of the rows, to find equal ones" },
    { OPT_OUT(struct params, split), .format = "hdf5:refit.split", .help = "side of every row" },
    { OPT_TEXT(struct params, target), .optional = true,
      .help = "column that will be learnt in place of the table's label" },
    { OPT_CHOICE(struct params, method), .text = "stratified",
      .choices = "random|stratified|balanced|time|column",
      .help = "random: all rows together; stratified: every class by these shares; balanced: the "
              "same number of rows from every class, the rest is for test; time: the latest for "
              "test; column: as a column says" },
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
    { OPT_TEXT(struct params, date), .text = "", .only_if = "method=time",
      .help = "date column; empty: that of the import schema" },
    { OPT_TEXT(struct params, validation_from), .text = "", .only_if = "method=time",
      .help = "first day or instant of validation, in place of shares" },
    { OPT_TEXT(struct params, test_from), .text = "", .only_if = "method=time",
      .help = "first day or instant of test, in place of shares" },
    { OPT_TEXT(struct params, column), .text = "", .only_if = "method=column",
      .help = "the column that says the side" },
    { OPT_TEXT(struct params, train_value), .text = "train", .only_if = "method=column",
      .help = "what it says of training rows" },
    { OPT_TEXT(struct params, validation_value), .text = "", .only_if = "method=column",
      .help = "of validation rows; empty: the share --validation of the training rows is drawn" },
    { OPT_TEXT(struct params, test_value), .text = "test", .only_if = "method=column",
      .help = "of test rows" },
    { OPT_TEXT(struct params, group), .text = "",
      .help = "column whose equal values stay on one side" },
    { OPT_CHOICE(struct params, duplicates), .text = "anywhere", .choices = "anywhere|together",
      .help = "rows with the same text or picture: together on one side, or not" },
    { OPT_INT(struct params, folds), .def = 0, .min = 0, .max = 254,
      .help =
          "cross-validation: this many equal parts, of which one is for test; by time the parts "
          "before it are for training; 0: none" },
    { OPT_INT(struct params, fold), .def = 0, .min = 0, .max = 253,
      .help = "the part that is for test, from 0" },
    { OPT_REAL(struct params, max_leaked_share), .def = 1, .min = 0, .max = 1,
      .help = "fail (65) if more than this share of the validation and test rows has a text or "
              "picture of an earlier side" },
    { OPT_INT(struct params, seed), .def = 42, .min = 0, .max = 9e15, .help = "of the draw" },
    { 0 },
};

static int check_folds(const struct params *p, struct err *e)
{
    if (!p->folds)
        return p->fold ? err_set(e, ERR_USAGE, "--fold %lld needs --folds", (long long)p->fold) : 0;
    if (p->folds < 2 || p->fold >= p->folds)
        return err_set(e, ERR_USAGE, "--fold %lld of --folds %lld: want 0 to below 2 or more",
                       (long long)p->fold, (long long)p->folds);
    if (strcmp(p->method, "time") == 0) {
        if (*p->validation_from || *p->test_from)
            return err_set(e, ERR_USAGE,
                           "--folds in time have borders of their own: leave out "
                           "--validation_from and --test_from");
        if (p->validation > 1 - 1e-9)
            return err_set(e, ERR_USAGE, "--validation %g leaves nothing to train on",
                           p->validation);
        return 0;
    }
    if (strcmp(p->method, "random") != 0 && strcmp(p->method, "stratified") != 0)
        return err_set(e, ERR_USAGE, "--folds are random, stratified or in time, not '%s'",
                       p->method);
    if (p->validation > 1 - 1 / (double)p->folds - 1e-9)
        return err_set(e, ERR_USAGE, "--validation %g leaves nothing to train on in %lld folds",
                       p->validation, (long long)p->folds);
    return 0;
}

static int check(const void *params, struct err *e)
{
    const struct params *p = params;
    double sum = p->train + p->validation + p->test;
    bool column = strcmp(p->method, "column") == 0;
    if (!p->folds && !column && sum > 1 + 1e-9)
        return err_set(e, ERR_USAGE,
                       "--train %g, --validation %g and --test %g sum to %g: want at most 1",
                       p->train, p->validation, p->test, sum);
    if (column && !*p->column)
        return err_set(e, ERR_USAGE, "--method column needs --column");
    if (strcmp(p->method, "balanced") == 0 && (*p->group || strcmp(p->duplicates, "together") == 0))
        return err_set(e, ERR_USAGE,
                       "--method balanced counts rows, and cannot keep them together");
    return check_folds(p, e);
}

static void set_text(json_t *j, const char *key, const char *value)
{
    if (*value)
        json_object_set_new(j, key, json_string(value));
}

static void set_shares(json_t *j, const struct params *p)
{
    bool time = strcmp(p->method, "time") == 0, column = strcmp(p->method, "column") == 0;
    if (time && (*p->validation_from || *p->test_from)) {
        set_text(j, "validation_from", p->validation_from);
        set_text(j, "test_from", p->test_from);
        return;
    }
    if (!column && !p->folds)
        json_object_set_new(j, "train", json_real(p->train));
    if (!column || !*p->validation_value)
        json_object_set_new(j, "validation", json_real(p->validation));
    if (!column && !p->folds)
        json_object_set_new(j, "test", json_real(p->test));
}

static char *recipe(const struct params *p)
{
    json_t *j = json_pack("{s:s}", "method", p->method);
    if (strcmp(p->method, "balanced") == 0) {
        json_object_set_new(j, "train_per_class", json_integer(p->train_per_class));
        json_object_set_new(j, "validation_per_class", json_integer(p->validation_per_class));
    } else {
        set_shares(j, p);
    }
    set_text(j, "date", p->date);
    if (strcmp(p->method, "column") == 0) {
        set_text(j, "column", p->column);
        set_text(j, "train_value", p->train_value);
        set_text(j, "validation_value", p->validation_value);
        set_text(j, "test_value", p->test_value);
    }
    if (p->target)
        set_text(j, "target", p->target);
    set_text(j, "group", p->group);
    if (strcmp(p->duplicates, "together") == 0)
        set_text(j, "duplicates", p->duplicates);
    if (p->folds) {
        json_object_set_new(j, "folds", json_integer(p->folds));
        json_object_set_new(j, "fold", json_integer(p->fold));
    }
    json_object_set_new(j, "seed", json_integer(p->seed));
    char *text = json_dumps(j, JSON_COMPACT);
    json_decref(j);
    return text;
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

/* What rows may have in common; each (n_row), owned, NULL: nothing is known. */
struct keys {
    int32_t *text, *picture, *group;
};

static void keys_release(struct keys *k)
{
    free(k->text);
    free(k->picture);
    free(k->group);
}

static int read_texts(const struct params *p, const struct table *t, struct keys *k, struct err *e)
{
    struct tokens words = { 0 };
    int rc;
    if (!p->text) {
        k->text = t->roles.n_text ? rowkeys_text(t) : NULL;
        return 0;
    }
    if ((rc = tokens_read(&words, p->text, e)) == 0 &&
        (rc = keys_check(p->table, t->keys_sha256, t->n_row, p->text, words.keys_sha256,
                         words.n_row, e)) == 0)
        k->text = rowkeys_words(&words);
    tokens_release(&words);
    return rc;
}

static int read_pictures(const struct params *p, const struct table *t, struct keys *k,
                         struct err *e)
{
    struct pixels pixels = { 0 };
    int rc;
    if (!p->pixels)
        return 0;
    if ((rc = pixels_read(&pixels, p->pixels, e)) == 0 &&
        (rc = keys_check(p->table, t->keys_sha256, t->n_row, p->pixels, pixels.keys_sha256,
                         pixels.n_row, e)) == 0 &&
        !(k->picture = rowkeys_pictures(&pixels)))
        rc = err_set(e, ERR_DATA, "'%s' has no 'images/digest': make it again", p->pixels);
    pixels_release(&pixels);
    return rc;
}

static int read_keys(const struct params *p, const struct table *t, struct keys *k, struct err *e)
{
    int rc;
    if ((rc = read_texts(p, t, k, e)) || (rc = read_pictures(p, t, k, e)))
        return rc;
    if (!*p->group)
        return 0;
    const struct column *c = table_column(t, p->group);
    if (!c)
        return err_set(e, ERR_DATA, "'%s': there is no column '%s' to group by", p->table,
                       p->group);
    k->group = rowkeys_column(c);
    return 0;
}

/* The groups that stay together; NULL: every row by itself. */
static size_t *make_groups(const struct params *p, const struct keys *k, size_t n_row)
{
    const int32_t *key[3];
    size_t n = 0;
    if (k->group)
        key[n++] = k->group;
    if (strcmp(p->duplicates, "together") == 0) {
        if (k->text)
            key[n++] = k->text;
        if (k->picture)
            key[n++] = k->picture;
    }
    if (!n)
        return NULL;
    size_t *group = mem_calloc(n_row, sizeof *group), n_group = kin_groups(key, n, n_row, group);
    log_info("%zu groups of rows that stay together", n_group);
    return group;
}

/* Texts and pictures that are on an earlier side, too: a figure of such rows proves little. */
static int check_leaks(const struct params *p, const struct keys *k, struct sides *s, struct err *e)
{
    size_t n = 0, n_text = k->text ? kin_leaks(s->side, k->text, s->n_row) : 0,
           n_picture = k->picture ? kin_leaks(s->side, k->picture, s->n_row) : 0;
    for (size_t i = 0; i < s->n_row; i++)
        n += s->side[i] == SIDE_VALIDATION || s->side[i] == SIDE_TEST;
    s->leaked_texts = k->text ? (int64_t)n_text : -1;
    s->leaked_pictures = k->picture ? (int64_t)n_picture : -1;
    if (k->text)
        event_metric("leaked_texts", (double)n_text, 0);
    if (k->picture)
        event_metric("leaked_pictures", (double)n_picture, 0);
    if (n_text || n_picture)
        log_warn(
            "of %zu validation and test rows %zu have a text and %zu a picture that an earlier "
            "side has, too (--duplicates together prevents that)",
            n, n_text, n_picture);
    size_t most = n_text > n_picture ? n_text : n_picture;
    if ((double)most > p->max_leaked_share * (double)n)
        return err_set(e, ERR_DATA,
                       "'%s': %zu of %zu validation and test rows are known from an "
                       "earlier side: more than max_leaked_share %g",
                       p->table, most, n, p->max_leaked_share);
    return 0;
}

static int find_label(const struct params *p, const struct table *t, const struct column **out,
                      struct err *e)
{
    bool classes = strcmp(p->method, "stratified") == 0 || strcmp(p->method, "balanced") == 0;
    int rc = 0;
    *out = t->roles.label ? table_column(t, t->roles.label) : NULL;
    if (classes && (rc = table_label(t, p->table, out, e)))
        err_wrap(e, "--method %s divides by class", p->method);
    return rc;
}

static int divide(const struct params *p, const struct table *t, struct sides *s, struct err *e)
{
    struct draw d = { .p = p, .table = t };
    struct keys k = { 0 };
    size_t *row = NULL, *group = NULL;
    int rc;

    if ((rc = find_label(p, t, &d.label, e)) || (rc = read_keys(p, t, &k, e)))
        goto out;
    d.row = row = mem_calloc(t->n_row, sizeof *row);
    d.n = labelled_rows(d.label, t->n_row, row);
    d.group = group = make_groups(p, &k, t->n_row);
    if ((rc = draw_sides(&d, s->side, s->fold, e)))
        goto out;
    size_t n_moved = group && !draw_by_lot(p) ? kin_settle(s->side, group, t->n_row) : 0;
    if (n_moved)
        log_warn("%zu rows have kin on an earlier side and are on none", n_moved);
    rc = check_leaks(p, &k, s, e);
out:
    free(group);
    free(row);
    keys_release(&k);
    return rc;
}

static uint8_t *nowhere(size_t n)
{
    uint8_t *side = mem_calloc(n, 1);
    memset(side, SIDE_NONE, n);
    return side;
}

static int run(const void *params, struct err *e)
{
    const struct params *p = params;
    struct table t = { 0 };
    struct sides s = { 0 };
    int rc;

    if ((rc = check(p, e)) || (rc = table_read(&t, p->table, e)) ||
        (rc = table_retarget(&t, p->target, e)))
        goto out;
    s = (struct sides){ .n_row = t.n_row, .side = nowhere(t.n_row), .recipe = recipe(p) };
    if (p->folds) {
        s.fold = nowhere(t.n_row);
        s.n_fold = p->folds;
    }
    memcpy(s.keys_sha256, t.keys_sha256, HASH_HEX);
    if ((rc = divide(p, &t, &s, e)) == 0 && (rc = report(p, &s, e)) == 0)
        rc = sides_write(&s, p->split, e);
out:
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
    .more =
        "Example: split --table table.h5 --pixels pixels.h5 --split split.h5 --method stratified "
        "--train 0.8 --validation 0.1 --test 0.1 --duplicates together --seed 42",
};

int main(int argc, char **argv)
{
    return stage_main(&stage, argc, argv);
}
