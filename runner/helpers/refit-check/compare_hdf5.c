/* Where two HDF5 files first differ: objects in the order of their names; of each its attributes,
 * type, shape and data. Any HDF5 file will do. */
#include "runner/helpers/refit-check/compare_files.h"

#include <hdf5.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SLAB = 8 << 20, MAX_VALUE = 256 << 20 };

struct names {
    char **name; /* (n) owned */
    size_t n;
};

/** Two objects that must be alike, and what to call them. */
struct pair {
    hid_t was, is;
    const char *what;
    struct str *out;
};

static herr_t collect(hid_t at, const char *name, const H5O_info_t *info, void *self)
{
    struct names *l = self;
    (void)at, (void)info;
    l->name = mem_grow(l->name, l->n, sizeof *l->name);
    l->name[l->n++] = mem_strdup(name);
    return 0;
}

/* One value of a number, for a person. */
static void add_value(struct str *out, hid_t type, const void *at)
{
    double real;
    long long whole;
    char bytes[16];
    size_t size = H5Tget_size(type);
    H5T_class_t class = H5Tget_class(type);
    if (size > sizeof bytes || (class != H5T_FLOAT && class != H5T_INTEGER)) {
        str_addz(out, "other bytes");
        return;
    }
    memcpy(bytes, at, size);
    if (class == H5T_FLOAT &&
        H5Tconvert(type, H5T_NATIVE_DOUBLE, 1, bytes, NULL, H5P_DEFAULT) >= 0) {
        memcpy(&real, bytes, sizeof real);
        str_addf(out, "%.9g", real);
    } else if (H5Tconvert(type, H5T_NATIVE_LLONG, 1, bytes, NULL, H5P_DEFAULT) >= 0) {
        memcpy(&whole, bytes, sizeof whole);
        str_addf(out, "%lld", whole);
    }
}

/* n elements of `type` that begin at element `first` of all. */
static bool data_differs(const struct pair *p, hid_t type, const char *was, const char *is,
                         unsigned long long first, size_t n, unsigned long long total)
{
    size_t size = H5Tget_size(type);
    if (memcmp(was, is, n * size) == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (memcmp(was + i * size, is + i * size, size) == 0)
            continue;
        str_addf(p->out, "%s: element %llu of %llu: ", p->what, first + i, total);
        add_value(p->out, type, is + i * size);
        str_addz(p->out, ", was ");
        add_value(p->out, type, was + i * size);
        return true;
    }
    return false;
}

static bool texts_differ(const struct pair *p, char *const *was, char *const *is, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *a = was[i] ? was[i] : "", *b = is[i] ? is[i] : "";
        if (strcmp(a, b) == 0)
            continue;
        str_addf(p->out, "%s: element %zu of %zu: '%.80s', was '%.80s'", p->what, i, n, b, a);
        return true;
    }
    return false;
}

static bool says(const struct pair *p, const char *what)
{
    str_addf(p->out, "%s: %s", p->what, what);
    return true;
}

/* Same type and same shape? */
static bool kind_differs(const struct pair *p, hid_t type_was, hid_t type_is, hid_t space_was,
                         hid_t space_is)
{
    if (H5Tequal(type_was, type_is) <= 0)
        return says(p, "another type");
    if (H5Sextent_equal(space_was, space_is) <= 0)
        return says(p, "another shape");
    return false;
}

static bool attribute_differs(const struct pair *p)
{
    hid_t type = H5Aget_type(p->was), other = H5Aget_type(p->is);
    hid_t space = H5Aget_space(p->was), space_is = H5Aget_space(p->is);
    bool differs = kind_differs(p, type, other, space, space_is);
    hssize_t n = H5Sget_simple_extent_npoints(space);
    size_t size = H5Tget_size(type);

    if (!differs && n > 0 && (size_t)n <= MAX_VALUE / size) {
        char *a = mem_calloc((size_t)n, size), *b = mem_calloc((size_t)n, size);
        if (H5Aread(p->was, type, a) < 0 || H5Aread(p->is, type, b) < 0)
            differs = says(p, "cannot be read");
        else if (H5Tis_variable_str(type) > 0)
            differs = texts_differ(p, (char *const *)(void *)a, (char *const *)(void *)b,
                                   (size_t)n);
        else
            differs = data_differs(p, type, a, b, 0, (size_t)n, (unsigned long long)n);
        if (H5Tis_variable_str(type) > 0) {
            H5Dvlen_reclaim(type, space, H5P_DEFAULT, a);
            H5Dvlen_reclaim(type, space, H5P_DEFAULT, b);
        }
        free(a);
        free(b);
    }
    H5Sclose(space_is);
    H5Sclose(space);
    H5Tclose(other);
    H5Tclose(type);
    return differs;
}

static herr_t collect_attribute(hid_t at, const char *name, const H5A_info_t *info, void *self)
{
    (void)info;
    return collect(at, name, NULL, self);
}

static void names_release(struct names *l)
{
    mem_free_texts(l->name, l->n);
    *l = (struct names){ 0 };
}

/* The names of two lists in the same order; the first that only one has is told. */
static bool names_differ(const struct names *was, const struct names *is, const char *what,
                         struct str *out)
{
    for (size_t i = 0; i < was->n || i < is->n; i++) {
        const char *a = i < was->n ? was->name[i] : NULL, *b = i < is->n ? is->name[i] : NULL;
        if (a && b && strcmp(a, b) == 0)
            continue;
        if (a && (!b || strcmp(a, b) < 0))
            str_addf(out, "%s '%s' is missing", what, a);
        else
            str_addf(out, "%s '%s' is new", what, b);
        return true;
    }
    return false;
}

