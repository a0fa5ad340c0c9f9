#include "io/h5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/h5_inner.h"
#include "io/outfile.h"

enum { ALIGNMENT = 64, MAX_NAME = 512 };

/* ---- the library ----------------------------------------------------------------------------- */

/* Without its exit handler: after a full disk it would try to write again and complain on stderr.
 */
static void init_library(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    H5dont_atexit();
    H5open();
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

struct reason {
    char text[300];
    int error; /* errno, 0 if none was involved */
};

static herr_t keep_reason(unsigned n, const H5E_error2_t *d, void *at)
{
    struct reason *r = at;
    (void)n;
    const char *text = d->desc ? d->desc : "", *error = strstr(text, "errno = ");
    if (!r->text[0])
        snprintf(r->text, sizeof r->text, "%s", text);
    if (error && r->error == 0)
        r->error = (int)strtol(error + 8, NULL, 10);
    return 0;
}

int h5_fail(const struct h5 *h, int code, struct err *e, const char *what, const char *name)
{
    struct reason r = { 0 };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_reason, &r);
    H5Eclear2(H5E_DEFAULT);
    const char *quote = *name ? " '" : "", *end = *name ? "'" : "";
    if (r.error)
        return err_set(e, ERR_IO, "'%s': cannot %s%s%s%s: %s", h->path, what, quote, name, end,
                       strerror(r.error));
    return err_set(e, code, "'%s': cannot %s%s%s%s%s%s", h->path, what, quote, name, end,
                   r.text[0] ? ": " : "", r.text);
}

/* ---- files ----------------------------------------------------------------------------------- */

static hid_t new_access_list(void)
{
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    if (list >= 0 && (H5Pset_alignment(list, 1, ALIGNMENT) < 0 ||
                      H5Pset_fclose_degree(list, H5F_CLOSE_STRONG) < 0)) {
        H5Pclose(list);
        return H5I_INVALID_HID;
    }
    return list;
}

static void forget(struct h5 *h)
{
    free(h->path);
    free(h->tmp);
    *h = (struct h5){ 0 };
}

int h5_create(struct h5 *h, const char *path, const char *kind, int kind_version, struct err *e)
{
    struct h5 made = { 0 };
    hid_t access, create;
    int rc;

    init_library();
    if ((rc = outfile_make_parent(path, e)))
        return rc;
    made.path = mem_strdup(path);
    made.tmp = str_format("%s.tmp", path);
    access = new_access_list();
    create = H5Pcreate(H5P_FILE_CREATE);
    if (access < 0 || create < 0 || H5Pset_obj_track_times(create, false) < 0 ||
        (made.file = H5Fcreate(made.tmp, H5F_ACC_TRUNC, create, access)) < 0) {
        made.file = 0;
        rc = h5_fail(&made, ERR_IO, e, "create", made.tmp);
    }
    if (rc == 0 && (rc = h5_set_text(&made, "/", "kind", kind, e)) == 0)
        rc = h5_set_int(&made, "/", "kind_version", kind_version, e);
    if (create >= 0)
        H5Pclose(create);
    if (access >= 0)
        H5Pclose(access);
    if (rc)
        h5_close(&made);
    else
        *h = made;
    return rc;
}

int h5_publish(struct h5 *h, struct err *e)
{
    int rc = h5_set_int(h, "/", "complete", 1, e);
    hid_t file = h->file;
    h->file = 0;
    if (H5Fclose(file) < 0 && rc == 0)
        rc = h5_fail(h, ERR_IO, e, "write", h->tmp); /* a full disk shows here */
    if (rc == 0)
        rc = outfile_publish(h->tmp, h->path, e);
    else
        unlink(h->tmp);
    forget(h);
    return rc;
}

void h5_close(struct h5 *h)
{
    if (h->file > 0) {
        H5Fclose(h->file);
        H5Eclear2(H5E_DEFAULT);
    }
    if (h->tmp)
        unlink(h->tmp);
    forget(h);
}

/* The library's own messages for these do not say what a person wants to know. */
static int check_is_hdf5(const char *path, struct err *e)
{
    static const unsigned char magic[8] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };
    unsigned char found[sizeof magic];
    struct stat st;
    int rc = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", path);
    if (fstat(fd, &st) < 0)
        rc = err_sys(e, "cannot look at '%s'", path);
    else if (!S_ISREG(st.st_mode))
        rc = err_set(e, ERR_IO, "'%s' is not a regular file", path);
    else if (st.st_size == 0)
        rc = err_set(e, ERR_DATA, "'%s' is empty, want an HDF5 file", path);
    else if (read(fd, found, sizeof found) != (ssize_t)sizeof found ||
             memcmp(found, magic, sizeof magic) != 0)
        rc = err_set(e, ERR_DATA, "'%s' is not an HDF5 file", path);
    close(fd);
    return rc;
}

static int open_file(struct h5 *h, const char *path, struct err *e)
{
    hid_t access = H5I_INVALID_HID;
    int rc;
    init_library();
    if ((rc = check_is_hdf5(path, e)))
        return rc;
    h->path = mem_strdup(path);
    if ((access = new_access_list()) < 0 || (h->file = H5Fopen(path, H5F_ACC_RDONLY, access)) < 0) {
        h->file = 0;
        rc = h5_fail(h, ERR_DATA, e, "open the HDF5 file", "");
    }
    if (access >= 0)
        H5Pclose(access);
    return rc;
}

