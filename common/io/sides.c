/* refit.split: group `split` with rows, keys_sha256, recipe, folds; datasets split/side (n) uint8
 * and, with folds, split/fold (n) uint8. */
#include "io/sides.h"

#include <stdlib.h>

#include "io/h5.h"
#include "io/rowgroup.h"

static const char kind[] = "refit.split", group[] = "split", dataset[] = "split/side",
                  fold_name[] = "split/fold";
enum { KIND_VERSION = 1 };

const char *side_name(enum side side)
{
    switch (side) {
    case SIDE_TRAIN:
        return "train";
    case SIDE_VALIDATION:
        return "validation";
    case SIDE_TEST:
        return "test";
    case SIDE_NONE:
        return "none";
    }
    return "none";
}

static int check(const struct sides *s, const char *path, struct err *e)
{
    for (size_t i = 0; i < s->n_row; i++)
        if (s->side[i] > SIDE_TEST && s->side[i] != SIDE_NONE)
            return err_set(
                e, ERR_DATA,
                "'%s': row %zu is on side %d, want 0 train, 1 validation, 2 test or 255 none", path,
                i, s->side[i]);
    for (size_t i = 0; s->fold && i < s->n_row; i++)
        if (s->fold[i] >= s->n_fold && s->fold[i] != SIDE_NONE)
            return err_set(e, ERR_DATA,
                           "'%s': row %zu is in fold %d, want 0 to below %lld or 255 none", path, i,
                           s->fold[i], (long long)s->n_fold);
    return 0;
}

int sides_write(const struct sides *s, const char *path, struct err *e)
{
    struct h5 h = { 0 };
    int rc;

    if ((rc = check(s, path, e)))
        return rc;
    if ((rc = h5_create(&h, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = rowgroup_write(&h, group, s->n_row, s->keys_sha256, e)) == 0 &&
        (rc = h5_set_text(&h, group, "recipe", s->recipe, e)) == 0 &&
        (rc = h5_set_int(&h, group, "leaked_texts", s->leaked_texts, e)) == 0 &&
        (rc = h5_set_int(&h, group, "leaked_pictures", s->leaked_pictures, e)) == 0 &&
        (!s->fold || (rc = h5_set_int(&h, group, "folds", s->n_fold, e)) == 0) &&
        (rc = h5_write(&h, dataset, H5_U8, 1, &s->n_row, s->side, e)) == 0 &&
        (!s->fold || (rc = h5_write(&h, fold_name, H5_U8, 1, &s->n_row, s->fold, e)) == 0))
        rc = h5_publish(&h, e);
    h5_close(&h);
    return rc;
}

/* Files of before the check do not say. */
static int read_leaks(struct h5 *h, struct sides *s, struct err *e)
{
    int rc = 0;
    s->leaked_texts = s->leaked_pictures = -1;
    if (h5_has_attr(h, group, "leaked_texts"))
        rc = h5_get_int(h, group, "leaked_texts", &s->leaked_texts, e);
    if (rc == 0 && h5_has_attr(h, group, "leaked_pictures"))
        rc = h5_get_int(h, group, "leaked_pictures", &s->leaked_pictures, e);
    return rc;
}

static int read_folds(struct h5 *h, struct sides *s, struct err *e)
{
    void *fold = NULL;
    int rc;
    if (!h5_has(h, fold_name))
        return 0;
    if ((rc = h5_get_int(h, group, "folds", &s->n_fold, e)) == 0 &&
        (rc = h5_read_n(h, fold_name, H5_U8, s->n_row, &fold, e)) == 0)
        s->fold = fold;
    return rc;
}

int sides_read(struct sides *s, const char *path, struct err *e)
{
    struct sides read = { 0 };
    struct h5 h = { 0 };
    void *side = NULL;
    int rc;

    if ((rc = h5_open(&h, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = rowgroup_read(&h, group, &read.n_row, read.keys_sha256, e)) == 0 &&
        (rc = h5_get_text(&h, group, "recipe", &read.recipe, e)) == 0 &&
        (rc = h5_read_n(&h, dataset, H5_U8, read.n_row, &side, e)) == 0) {
        read.side = side;
        if ((rc = read_leaks(&h, &read, e)) == 0 && (rc = read_folds(&h, &read, e)) == 0)
            rc = check(&read, path, e);
    }
    h5_close(&h);
    if (rc)
        sides_release(&read);
    else
        *s = read;
    return rc;
}

void sides_release(struct sides *s)
{
    free(s->fold);
    free(s->side);
    free(s->recipe);
    *s = (struct sides){ 0 };
}
