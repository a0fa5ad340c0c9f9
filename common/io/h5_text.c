/* The text side of h5: attributes, and lists of strings. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "io/h5_inner.h"

enum {
    MAX_TEXTS = 4000
}; /* 16 bytes each: an attribute must fit into an object header of 64 KiB */

/* ---- attributes ------------------------------------------------------------------------------ */

static hid_t new_text_type(void)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 &&
        (H5Tset_size(type, H5T_VARIABLE) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
        H5Tclose(type);
        return H5I_INVALID_HID;
    }
    return type;
}

/* n: number of values of a list; 0 for a single value (an empty list has `list` set). */
static int set_attribute(struct h5 *h, const char *object, const char *name, hid_t file_type,
                         hid_t memory_type, bool list, size_t n, const void *data, struct err *e)
{
    hid_t at = H5I_INVALID_HID, space = H5I_INVALID_HID, attribute = H5I_INVALID_HID;
    hsize_t dims = n;
    int rc = h5_want_name(h, object, e);

    if (rc)
        return rc;
    at = H5Oopen(h->file, object, H5P_DEFAULT);
    space = list ? H5Screate_simple(1, &dims, NULL) : H5Screate(H5S_SCALAR);
    if (at < 0 || space < 0 ||
        (attribute = H5Acreate2(at, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT)) < 0 ||
        (!(list && n == 0) && H5Awrite(attribute, memory_type, data) < 0))
        rc = h5_fail(h, ERR_IO, e, "write attribute", name);
    if (attribute >= 0 && H5Aclose(attribute) < 0 && rc == 0)
        rc = h5_fail(h, ERR_IO, e, "write attribute", name);
    if (space >= 0)
        H5Sclose(space);
    if (at >= 0)
        H5Oclose(at);
    return rc;
}

int h5_set_int(struct h5 *h, const char *object, const char *name, int64_t value, struct err *e)
{
    return set_attribute(h, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, false, 0, &value, e);
}

int h5_set_real(struct h5 *h, const char *object, const char *name, double value, struct err *e)
{
    return set_attribute(h, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, false, 0, &value, e);
}

static int set_texts(struct h5 *h, const char *object, const char *name, bool list, size_t n,
                     const char *const *text, struct err *e)
{
    hid_t type = new_text_type();
    int rc;
    if (n > MAX_TEXTS)
        rc = err_set(e, ERR_DATA, "'%s': attribute '%s' would have %zu texts, at most %d fit",
                     h->path, name, n, MAX_TEXTS);
    else if (type < 0)
        rc = h5_fail(h, ERR_IO, e, "write attribute", name);
    else
        rc = set_attribute(h, object, name, type, type, list, n, text, e);
    if (type >= 0)
        H5Tclose(type);
    return rc;
}

int h5_set_text(struct h5 *h, const char *object, const char *name, const char *text, struct err *e)
{
    return set_texts(h, object, name, false, 0, &text, e);
}

int h5_set_texts(struct h5 *h, const char *object, const char *name, const char *const *text,
                 size_t n, struct err *e)
{
    return set_texts(h, object, name, true, n, text, e);
}

bool h5_has_attr(struct h5 *h, const char *object, const char *name)
{
    bool has = h5_find(h, object) == 1 && H5Aexists_by_name(h->file, object, name, H5P_DEFAULT) > 0;
    H5Eclear2(H5E_DEFAULT);
    return has;
}

/* Open an attribute of that class, a single value or a list; its number of values. */
static int open_attribute(struct h5 *h, const char *object, const char *name, const char *want,
                          hid_t want_type, bool list, hid_t *out, size_t *out_n, struct err *e)
{
    hid_t type = H5I_INVALID_HID, space = H5I_INVALID_HID, attribute = H5I_INVALID_HID;
    bool right = false;
    int rc = h5_want_name(h, object, e);

    if (rc)
        return rc;
    if (!h5_has_attr(h, object, name))
        return err_set(e, ERR_DATA, "'%s': '%s' has no attribute '%s'", h->path, object, name);
    attribute = H5Aopen_by_name(h->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute >= 0 && (type = H5Aget_type(attribute)) >= 0 &&
        (space = H5Aget_space(attribute)) >= 0) {
        bool text = H5Tget_class(want_type) == H5T_STRING;
        right = text ? H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0
                     : H5Tequal(type, want_type) > 0;
        right = right && H5Sget_simple_extent_type(space) == (list ? H5S_SIMPLE : H5S_SCALAR) &&
                H5Sget_simple_extent_ndims(space) == (list ? 1 : 0);
        hssize_t n = H5Sget_simple_extent_npoints(space);
        right = right && n >= 0 && n <= MAX_TEXTS;
        *out_n = (size_t)n;
    }
    H5Eclear2(H5E_DEFAULT);
    if (!right) {
        rc = err_set(e, ERR_DATA, "'%s': attribute '%s' of '%s' is not %s", h->path, name, object,
                     want);
        if (attribute >= 0)
            H5Aclose(attribute);
        attribute = H5I_INVALID_HID;
    }
    if (space >= 0)
        H5Sclose(space);
    if (type >= 0)
        H5Tclose(type);
    *out = attribute;
    return rc;
}