int h5_open_any(struct h5 *h, const char *path, char **out_kind, struct err *e)
{
    struct h5 opened = { 0 };
    char *kind = NULL;
    int64_t complete = 0;
    int rc = open_file(&opened, path, e);

    if (rc == 0 && !h5_has_attr(&opened, "/", "kind"))
        rc = err_set(e, ERR_DATA, "'%s' has no attribute 'kind': not a file of refit", path);
    if (rc == 0)
        rc = h5_get_text(&opened, "/", "kind", &kind, e);
    if (rc == 0 && (!h5_has_attr(&opened, "/", "complete") ||
                    h5_get_int(&opened, "/", "complete", &complete, e) || complete != 1))
        rc = err_set(e, ERR_DATA, "'%s' is not complete: its writer did not finish", path);
    if (rc) {
        free(kind);
        h5_close(&opened);
        return rc;
    }
    *h = opened;
    *out_kind = kind;
    return 0;
}

bool h5_is_foreign(const char *path)
{
    struct h5 h = { 0 };
    struct err e = { 0 };
    bool foreign = open_file(&h, path, &e) == 0 && !h5_has_attr(&h, "/", "kind");
    h5_close(&h);
    return foreign;
}

int h5_open(struct h5 *h, const char *path, const char *kind, int kind_version, struct err *e)
{
    struct h5 opened = { 0 };
    char *found = NULL;
    int64_t version = 0;
    int rc;

    if ((rc = h5_open_any(&opened, path, &found, e)))
        return rc;
    if (strcmp(found, kind) != 0)
        rc = err_set(e, ERR_DATA, "'%s' is of kind '%.100s', want '%s'", path, found, kind);
    else if ((rc = h5_get_int(&opened, "/", "kind_version", &version, e)) == 0 &&
             (version < 1 || version > kind_version))
        rc = err_set(e, ERR_DATA, "'%s' is %s version %lld, this program reads 1 to %d", path, kind,
                     (long long)version, kind_version);
    free(found);
    if (rc)
        h5_close(&opened);
    else
        *h = opened;
    return rc;
}

/* ---- names inside a file
 * ----------------------------------------------------------------------------------------- */

int h5_find(const struct h5 *h, const char *name)
{
    char prefix[MAX_NAME];
    H5L_info_t info;
    size_t n = strlen(name);

    if (strcmp(name, "/") == 0)
        return 1;
    if (n >= sizeof prefix)
        return 0;
    for (size_t i = 1; i <= n; i++) {
        if (i < n && name[i] != '/')
            continue;
        memcpy(prefix, name, i);
        prefix[i] = '\0';
        if (H5Lexists(h->file, prefix, H5P_DEFAULT) <= 0 ||
            H5Lget_info(h->file, prefix, &info, H5P_DEFAULT) < 0) {
            H5Eclear2(H5E_DEFAULT);
            return 0;
        }
        if (info.type != H5L_TYPE_HARD)
            return -1;
    }
    return 1;
}

int h5_want_name(const struct h5 *h, const char *name, struct err *e)
{
    int found = h5_find(h, name);
    if (found < 0)
        return err_set(e, ERR_DATA, "'%s': '%s' is a link to somewhere else", h->path, name);
    return found ? 0 : err_set(e, ERR_DATA, "'%s' has no '%s'", h->path, name);
}

bool h5_has(struct h5 *h, const char *name)
{
    return h5_find(h, name) == 1;
}

/* The groups above `name`. Made one by one: groups made on the way by the library would carry
 * times. */
int h5_make_groups(struct h5 *h, const char *name, bool itself, struct err *e)
{
    char prefix[MAX_NAME];
    size_t n = strlen(name);
    int rc = 0;

    if (n >= sizeof prefix)
        return err_set(e, ERR_INTERNAL, "'%s': the name '%.60s...' is too long", h->path, name);
    hid_t list = H5Pcreate(H5P_GROUP_CREATE);
    if (list < 0 || H5Pset_obj_track_times(list, false) < 0)
        rc = h5_fail(h, ERR_IO, e, "make group", name);
    for (size_t i = 1; i <= n && rc == 0; i++) {
        if (i < n ? name[i] != '/' : !itself)
            continue;
        memcpy(prefix, name, i);
        prefix[i] = '\0';
        if (h5_find(h, prefix) == 1)
            continue;
        hid_t group = H5Gcreate2(h->file, prefix, H5P_DEFAULT, list, H5P_DEFAULT);
        if (group < 0 || H5Gclose(group) < 0)
            rc = h5_fail(h, ERR_IO, e, "make group", prefix);
    }
    if (list >= 0)
        H5Pclose(list);
    return rc;
}

int h5_group(struct h5 *h, const char *name, struct err *e)
{
    return strcmp(name, "/") == 0 ? 0 : h5_make_groups(h, name, true, e);
}

int h5_list(struct h5 *h, const char *group, char ***out_name, size_t *out_n, struct err *e)
{
    H5G_info_t info;
    char **name = NULL;
    size_t n = 0;
    int rc = h5_want_name(h, group, e);

    if (rc)
        return rc;
    if (H5Gget_info_by_name(h->file, group, &info, H5P_DEFAULT) < 0)
        return h5_fail(h, ERR_DATA, e, "list", group);
    for (hsize_t i = 0; i < info.nlinks; i++) {
        char text[MAX_NAME];
        ssize_t length = H5Lget_name_by_idx(h->file, group, H5_INDEX_NAME, H5_ITER_INC, i, text,
                                            sizeof text, H5P_DEFAULT);
        if (length < 0 || (size_t)length >= sizeof text) {
            rc = h5_fail(h, ERR_DATA, e, "list", group);
            mem_free_texts(name, n);
            return rc;
        }
        name = mem_grow(name, n, sizeof *name);
        name[n++] = mem_strdup(text);
    }
    *out_name = name;
    *out_n = n;
    return 0;
}