static bool attributes_differ(const struct pair *p, const char *name)
{
    struct names was = { 0 }, is = { 0 };
    char *what = str_format("%s: attribute", p->what);
    H5Aiterate2(p->was, H5_INDEX_NAME, H5_ITER_INC, NULL, collect_attribute, &was);
    H5Aiterate2(p->is, H5_INDEX_NAME, H5_ITER_INC, NULL, collect_attribute, &is);
    bool differs = names_differ(&was, &is, what, p->out);
    for (size_t i = 0; i < was.n && !differs; i++) {
        char *own = str_format("attribute '%s' of '%s'", was.name[i], name);
        struct pair a = { H5Aopen(p->was, was.name[i], H5P_DEFAULT),
                          H5Aopen(p->is, was.name[i], H5P_DEFAULT), own, p->out };
        differs = attribute_differs(&a);
        H5Aclose(a.is);
        H5Aclose(a.was);
        free(own);
    }
    names_release(&was);
    names_release(&is);
    free(what);
    return differs;
}

/* Rows [at, at + n) of the first dimension, as they are stored. */
static bool read_rows(hid_t data, hid_t type, int rank, const hsize_t *dims, hsize_t at, hsize_t n,
                      void *to)
{
    hsize_t start[H5S_MAX_RANK] = { at }, count[H5S_MAX_RANK];
    hid_t space = H5Dget_space(data), memory = H5S_ALL;
    for (int i = 0; i < rank; i++)
        count[i] = i == 0 ? n : dims[i];
    bool good = true;
    if (rank > 0) {
        memory = H5Screate_simple(rank, count, NULL);
        good = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
    }
    good = good && H5Dread(data, type, memory, rank > 0 ? space : H5S_ALL, H5P_DEFAULT, to) >= 0;
    if (rank > 0)
        H5Sclose(memory);
    H5Sclose(space);
    return good;
}

static bool rows_differ(const struct pair *p, hid_t type, hid_t space)
{
    hsize_t dims[H5S_MAX_RANK] = { 1 };
    int rank = H5Sget_simple_extent_dims(space, dims, NULL);
    hsize_t rows = rank > 0 ? dims[0] : 1, total = (hsize_t)H5Sget_simple_extent_npoints(space);
    size_t size = H5Tget_size(type), width = rows ? (size_t)(total / rows) : 0;
    bool differs = false;

    if (rank < 0 || total == 0 || size == 0 || width == 0)
        return false;
    if (width > MAX_VALUE / size)
        return says(p, "a row is too large to be compared");
    hsize_t step = SLAB / (width * size) ? SLAB / (width * size) : 1;
    char *a = mem_calloc((size_t)step * width, size), *b = mem_calloc((size_t)step * width, size);
    for (hsize_t at = 0; at < rows && !differs; at += step) {
        hsize_t n = rows - at < step ? rows - at : step;
        if (!read_rows(p->was, type, rank, dims, at, n, a) ||
            !read_rows(p->is, type, rank, dims, at, n, b))
            differs = says(p, "cannot be read");
        else
            differs = data_differs(p, type, a, b, at * width, (size_t)n * width, total);
    }
    free(a);
    free(b);
    return differs;
}

static bool dataset_differs(const struct pair *p)
{
    hid_t type = H5Dget_type(p->was), other = H5Dget_type(p->is);
    hid_t space = H5Dget_space(p->was), space_is = H5Dget_space(p->is);
    bool differs = kind_differs(p, type, other, space, space_is);
    if (!differs && H5Tdetect_class(type, H5T_VLEN) <= 0 && H5Tis_variable_str(type) <= 0)
        differs = rows_differ(p, type, space);
    H5Sclose(space_is);
    H5Sclose(space);
    H5Tclose(other);
    H5Tclose(type);
    return differs;
}

static bool object_differs(hid_t was, hid_t is, const char *name, struct str *out)
{
    hid_t a = H5Oopen(was, name, H5P_DEFAULT), b = H5Oopen(is, name, H5P_DEFAULT);
    bool data = H5Iget_type(a) == H5I_DATASET;
    char *what = str_format("%s '%s'", data ? "dataset" : "group", name);
    struct pair p = { a, b, what, out };
    bool differs = H5Iget_type(a) != H5Iget_type(b) ? says(&p, "another kind of object")
                                                    : attributes_differ(&p, name);
    if (!differs && data)
        differs = dataset_differs(&p);
    free(what);
    H5Oclose(b);
    H5Oclose(a);
    return differs;
}

int compare_hdf5(const char *was, const char *is, struct str *out, struct err *e)
{
    struct names names_was = { 0 }, names_is = { 0 };
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t a = H5Fopen(was, H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t b = a < 0 ? -1 : H5Fopen(is, H5F_ACC_RDONLY, H5P_DEFAULT);
    int rc = 0;

    if (b < 0) {
        rc = err_set(e, ERR_DATA, "'%s' cannot be opened as HDF5", a < 0 ? was : is);
    } else {
        H5Ovisit(a, H5_INDEX_NAME, H5_ITER_INC, collect, &names_was);
        H5Ovisit(b, H5_INDEX_NAME, H5_ITER_INC, collect, &names_is);
        bool differs = false;
        size_t n = names_was.n < names_is.n ? names_was.n : names_is.n;
        for (size_t i = 0; i < n && !differs; i++) {
            if (strcmp(names_was.name[i], names_is.name[i]) != 0)
                break;
            differs = object_differs(a, b, names_was.name[i], out);
        }
        if (!differs)
            names_differ(&names_was, &names_is, "object", out);
    }
    names_release(&names_was);
    names_release(&names_is);
    if (b >= 0)
        H5Fclose(b);
    if (a >= 0)
        H5Fclose(a);
    return rc;
}
