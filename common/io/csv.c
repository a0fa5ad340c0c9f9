#include "io/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "io/window.h"

enum { MAX_COLUMNS = 16384, DETAIL = 60 };
enum state {
    FIELD,
    UNQUOTED,
    QUOTED,
    AFTER_QUOTE
}; /* before a field, in it, after a quote in it */
enum class { TEXT, DELIMITER, LINE_END, QUOTE };

/* A field of the row that is being read; places count from the beginning of the row. */
struct span {
    size_t begin, end;
    bool doubled; /* quotes in it are doubled */
};

struct reader {
    struct window w;
    const struct record_sink *sink;
    void *ctx;
    struct err *e;
    size_t max_field;
    unsigned char quote;
    uint8_t class[256];

    bool open_end; /* the file ended inside of quotes */

    enum state state;
    size_t at;    /* the next byte to look at, from the beginning of the row */
    size_t begin; /* of the field */
    bool doubled;

    struct span *span; /* (n_room) owned */
    size_t n_room, n_field;
    size_t n_column; /* of the header; 0 before it */
    struct record_field *field;
};

static void begin_row(struct reader *r)
{
    r->at = r->n_field = 0;
    r->state = FIELD;
}

static int skip_line(struct reader *r)
{
    begin_row(r);
    return window_skip_line(&r->w, r->e);
}

/* ---- one row --------------------------------------------------------------------------------- */

/* False if it is too long. */
static bool end_field(struct reader *r, size_t end)
{
    size_t j = r->n_field++;
    if (end - r->begin > r->max_field)
        return false;
    if (r->n_column ? j >= r->n_column : j > MAX_COLUMNS)
        return true; /* counted, not kept */
    if (j == r->n_room) {
        r->n_room = r->n_room ? 2 * r->n_room : 64;
        r->span = mem_realloc(r->span, r->n_room, sizeof *r->span);
    }
    r->span[j] = (struct span){ r->begin, end, r->doubled };
    return true;
}

enum scan { SCAN_MORE, SCAN_ROW, SCAN_STRAY, SCAN_LONG };

/* After a field: `at` is at a delimiter or a line end. */
static enum scan after_field(struct reader *r, size_t end, unsigned char byte)
{
    if (!end_field(r, end))
        return SCAN_LONG;
    r->at++;
    r->state = FIELD;
    return r->class[byte] == DELIMITER ? SCAN_MORE : SCAN_ROW;
}

/* The same wherever the window ends: a field that is too long is that, whatever follows in it. */
static bool is_long(const struct reader *r, enum scan told)
{
    size_t in_field = r->at - r->begin - (r->state == AFTER_QUOTE); /* of FIELD: none, or checked */
    if (r->state != FIELD && told != SCAN_ROW && in_field > r->max_field)
        return true;
    return r->at > RECORD_MAX;
}

/* Go on with the row up to its end or the end of the window. */
static enum scan scan_row(struct reader *r)
{
    const unsigned char *p = (const unsigned char *)r->w.bytes + r->w.row, *quote;
    const uint8_t *class = r->class;
    size_t n = r->w.n - r->w.row, at;
    enum scan told = SCAN_MORE;

    while (r->at < n && told == SCAN_MORE) {
        switch (r->state) {
        case FIELD:
            r->doubled = false;
            r->begin = r->at;
            r->state = UNQUOTED;
            if (class[p[r->at]] == QUOTE) {
                r->begin = ++r->at;
                r->state = QUOTED;
            }
            break;
        case UNQUOTED:
            for (at = r->at; at < n && class[p[at]] == TEXT;)
                at++;
            r->at = at;
            if (at < n)
                told = class[p[at]] == QUOTE ? SCAN_STRAY : after_field(r, at, p[at]);
            break;
        case QUOTED:
            quote = memchr(p + r->at, r->quote, n - r->at);
            r->at = quote ? (size_t)(quote - p) + 1 : n;
            if (quote)
                r->state = AFTER_QUOTE;
            break;
        case AFTER_QUOTE:
            if (p[r->at] == r->quote) {
                r->doubled = true;
                r->at++;
                r->state = QUOTED;
            } else if (class[p[r->at]] == TEXT) {
                told = SCAN_STRAY;
            } else {
                told = after_field(r, r->at - 1, p[r->at]);
            }
            break;
        }
    }
    if (told == SCAN_MORE && r->n_column == 0 && r->n_field > MAX_COLUMNS)
        return SCAN_ROW;
    return is_long(r, told) ? SCAN_LONG : told;
}

