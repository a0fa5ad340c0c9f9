#ifndef IO_PIXELS_H
#define IO_PIXELS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/h5.h"
#include "num/hash.h"

enum { PIXELS_DIGEST = SHA256_DIGEST_SIZE };
enum pixels_status { PIXELS_OK = 0, PIXELS_MISSING = 1, PIXELS_CORRUPT = 2 };

/** refit.images: one RGB picture per row, uint8 (n, height, width, 3), row major, contiguous,
 * mapped on reading. A row without a picture is all zeros and says so in `status`. */
struct pixels {
    size_t n_row, height, width;
    const uint8_t *data; /* (n_row, height, width, 3) mapped, read only */
    uint8_t *status;     /* (n_row) owned: enum pixels_status */
    uint8_t *digest;     /* (n_row, 32) owned: SHA-256 of the file, zeros where none was read; NULL:
                            the file does not say */
    char *recipe;        /* owned: JSON of the image options, so that serving repeats them */
    char keys_sha256[HASH_HEX];
    void *map; /* owned: for munmap */
    size_t map_size;
};

int pixels_read(struct pixels *p, const char *path, struct err *e);
void pixels_release(struct pixels *p);

/** Writing, a block of rows at a time (memory bounded whatever n): begin, rows in any order,
 * finish. */
int pixels_begin(struct h5 *h, const char *path, size_t n_row, size_t height, size_t width,
                 const char *recipe, const char *keys_sha256, struct err *e);
int pixels_rows(struct h5 *h, size_t start, size_t n, const uint8_t *data, struct err *e);
/** status (n_row), reason (n_row): "" where ok, digest (n_row, 32) or NULL. Publishes the file. */
int pixels_finish(struct h5 *h, size_t n_row, const uint8_t *status, const char *const *reason,
                  const uint8_t *digest, struct err *e);

#endif