static int get_number(struct h5 *h, const char *object, const char *name, const char *want,
                      hid_t file_type, hid_t memory_type, void *out, struct err *e)
{
    hid_t attribute = H5I_INVALID_HID;
    size_t n = 0;
    int rc = open_attribute(h, object, name, want, file_type, false, &attribute, &n, e);
    if (rc)
        return rc;
    if (H5Aread(attribute, memory_type, out) < 0)
        rc = h5_fail(h, ERR_DATA, e, "read attribute", name);
    H5Aclose(attribute);
    return rc;
}

int h5_get_int(struct h5 *h, const char *object, const char *name, int64_t *out, struct err *e)
{
    return get_number(h, object, name, "an int64 value", H5T_STD_I64LE, H5T_NATIVE_INT64, out, e);
}

int h5_get_real(struct h5 *h, const char *object, const char *name, double *out, struct err *e)
{
    return get_number(h, object, name, "a float64 value", H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, out,
                      e);
}

static int get_texts(struct h5 *h, const char *object, const char *name, bool list, char ***out,
                     size_t *out_n, struct err *e)
{
    hid_t attribute = H5I_INVALID_HID, type = new_text_type();
    size_t n = 0;
    int rc = type < 0 ? h5_fail(h, ERR_IO, e, "read attribute", name)
                      : open_attribute(h, object, name, list ? "a list of texts" : "a text", type,
                                       list, &attribute, &n, e);
    char **found = mem_calloc(n, sizeof *found), **text = mem_calloc(n, sizeof *text);

    if (rc == 0 && n && H5Aread(attribute, type, found) < 0)
        rc = h5_fail(h, ERR_DATA, e, "read attribute", name);
    for (size_t i = 0; i < n && rc == 0; i++) {
        text[i] = mem_strdup(found[i] ? found[i]
                                      : ""); /* the library reads an empty text as NULL */
        if (!utf8_valid(text[i], strlen(text[i])))
            rc = err_set(e, ERR_DATA, "'%s': attribute '%s' of '%s' holds invalid UTF-8", h->path,
                         name, object);
    }
    for (size_t i = 0; i < n; i++)
        if (found[i])
            H5free_memory(found[i]);
    free(found);
    if (attribute >= 0)
        H5Aclose(attribute);
    if (type >= 0)
        H5Tclose(type);
    if (rc) {
        mem_free_texts(text, n);
        return rc;
    }
    *out = text;
    *out_n = n;
    return 0;
}

int h5_get_text(struct h5 *h, const char *object, const char *name, char **out, struct err *e)
{
    char **text;
    size_t n;
    int rc = get_texts(h, object, name, false, &text, &n, e);
    if (rc)
        return rc;
    *out = text[0];
    free(text);
    return 0;
}

int h5_get_texts(struct h5 *h, const char *object, const char *name, char ***out, size_t *out_n,
                 struct err *e)
{
    return get_texts(h, object, name, true, out, out_n, e);
}

/* ---- lists of strings
 * -------------------------------------------------------------------------------------------- */

int h5_write_strings(struct h5 *h, const char *name, const char *const *text, size_t n,
                     struct err *e)
{
    struct str bytes = { 0 };
    int64_t *offset = mem_calloc(n + 1, sizeof *offset);
    char *path = str_format("%s/bytes", name);
    size_t items = n + 1;

    for (size_t i = 0; i < n; i++) {
        str_addz(&bytes, text[i]);
        offset[i + 1] = (int64_t)bytes.n;
    }
    int rc = h5_write(h, path, H5_U8, 1, &bytes.n, bytes.text, e);
    free(path);
    if (rc == 0) {
        path = str_format("%s/offsets", name);
        rc = h5_write(h, path, H5_I64, 1, &items, offset, e);
        free(path);
    }
    free(offset);
    str_release(&bytes);
    return rc;
}

