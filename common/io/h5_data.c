/* The number side of h5: datasets. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/h5_inner.h"

static hid_t file_type(enum h5_type type)
{
    switch (type) {
    case H5_F32:
        return H5T_IEEE_F32LE;
    case H5_F64:
        return H5T_IEEE_F64LE;
    case H5_I32:
        return H5T_STD_I32LE;
    case H5_I64:
        return H5T_STD_I64LE;
    case H5_U8:
        return H5T_STD_U8LE;
    }
    return H5I_INVALID_HID;
}

static hid_t memory_type(enum h5_type type)
{
    switch (type) {
    case H5_F32:
        return H5T_NATIVE_FLOAT;
    case H5_F64:
        return H5T_NATIVE_DOUBLE;
    case H5_I32:
        return H5T_NATIVE_INT32;
    case H5_I64:
        return H5T_NATIVE_INT64;
    case H5_U8:
        return H5T_NATIVE_UINT8;
    }
    return H5I_INVALID_HID;
}

static size_t type_size(enum h5_type type)
{
    static const size_t size[] = { 4, 8, 4, 8, 1 };
    return size[type];
}

static const char *type_name(enum h5_type type)
{
    static const char *const name[] = { "float32", "float64", "int32", "int64", "uint8" };
    return name[type];
}

/* ---- datasets -------------------------------------------------------------------------------- */

/* Bytes of a shape; false if they do not fit. */
static bool shape_bytes(int rank, const size_t *dims, enum h5_type type, size_t *out)
{
    size_t bytes = type_size(type);
    for (int i = 0; i < rank; i++)
        if (__builtin_mul_overflow(bytes, dims[i], &bytes) || bytes > INT64_MAX)
            return false;
    *out = bytes;
    return true;
}

static int begin_dataset(struct h5 *h, const char *name, enum h5_type type, int rank,
                         const size_t *dims, hid_t *out, struct err *e)
{
    hid_t list = H5I_INVALID_HID, space = H5I_INVALID_HID, set = H5I_INVALID_HID;
    hsize_t size[H5_MAX_RANK];
    int rc;

    assert(rank >= 1 && rank <= H5_MAX_RANK);
    if ((rc = h5_make_groups(h, name, false, e)))
        return rc;
    for (int i = 0; i < rank; i++)
        size[i] = dims[i];
    /* Early allocation without filling: the data's place is known at once, and nothing is written
     * twice. */
    if ((list = H5Pcreate(H5P_DATASET_CREATE)) < 0 || H5Pset_obj_track_times(list, false) < 0 ||
        H5Pset_layout(list, H5D_CONTIGUOUS) < 0 ||
        H5Pset_alloc_time(list, H5D_ALLOC_TIME_EARLY) < 0 ||
        H5Pset_fill_time(list, H5D_FILL_TIME_NEVER) < 0 ||
        (space = H5Screate_simple(rank, size, NULL)) < 0 ||
        (set = H5Dcreate2(h->file, name, file_type(type), space, H5P_DEFAULT, list, H5P_DEFAULT)) <
            0)
        rc = h5_fail(h, ERR_IO, e, "make", name);
    if (space >= 0)
        H5Sclose(space);
    if (list >= 0)
        H5Pclose(list);
    *out = set;
    return rc;
}

int h5_begin(struct h5 *h, const char *name, enum h5_type type, int rank, const size_t *dims,
             struct err *e)
{
    hid_t set;
    int rc = begin_dataset(h, name, type, rank, dims, &set, e);
    if (rc == 0 && H5Dclose(set) < 0)
        rc = h5_fail(h, ERR_IO, e, "write", name);
    return rc;
}

