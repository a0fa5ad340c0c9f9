#include "io/picture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/image.h"

static void add_piece(struct picture_pattern *p, struct picture_piece piece)
{
    p->piece = mem_grow(p->piece, p->n, sizeof *p->piece);
    p->piece[p->n++] = piece;
}

static const struct column *column_named(const struct table *t, const char *name, size_t n)
{
    for (size_t i = 0; i < t->n_col; i++)
        if (strlen(t->col[i].name) == n && memcmp(t->col[i].name, name, n) == 0)
            return &t->col[i];
    return NULL;
}

int picture_pattern_init(struct picture_pattern *p, const struct table *t, const char *path,
                         struct err *e)
{
    const char *pattern = t->roles.image;
    struct picture_pattern made = { 0 };
    int rc = 0;

    if (!pattern || !*pattern)
        return err_set(
            e, ERR_DATA,
            "'%s': table '%s' names no pictures: its import schema can (image: \"{COLUMN}.jpg\")",
            path, t->name);
    for (const char *s = pattern; rc == 0 && *s;) {
        size_t n = strcspn(s, "{}");
        if (n) {
            add_piece(&made, (struct picture_piece){ .text = s, .n = n });
            s += n;
            continue;
        }
        n = strcspn(s + 1, "{}");
        if (*s == '}' || s[1 + n] != '}') {
            rc = err_set(e, ERR_DATA, "'%s': image pattern '%s' has a brace without its partner",
                         path, pattern);
            break;
        }
        struct picture_piece piece = { .text = s + 1, .n = n, .column = column_named(t, s + 1, n) };
        if (!piece.column)
            rc = err_set(e, ERR_DATA, "'%s': image pattern '%s': table '%s' has no column '%.*s'",
                         path, pattern, t->name, (int)n, s + 1);
        add_piece(&made, piece);
        s += n + 2;
    }
    if (rc)
        picture_pattern_release(&made);
    else
        *p = made;
    return rc;
}

void picture_pattern_release(struct picture_pattern *p)
{
    free(p->piece);
    *p = (struct picture_pattern){ 0 };
}

bool picture_leaves(const char *name)
{
    for (const char *s = name;; s++) {
        size_t n = strcspn(s, "/");
        if (n <= 2 && memcmp(s, "..", n) == 0) /* "", "." or ".." */
            return true;
        s += n;
        if (!*s)
            return false;
    }
}

const char *picture_name(const struct picture_pattern *p, size_t row, struct str *out)
{
    str_clear(out);
    for (size_t i = 0; i < p->n; i++) {
        const struct picture_piece *piece = &p->piece[i];
        if (!piece->column) {
            str_add(out, piece->text, piece->n);
            continue;
        }
        size_t start = out->n;
        column_text(piece->column, row, out);
        if (out->n == start)
            return "no picture name: a value is missing";
        if (memchr(out->text + start, '/', out->n - start) ||
            memchr(out->text + start, '\0', out->n - start))
            return "a value with '/' or NUL is no part of a picture name";
    }
    return picture_leaves(str_text(out)) ? "the picture name leaves its directory" : NULL;
}

int picture_open_dir(const char *path, int *out_dir, struct err *e)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 && (errno == ENOENT || errno == ENOTDIR))
        return err_set(e, ERR_DATA, "'%s' is no directory of pictures: %s", path, strerror(errno));
    if (dir < 0)
        return err_sys(e, "cannot open the directory '%s'", path);
    *out_dir = dir;
    return 0;
}

static bool is_about_the_file(int error)
{
    return error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG || error == ELOOP ||
           error == EACCES || error == ENXIO || error == EISDIR;
}

static int read_all(int fd, uint8_t *bytes, size_t n, size_t *out_n)
{
    *out_n = 0;
    while (*out_n < n) {
        ssize_t got = read(fd, bytes + *out_n, n - *out_n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break; /* cut short meanwhile: the decoder will see */
        *out_n += (size_t)got;
    }
    return 0;
}

int picture_load(int dir, const char *name, int64_t max_bytes, uint8_t **io_bytes, size_t *io_room,
                 size_t *out_n, enum pixels_status *out_status, struct str *out_why, struct err *e)
{
    struct stat st;
    int rc = 0, fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    str_clear(out_why);
    *out_status = PIXELS_OK;
    *out_n = 0;
    if (fd < 0 && is_about_the_file(errno)) {
        *out_status = PIXELS_MISSING;
        str_addf(out_why, "'%s': %s", name, strerror(errno));
        return 0;
    }
    if (fd < 0)
        return err_sys(e, "cannot open '%s'", name);
    if (fstat(fd, &st) != 0) {
        rc = err_sys(e, "cannot look at '%s'", name);
    } else if (!S_ISREG(st.st_mode) || st.st_size > max_bytes) {
        *out_status = PIXELS_CORRUPT;
        if (!S_ISREG(st.st_mode))
            str_addf(out_why, "'%s' is no regular file", name);
        else
            str_addf(out_why, "'%s': %lld bytes are over the limit of %lld bytes", name,
                     (long long)st.st_size, (long long)max_bytes);
    } else {
        size_t n = (size_t)st.st_size;
        if (n > *io_room) {
            *io_bytes = mem_realloc(*io_bytes, n, 1);
            *io_room = n;
        }
        if (read_all(fd, *io_bytes, n, out_n) != 0)
            rc = err_sys(e, "cannot read '%s'", name);
    }
    close(fd);
    return rc;
}

int picture_pixels(struct picture_hand *h, const struct image_options *o, int dir, const char *name,
                   uint8_t *out, enum pixels_status *out_status, struct err *e)
{
    struct err bad = { 0 };
    size_t n_out = 3 * (size_t)o->size * (size_t)o->size;
    int rc = picture_load(dir, name, o->max_bytes, &h->bytes, &h->room, &h->n, out_status, &h->why,
                          e);

    h->read = rc == 0 && *out_status == PIXELS_OK;
    if (h->read) {
        if (image_pixels(o, h->bytes, h->n, out, &bad) == 0)
            return 0;
        str_addf(&h->why, "'%s': %s", name, bad.text);
        *out_status = PIXELS_CORRUPT;
    }
    memset(out, 0, n_out);
    return rc;
}

void picture_hand_release(struct picture_hand *h)
{
    free(h->bytes);
    str_release(&h->why);
    *h = (struct picture_hand){ 0 };
}
