/* samples DIR: small files for the tests of split, impute_scale, package and upload:
 *   table.h5       300 rows of classes a (240), b (54), c (3) and 3 without label; features price
 * (every 4th a gap), size (never any), brand (levels of 200, 80, 15, 3 and 2 rows, gaps), used
 * (bool) plain.h5       the same without label and features number.h5      the same with the label
 * a number other.h5       table.h5 with its rows in another order split.h5       rows 0, 3, 6 ...
 * of table.h5 for training, 1, 4, 7 ... for test model.h5       what package reads of a model with
 * a text branch image.h5       and without */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/h5.h"
#include "io/outfile.h"
#include "io/sides.h"
#include "io/table.h"
#include "num/rng.h"

enum { N = 300, N_COL = 6 };

static char **copy_texts(const char *const *text, size_t n)
{
    char **out = mem_calloc(n, sizeof *out);
    for (size_t i = 0; i < n; i++)
        out[i] = mem_strdup(text[i]);
    return out;
}

static struct column *column(struct table *t, size_t i, const char *name, enum column_type type)
{
    struct column *c = &t->col[i];
    *c = (struct column){ .name = mem_strdup(name), .type = type, .n = N };
    return c;
}

static void category(struct column *c, const char *const *level, size_t n_level)
{
    c->level = copy_texts(level, n_level);
    c->n_level = n_level;
    c->code = mem_calloc(N, sizeof *c->code);
    c->valid = mem_calloc(N, 1);
    memset(c->valid, 1, N);
}

static void gap(struct column *c, size_t i)
{
    c->code[i] = -1;
    c->valid[i] = 0;
}

static int32_t level_of(size_t at, const size_t *rows)
{
    int32_t level = 0;
    for (; at >= rows[level]; level++)
        at -= rows[level];
    return level;
}

static void fill_brand(struct column *c)
{
    static const char *const level[] = { "Vif", "Eclat", "Nadir", "Zenith", "Orme" };
    static const size_t rows[] = { 200, 80, 15, 3, 2 };
    category(c, level, 5);
    for (size_t i = 0; i < N; i++) {
        c->code[i] = level_of(i * 7 % N, rows);
        if (i % 11 == 5)
            gap(c, i);
    }
}

static void fill_label(struct column *c)
{
    static const char *const level[] = { "a", "b", "c" };
    static const size_t rows[] = { 240, 54, 3 };
    category(c, level, 3);
    for (size_t i = 0; i < N; i++) {
        size_t at = i * 13 % N;
        if (at < 297)
            c->code[i] = level_of(at, rows);
        else
            gap(c, i);
    }
}

static void fill(struct table *t)
{
    static const char *const feature[] = { "price", "size", "brand", "used" };
    struct rng rng;
    rng_init(&rng, 1, 0);
    *t = (struct table){ .name = mem_strdup("things"), .n_row = N, .n_col = N_COL };
    t->col = mem_calloc(N_COL, sizeof *t->col);
    struct column *id = column(t, 0, "id", COLUMN_INT),
                  *price = column(t, 1, "price", COLUMN_FLOAT);
    struct column *size = column(t, 2, "size", COLUMN_FLOAT),
                  *used = column(t, 4, "used", COLUMN_BOOL);
    fill_brand(column(t, 3, "brand", COLUMN_CATEGORY));
    fill_label(column(t, 5, "label", COLUMN_CATEGORY));
    id->whole = mem_calloc(N, sizeof *id->whole);
    price->real = mem_calloc(N, sizeof *price->real);
    price->valid = mem_calloc(N, 1);
    size->real = mem_calloc(N, sizeof *size->real);
    size->valid = mem_calloc(N, 1);
    used->flag = mem_calloc(N, 1);
    for (size_t i = 0; i < N; i++) {
        double value = 20 + 5 * rng_normal(&rng);
        id->whole[i] = (int64_t)i + 1000;
        price->valid[i] = i % 4 != 1;
        price->real[i] = price->valid[i] ? value : 0;
        used->flag[i] = i % 3 == 0;
    }
    t->roles = (struct table_roles){ .id = mem_strdup("id"),
                                     .label = mem_strdup("label"),
                                     .feature = copy_texts(feature, 4),
                                     .n_feature = 4 };
    table_hash_keys(t);
}

