#define _DEFAULT_SOURCE
#include "runner/execute/mask.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/execute/encode.h"

/* A node stands for the text on the way to it from the root, node 0. Children hang in a list. */
struct mask_node {
    int32_t child, sibling; /* 0: none */
    int32_t fail;   /* the node of the longest end of this text that is a beginning of a pattern */
    int32_t depth;  /* bytes of this text */
    int32_t ending; /* bytes of the longest pattern that this text ends with; 0: none */
    int32_t name;   /* whose */
    char byte;
};

/* ---- patterns ---- */

static int32_t child_of(const struct mask *m, int32_t at, char byte)
{
    if (at == 0)
        return m->first[(unsigned char)byte];
    int32_t i = m->node[at].child;
    while (i && m->node[i].byte != byte)
        i = m->node[i].sibling;
    return i;
}

static int32_t add_child(struct mask *m, int32_t at, char byte)
{
    int32_t i = (int32_t)m->n_node;
    m->node = mem_grow(m->node, m->n_node++, sizeof *m->node);
    m->node[i] = (struct mask_node){ .sibling = m->node[at].child,
                                     .depth = m->node[at].depth + 1,
                                     .byte = byte };
    m->node[at].child = i;
    if (at == 0)
        m->first[(unsigned char)byte] = i;
    return i;
}

/* Takes the text over and wipes it. */
static void add_pattern(struct mask *m, int32_t name, struct str *text)
{
    int32_t at = 0;
    for (size_t i = 0; i < text->n; i++) {
        int32_t next = child_of(m, at, text->text[i]);
        at = next ? next : add_child(m, at, text->text[i]);
    }
    if (text->n > 0) {
        m->node[at].ending = m->node[at].depth;
        m->node[at].name = name;
        explicit_bzero(text->text, text->n);
    }
    str_release(text);
}

static void add_encoded(struct mask *m, int32_t name, const char *value)
{
    static const char *const keep[] = { "", "/", "!'()*" };
    static const char *const digits[] = { "0123456789ABCDEF", "0123456789abcdef" };
    struct str text = { 0 };
    for (size_t before = 0; before < 3; before++) {
        for (int url = 0; url < 2; url++) {
            encode_base64(value, strlen(value), before, url, &text);
            add_pattern(m, name, &text);
        }
    }
    for (size_t i = 0; i < 6; i++) {
        for (int plus = 0; plus < 2; plus++) {
            encode_url(value, keep[i / 2], plus, digits[i % 2], &text);
            add_pattern(m, name, &text);
        }
    }
    for (int slash = 0; slash < 2; slash++) {
        encode_json(value, NULL, slash, &text);
        add_pattern(m, name, &text);
        for (int i = 0; i < 2; i++) {
            encode_json(value, digits[i], slash, &text);
            add_pattern(m, name, &text);
        }
    }
}

bool mask_add(struct mask *m, const char *name, const char *value)
{
    struct str text = { 0 };
    if (strlen(value) < MASK_MIN)
        return false;
    if (m->n_node == 0) {
        m->node = mem_grow(m->node, 0, sizeof *m->node);
        m->node[m->n_node++] = (struct mask_node){ 0 };
    }
    int32_t which = (int32_t)m->n_name;
    m->name = mem_grow(m->name, m->n_name, sizeof *m->name);
    m->name[m->n_name++] = mem_strdup(name);
    str_addz(&text, value);
    add_pattern(m, which, &text);
    add_encoded(m, which, value);
    for (const char *line = value; strchr(value, '\n') && *line;) {
        size_t n = strcspn(line, "\r\n");
        if (n >= MASK_MIN_LINE) {
            str_add(&text, line, n);
            add_pattern(m, which, &text);
        }
        line += n + strspn(line + n, "\r\n");
    }
    return true;
}

static int32_t step(const struct mask *m, int32_t at, char byte)
{
    int32_t next;
    while ((next = child_of(m, at, byte)) == 0 && at != 0)
        at = m->node[at].fail;
    return next;
}

