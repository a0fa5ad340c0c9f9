#include "io/csv.h"

#include <csv.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"

enum { PIECE = 256 * 1024, MAX_ROW = 64 << 20, MAX_COLUMNS = 16384, DETAIL = 60 };

struct reader {
    const char *path;
    const struct csv_sink *sink;
    void *ctx;
    struct err *e;
    int rc; /* of the last callback: not 0 ends the reading (libcsv's own callbacks cannot) */
    size_t max_field;

    int fd;
    char *piece;  /* (PIECE) owned */
    size_t n, at; /* bytes in piece, and how many of them were taken */
    int64_t base; /* place of piece in the file */
    int64_t line; /* physical line of piece[at] */

    struct csv_parser parser;
    int64_t line_end; /* place after the physical line that is being fed; -1: not seen yet */
    int64_t row_line; /* where the row began */
    int64_t row_end;  /* place after that physical line; -1: not seen yet */
    bool too_long;    /* a field or the row passed its limit */
    struct str text;  /* fields of the row, each followed by a NUL */
    size_t *begin;    /* (n_begin of n_room) where each begins in text */
    size_t n_room;
    size_t n_begin; /* stored fields */
    size_t n_field; /* counted fields */
    struct csv_field *field;
    size_t n_column; /* of the header; 0 before it */
};

const char *csv_fault_name(enum csv_fault fault)
{
    static const char *const name[] = {
        "wrong number of fields", "unterminated quote", "stray quote",
        "field too long",         "NUL byte",           "invalid UTF-8"
    };
    return name[fault];
}

char *csv_shorten(const char *bytes, size_t n, size_t max)
{
    struct str out = { 0 };
    bool cut = n > max;
    size_t end = cut ? utf8_cut(bytes, max) : n;
    str_add(&out, "", 0);
    for (size_t i = 0; i < end;) {
        size_t good = utf8_prefix(bytes + i, end - i);
        for (size_t j = i; j < i + good; j++)
            str_addc(&out, (unsigned char)bytes[j] < ' ' || bytes[j] == 0x7F ? '?' : bytes[j]);
        i += good;
        if (i < end) {
            str_addc(&out, '?');
            i++;
        }
    }
    if (cut)
        str_addz(&out, "...");
    return str_take(&out);
}

/* ---- rows
 * --------------------------------------------------------------------------------------------------------
 */

static void forget_row(struct reader *r)
{
    str_clear(&r->text);
    r->n_begin = r->n_field = 0;
    r->too_long = false;
}

static void report(struct reader *r, enum csv_fault fault, const char *detail)
{
    if (r->n_column == 0)
        r->rc = err_set(r->e, ERR_DATA, "'%s' line %lld: %s in the header", r->path,
                        (long long)r->row_line, csv_fault_name(fault));
    else
        r->rc = r->sink->bad(r->ctx, r->row_line, fault, detail, r->e);
}

/* With the fields of the row as detail. */
static void report_text(struct reader *r, enum csv_fault fault)
{
    for (size_t i = 1; i < r->n_begin; i++)
        r->text.text[r->begin[i] - 1] = ',';
    char *detail = csv_shorten(str_text(&r->text), r->text.n ? r->text.n - 1 : 0, DETAIL);
    report(r, fault, detail);
    free(detail);
}

