#include "io/tarfile.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "io/outfile.h"

enum { CHUNK = 1 << 18 };

int tarfile_name_ok(const char *name)
{
    if (strlen(name) > TARFILE_MAX_NAME || !utf8_valid(name, strlen(name)))
        return 0;
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < 32 || *c == 127 || *c == '\\')
            return 0;
    for (const char *part = name;; part++) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && *part == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return 0;
        part += n;
        if (*part == '\0')
            return 1;
    }
}

bool tarfile_names_clash(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b), least = n < m ? n : m;
    return memcmp(a, b, least) == 0 && (n == m || (n < m ? b : a)[least] == '/');
}

/* libarchive takes names for text in the encoding of the locale: ours is always UTF-8. */
struct encoding {
    locale_t utf8, before;
};

static void encoding_set(struct encoding *c)
{
    c->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    c->before = c->utf8 ? uselocale(c->utf8) : (locale_t)0;
}

static void encoding_restore(struct encoding *c)
{
    if (c->utf8) {
        uselocale(c->before);
        freelocale(c->utf8);
    }
}

int tarfile_hash(struct tarfile_member *m, struct err *e)
{
    if (m->path)
        return hash_file(m->path, m->sha256, &m->size, e);
    hash_bytes(m->bytes, m->n, m->sha256);
    m->size = m->n;
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

static int archive_fail(struct archive *a, const char *path, const char *what, struct err *e)
{
    const char *why = archive_error_string(a);
    return err_set(e, ERR_IO, "cannot %s '%s': %s", what, path, why ? why : "unknown error");
}

static int write_header(struct archive *a, const struct tarfile_member *m, const char *tar,
                        struct err *e)
{
    struct archive_entry *head = archive_entry_new();
    if (!head)
        abort(); /* libarchive found no memory for 1 KiB */
    archive_entry_set_pathname(head, m->name);
    archive_entry_set_filetype(head, AE_IFREG);
    archive_entry_set_perm(head, 0644);
    archive_entry_set_size(head, (int64_t)m->size);
    archive_entry_set_mtime(head, 0, 0);
    archive_entry_set_uid(head, 0);
    archive_entry_set_gid(head, 0);
    int rc = archive_write_header(a, head) == ARCHIVE_OK ? 0 : archive_fail(a, tar, "write", e);
    archive_entry_free(head);
    return rc;
}

static int write_bytes(struct archive *a, const char *bytes, size_t n, const char *tar,
                       struct err *e)
{
    if (n && archive_write_data(a, bytes, n) != (la_ssize_t)n)
        return archive_fail(a, tar, "write", e);
    return 0;
}

static int write_file(struct archive *a, const struct tarfile_member *m, const char *tar,
                      struct err *e)
{
    char *chunk, hex[HASH_HEX];
    struct hash h;
    uint64_t size = 0;
    ssize_t got;
    int rc = 0, fd = open(m->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(e, "cannot open '%s'", m->path);
    chunk = mem_calloc(CHUNK, 1);
    hash_init(&h);
    while (rc == 0 && (got = read(fd, chunk, CHUNK)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            rc = err_sys(e, "cannot read '%s'", m->path);
            break;
        }
        hash_add(&h, chunk, (size_t)got);
        size += (uint64_t)got;
        rc = size > m->size ? 0 : write_bytes(a, chunk, (size_t)got, tar, e);
    }
    hash_hex(&h, hex);
    if (rc == 0 && (size != m->size || strcmp(hex, m->sha256) != 0))
        rc = err_set(e, ERR_DATA, "'%s' changed while it was packed", m->path);
    free(chunk);
    close(fd);
    return rc;
}

static int write_members(struct archive *a, const struct tarfile_member *m, size_t n,
                         const char *tar, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = write_header(a, &m[i], tar, e);
        if (rc == 0)
            rc = m[i].path ? write_file(a, &m[i], tar, e)
                           : write_bytes(a, m[i].bytes, m[i].n, tar, e);
        if (rc == 0 && archive_write_finish_entry(a) != ARCHIVE_OK)
            rc = archive_fail(a, tar, "write", e);
    }
    return rc;
}

int tarfile_write(const char *path, const struct tarfile_member *member, size_t n, struct err *e)
{
    struct outfile o = { 0 };
    struct encoding encoding;
    int rc = outfile_open(&o, path, e);

    if (rc)
        return rc;
    encoding_set(&encoding);
    struct archive *a = archive_write_new();
    if (!a || archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
        archive_write_open_FILE(a, o.fp) != ARCHIVE_OK)
        rc = archive_fail(a, o.tmp, "write", e);
    if (rc == 0)
        rc = write_members(a, member, n, o.tmp, e);
    if (rc == 0 && archive_write_close(a) != ARCHIVE_OK)
        rc = archive_fail(a, o.tmp, "write", e);
    archive_write_free(a);
    encoding_restore(&encoding);
    if (rc == 0)
        return outfile_commit(&o, e);
    outfile_abort(&o);
    return rc;
}

/* ---- reading -------------------------------------------------------------------------------- */

void tarfile_release(struct tarfile *t)
{
    for (size_t i = 0; i < t->n; i++) {
        free(t->entry[i].name);
        free(t->entry[i].bytes);
    }
    free(t->entry);
    *t = (struct tarfile){ 0 };
}

const struct tarfile_entry *tarfile_find(const struct tarfile *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->entry[i].name, name) == 0)
            return &t->entry[i];
    return NULL;
}