static int write_table(const struct table *t, const char *dir, const char *name, struct err *e)
{
    struct tables all = { .item = mem_calloc(1, sizeof *all.item), .n = 1 };
    char *path = str_format("%s/%s", dir, name);
    all.item[0] = *t;
    int rc = tables_write(&all, path, e);
    free(all.item);
    free(path);
    return rc;
}

static int write_tables(const char *dir, struct table *t, struct err *e)
{
    struct table changed = *t;
    int rc = write_table(t, dir, "table.h5", e);
    changed.roles = (struct table_roles){ .id = t->roles.id };
    if (rc == 0)
        rc = write_table(&changed, dir, "plain.h5", e);
    changed = *t;
    changed.roles.label = t->col[1].name;
    if (rc == 0)
        rc = write_table(&changed, dir, "number.h5", e);
    int64_t first = t->col[0].whole[0];
    t->col[0].whole[0] = t->col[0].whole[1];
    t->col[0].whole[1] = first;
    table_hash_keys(t);
    if (rc == 0)
        rc = write_table(t, dir, "other.h5", e);
    return rc;
}

static int write_split(const char *dir, const char *keys, struct err *e)
{
    struct sides s = { .n_row = N,
                       .side = mem_calloc(N, 1),
                       .recipe = mem_strdup("{\"method\":\"by hand\"}") };
    char *path = str_format("%s/split.h5", dir);
    memcpy(s.keys_sha256, keys, HASH_HEX);
    for (size_t i = 0; i < N; i++)
        s.side[i] = i % 3 == 0 ? SIDE_TRAIN : i % 3 == 1 ? SIDE_TEST : SIDE_NONE;
    int rc = sides_write(&s, path, e);
    sides_release(&s);
    free(path);
    return rc;
}

static int write_model(const char *dir, const char *name, const char *kind, struct err *e)
{
    static const char *const label[] = { "10", "2280", "1301" }, *const title[] = { "books",
                                                                                    "papers",
                                                                                    "caf\xc3\xa9" };
    static const char *const word[] = { "", "<OOV>", "livre", "\xc3\xa9t\xc3\xa9", "\"rouge\"" };
    char *path = str_format("%s/%s", dir, name);
    struct h5 h = { 0 };
    int rc = h5_create(&h, path, "refit.model", 1, e);
    if (rc == 0 && (rc = h5_set_text(&h, "/", "family", "network", e)) == 0 &&
        (rc = h5_set_text(&h, "/", "model", kind, e)) == 0 &&
        (rc = h5_write_strings(&h, "classes/label", label, 3, e)) == 0 &&
        (rc = h5_write_strings(&h, "classes/name", title, 3, e)) == 0 &&
        strcmp(kind, "text") == 0 &&
        (rc = h5_write_strings(&h, "text/vocabulary", word, 5, e)) == 0)
        rc = h5_set_text(&h, "text", "recipe", "{\"normalize\":\"nfkc\"}", e);
    if (rc == 0)
        rc = h5_publish(&h, e);
    h5_close(&h);
    free(path);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct table t;
    if (argc != 2) {
        fprintf(stderr, "usage: samples DIR\n");
        return ERR_USAGE;
    }
    fill(&t);
    if (write_split(argv[1], t.keys_sha256, &e) == 0 && write_tables(argv[1], &t, &e) == 0 &&
        write_model(argv[1], "model.h5", "text", &e) == 0)
        write_model(argv[1], "image.h5", "image", &e);
    table_release(&t);
    return err_report(&e, "samples");
}
