/* refit.features: group `features` with rows, keys_sha256; features/values (n, d) float64,
 * features/names/bytes and offsets (d texts), features/state (uint8: JSON, which may be long). */
#include "io/featmat.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "io/h5.h"
#include "io/rowgroup.h"

static const char kind[] = "refit.features", group[] = "features";
enum { KIND_VERSION = 1 };

static const char values[] = "features/values";

/* No infinities; how many gaps. */
static int check(const struct featmat *f, const char *path, size_t *out_n_gap, struct err *e)
{
    size_t n = f->n_row * f->n_col, n_gap = 0, n_bad = 0;
    for (size_t i = 0; i < n; i++) {
        n_gap += isnan(f->x[i]) ? 1 : 0;
        n_bad += isinf(f->x[i]) ? 1 : 0;
    }
    *out_n_gap = n_gap;
    for (size_t i = 0; n_bad && i < n; i++)
        if (isinf(f->x[i]))
            return err_set(e, ERR_DATA, "'%s': row %zu of feature '%s' is not finite", path,
                           i / f->n_col, f->name[i % f->n_col]);
    return 0;
}

int featmat_begin(struct h5 *h, const struct featmat *f, const char *path, struct err *e)
{
    size_t shape[2] = { f->n_row, f->n_col };
    int rc;
    if ((rc = h5_create(h, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = rowgroup_write(h, group, f->n_row, f->keys_sha256, e)) == 0)
        rc = h5_begin(h, values, H5_F64, 2, shape, e);
    return rc;
}

int featmat_write_rows(struct h5 *h, size_t first, size_t n, const double *x, struct err *e)
{
    return h5_write_rows(h, values, H5_F64, first, n, x, e);
}

int featmat_publish(struct h5 *h, const struct featmat *f, struct err *e)
{
    size_t n_state = strlen(f->state);
    int rc = h5_write_strings(h, "features/names", (const char *const *)f->name, f->n_col, e);
    if (rc == 0 && (rc = h5_write(h, "features/state", H5_U8, 1, &n_state, f->state, e)) == 0)
        rc = h5_publish(h, e);
    return rc;
}

int featmat_write(const struct featmat *f, const char *path, struct err *e)
{
    struct h5 h = { 0 };
    size_t n_gap;
    int rc;
    if ((rc = check(f, path, &n_gap, e)) == 0 && (rc = featmat_begin(&h, f, path, e)) == 0 &&
        (rc = featmat_write_rows(&h, 0, f->n_col ? f->n_row : 0, f->x, e)) == 0)
        rc = featmat_publish(&h, f, e);
    h5_close(&h);
    return rc;
}

static int read_state(struct h5 *h, struct featmat *f, struct err *e)
{
    void *bytes = NULL;
    size_t n;
    int rc = h5_read(h, "features/state", H5_U8, 1, &n, &bytes, SIZE_MAX, e);
    if (rc)
        return rc;
    if (utf8_valid(bytes, n) && !memchr(bytes, '\0', n))
        f->state = mem_strndup(bytes, n);
    else
        rc = err_set(e, ERR_DATA, "'%s': 'features/state' is not UTF-8 text", h->path);
    free(bytes);
    return rc;
}

static int read_matrix(struct h5 *h, struct featmat *f, struct err *e)
{
    size_t shape[2], n_name = 0;
    void *x = NULL;
    char **name = NULL;
    int rc;

    if ((rc = h5_read(h, values, H5_F64, 2, shape, &x, SIZE_MAX, e)))
        return rc;
    f->x = x;
    if (shape[0] != f->n_row)
        return err_set(e, ERR_DATA,
                       "'%s': 'features/values' has %zu rows, attribute 'rows' says %zu", h->path,
                       shape[0], f->n_row);
    if ((rc = h5_read_strings(h, "features/names", &name, &n_name, SIZE_MAX, e)))
        return rc;
    f->name = name;
    f->n_col = n_name;
    if (n_name != shape[1])
        return err_set(e, ERR_DATA, "'%s': 'features/values' has %zu columns, 'features/names' %zu",
                       h->path, shape[1], n_name);
    return 0;
}

int featmat_read(struct featmat *f, const char *path, struct err *e)
{
    struct featmat read = { 0 };
    struct h5 h = { 0 };
    int rc;

    if ((rc = h5_open(&h, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = rowgroup_read(&h, group, &read.n_row, read.keys_sha256, e)) == 0 &&
        (rc = read_matrix(&h, &read, e)) == 0 && (rc = read_state(&h, &read, e)) == 0)
        rc = check(&read, path, &read.n_gap, e);
    h5_close(&h);
    if (rc)
        featmat_release(&read);
    else
        *f = read;
    return rc;
}

void featmat_release(struct featmat *f)
{
    mem_free_texts(f->name, f->n_col);
    free(f->x);
    free(f->state);
    *f = (struct featmat){ 0 };
}