static int damaged(struct archive *a, const char *path, struct err *e)
{
    const char *why = archive_error_string(a);
    return err_set(e, ERR_DATA, "'%s' is not a whole tar file: %s", path,
                   why ? why : "unknown error");
}

/* What is done with the members: none, one or both. */
struct reading {
    const char *path;
    const char *const *keep; /* (n_keep) those whose content is kept */
    size_t n_keep;
    const char *dir;    /* where the members are written; NULL: nowhere */
    uint64_t remaining; /* bytes that members may still have */
};

static bool wanted(const char *name, const char *const *keep, size_t n_keep)
{
    for (size_t i = 0; i < n_keep; i++)
        if (strcmp(name, keep[i]) == 0)
            return true;
    return false;
}

static int check_entry(const struct tarfile *t, struct archive_entry *head, struct reading *r,
                       struct err *e)
{
    const char *path = r->path;
    const char *name = archive_entry_pathname(head);
    if (!name || !tarfile_name_ok(name))
        return err_set(e, ERR_DATA,
                       "'%s' has a member with a name that is no plain relative path: '%.200s'",
                       path, name ? name : "");
    if (archive_entry_filetype(head) != AE_IFREG || archive_entry_hardlink(head))
        return err_set(e, ERR_DATA, "'%s' member '%s' is not a regular file", path, name);
    if (!archive_entry_size_is_set(head) || archive_entry_size(head) < 0)
        return err_set(e, ERR_DATA, "'%s' member '%s' has no size", path, name);
    if (archive_entry_sparse_count(head) > 0)
        return err_set(e, ERR_DATA, "'%s' member '%s' is sparse", path, name);
    if ((uint64_t)archive_entry_size(head) > r->remaining)
        return err_set(e, ERR_DATA,
                       "'%s' is not a whole tar file: member '%s' claims %lld bytes, more than are "
                       "left",
                       path, name, (long long)archive_entry_size(head));
    r->remaining -= (uint64_t)archive_entry_size(head);
    for (size_t i = 0; i < t->n; i++) {
        const char *other = t->entry[i].name;
        if (strcmp(other, name) == 0)
            return err_set(e, ERR_DATA, "'%s' has the member '%s' twice", path, name);
        if (tarfile_names_clash(other, name))
            return err_set(e, ERR_DATA, "'%s' has a member '%s' and a member '%s'", path, other,
                           name);
    }
    if (t->n == TARFILE_MAX_MEMBERS)
        return err_set(e, ERR_DATA, "'%s' has more than %d members", path, TARFILE_MAX_MEMBERS);
    return 0;
}

/* A new file for a member, in a directory that nobody else knows. */
static int create_member(const struct reading *r, const char *name, struct outfile *out,
                         struct err *e)
{
    char *path;
    if (!r->dir)
        return 0;
    path = str_format("%s/%s", r->dir, name);
    int rc = outfile_open(out, path, e);
    free(path);
    return rc;
}

/* Read the content of the member that was just found, hash it, keep it if `m->bytes` has room for
 * it, and write it to `out` if that is open. */
