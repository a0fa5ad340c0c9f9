#ifndef IO_PICTURE_H
#define IO_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "io/pixels.h"
#include "io/table.h"

struct image_options;

/* The picture file of a row: its name by the pattern of the table's image role, its bytes from a
 * directory. */

/** A part of a pattern: fixed text, or a column's value. */
struct picture_piece {
    const char *text; /* borrowed from the pattern */
    size_t n;
    const struct column *column; /* borrowed from the table; NULL: fixed text */
};

/** "image_{imageid}_product_{productid}.jpg" taken apart. */
struct picture_pattern {
    struct picture_piece *piece; /* owned */
    size_t n;
};

/** Take the image role of the table apart. ERR_DATA (naming path) if it has none, names an unknown
 * column, or has a brace without its partner. */
int picture_pattern_init(struct picture_pattern *p, const struct table *t, const char *path,
                         struct err *e);
void picture_pattern_release(struct picture_pattern *p);

/**
 * The file name of a row, replacing `*out`. NULL, or the reason why the row has none: a value is
 * missing, or would leave the directory (a '/', a NUL, a component "." or "..").
 */
const char *picture_name(const struct picture_pattern *p, size_t row, struct str *out);

/** Would the path leave a directory: absolute, or with an empty part, "." or ".."? */
bool picture_leaves(const char *name);

/** Open a directory of pictures: a file descriptor. ERR_DATA if there is none, ERR_IO if it cannot
 * be opened. */
int picture_open_dir(const char *path, int *out_dir, struct err *e);

/**
 * Read a file of the directory into `*io_bytes` (grown as needed, room in `*io_room`). PIXELS_OK,
 * or PIXELS_MISSING / PIXELS_CORRUPT with the reason in `*out_why` (replaced).
 *
 *   errors  ERR_IO where the machine fails, not the file: too many open files, a disk error
 */
int picture_load(int dir, const char *name, int64_t max_bytes, uint8_t **io_bytes, size_t *io_room,
                 size_t *out_n, enum pixels_status *out_status, struct str *out_why, struct err *e);

/** What one thread reads pictures with: storage that stays. All zeros is empty. */
struct picture_hand {
    uint8_t *bytes; /* owned: the file */
    size_t room, n; /* n: bytes of the last file */
    bool read;      /* it was read */
    struct str why; /* owned: reason of the last status that is not PIXELS_OK */
};

/**
 * The picture of a file of the directory as pixels: what training and serving both see.
 *
 *   out     (size, size, 3); all zeros unless PIXELS_OK, with the reason in h->why
 *   errors  ERR_IO as picture_load
 */
int picture_pixels(struct picture_hand *h, const struct image_options *o, int dir, const char *name,
                   uint8_t *out, enum pixels_status *out_status, struct err *e);
void picture_hand_release(struct picture_hand *h);

#endif