void mask_prepare(struct mask *m)
{
    int32_t *queue = mem_calloc(m->n_node + 1, sizeof *queue);
    size_t n = 0;
    if (m->n_node > 0)
        queue[n++] = 0;
    for (size_t i = 0; i < n; i++) { /* breadth first: `fail` is nearer to the root */
        for (int32_t k = m->node[queue[i]].child; k; k = m->node[k].sibling) {
            struct mask_node *to = &m->node[k];
            to->fail = queue[i] ? step(m, m->node[queue[i]].fail, to->byte) : 0;
            if (to->ending == 0) {
                to->ending = m->node[to->fail].ending;
                to->name = m->node[to->fail].name;
            }
            queue[n++] = k;
        }
    }
    free(queue);
}

bool mask_any(const struct mask *m)
{
    return m->n_node > 0;
}

void mask_release(struct mask *m)
{
    if (m->node)
        explicit_bzero(m->node, m->n_node * sizeof *m->node);
    free(m->node);
    mem_free_texts(m->name, m->n_name);
    *m = (struct mask){ 0 };
}

/* ---- texts ---- */

/* A pattern of n bytes ends at `to`. What it overlaps becomes one span with it. */
static void add_span(struct mask_stream *s, size_t n, size_t to, int32_t name)
{
    struct mask_span new = { to > n ? to - n : 0, to, n, name };
    while (s->n_span > 0 && s->span[s->n_span - 1].to > new.from) {
        const struct mask_span *last = &s->span[--s->n_span];
        new.from = last->from < new.from ? last->from : new.from;
        if (last->longest > new.longest) {
            new.longest = last->longest;
            new.name = last->name;
        }
    }
    s->span = mem_grow(s->span, s->n_span, sizeof *s->span);
    s->span[s->n_span++] = new;
}

/* Give out what stands before `limit`. No span to come begins there; one that is open stays, but
 * not the bytes in it. */
static void give(struct mask_stream *s, size_t limit, struct str *out)
{
    size_t at = 0, n_done = 0;
    while (n_done < s->n_span && s->span[n_done].to <= limit) {
        const struct mask_span *span = &s->span[n_done++];
        str_add(out, s->held.text + at, span->from - at);
        str_addf(out, "[secret %s]", s->m->name[span->name]);
        at = span->to;
    }
    size_t end = n_done < s->n_span && s->span[n_done].from < limit ? s->span[n_done].from : limit;
    if (end > at)
        str_add(out, s->held.text + at, end - at);
    s->n_span -= n_done;
    if (n_done > 0)
        memmove(s->span, s->span + n_done, s->n_span * sizeof *s->span);
    for (size_t i = 0; i < s->n_span; i++) {
        s->span[i].from = s->span[i].from > limit ? s->span[i].from - limit : 0;
        s->span[i].to -= limit;
    }
    memmove(s->held.text, s->held.text + limit, s->held.n - limit);
    s->held.n -= limit;
}

void mask_feed(struct mask_stream *s, const char *bytes, size_t n, struct str *out)
{
    const struct mask *m = s->m;
    size_t before = s->held.n;
    int32_t at = s->at;

    if (!mask_any(m) || n == 0) {
        str_add(out, bytes, n);
        return;
    }
    str_add(&s->held, bytes, n);
    for (size_t i = 0; i < n; i++) {
        at = step(m, at, bytes[i]);
        if (m->node[at].ending)
            add_span(s, (size_t)m->node[at].ending, before + i + 1, m->node[at].name);
    }
    s->at = at;
    give(s, s->held.n - (size_t)m->node[at].depth, out);
}

void mask_end(struct mask_stream *s, struct str *out)
{
    if (s->held.n > 0 || s->n_span > 0)
        give(s, s->held.n, out);
    s->at = 0;
}

void mask_stream_release(struct mask_stream *s)
{
    if (s->held.text)
        explicit_bzero(s->held.text, s->held.room);
    str_release(&s->held);
    free(s->span);
    *s = (struct mask_stream){ 0 };
}

char *mask_text(const struct mask *m, const char *text)
{
    struct mask_stream s = { .m = m };
    struct str out = { 0 };
    mask_feed(&s, text, strlen(text), &out);
    mask_end(&s, &out);
    mask_stream_release(&s);
    str_addz(&out, "");
    return str_take(&out);
}