static int read_member(struct archive *a, struct tarfile_entry *m, const char *path,
                       struct outfile *out, struct err *e)
{
    char *chunk = mem_calloc(CHUNK, 1);
    struct hash h;
    uint64_t size = 0;
    la_ssize_t got;
    int rc = 0;

    hash_init(&h);
    while ((got = archive_read_data(a, chunk, CHUNK)) > 0) {
        if ((uint64_t)got > m->size - size)
            break; /* said below */
        if (m->bytes)
            memcpy(m->bytes + size, chunk, (size_t)got);
        hash_add(&h, chunk, (size_t)got);
        size += (uint64_t)got;
        if (out->fp && fwrite(chunk, 1, (size_t)got, out->fp) != (size_t)got) {
            rc = err_sys(e, "cannot write '%s'", out->tmp);
            break;
        }
    }
    if (rc)
        ; /* said */
    else if (got < 0)
        rc = damaged(a, path, e);
    else if (got > 0 || size != m->size)
        rc = err_set(e, ERR_DATA, "'%s' member '%s' has another length than its header says", path,
                     m->name);
    hash_hex(&h, m->sha256);
    free(chunk);
    return rc;
}

static int read_entry(struct archive *a, struct tarfile *t, struct archive_entry *head,
                      struct reading *r, struct err *e)
{
    struct outfile out = { 0 };
    int rc = check_entry(t, head, r, e);
    if (rc)
        return rc;
    t->entry = mem_grow(t->entry, t->n, sizeof *t->entry);
    struct tarfile_entry *m = &t->entry[t->n++];
    *m = (struct tarfile_entry){ .name = mem_strdup(archive_entry_pathname(head)),
                                 .size = (uint64_t)archive_entry_size(head) };
    if (wanted(m->name, r->keep, r->n_keep)) {
        if (m->size > TARFILE_MAX_KEPT)
            return err_set(e, ERR_DATA, "'%s' member '%s' has %llu bytes: want at most %d", r->path,
                           m->name, (unsigned long long)m->size, TARFILE_MAX_KEPT);
        m->bytes = mem_calloc(m->size + 1, 1);
    }
    if ((rc = create_member(r, m->name, &out, e)) == 0 &&
        (rc = read_member(a, m, r->path, &out, e)) == 0 && out.fp)
        rc = outfile_commit(&out, e);
    outfile_abort(&out);
    return rc;
}

static int open_tar(struct archive *a, struct reading *r, struct err *e)
{
    const char *path = r->path;
    struct stat st;
    if (stat(path, &st) < 0)
        return err_sys(e, "cannot open '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, ERR_IO, "'%s' is not a regular file", path);
    if (st.st_size == 0)
        return err_set(e, ERR_DATA, "'%s' is empty: want a tar file", path);
    r->remaining = (uint64_t)st.st_size;
    if (archive_read_support_format_tar(a) != ARCHIVE_OK)
        return err_set(e, ERR_INTERNAL, "libarchive cannot read tar files");
    if (archive_read_open_filename(a, path, CHUNK) != ARCHIVE_OK)
        return archive_errno(a) == EACCES ? archive_fail(a, path, "read", e) : damaged(a, path, e);
    return 0;
}

int tarfile_read(struct tarfile *t, const char *path, const char *const *keep, size_t n_keep,
                 const char *dir, struct err *e)
{
    struct tarfile made = { 0 };
    struct reading r = { .path = path, .keep = keep, .n_keep = n_keep, .dir = dir };
    struct encoding encoding;
    encoding_set(&encoding);
    struct archive *a = archive_read_new();
    struct archive_entry *head;
    int rc = a ? open_tar(a, &r, e) : err_set(e, ERR_MEMORY, "no memory for libarchive"),
        got = ARCHIVE_EOF;

    while (rc == 0 && (got = archive_read_next_header(a, &head)) == ARCHIVE_OK)
        rc = read_entry(a, &made, head, &r, e);
    if (rc == 0 && got != ARCHIVE_EOF)
        rc = damaged(a, path, e);
    archive_read_free(a);
    encoding_restore(&encoding);
    if (rc)
        tarfile_release(&made);
    else
        *t = made;
    return rc;
}