/* libcsv calls it at the end of every field. */
static void on_field(void *bytes, size_t n, void *at)
{
    struct reader *r = at;
    if (n > r->max_field || r->text.n + n > MAX_ROW)
        r->too_long = true;
    r->n_field++;
    if (r->rc || r->too_long || (r->n_column ? r->n_field > r->n_column : r->n_field > MAX_COLUMNS))
        return; /* counted, not kept */
    if (r->n_begin == r->n_room) {
        r->n_room = r->n_room ? 2 * r->n_room : 64;
        r->begin = mem_realloc(r->begin, r->n_room, sizeof *r->begin);
    }
    r->begin[r->n_begin++] = r->text.n;
    str_add(&r->text, bytes ? bytes : "", n);
    str_addc(&r->text, '\0');
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_header(const struct reader *r, const struct csv_row *row)
{
    const char **name = mem_calloc(row->n, sizeof *name);
    int rc = 0;
    for (size_t i = 0; i < row->n; i++)
        name[i] = row->field[i].text;
    qsort(name, row->n, sizeof *name, compare_names);
    for (size_t i = 1; i < row->n && rc == 0; i++)
        if (strcmp(name[i - 1], name[i]) == 0)
            rc = err_set(r->e, ERR_DATA, "'%s' line %lld: the header has column '%.80s' twice",
                         r->path, (long long)row->line, name[i]);
    free(name);
    return rc;
}

static void hand_over(struct reader *r)
{
    struct csv_row row = { .line = r->row_line, .at = r->base + (int64_t)r->at, .n = r->n_begin };
    if (r->n_column == 0)
        r->field = mem_calloc(r->n_begin, sizeof *r->field);
    for (size_t i = 0; i < r->n_begin; i++) {
        size_t end = i + 1 < r->n_begin ? r->begin[i + 1] : r->text.n;
        r->field[i] = (struct csv_field){ r->text.text + r->begin[i], end - 1 - r->begin[i] };
    }
    row.field = r->field;
    if (r->n_column) {
        r->rc = r->sink->row(r->ctx, &row, r->e);
    } else if ((r->rc = check_header(r, &row)) == 0) {
        r->n_column = row.n;
        r->rc = r->sink->header(r->ctx, &row, r->e);
    }
}

static bool has_nul(const struct reader *r)
{
    size_t n = 0;
    for (const char *p = r->text.text, *end = p + r->text.n;
         p < end && (p = memchr(p, '\0', (size_t)(end - p))); p++)
        n++;
    return n != r->n_begin;
}

/* libcsv calls it at the end of every row; blank lines are none. */
static void on_row(int c, void *at)
{
    struct reader *r = at;
    (void)c;
    if (r->rc == 0) {
        if (r->too_long) {
            report_text(r, CSV_TOO_LONG);
        } else if (r->n_column == 0 && r->n_field > MAX_COLUMNS) {
            r->rc = err_set(r->e, ERR_DATA, "'%s' has %zu columns, at most %d are read", r->path,
                            r->n_field, MAX_COLUMNS);
        } else if (r->n_column && r->n_field != r->n_column) {
            char *detail = str_format("%zu fields, want %zu", r->n_field, r->n_column);
            report(r, CSV_RAGGED, detail);
            free(detail);
        } else if (has_nul(r)) {
            report_text(r, CSV_NUL);
        } else if (!utf8_valid(r->text.text, r->text.n)) {
            report_text(r, CSV_NOT_UTF8);
        } else {
            hand_over(r);
        }
    }
    forget_row(r);
    r->row_line = r->line; /* after a lone CR the next row begins on the same physical line */
    r->row_end = r->line_end;
}

/* ---- bytes
 * -------------------------------------------------------------------------------------------------------
 */

static int no_space(unsigned char c)
{
    (void)c;
    return 0; /* libcsv would strip blanks around unquoted fields */
}

static int new_parser(struct reader *r)
{
    if (csv_init(&r->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        return err_set(r->e, ERR_INTERNAL, "cannot start libcsv");
    csv_set_space_func(&r->parser, no_space);
    csv_set_blk_size(&r->parser, 65536);
    return 0;
}

/* Make sure that there is a byte at piece[at]: 1 yes, 0 end of the file, -1 error. */
static int fill(struct reader *r)
{
    if (r->at < r->n)
        return 1;
    r->base += (int64_t)r->n;
    r->n = r->at = 0;
    ssize_t got;
    do
        got = read(r->fd, r->piece, PIECE);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        r->rc = err_sys(r->e, "cannot read '%s'", r->path);
        return -1;
    }
    r->n = (size_t)got;
    return got > 0;
}

/* Go on at the physical line after the one on which the bad row began. */
static int resume(struct reader *r)
{
    csv_free(&r->parser);
    forget_row(r);
    if (new_parser(r))
        return r->rc = r->e->code;
    if (r->row_end < 0) { /* that line has not ended yet: it is longer than a piece */
        const char *end;
        int more;
        while ((more = fill(r)) > 0 && !(end = memchr(r->piece + r->at, '\n', r->n - r->at)))
            r->at = r->n;
        if (more > 0)
            r->at = (size_t)(end - r->piece) + 1;
        r->line = r->row_line + 1;
        return r->rc;
    }
    if (r->row_end >= r->base && r->row_end <= r->base + (int64_t)r->n) {
        r->at = (size_t)(r->row_end - r->base);
    } else {
        if (lseek(r->fd, r->row_end, SEEK_SET) < 0)
            return r->rc = err_sys(r->e, "cannot read '%s'", r->path);
        r->base = r->row_end;
        r->n = r->at = 0;
    }
    r->line = r->row_line + 1;
    return 0;
}

static void report_stray_quote(struct reader *r)
{
    /* What libcsv has of the field that it gave up on. */
    char *detail = csv_shorten((const char *)r->parser.entry_buf, r->parser.entry_pos, DETAIL);
    report(r, CSV_STRAY_QUOTE, detail);
    free(detail);
}

/* Feed the rest of this physical line, or what there is of it. */
static int feed_line(struct reader *r)
{
    const char *from = r->piece + r->at, *end = memchr(from, '\n', r->n - r->at);
    size_t n = end ? (size_t)(end - from) + 1 : r->n - r->at;

    r->at += n;
    r->line_end = end ? r->base + (int64_t)r->at : -1;
    if (r->parser.pstate == 0) /* between rows */
        r->row_line = r->line;
    if (r->row_line == r->line)
        r->row_end = r->line_end;
    size_t done = csv_parse(&r->parser, from, n, on_field, on_row, r);
    if (r->rc)
        return r->rc;
    if (done < n) {
        if (csv_error(&r->parser) != CSV_EPARSE)
            return r->rc = err_set(r->e, ERR_MEMORY, "'%s': %s", r->path,
                                   csv_strerror(csv_error(&r->parser)));
        report_stray_quote(r);
        return r->rc ? r->rc : resume(r);
    }
    if (r->parser.entry_pos > r->max_field || r->too_long) {
        char *detail = csv_shorten((const char *)r->parser.entry_buf, r->parser.entry_pos, DETAIL);
        report(r, CSV_TOO_LONG, detail);
        free(detail);
        return r->rc ? r->rc : resume(r);
    }
    if (end)
        r->line++;
    return 0;
}

static int skip_mark(struct reader *r)
{
    if (fill(r) <= 0)
        return r->rc ? r->rc
                     : err_set(r->e, ERR_DATA, "'%s' is empty, want a header line", r->path);
    if (r->n >= 2 && (memcmp(r->piece, "\xFF\xFE", 2) == 0 || memcmp(r->piece, "\xFE\xFF", 2) == 0))
        return err_set(r->e, ERR_DATA, "'%s' is UTF-16, want UTF-8", r->path);
    if (r->n >= 3 && memcmp(r->piece, "\xEF\xBB\xBF", 3) == 0)
        r->at = 3;
    return 0;
}

static int read_all(struct reader *r)
{
    int rc;
    if ((rc = skip_mark(r)) || (rc = new_parser(r)))
        return rc;
    for (;;) {
        while (fill(r) > 0)
            if (feed_line(r))
                break;
        if (r->rc)
            break;
        if (csv_fini(&r->parser, on_field, on_row, r) == 0 || r->rc)
            break;
        char *detail = csv_shorten((const char *)r->parser.entry_buf, r->parser.entry_pos, DETAIL);
        report(r, CSV_UNTERMINATED, detail);
        free(detail);
        if (r->rc || resume(r))
            break;
    }
    csv_free(&r->parser);
    if (r->rc == 0 && r->n_column == 0)
        r->rc = err_set(r->e, ERR_DATA, "'%s' is empty, want a header line", r->path);
    return r->rc;
}

int csv_read(const char *path, size_t max_field, const struct csv_sink *sink, void *ctx,
             struct err *e)
{
    struct reader r = {
        .path = path, .sink = sink, .ctx = ctx, .e = e, .max_field = max_field, .line = 1
    };
    struct stat st;
    int rc;

    if ((r.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) <
        0) /* a FIFO must not wait for its writer */
        return err_sys(e, "cannot open '%s'", path);
    if (fstat(r.fd, &st) < 0)
        rc = err_sys(e, "cannot look at '%s'", path);
    else if (!S_ISREG(st.st_mode))
        rc = err_set(e, ERR_IO, "'%s' is not a regular file", path);
    else {
        r.piece = mem_calloc(PIECE, 1);
        rc = read_all(&r);
    }
    close(r.fd);
    free(r.piece);
    free(r.begin);
    free(r.field);
    str_release(&r.text);
    return rc;
}
