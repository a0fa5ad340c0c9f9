#define _GNU_SOURCE /* memmem */
#include "io/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "base/intern.h"
#include "base/mem.h"
#include "base/str.h"

enum { MAX_DEPTH = 64, MAX_BYTES = 16 << 20, MANY_KEYS = 16 };

struct reader {
    yaml_parser_t parser;
    const char *file;
    const char *bytes; /* (n) */
    size_t n;
    struct arena *arena; /* of the tree */
    struct err *e;
};

static int fail_at(struct reader *r, yaml_mark_t mark, const char *text, const char *detail)
{
    return err_set(r->e, ERR_USAGE, "%s:%zu:%zu: %s%s", r->file, mark.line + 1, mark.column + 1,
                   text, detail);
}

/* Has this line of the file a tab before its first word, or the beginning of a reference? */
static bool line_has(const struct reader *r, size_t line, const char *what)
{
    const char *p = r->bytes, *end = p + r->n, *newline;
    while (line-- > 0 && (newline = memchr(p, '\n', (size_t)(end - p))))
        p = newline + 1;
    newline = memchr(p, '\n', (size_t)(end - p));
    size_t n = (size_t)((newline ? newline : end) - p), blank = 0;
    if (*what != '\t')
        return memmem(p, n, what, strlen(what)) != NULL;
    while (blank < n && p[blank] == ' ')
        blank++;
    return blank < n && p[blank] == '\t';
}

static int next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return 0;
    const yaml_parser_t *p = &r->parser;
    /* A reader error (bad UTF-8, a control character) has a byte offset in place of a mark. */
    if (p->error == YAML_READER_ERROR)
        return err_set(r->e, ERR_USAGE, "%s: byte %zu: %s", r->file, p->problem_offset, p->problem);
    if (p->error == YAML_MEMORY_ERROR)
        return err_set(r->e, ERR_MEMORY, "%s: out of memory", r->file);
    if (line_has(r, p->problem_mark.line, "\t"))
        return fail_at(r, p->problem_mark, "a tab: indent with spaces", "");
    bool flow = p->context && strstr(p->context, "flow ") &&
                (line_has(r, p->problem_mark.line, "${") ||
                 line_has(r, p->context_mark.line, "${"));
    return fail_at(r, p->problem_mark, p->problem ? p->problem : "not YAML",
                   flow ? " (inside { } and [ ] write \"${...}\" in quotes)" : "");
}

struct yaml *yaml_node(struct arena *arena, enum yaml_kind kind, const char *text, size_t n)
{
    struct yaml *node = arena_alloc(arena, sizeof *node + n + 1);
    node->arena = arena;
    node->kind = kind;
    node->text = node->own;
    memcpy(node->own, text, n);
    return node;
}

/* Room for one more: doubled whenever n is a power of two. After a removal there may be more. */
static struct yaml **grown(struct arena *arena, struct yaml **list, size_t n)
{
    if (n & (n - 1))
        return list;
    struct yaml **more = arena_alloc(arena, (n ? 2 * n : 1) * sizeof(struct yaml *));
    if (n)
        memcpy(more, list, n * sizeof(struct yaml *));
    return more;
}

void yaml_append(struct yaml *to, struct yaml *key, struct yaml *item)
{
    to->item = grown(to->arena, to->item, to->n);
    if (to->kind == YAML_MAP) {
        to->key = grown(to->arena, to->key, to->n);
        to->key[to->n] = key;
    }
    to->item[to->n++] = item;
}

static struct yaml *new_node(struct reader *r, enum yaml_kind kind, yaml_mark_t mark,
                             const char *text, size_t n)
{
    struct yaml *node = yaml_node(r->arena, kind, text, n);
    node->file = r->file;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    return node;
}

static int read_node(struct reader *r, yaml_event_t *event, int depth, struct yaml **out);

static int read_scalar(struct reader *r, const yaml_event_t *event, struct yaml **out)
{
    if (event->data.scalar.anchor || event->data.scalar.tag)
        return fail_at(r, event->start_mark,
                       event->data.scalar.tag ? "tags are not part of this format"
                                              : "anchors are not part of this format",
                       "");
    const char *text = (const char *)event->data.scalar.value;
    size_t n = event->data.scalar.length;
    if (memchr(text, '\0', n))
        return fail_at(r, event->start_mark, "a NUL character in a value", "");
    struct yaml *node = new_node(r, YAML_SCALAR, event->start_mark, text, n);
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    *out = node;
    return 0;
}

/* The value of a key that is there already, NULL if it is new. Few keys are compared one by one;
 * of many each is looked up among those that `seen` numbers as the map does. */