static int report(struct reader *r, enum record_fault fault, const char *text, size_t n)
{
    size_t most = (fault == RECORD_TOO_LONG || fault == RECORD_LONG_QUOTE) && r->max_field < DETAIL
                      ? r->max_field
                      : DETAIL;
    if (r->n_column == 0)
        return err_set(r->e, ERR_DATA, "'%s' line %lld: %s in the header", r->w.source.path,
                       (long long)r->w.line, record_fault_name(fault));
    char *detail = record_shorten(text, n, most);
    int rc = r->sink->bad(r->ctx, r->w.line, fault, detail, r->e);
    free(detail);
    return rc;
}

/* With what there is of the field as detail; reading goes on at the next physical line. */
static int report_field(struct reader *r, enum record_fault fault)
{
    int rc = report(r, fault, r->w.bytes + r->w.row + r->begin,
                    r->at > r->begin ? r->at - r->begin : 0);
    return rc ? rc : skip_line(r);
}

/* A field with a line end in what it may have is quoted, and perhaps only because a quote is
 * missing. */
static int report_long(struct reader *r)
{
    size_t n = r->at > r->begin ? r->at - r->begin : 0;
    bool lines = memchr(r->w.bytes + r->w.row + r->begin, '\n',
                        n < r->max_field ? n : r->max_field);
    return report_field(r, lines ? RECORD_LONG_QUOTE : RECORD_TOO_LONG);
}

/* ---- a whole row ----------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int check_header(const struct reader *r, const struct record *row)
{
    const char **name = mem_calloc(row->n, sizeof *name);
    int rc = 0;
    for (size_t i = 0; i < row->n; i++)
        name[i] = row->field[i].text;
    qsort(name, row->n, sizeof *name, compare_names);
    for (size_t i = 1; i < row->n && rc == 0; i++)
        if (strcmp(name[i - 1], name[i]) == 0)
            rc = err_set(r->e, ERR_DATA, "'%s' line %lld: the header has column '%.80s' twice",
                         r->w.source.path, (long long)row->line, name[i]);
    free(name);
    return rc;
}

/* One of two quotes goes, in place. */
static size_t undouble(char *text, size_t n, unsigned char quote)
{
    size_t to = 0, from = 0;
    while (from < n) {
        const char *q = memchr(text + from, quote, n - from);
        size_t length = q ? (size_t)(q - text) + 1 - from : n - from;
        memmove(text + to, text + from, length);
        to += length;
        from += length + (q != NULL);
    }
    return to;
}

static int hand_over(struct reader *r)
{
    struct record row = { .line = r->w.line, .at = r->w.source.taken, .n = r->n_field };
    char *p = r->w.bytes + r->w.row;
    int rc;
    if (r->n_column == 0)
        r->field = mem_calloc(r->n_field, sizeof *r->field);
    for (size_t i = 0; i < r->n_field; i++) {
        char *text = p + r->span[i].begin;
        size_t n = r->span[i].end - r->span[i].begin;
        if (r->span[i].doubled)
            n = undouble(text, n, r->quote);
        text[n] = '\0'; /* over a quote, a delimiter, a line end, or the spare byte */
        r->field[i] = (struct record_field){ text, n };
    }
    row.field = r->field;
    if (r->n_column)
        return r->sink->row(r->ctx, &row, r->e);
    if ((rc = check_header(r, &row)))
        return rc;
    r->n_column = row.n;
    return r->sink->header(r->ctx, &row, r->e);
}

