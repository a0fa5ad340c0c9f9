#include "io/rowgroup.h"

#include <stdlib.h>
#include <string.h>

static const int64_t max_rows = (int64_t)1 << 40;

int rowgroup_write(struct h5 *h, const char *group, size_t n_row, const char *keys_sha256,
                   struct err *e)
{
    int rc;
    if ((rc = h5_group(h, group, e)) || (rc = h5_set_int(h, group, "rows", (int64_t)n_row, e)))
        return rc;
    return h5_set_text(h, group, "keys_sha256", keys_sha256, e);
}

int rowgroup_read(struct h5 *h, const char *group, size_t *out_n_row,
                  char out_keys_sha256[HASH_HEX], struct err *e)
{
    int64_t rows;
    char *keys = NULL;
    int rc;

    if ((rc = h5_get_int(h, group, "rows", &rows, e)))
        return rc;
    if (rows < 0 || rows > max_rows)
        return err_set(e, ERR_DATA, "'%s': attribute 'rows' of '%s' is %lld, want 0 to 2^40",
                       h->path, group, (long long)rows);
    if ((rc = h5_get_text(h, group, "keys_sha256", &keys, e)))
        return rc;
    if (strlen(keys) != HASH_HEX - 1 || strspn(keys, "0123456789abcdef") != HASH_HEX - 1) {
        rc = err_set(e, ERR_DATA, "'%s': attribute 'keys_sha256' of '%s' is no SHA-256: '%.80s'",
                     h->path, group, keys);
    } else {
        memcpy(out_keys_sha256, keys, HASH_HEX);
        *out_n_row = (size_t)rows;
    }
    free(keys);
    return rc;
}