static const struct yaml *value_before(const struct yaml *map, struct intern *seen, const char *key)
{
    if (map->n < MANY_KEYS)
        return yaml_get(map, key);
    while (seen->n < map->n)
        intern_add(seen, map->key[seen->n]->text, strlen(map->key[seen->n]->text));
    int32_t i = intern_find(seen, key, strlen(key));
    return i < 0 ? NULL : map->item[i];
}

static int read_key(struct reader *r, const yaml_event_t *event, const struct yaml *map,
                    struct intern *seen, struct yaml **out)
{
    const struct yaml *before;
    int rc;
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(r, event->start_mark, "a key must be a word", "");
    if ((rc = read_scalar(r, event, out)))
        return rc;
    const struct yaml *key = *out;
    if (!key->quoted && strcmp(key->text, "<<") == 0)
        return fail_at(r, event->start_mark, "merge keys are not part of this format", "");
    if ((before = value_before(map, seen, key->text)))
        return err_set(r->e, ERR_USAGE, "%s:%zu:%zu: key '%s' is given twice (first in line %zu)",
                       r->file, key->line, key->column, key->text, before->line);
    return 0;
}

/* The items of a list or map up to its end event. */
static int read_items(struct reader *r, struct yaml *node, int depth)
{
    yaml_event_t event;
    yaml_event_type_t end = node->kind == YAML_LIST ? YAML_SEQUENCE_END_EVENT
                                                    : YAML_MAPPING_END_EVENT;
    struct intern seen = { 0 };
    int rc;

    while ((rc = next_event(r, &event)) == 0) {
        struct yaml *key = NULL, *item = NULL;
        if (event.type == end) {
            yaml_event_delete(&event);
            break;
        }
        if (node->kind == YAML_MAP) {
            rc = read_key(r, &event, node, &seen, &key);
            yaml_event_delete(&event);
            if (rc || (rc = next_event(r, &event)))
                break;
        }
        rc = read_node(r, &event, depth + 1, &item);
        yaml_event_delete(&event);
        if (rc)
            break;
        yaml_append(node, key, item);
    }
    intern_release(&seen);
    return rc;
}

static int read_node(struct reader *r, yaml_event_t *event, int depth, struct yaml **out)
{
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(r, event, out);
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(r, event->start_mark,
                       "aliases are not part of this format (quote a value that begins with '*')",
                       "");
    if (depth > MAX_DEPTH)
        return fail_at(r, event->start_mark, "nested too deeply", "");
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *anchor = list ? event->data.sequence_start.anchor
                                     : event->data.mapping_start.anchor;
    const yaml_char_t *tag = list ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    if (anchor || tag)
        return fail_at(
            r, event->start_mark,
            tag ? "tags are not part of this format" : "anchors are not part of this format", "");
    struct yaml *node = new_node(r, list ? YAML_LIST : YAML_MAP, event->start_mark, "", 0);
    *out = node;
    return read_items(r, node, depth);
}

/* stream start, document start, node, document end, stream end */
static int read_document(struct reader *r, struct yaml **out)
{
    yaml_event_t event;
    int rc;

    for (;;) {
        if ((rc = next_event(r, &event)))
            return rc;
        yaml_event_type_t type = event.type;
        yaml_mark_t mark = event.start_mark;
        if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_END_EVENT) {
            yaml_event_delete(&event);
            continue;
        }
        if (type == YAML_STREAM_END_EVENT) {
            yaml_event_delete(&event);
            return *out ? 0 : err_set(r->e, ERR_USAGE, "%s:1:1: the file is empty", r->file);
        }
        if (type == YAML_DOCUMENT_START_EVENT) {
            yaml_event_delete(&event);
            if (*out)
                return fail_at(r, mark, "a second document in one file", "");
            continue;
        }
        rc = read_node(r, &event, 0, out);
        yaml_event_delete(&event);
        if (rc)
            return rc;
    }
}

int yaml_parse(struct yaml **out, const char *name, const char *bytes, size_t n, struct err *e)
{
    struct arena *arena = mem_calloc(1, sizeof *arena);
    struct reader r = { .file = arena_text(arena, name, strlen(name)),
                        .bytes = bytes,
                        .n = n,
                        .arena = arena,
                        .e = e };
    struct yaml *root = NULL;
    int rc;

    if (n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        r.bytes += 3;
        r.n -= 3;
    }
    if (r.n > MAX_BYTES) {
        rc = err_set(e, ERR_USAGE, "'%s' has %zu bytes: want at most %d", name, r.n, MAX_BYTES);
    } else if (!yaml_parser_initialize(&r.parser)) {
        rc = err_set(e, ERR_MEMORY, "%s: out of memory", name);
    } else {
        yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
        yaml_parser_set_input_string(&r.parser, (const unsigned char *)r.bytes, r.n);
        rc = read_document(&r, &root);
        yaml_parser_delete(&r.parser);
    }
    if (rc == 0) {
        *out = root;
        return 0;
    }
    arena_release(arena);
    free(arena);
    return rc;
}

