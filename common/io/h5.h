#ifndef IO_H5_H
#define IO_H5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* HDF5 files between stages: written complete or not at all, equal data = equal bytes (no
 * timestamps, fixed alignment, fixed order), refused when they are of another kind, incomplete or
 * damaged. Root attributes: `kind`, `kind_version`, and last of all `complete`. Text attributes are
 * variable-length UTF-8. Datasets are contiguous unless said otherwise. Not for use from threads.
 */

enum h5_type { H5_F32, H5_F64, H5_I32, H5_I64, H5_U8 };

enum { H5_MAX_RANK = 4 };

/** An open file. All zeros is "none"; h5_close may always be called. */
struct h5 {
    hid_t file; /* > 0 when open */
    char *path; /* owned: the name that it has or gets */
    char *tmp;  /* owned: the name while being written; NULL when reading */
};

/** Start a file of this kind as <path>.tmp; missing directories are made. */
int h5_create(struct h5 *h, const char *path, const char *kind, int kind_version, struct err *e);

/** Write `complete`, close, fsync, rename, fsync the directory. On error nothing stays. h is empty
 * afterwards. */
int h5_publish(struct h5 *h, struct err *e);

/** Open to read. ERR_IO if the file cannot be opened by the system, ERR_DATA if it is not HDF5,
 * truncated, of another kind or a newer kind_version, or not complete: the text names the path,
 * found and wanted. */
int h5_open(struct h5 *h, const char *path, const char *kind, int kind_version, struct err *e);

/** As h5_open for any kind; the kind found goes to `out_kind` (owned by the caller). */
int h5_open_any(struct h5 *h, const char *path, char **out_kind, struct err *e);

/** An HDF5 file that can be opened, and that another program wrote. */
bool h5_is_foreign(const char *path);

/** Close; a file being written is removed. h is empty afterwards. */
void h5_close(struct h5 *h);

/** Make a group (and those above it) that is to carry attributes before it holds a dataset. */
int h5_group(struct h5 *h, const char *name, struct err *e);

/* Datasets. `name` is a path inside the file ("products/price/values"); groups are made as needed.
 */

int h5_write(struct h5 *h, const char *name, enum h5_type type, int rank, const size_t *dims,
             const void *data, struct err *e);

/** Shape of a dataset; ERR_DATA if it is absent, or its rank or type differs, or it is not stored
 * in one piece in this very file (chunks, external or virtual storage, soft and external links are
 * refused). */
int h5_shape(struct h5 *h, const char *name, enum h5_type type, int rank, size_t *out_dims,
             struct err *e);

/** Read a whole dataset into new memory, `*out` owned by the caller (64-byte aligned, free()).
 * Refuses more than `max_bytes` (ERR_DATA) before allocating. out_dims has `rank` entries. */
int h5_read(struct h5 *h, const char *name, enum h5_type type, int rank, size_t *out_dims,
            void **out, size_t max_bytes, struct err *e);

/** As h5_read for a vector of exactly n items. */
int h5_read_n(struct h5 *h, const char *name, enum h5_type type, size_t n, void **out,
              struct err *e);

/** Rows [start, start + n) of the first dimension, into the caller's memory. */
int h5_read_rows(struct h5 *h, const char *name, enum h5_type type, size_t start, size_t n,
                 void *out, struct err *e);

/** Make a dataset to be filled by h5_write_rows (space allocated at once, not filled). */
int h5_begin(struct h5 *h, const char *name, enum h5_type type, int rank, const size_t *dims,
             struct err *e);
int h5_write_rows(struct h5 *h, const char *name, enum h5_type type, size_t start, size_t n,
                  const void *data, struct err *e);

/** Map a contiguous dataset of a closed-to-writers file into memory, read only: `*out_map`,
 * `*out_map_size` are for munmap, `*out_data` points at the first item. ERR_DATA if the file is
 * shorter than the dataset. */
int h5_map(struct h5 *h, const char *name, enum h5_type type, void **out_map, size_t *out_map_size,
           const void **out_data, struct err *e);

bool h5_has(struct h5 *h, const char *name);

/** Names of the links in a group, sorted; owned by the caller, as all lists of texts:
 * mem_free_texts. */
int h5_list(struct h5 *h, const char *group, char ***out_name, size_t *out_n, struct err *e);

/* Attributes of a group or dataset ("/" for the root). Written in call order. */
int h5_set_text(struct h5 *h, const char *object, const char *name, const char *text,
                struct err *e);
int h5_set_int(struct h5 *h, const char *object, const char *name, int64_t value, struct err *e);
int h5_set_real(struct h5 *h, const char *object, const char *name, double value, struct err *e);
int h5_set_texts(struct h5 *h, const char *object, const char *name, const char *const *text,
                 size_t n, struct err *e);
bool h5_has_attr(struct h5 *h, const char *object, const char *name);
int h5_get_text(struct h5 *h, const char *object, const char *name, char **out,
                struct err *e); /* owned by caller */
int h5_get_int(struct h5 *h, const char *object, const char *name, int64_t *out, struct err *e);
int h5_get_real(struct h5 *h, const char *object, const char *name, double *out, struct err *e);
int h5_get_texts(struct h5 *h, const char *object, const char *name, char ***out, size_t *out_n,
                 struct err *e);

/* Lists of strings as two datasets, <name>/bytes (uint8) and <name>/offsets (int64, n + 1), as
 * Arrow lays them out. Read: offsets must rise from 0 to the number of bytes, the bytes be UTF-8
 * without NUL (ERR_DATA). */
int h5_write_strings(struct h5 *h, const char *name, const char *const *text, size_t n,
                     struct err *e);
int h5_read_strings(struct h5 *h, const char *name, char ***out, size_t *out_n, size_t max_bytes,
                    struct err *e);

/** The same in the layout of the file, its bytes mapped: text i is bytes[offset[i]] to
 * bytes[offset[i + 1]]. All zeros is "none". */
struct h5_strings {
    size_t n;
    int64_t *offset;   /* (n + 1) owned */
    const char *bytes; /* in map, or NULL where there are none */
    void *map;         /* owned */
    size_t map_size;
};

int h5_map_strings(struct h5 *h, const char *name, struct h5_strings *out, struct err *e);
void h5_strings_release(struct h5_strings *s);

/** The check of both: n texts in n_byte bytes; `path` and `name` are for the message. */
int h5_check_strings(const char *path, const char *name, const char *bytes, size_t n_byte,
                     const int64_t *offset, size_t n, struct err *e);

#endif