static int take_row(struct reader *r, size_t length)
{
    const char *text = r->w.bytes + r->w.row;
    size_t n = length;
    int64_t lines = window_lines(text, length); /* before it is changed */
    int rc;

    if (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    if (r->n_column == 0 && r->n_field > MAX_COLUMNS) {
        rc = err_set(r->e, ERR_DATA, "'%s' has more than %d columns", r->w.source.path,
                     MAX_COLUMNS);
    } else if (r->n_column && r->n_field != r->n_column) {
        char *detail = str_format("%zu fields, want %zu", r->n_field, r->n_column);
        rc = report(r, RECORD_RAGGED, detail, strlen(detail));
        free(detail);
    } else if (memchr(text, '\0', n)) {
        rc = report(r, RECORD_NUL, text, n);
    } else if (!utf8_valid(text, n)) {
        rc = report(r, RECORD_ENCODING, text, n);
    } else {
        rc = hand_over(r);
    }
    r->w.line += lines;
    r->w.row += length;
    begin_row(r);
    return rc;
}

/* ---- the file -------------------------------------------------------------------------------- */

static void skip_blank_lines(struct reader *r)
{
    struct window *w = &r->w;
    while (w->row < w->n && (w->bytes[w->row] == '\n' || w->bytes[w->row] == '\r'))
        w->line += w->bytes[w->row++] == '\n';
}

/* The file ends in the row. */
static int last_row(struct reader *r)
{
    size_t n = r->w.n - r->w.row;
    r->open_end = r->open_end || r->state == QUOTED;
    if (r->state == QUOTED)
        return report_field(r, RECORD_UNTERMINATED);
    if (r->state == FIELD)
        r->begin = n; /* after a delimiter */
    if (!end_field(r, r->state == AFTER_QUOTE ? n - 1 : n))
        return report_long(r);
    return take_row(r, n);
}

/* One row, or a piece of the file. *out_done at the end. */
static int step(struct reader *r, bool *out_done)
{
    if (r->at == 0 && r->state == FIELD && r->n_field == 0)
        skip_blank_lines(r);
    switch (scan_row(r)) {
    case SCAN_ROW:
        return take_row(r, r->at);
    case SCAN_STRAY:
        return report_field(r, RECORD_STRAY_QUOTE);
    case SCAN_LONG:
        return report_long(r);
    case SCAN_MORE:
        break;
    }
    if (!r->w.ended)
        return window_refill(&r->w, r->e);
    if (r->w.row < r->w.n)
        return last_row(r);
    *out_done = true;
    return 0;
}

static void set_dialect(struct reader *r, const struct csv_dialect *d)
{
    unsigned char delimiter = (unsigned char)(d->delimiter ? d->delimiter : ',');
    r->quote = (unsigned char)(d->quote ? d->quote : '"');
    r->class['\n'] = r->class['\r'] = LINE_END;
    if (!d->no_quote)
        r->class[r->quote] = QUOTE;
    r->class[delimiter] = DELIMITER;
}

static int open_file(struct reader *r, const char *path, const struct csv_dialect *d)
{
    return window_open(&r->w, path, d->encoding, d->max_ratio > 0 ? d->max_ratio : 200, r->e);
}

/* After the header: the same file again, from the mark. */
static int go_to_mark(struct reader *r, const char *path, const struct csv_dialect *d,
                      const struct csv_mark *mark, struct hash *hash)
{
    int rc;
    source_close(&r->w.source);
    if ((rc = open_file(r, path, d)))
        return rc;
    r->w.line = mark->line;
    r->w.last = '\n'; /* what comes before a mark */
    r->w.source.hash = hash;
    return source_skip(&r->w.source, mark->bytes, r->e);
}

/* Where rows may follow that are not written yet. */
static void set_mark(const struct reader *r, bool ends, struct csv_mark *mark)
{
    mark->size = r->w.source.taken;
    bool plain = !r->w.source.zip && !r->w.source.marked && !r->open_end;
    mark->bytes = plain && ends ? r->w.source.taken : 0;
    mark->line = plain && ends ? r->w.line : 0;
}

int csv_read(const char *path, const struct csv_dialect *dialect, size_t max_field,
             struct csv_mark *mark, struct hash *hash, const struct record_sink *sink, void *ctx,
             struct err *e)
{
    struct reader r = { .sink = sink, .ctx = ctx, .e = e, .max_field = max_field };
    bool done = false, later = mark && mark->bytes;
    int rc;

    set_dialect(&r, dialect);
    if ((rc = open_file(&r, path, dialect)))
        goto out;
    r.w.source.hash = later ? NULL : hash;
    while (rc == 0 && !done && !(later && r.n_column))
        rc = step(&r, &done);
    if (rc == 0 && r.n_column == 0)
        rc = err_set(e, ERR_DATA, "'%s' is empty, want a header line", path);
    if (rc == 0 && later)
        rc = go_to_mark(&r, path, dialect, mark, hash);
    for (done = done && !later; rc == 0 && !done;)
        rc = step(&r, &done);
    if (rc == 0 && mark)
        set_mark(&r, r.w.last == '\n', mark);
out:
    window_release(&r.w);
    free(r.span);
    free(r.field);
    return rc;
}