int h5_check_strings(const char *path, const char *name, const char *bytes, size_t n_byte,
                     const int64_t *offset, size_t n, struct err *e)
{
    if (offset[0] != 0)
        return err_set(e, ERR_DATA, "'%s': '%s/offsets' begins with %lld, want 0", path, name,
                       (long long)offset[0]);
    for (size_t i = 0; i < n; i++)
        if (offset[i + 1] < offset[i] || offset[i + 1] > (int64_t)n_byte)
            return err_set(e, ERR_DATA,
                           "'%s': '%s/offsets' is not ascending within %zu bytes at item %zu", path,
                           name, n_byte, i);
    if (offset[n] != (int64_t)n_byte)
        return err_set(e, ERR_DATA,
                       "'%s': '%s/offsets' ends with %lld, want %zu, the number of bytes", path,
                       name, (long long)offset[n], n_byte);
    size_t good = utf8_prefix(bytes, n_byte);
    if (good < n_byte || (n_byte && memchr(bytes, '\0', n_byte)))
        return err_set(e, ERR_DATA, "'%s': '%s/bytes' holds %s", path, name,
                       good < n_byte ? "invalid UTF-8" : "a NUL character");
    for (size_t i = 1; i < n; i++) /* an offset inside a character would make two rows invalid */
        if (offset[i] < (int64_t)n_byte && ((unsigned char)bytes[offset[i]] & 0xC0) == 0x80)
            return err_set(e, ERR_DATA, "'%s': '%s/offsets' splits a character at item %zu", path,
                           name, i);
    return 0;
}

static int read_offsets(struct h5 *h, const char *name, int64_t **out, size_t *out_n, struct err *e)
{
    char *path = str_format("%s/offsets", name);
    void *offset = NULL;
    size_t items = 0;
    int rc = h5_read(h, path, H5_I64, 1, &items, &offset, SIZE_MAX, e);

    free(path);
    if (rc)
        return rc;
    if (items == 0) {
        free(offset);
        return err_set(e, ERR_DATA,
                       "'%s': '%s/offsets' is empty, want one item more than there are texts",
                       h->path, name);
    }
    *out = offset;
    *out_n = items - 1;
    return 0;
}

int h5_map_strings(struct h5 *h, const char *name, struct h5_strings *out, struct err *e)
{
    struct h5_strings s = { 0 };
    const void *bytes = NULL;
    size_t n_byte = 0;
    int rc = read_offsets(h, name, &s.offset, &s.n, e);
    if (rc)
        return rc;
    char *path = str_format("%s/bytes", name);
    if ((rc = h5_shape(h, path, H5_U8, 1, &n_byte, e)) == 0 &&
        (rc = h5_map(h, path, H5_U8, &s.map, &s.map_size, &bytes, e)) == 0)
        rc = h5_check_strings(h->path, name, bytes, n_byte, s.offset, s.n, e);
    free(path);
    s.bytes = bytes;
    if (rc)
        h5_strings_release(&s);
    else
        *out = s;
    return rc;
}

void h5_strings_release(struct h5_strings *s)
{
    if (s->map)
        munmap(s->map, s->map_size);
    free(s->offset);
    *s = (struct h5_strings){ 0 };
}

int h5_read_strings(struct h5 *h, const char *name, char ***out, size_t *out_n, size_t max_bytes,
                    struct err *e)
{
    int64_t *offset = NULL;
    void *bytes = NULL;
    size_t n = 0, n_byte = 0;
    int rc = read_offsets(h, name, &offset, &n, e);
    if (rc)
        return rc;
    char *path = str_format("%s/bytes", name), **text = NULL;
    if ((rc = h5_read(h, path, H5_U8, 1, &n_byte, &bytes, max_bytes, e)) == 0)
        rc = h5_check_strings(h->path, name, bytes, n_byte, offset, n, e);
    free(path);
    if (rc == 0) {
        const char *p = bytes;
        text = mem_calloc(n, sizeof *text);
        for (size_t i = 0; i < n; i++)
            text[i] = mem_strndup(p + offset[i], (size_t)(offset[i + 1] - offset[i]));
        *out = text;
        *out_n = n;
    }
    free(bytes);
    free(offset);
    return rc;
}
