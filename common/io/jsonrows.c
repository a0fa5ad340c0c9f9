#include "io/jsonrows.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/window.h"

enum { DETAIL = 60, MAX_NAMES = 16384 };

struct reader {
    struct window w;
    const struct jsonrows_field *want;
    size_t n_want, max_field;
    const struct record_sink *sink;
    void *ctx;
    bool *seen;
    struct intern *names; /* only the keys are wanted */
    struct err *e;
    struct record_field *field; /* (n_want) owned */
    size_t *begin;              /* (n_want) owned: in text, of what is not a string */
    struct str text;
};

/* ---- one record ------------------------------------------------------------------------------ */

static int report(struct reader *r, enum record_fault fault, const char *text, size_t n)
{
    char *detail = record_shorten(text, n, 2 * DETAIL);
    int rc = r->sink->bad(r->ctx, r->w.line, fault, detail, r->e);
    free(detail);
    return rc;
}

static void add_value(struct str *out, const json_t *value)
{
    if (json_is_integer(value)) {
        str_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    } else if (json_is_real(value)) {
        str_add_real(out, json_real_value(value));
    } else if (json_is_boolean(value)) {
        str_addz(out, json_is_true(value) ? "true" : "false");
    } else {
        char *dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        str_addz(out, dump ? dump : "");
        free(dump);
    }
    str_addc(out, '\0');
}

static const json_t *find(const json_t *record, const struct jsonrows_field *want)
{
    const json_t *value = NULL;
    for (size_t k = 0; k < want->n_name && !value; k++)
        value = json_object_get(record, want->name[k]);
    return value;
}

/* Strings stay in the record; all else goes to r->text, which may move until all of it is there. */
static int hand_over(struct reader *r, const json_t *record)
{
    struct record row = {
        .line = r->w.line, .at = r->w.source.taken, .n = r->n_want, .field = r->field
    };
    str_clear(&r->text);
    for (size_t j = 0; j < r->n_want; j++) {
        const json_t *value = find(record, &r->want[j]);
        r->seen[j] = r->seen[j] || value;
        r->field[j] = (struct record_field){ 0 };
        r->begin[j] = SIZE_MAX;
        if (json_is_string(value)) {
            r->field[j].text = json_string_value(value);
            r->field[j].n = json_string_length(value);
        } else if (value && !json_is_null(value)) {
            r->begin[j] = r->text.n;
            add_value(&r->text, value);
            r->field[j].n = r->text.n - r->begin[j] - 1;
        }
        if (r->field[j].n > r->max_field)
            return report(r, RECORD_TOO_LONG,
                          r->field[j].text ? r->field[j].text : r->text.text + r->begin[j],
                          r->field[j].n);
    }
    for (size_t j = 0; j < r->n_want; j++)
        if (r->begin[j] != SIZE_MAX)
            r->field[j].text = r->text.text + r->begin[j];
    return r->sink->row(r->ctx, &row, r->e);
}

static int take_names(struct reader *r, json_t *record)
{
    for (void *at = json_object_iter(record); at; at = json_object_iter_next(record, at)) {
        const char *key = json_object_iter_key(at);
        intern_add(r->names, key, strlen(key));
    }
    if (r->names->n > MAX_NAMES)
        return err_set(r->e, ERR_DATA, "'%s' line %lld: the records have more than %d keys by now",
                       r->w.source.path, (long long)r->w.line, MAX_NAMES);
    return 0;
}

static int take_record(struct reader *r, const char *text, size_t n)
{
    json_error_t why;
    json_t *record = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    int rc;
    if (r->names) {
        rc = take_names(r, record);
    } else if (json_is_object(record)) {
        rc = hand_over(r, record);
    } else {
        char *shown = record_shorten(text, n, DETAIL);
        char *detail = str_format("%s: %s", record ? "no object" : why.text, shown);
        rc = report(r, RECORD_JSON, detail, strlen(detail));
        free(detail);
        free(shown);
    }
    json_decref(record);
    return rc;
}

/* ---- records, a line each -------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static int read_lines(struct reader *r)
{
    struct window *w = &r->w;
    size_t looked = 0; /* bytes of the row without line end */
    int rc = 0;
    while (rc == 0) {
        const char *p = w->bytes + w->row;
        const char *end = w->n - w->row > looked ? memchr(p + looked, '\n', w->n - w->row - looked)
                                                 : NULL;
        size_t n = end ? (size_t)(end - p) : w->n - w->row;
        looked = n;
        if (!end && !w->ended && n <= RECORD_MAX) {
            rc = window_refill(w, r->e);
            continue;
        }
        looked = 0;
        if (!end && !w->ended) {
            if ((rc = r->names ? 0 : report(r, RECORD_TOO_LONG, p, DETAIL)) == 0)
                rc = window_skip_line(w, r->e);
            continue;
        }
        size_t length = n + (end != NULL);
        while (n && is_blank(p[n - 1]))
            n--;
        rc = n ? take_record(r, p, n) : 0;
        window_next(w, length);
        if (!end)
            break;
    }
    return rc;
}

/* ---- an array of records --------------------------------------------------------------------- */

