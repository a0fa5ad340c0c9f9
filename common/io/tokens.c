/* refit.tokens: group `text` with rows, keys_sha256, recipe; text/words/bytes and offsets (the
 * dictionary), text/ids (int32), text/offsets (n + 1, int64). */
#include "io/tokens.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/h5.h"
#include "io/rowgroup.h"

static const char kind[] = "refit.tokens", group[] = "text";
enum { KIND_VERSION = 1 };

static int check(const struct tokens *t, const char *path, struct err *e)
{
    if (t->n_word > INT32_MAX)
        return err_set(e, ERR_DATA, "'%s': %zu words, at most 2^31 - 1 are possible", path,
                       t->n_word);
    if (t->offset[0] != 0 || t->offset[t->n_row] != (int64_t)t->n_id)
        return err_set(
            e, ERR_DATA,
            "'%s': 'text/offsets' runs from %lld to %lld, want 0 to %zu, the number of ids", path,
            (long long)t->offset[0], (long long)t->offset[t->n_row], t->n_id);
    for (size_t i = 0; i < t->n_row; i++)
        if (t->offset[i] > t->offset[i + 1])
            return err_set(e, ERR_DATA, "'%s': 'text/offsets' is not ascending at row %zu", path,
                           i);
    for (size_t i = 0; i < t->n_id; i++)
        if (t->id[i] < 0 || t->id[i] >= (int32_t)t->n_word)
            return err_set(
                e, ERR_DATA,
                "'%s': 'text/ids' item %zu is %d, want 0 to below %zu, the number of words", path,
                i, t->id[i], t->n_word);
    return 0;
}

int tokens_write(const struct tokens *t, const char *path, struct err *e)
{
    struct h5 h = { 0 };
    size_t n_offset = t->n_row + 1;
    int rc;

    if ((rc = check(t, path, e)))
        return rc;
    if ((rc = h5_create(&h, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = rowgroup_write(&h, group, t->n_row, t->keys_sha256, e)) == 0 &&
        (rc = h5_set_text(&h, group, "recipe", t->recipe, e)) == 0 &&
        (rc = h5_write_strings(&h, "text/words", (const char *const *)t->word, t->n_word, e)) ==
            0 &&
        (rc = h5_write(&h, "text/ids", H5_I32, 1, &t->n_id, t->id, e)) == 0 &&
        (rc = h5_write(&h, "text/offsets", H5_I64, 1, &n_offset, t->offset, e)) == 0)
        rc = h5_publish(&h, e);
    h5_close(&h);
    return rc;
}

int tokens_read(struct tokens *t, const char *path, struct err *e)
{
    struct tokens read = { 0 };
    struct h5 h = { 0 };
    void *id = NULL, *offset = NULL;
    int rc;

    if ((rc = h5_open(&h, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = rowgroup_read(&h, group, &read.n_row, read.keys_sha256, e)) == 0 &&
        (rc = h5_get_text(&h, group, "recipe", &read.recipe, e)) == 0 &&
        (rc = h5_read_strings(&h, "text/words", &read.word, &read.n_word, SIZE_MAX, e)) == 0 &&
        (rc = h5_read(&h, "text/ids", H5_I32, 1, &read.n_id, &id, SIZE_MAX, e)) == 0)
        rc = h5_read_n(&h, "text/offsets", H5_I64, read.n_row + 1, &offset, e);
    read.id = id;
    read.offset = offset;
    if (rc == 0)
        rc = check(&read, path, e);
    h5_close(&h);
    if (rc)
        tokens_release(&read);
    else
        *t = read;
    return rc;
}

void tokens_release(struct tokens *t)
{
    mem_free_texts(t->word, t->n_word);
    free(t->id);
    free(t->offset);
    free(t->recipe);
    *t = (struct tokens){ 0 };
}
