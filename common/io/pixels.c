/* refit.images: group `images` with rows, keys_sha256, recipe; images/data (n, height, width, 3)
 * uint8, images/status (n) uint8, images/reason/bytes and offsets (n texts), images/digest (n, 32)
 * uint8. */
#include "io/pixels.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "io/rowgroup.h"

static const char kind[] = "refit.images", group[] = "images", data_name[] = "images/data",
                  status_name[] = "images/status", digest_name[] = "images/digest";
enum { KIND_VERSION = 1, N_CHANNEL = 3 };

static int check_status(const char *path, const uint8_t *status, size_t n, struct err *e)
{
    for (size_t i = 0; i < n; i++)
        if (status[i] > PIXELS_CORRUPT)
            return err_set(e, ERR_DATA,
                           "'%s': row %zu has picture status %d, want 0 ok, 1 missing or 2 corrupt",
                           path, i, status[i]);
    return 0;
}

int pixels_begin(struct h5 *h, const char *path, size_t n_row, size_t height, size_t width,
                 const char *recipe, const char *keys_sha256, struct err *e)
{
    struct h5 made = { 0 };
    size_t shape[4] = { n_row, height, width, N_CHANNEL };
    int rc;

    if ((rc = h5_create(&made, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = rowgroup_write(&made, group, n_row, keys_sha256, e)) == 0 &&
        (rc = h5_set_text(&made, group, "recipe", recipe, e)) == 0)
        rc = h5_begin(&made, data_name, H5_U8, 4, shape, e);
    if (rc)
        h5_close(&made);
    else
        *h = made;
    return rc;
}

int pixels_rows(struct h5 *h, size_t start, size_t n, const uint8_t *data, struct err *e)
{
    return h5_write_rows(h, data_name, H5_U8, start, n, data, e);
}

int pixels_finish(struct h5 *h, size_t n_row, const uint8_t *status, const char *const *reason,
                  const uint8_t *digest, struct err *e)
{
    const size_t shape[2] = { n_row, PIXELS_DIGEST };
    int rc;
    if ((rc = check_status(h->path, status, n_row, e)) == 0 &&
        (rc = h5_write(h, status_name, H5_U8, 1, &n_row, status, e)) == 0 &&
        (rc = h5_write_strings(h, "images/reason", reason, n_row, e)) == 0 &&
        (!digest || (rc = h5_write(h, digest_name, H5_U8, 2, shape, digest, e)) == 0))
        rc = h5_publish(h, e);
    h5_close(h);
    return rc;
}

static int read_data(struct h5 *h, struct pixels *p, struct err *e)
{
    size_t shape[4];
    const void *data;
    int rc = h5_shape(h, data_name, H5_U8, 4, shape, e);

    if (rc)
        return rc;
    if (shape[0] != p->n_row)
        return err_set(e, ERR_DATA, "'%s': '%s' has %zu rows, attribute 'rows' says %zu", h->path,
                       data_name, shape[0], p->n_row);
    if (shape[1] == 0 || shape[2] == 0 || shape[3] != N_CHANNEL)
        return err_set(e, ERR_DATA, "'%s': pictures of %zu x %zu x %zu, want height x width x 3",
                       h->path, shape[1], shape[2], shape[3]);
    p->height = shape[1];
    p->width = shape[2];
    if ((rc = h5_map(h, data_name, H5_U8, &p->map, &p->map_size, &data, e)) == 0)
        p->data = data;
    return rc;
}

static int read_digest(struct h5 *h, struct pixels *p, struct err *e)
{
    size_t shape[2];
    void *digest = NULL;
    int rc;
    if (!h5_has(h, digest_name))
        return 0;
    if ((rc = h5_shape(h, digest_name, H5_U8, 2, shape, e)))
        return rc;
    if (shape[0] != p->n_row || shape[1] != PIXELS_DIGEST)
        return err_set(e, ERR_DATA, "'%s': '%s' is %zu x %zu, want %zu x %d", h->path, digest_name,
                       shape[0], shape[1], p->n_row, PIXELS_DIGEST);
    if ((rc = h5_read(h, digest_name, H5_U8, 2, shape, &digest, SIZE_MAX, e)) == 0)
        p->digest = digest;
    return rc;
}

int pixels_read(struct pixels *p, const char *path, struct err *e)
{
    struct pixels read = { 0 };
    struct h5 h = { 0 };
    void *status = NULL;
    int rc;

    if ((rc = h5_open(&h, path, kind, KIND_VERSION, e)) == 0 &&
        (rc = rowgroup_read(&h, group, &read.n_row, read.keys_sha256, e)) == 0 &&
        (rc = h5_get_text(&h, group, "recipe", &read.recipe, e)) == 0 &&
        (rc = h5_read_n(&h, status_name, H5_U8, read.n_row, &status, e)) == 0) {
        read.status = status;
        if ((rc = check_status(path, read.status, read.n_row, e)) == 0 &&
            (rc = read_digest(&h, &read, e)) == 0)
            rc = read_data(&h, &read, e);
    }
    h5_close(&h);
    if (rc)
        pixels_release(&read);
    else
        *p = read;
    return rc;
}

void pixels_release(struct pixels *p)
{
    if (p->map)
        munmap(p->map, p->map_size);
    free(p->digest);
    free(p->status);
    free(p->recipe);
    *p = (struct pixels){ 0 };
}