/* What closes the value that begins at p[0]: brackets are counted outside of strings. */
struct scan {
    size_t at;
    int64_t depth;
    bool in_string, escaped, done;
};

static void scan(struct scan *s, const char *p, size_t n)
{
    for (; s->at < n && !s->done; s->at++) {
        char c = p[s->at];
        if (s->in_string) {
            if (s->escaped)
                s->escaped = false;
            else if (c == '\\')
                s->escaped = true;
            else if (c == '"')
                s->in_string = false;
        } else if (c == '"') {
            s->in_string = true;
        } else if (c == '{' || c == '[') {
            s->depth++;
        } else if ((c == '}' || c == ']' || c == ',') && s->depth == 0) {
            s->done = true; /* after a value without brackets: its end */
            return;
        } else if (c == '}' || c == ']') {
            s->done = --s->depth == 0;
        }
    }
}

/* The next byte that is not blank, 0 at the end of the file. */
static int next_byte(struct reader *r, char *out)
{
    struct window *w = &r->w;
    for (*out = 0;;) {
        while (w->row < w->n && is_blank(w->bytes[w->row]))
            window_next(w, 1);
        if (w->row < w->n) {
            *out = w->bytes[w->row];
            return 0;
        }
        if (w->ended)
            return 0;
        int rc = window_refill(w, r->e);
        if (rc)
            return rc;
    }
}

static int read_value(struct reader *r)
{
    struct window *w = &r->w;
    struct scan s = { 0 };
    int rc;
    for (;;) {
        size_t n = w->n - w->row;
        scan(&s, w->bytes + w->row, n);
        if (s.done)
            break;
        if (w->ended || n > RECORD_MAX)
            return err_set(r->e, ERR_DATA,
                           "'%s' line %" PRId64 ": the record that begins here does not end%s",
                           w->source.path, w->line, w->ended ? "" : " within 64 MiB");
        if ((rc = window_refill(w, r->e)))
            return rc;
    }
    rc = take_record(r, w->bytes + w->row, s.at);
    window_next(w, s.at);
    return rc;
}

static int read_array(struct reader *r)
{
    struct window *w = &r->w;
    bool first = true;
    char c;
    int rc;
    window_next(w, 1); /* [ */
    for (;; first = false) {
        if ((rc = next_byte(r, &c)))
            return rc;
        if (c == ']' && first)
            break;
        if (c && c != ']' && c != ',' && (rc = read_value(r)))
            return rc;
        if ((rc = next_byte(r, &c)))
            return rc;
        if (c == ']')
            break;
        if (c != ',')
            return err_set(r->e, ERR_DATA, "'%s' line %" PRId64 ": %s, want , or ]", w->source.path,
                           w->line,
                           c ? "something else follows a record" : "the file ends in its array");
        window_next(w, 1);
    }
    window_next(w, 1);
    if ((rc = next_byte(r, &c)) == 0 && c)
        rc = err_set(r->e, ERR_DATA, "'%s' line %" PRId64 ": something follows the array",
                     w->source.path, w->line);
    return rc;
}

static int read_file(struct reader *r, const char *path, double max_ratio, struct hash *hash)
{
    char c = 0;
    int rc = window_open(&r->w, path, SOURCE_UTF8, max_ratio, r->e);
    if (rc == 0) {
        r->w.source.hash = hash;
        rc = next_byte(r, &c);
    }
    if (rc)
        return rc;
    if (c == '[')
        return read_array(r);
    if (c == '{')
        return read_lines(r);
    return err_set(r->e, ERR_DATA, "'%s' %s, want an array of objects or an object a line", path,
                   c ? "is not JSON" : "is empty");
}

int jsonrows_read(const char *path, const struct jsonrows_field *field, size_t n_field,
                  size_t max_field, double max_ratio, struct hash *hash,
                  const struct record_sink *sink, void *ctx, bool *out_seen, int64_t *out_size,
                  struct err *e)
{
    struct reader r = { .want = field,
                        .n_want = n_field,
                        .max_field = max_field,
                        .sink = sink,
                        .ctx = ctx,
                        .seen = out_seen,
                        .e = e };
    r.field = mem_calloc(n_field, sizeof *r.field);
    r.begin = mem_calloc(n_field, sizeof *r.begin);
    int rc = read_file(&r, path, max_ratio, hash);
    if (out_size)
        *out_size = r.w.source.taken;
    window_release(&r.w);
    str_release(&r.text);
    free(r.field);
    free(r.begin);
    return rc;
}

int jsonrows_names(const char *path, double max_ratio, struct intern *out, struct err *e)
{
    struct reader r = { .names = out, .e = e };
    int rc = read_file(&r, path, max_ratio, NULL);
    window_release(&r.w);
    return rc;
}

bool jsonrows_named(const char *path)
{
    static const char *const ending[] = { ".json", ".jsonl", ".ndjson" };
    size_t n = strlen(path) - (str_ends(path, ".gz") ? 3 : 0);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++) {
        size_t m = strlen(ending[i]);
        if (n >= m && memcmp(path + n - m, ending[i], m) == 0)
            return true;
    }
    return false;
}