/* A pipe is read to its end; a FIFO to which nobody writes is empty, and must not hang us. */
static FILE *open_without_waiting(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FILE *fp = fd >= 0 && fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "rb") : NULL;
    if (!fp && fd >= 0)
        close(fd);
    return fp;
}

int yaml_read(struct yaml **out, const char *path, struct err *e)
{
    FILE *fp = open_without_waiting(path);
    if (!fp)
        return err_sys(e, "cannot open '%s'", path);
    size_t room = 1 << 14, n = 0;
    char *bytes = mem_calloc(room, 1);
    int rc = 0;
    for (;;) {
        n += fread(bytes + n, 1, room - n, fp);
        if (n < room || n > MAX_BYTES)
            break;
        room *= 2;
        bytes = mem_realloc(bytes, room, 1);
    }
    if (ferror(fp))
        rc = err_sys(e, "cannot read '%s'", path);
    fclose(fp);
    if (rc == 0)
        rc = yaml_parse(out, path, bytes, n, e);
    free(bytes);
    return rc;
}

void yaml_release(struct yaml *root)
{
    struct arena *arena = root ? root->arena : NULL;
    if (!arena)
        return;
    arena_release(arena);
    free(arena);
}

int yaml_fail(const struct yaml *at, struct err *e, const char *fmt, ...)
{
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_USAGE, "%s:%zu:%zu: %s", at->file, at->line, at->column, text);
}

struct yaml *yaml_get(const struct yaml *map, const char *key)
{
    if (map && map->kind == YAML_MAP)
        for (size_t i = 0; i < map->n; i++)
            if (strcmp(map->key[i]->text, key) == 0)
                return map->item[i];
    return NULL;
}

int yaml_only(const struct yaml *map, const char *what, const char *const *keys, struct err *e)
{
    size_t n = 0;
    if (map->kind != YAML_MAP)
        return yaml_fail(map, e, "%s: want a mapping (key: value)", what);
    while (keys[n])
        n++;
    for (size_t i = 0; i < map->n; i++) {
        const char *found = map->key[i]->text;
        bool known = false;
        for (size_t k = 0; k < n && !known; k++)
            known = strcmp(found, keys[k]) == 0;
        if (known)
            continue;
        const char *near = str_nearest(found, keys, n);
        return yaml_fail(map->key[i], e, "%s: unknown key '%s'%s%s%s", what, found,
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    return 0;
}

bool yaml_is_null(const struct yaml *node)
{
    return node->kind == YAML_SCALAR && !node->quoted &&
           (*node->text == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

int yaml_text(const struct yaml *node, const char *what, const char **out, struct err *e)
{
    if (node->kind != YAML_SCALAR)
        return yaml_fail(node, e, "%s: want a text, found a %s", what,
                         node->kind == YAML_LIST ? "list" : "mapping");
    *out = node->text;
    return 0;
}

int yaml_int(const struct yaml *node, const char *what, long long min, long long max,
             long long *out, struct err *e)
{
    long long v;
    if (node->kind != YAML_SCALAR || !str_to_int(node->text, &v))
        return yaml_fail(node, e, "%s: '%s' is not a whole number", what, node->text);
    if (v < min || v > max)
        return yaml_fail(node, e, "%s: %lld is out of range: want %lld to %lld", what, v, min, max);
    *out = v;
    return 0;
}

int yaml_real(const struct yaml *node, const char *what, double min, double max, double *out,
              struct err *e)
{
    double v;
    if (node->kind != YAML_SCALAR || !str_to_real(node->text, &v))
        return yaml_fail(node, e, "%s: '%s' is not a number", what, node->text);
    if (v < min || v > max)
        return yaml_fail(node, e, "%s: %g is out of range: want %g to %g", what, v, min, max);
    *out = v;
    return 0;
}

int yaml_bool(const struct yaml *node, const char *what, bool *out, struct err *e)
{
    if (node->kind != YAML_SCALAR || !str_to_bool(node->text, out))
        return yaml_fail(node, e, "%s: '%s' is neither true nor false", what, node->text);
    return 0;
}

int yaml_choice(const struct yaml *node, const char *what, const char *const *choice, size_t *out,
                struct err *e)
{
    struct str all = { 0 };
    size_t n = 0;
    for (; choice[n]; n++) {
        if (node->kind == YAML_SCALAR && strcmp(node->text, choice[n]) == 0) {
            *out = n;
            str_release(&all);
            return 0;
        }
        str_addf(&all, "%s%s", n ? ", " : "", choice[n]);
    }
    const char *near = str_nearest(node->text, choice, n);
    yaml_fail(node, e, "%s: '%s' is not one of %s%s%s%s", what, node->text, str_text(&all),
              near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    str_release(&all);
    return e->code;
}