int h5_write(struct h5 *h, const char *name, enum h5_type type, int rank, const size_t *dims,
             const void *data, struct err *e)
{
    hid_t set;
    size_t bytes;
    int rc;

    if (!shape_bytes(rank, dims, type, &bytes))
        return err_set(e, ERR_INTERNAL, "'%s': '%s' is too large", h->path, name);
    if ((rc = begin_dataset(h, name, type, rank, dims, &set, e)))
        return rc;
    if (bytes && H5Dwrite(set, memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        rc = h5_fail(h, ERR_IO, e, "write", name);
    if (H5Dclose(set) < 0 && rc == 0)
        rc = h5_fail(h, ERR_IO, e, "write", name);
    return rc;
}

/* An opened dataset and what is known of it. */
struct set {
    hid_t id;
    size_t dims[H5_MAX_RANK];
    size_t bytes;
    haddr_t offset; /* in the file; HADDR_UNDEF when bytes is 0 */
};

static int check_type(const struct h5 *h, const char *name, enum h5_type type, hid_t set,
                      struct err *e)
{
    hid_t found = H5Dget_type(set);
    if (found < 0)
        return h5_fail(h, ERR_DATA, e, "read the type of", name);
    bool right = H5Tequal(found, file_type(type)) > 0;
    H5Tclose(found);
    return right ? 0
                 : err_set(e, ERR_DATA,
                           "'%s': dataset '%s' is of another type, want little-endian %s", h->path,
                           name, type_name(type));
}

static int check_shape(const struct h5 *h, const char *name, enum h5_type type, int rank,
                       struct set *s, struct err *e)
{
    hsize_t size[H5_MAX_RANK] = { 0 };
    hid_t space = H5Dget_space(s->id);
    int rc = 0, found = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);

    if (found >= 0 && (found != rank || H5Sget_simple_extent_type(space) != H5S_SIMPLE))
        rc = err_set(e, ERR_DATA, "'%s': dataset '%s' has %d dimensions, want %d", h->path, name,
                     found, rank);
    else if (found < 0 || H5Sget_simple_extent_dims(space, size, NULL) < 0)
        rc = h5_fail(h, ERR_DATA, e, "read the shape of", name);
    for (int i = 0; i < rank && rc == 0; i++)
        s->dims[i] = (size_t)size[i];
    if (rc == 0 && !shape_bytes(rank, s->dims, type, &s->bytes))
        rc = err_set(e, ERR_DATA, "'%s': the shape of dataset '%s' is too large", h->path, name);
    if (space >= 0)
        H5Sclose(space);
    return rc;
}

/* The bytes must lie in this file, in one piece: a shape alone promises nothing (a file of 2 KB can
 * claim terabytes of zeros, or name another file as its data). */
static int check_storage(const struct h5 *h, const char *name, struct set *s, struct err *e)
{
    hid_t list = H5Dget_create_plist(s->id);
    hsize_t file_size = 0;
    int rc = 0;

    s->offset = HADDR_UNDEF;
    if (list < 0)
        return h5_fail(h, ERR_DATA, e, "read the layout of", name);
    if (H5Pget_layout(list) != H5D_CONTIGUOUS || H5Pget_external_count(list) != 0)
        rc = err_set(e, ERR_DATA,
                     "'%s': dataset '%s' is not contiguous (h5repack -l CONTI makes it so)",
                     h->path, name);
    else if (s->bytes && !h->tmp) {
        s->offset = H5Dget_offset(s->id);
        if (H5Fget_filesize(h->file, &file_size) < 0 || s->offset == HADDR_UNDEF ||
            s->bytes > file_size || s->offset > file_size - s->bytes ||
            H5Dget_storage_size(s->id) != s->bytes) {
            H5Eclear2(H5E_DEFAULT);
            rc = err_set(e, ERR_DATA,
                         "'%s': dataset '%s' should have %zu bytes, more than the file holds of it",
                         h->path, name, s->bytes);
        }
    }
    H5Pclose(list);
    return rc;
}

static void close_set(struct set *s)
{
    if (s->id >= 0)
        H5Dclose(s->id);
    s->id = H5I_INVALID_HID;
}

static int open_set(struct h5 *h, const char *name, enum h5_type type, int rank, struct set *s,
                    struct err *e)
{
    int rc;

    assert(rank >= 1 && rank <= H5_MAX_RANK);
    *s = (struct set){ .id = H5I_INVALID_HID };
    if ((rc = h5_want_name(h, name, e)))
        return rc;
    hid_t id = H5Oopen(h->file, name, H5P_DEFAULT);
    if (id < 0)
        return h5_fail(h, ERR_DATA, e, "open", name);
    if (H5Iget_type(id) != H5I_DATASET) {
        H5Oclose(id);
        return err_set(e, ERR_DATA, "'%s': '%s' is not a dataset", h->path, name);
    }
    s->id = id;
    if ((rc = check_type(h, name, type, id, e)) || (rc = check_shape(h, name, type, rank, s, e)) ||
        (rc = check_storage(h, name, s, e)))
        close_set(s);
    return rc;
}

int h5_shape(struct h5 *h, const char *name, enum h5_type type, int rank, size_t *out_dims,
             struct err *e)
{
    struct set s;
    int rc = open_set(h, name, type, rank, &s, e);
    if (rc)
        return rc;
    memcpy(out_dims, s.dims, (size_t)rank * sizeof *out_dims);
    close_set(&s);
    return 0;
}

static int read_all(struct h5 *h, const char *name, enum h5_type type, const struct set *s,
                    void **out, struct err *e)
{
    void *data = mem_aligned_raw(s->bytes, 1);
    if (s->bytes && H5Dread(s->id, memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0) {
        free(data);
        return h5_fail(h, ERR_DATA, e, "read", name);
    }
    *out = data;
    return 0;
}

int h5_read(struct h5 *h, const char *name, enum h5_type type, int rank, size_t *out_dims,
            void **out, size_t max_bytes, struct err *e)
{
    struct set s;
    int rc = open_set(h, name, type, rank, &s, e);
    if (rc)
        return rc;
    if (s.bytes > max_bytes)
        rc = err_set(e, ERR_DATA, "'%s': dataset '%s' has %zu bytes, at most %zu are read", h->path,
                     name, s.bytes, max_bytes);
    else if ((rc = read_all(h, name, type, &s, out, e)) == 0)
        memcpy(out_dims, s.dims, (size_t)rank * sizeof *out_dims);
    close_set(&s);
    return rc;
}

int h5_read_n(struct h5 *h, const char *name, enum h5_type type, size_t n, void **out,
              struct err *e)
{
    struct set s;
    int rc = open_set(h, name, type, 1, &s, e);
    if (rc)
        return rc;
    if (s.dims[0] != n)
        rc = err_set(e, ERR_DATA, "'%s': dataset '%s' has %zu items, want %zu", h->path, name,
                     s.dims[0], n);
    else
        rc = read_all(h, name, type, &s, out, e);
    close_set(&s);
    return rc;
}

/* Select rows [start, start + n) in the file; the same block in memory. */
static int select_rows(struct h5 *h, const char *name, const struct set *s, int rank, size_t start,
                       size_t n, hid_t *out_file, hid_t *out_memory, struct err *e)
{
    hsize_t from[H5_MAX_RANK] = { 0 }, count[H5_MAX_RANK];

    if (start > s->dims[0] || n > s->dims[0] - start)
        return err_set(e, ERR_DATA, "'%s': dataset '%s' has %zu rows, want rows up to %zu", h->path,
                       name, s->dims[0], start + n);
    from[0] = start;
    count[0] = n;
    for (int i = 1; i < rank; i++)
        count[i] = s->dims[i];
    if ((*out_file = H5Dget_space(s->id)) < 0 ||
        (*out_memory = H5Screate_simple(rank, count, NULL)) < 0 ||
        H5Sselect_hyperslab(*out_file, H5S_SELECT_SET, from, NULL, count, NULL) < 0)
        return h5_fail(h, ERR_DATA, e, "select rows of", name);
    return 0;
}

static int rank_of(struct h5 *h, const char *name)
{
    int rank = -1;
    hid_t set = h5_find(h, name) == 1 ? H5Dopen2(h->file, name, H5P_DEFAULT) : H5I_INVALID_HID;
    hid_t space = set < 0 ? H5I_INVALID_HID : H5Dget_space(set);
    if (space >= 0) {
        rank = H5Sget_simple_extent_ndims(space);
        H5Sclose(space);
    }
    if (set >= 0)
        H5Dclose(set);
    H5Eclear2(H5E_DEFAULT);
    return rank >= 1 && rank <= H5_MAX_RANK ? rank : 1; /* open_set names what is wrong */
}

static int move_rows(struct h5 *h, const char *name, enum h5_type type, size_t start, size_t n,
                     void *in, const void *out, struct err *e)
{
    hid_t file = H5I_INVALID_HID, memory = H5I_INVALID_HID;
    int rank = rank_of(h, name);
    struct set s;
    int rc = open_set(h, name, type, rank, &s, e);
    if (rc)
        return rc;
    if ((rc = select_rows(h, name, &s, rank, start, n, &file, &memory, e)) == 0 && n > 0) {
        hid_t t = memory_type(type);
        herr_t done = in ? H5Dread(s.id, t, memory, file, H5P_DEFAULT, in)
                         : H5Dwrite(s.id, t, memory, file, H5P_DEFAULT, out);
        if (done < 0)
            rc = h5_fail(h, in ? ERR_DATA : ERR_IO, e, in ? "read" : "write", name);
    }
    if (memory >= 0)
        H5Sclose(memory);
    if (file >= 0)
        H5Sclose(file);
    if (H5Dclose(s.id) < 0 && rc == 0)
        rc = h5_fail(h, ERR_IO, e, "close", name);
    return rc;
}

int h5_read_rows(struct h5 *h, const char *name, enum h5_type type, size_t start, size_t n,
                 void *out, struct err *e)
{
    return move_rows(h, name, type, start, n, out, NULL, e);
}

int h5_write_rows(struct h5 *h, const char *name, enum h5_type type, size_t start, size_t n,
                  const void *data, struct err *e)
{
    return move_rows(h, name, type, start, n, NULL, data, e);
}

int h5_map(struct h5 *h, const char *name, enum h5_type type, void **out_map, size_t *out_map_size,
           const void **out_data, struct err *e)
{
    struct set s;
    void *handle = NULL;
    int rc = open_set(h, name, type, rank_of(h, name), &s, e);
    if (rc)
        return rc;
    if (s.bytes == 0) {
        *out_map = NULL;
        *out_map_size = 0;
        *out_data = NULL;
    } else if (H5Fget_vfd_handle(h->file, H5P_DEFAULT, &handle) < 0 || !handle) {
        rc = h5_fail(h, ERR_IO, e, "map", name);
    } else {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), skip = s.offset % page, size = s.bytes + skip;
        struct stat st;
        int fd = *(int *)handle; /* of the default driver */
        void *map = MAP_FAILED;
        if (fstat(fd, &st) < 0 || (haddr_t)st.st_size < s.offset + s.bytes)
            rc = err_set(e, ERR_DATA, "'%s' is shorter than its dataset '%s'", h->path, name);
        else if ((map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t)(s.offset - skip))) ==
                 MAP_FAILED)
            rc = err_sys(e, "cannot map '%s'", h->path);
        if (rc == 0) {
            *out_map = map;
            *out_map_size = size;
            *out_data = (const char *)map + skip;
        }
    }
    close_set(&s);
    return rc;
}
