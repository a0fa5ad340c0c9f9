#include "io/htmltext.h"

#include <gumbo.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Elements that stand inside words; every other tag separates them. */
static const char *const inline_names[] = {
    "a",     "abbr", "acronym", "b",      "bdi", "bdo", "big",  "cite", "code", "data", "del",
    "dfn",   "em",   "font",    "i",      "ins", "kbd", "mark", "nobr", "q",    "s",    "samp",
    "small", "span", "strike",  "strong", "sub", "sup", "time", "tt",   "u",    "var",  "wbr"
};
/* Raw content up to the end tag that is not shown. */
static const char *const hidden_names[] = { "script", "style", "iframe", "noembed", "noframes" };
/* Content up to the end tag that is text, tags and all. */
static const char *const verbatim_names[] = { "title", "textarea" };

#define COUNT(a) (sizeof(a) / sizeof *(a))

struct scan {
    const char *at, *end;
    struct htmltext *known;
    struct str *out;
};

struct tag {
    const char *name;
    size_t n_name;
    bool closing;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool listed(const struct tag *tag, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (names[i][0] == (*tag->name | 0x20) &&
            strncasecmp(names[i], tag->name, tag->n_name) == 0 && !names[i][tag->n_name])
            return true;
    return false;
}

/* The end of the attributes: behind '>', or NULL if the tag never ends. Standard: 13.2.5.32
 * to 13.2.5.39. */
static const char *attributes_end(const char *p, const char *end)
{
    while (p < end) {
        while (p < end && (is_space(*p) || *p == '/'))
            p++;
        if (p == end)
            break;
        if (*p == '>')
            return p + 1;
        p++; /* the first byte of a name may be '=' */
        while (p < end && !is_space(*p) && *p != '/' && *p != '>' && *p != '=')
            p++;
        while (p < end && is_space(*p))
            p++;
        if (p == end || *p != '=')
            continue;
        p++;
        while (p < end && is_space(*p))
            p++;
        if (p < end && (*p == '"' || *p == '\'')) {
            p = memchr(p + 1, *p, (size_t)(end - p) - 1);
            if (!p)
                return NULL;
            p++;
        } else {
            while (p < end && !is_space(*p) && *p != '>')
                p++;
        }
    }
    return NULL;
}

/* Behind a comment whose text starts at p; it may also lack its end. Standard: 13.2.5.43
 * to 13.2.5.51. */
static const char *comment_end(const char *p, const char *end)
{
    if (p < end && *p == '>')
        return p + 1;
    if (end - p >= 2 && p[0] == '-' && p[1] == '>')
        return p + 2;
    while (p < end && (p = memchr(p, '-', (size_t)(end - p)))) {
        if (end - p >= 3 && p[1] == '-' && p[2] == '>')
            return p + 3;
        if (end - p >= 4 && p[1] == '-' && p[2] == '!' && p[3] == '>')
            return p + 4;
        p++;
    }
    return end;
}

/* Where "</name" followed by a blank, '/' or '>' starts; the end of the text if nowhere. */
static const char *closing_tag(const struct scan *s, const struct tag *tag)
{
    const char *p = s->at;
    while ((p = memchr(p, '<', (size_t)(s->end - p)))) {
        size_t left = (size_t)(s->end - p);
        if (left > tag->n_name + 2 && p[1] == '/' &&
            strncasecmp(p + 2, tag->name, tag->n_name) == 0) {
            char after = p[2 + tag->n_name];
            if (is_space(after) || after == '/' || after == '>')
                return p;
        }
        p++;
    }
    return s->end;
}

static void add_node_text(const GumboNode *node, struct str *out)
{
    if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE)
        str_addz(out, node->v.text.text);
}

/* Decode one character reference, behind a letter because gumbo drops a blank at the beginning: the
 * tree that it builds has depth three. */
static void decode(struct str *out, const char *name, size_t n)
{
    GumboOptions options = kGumboDefaultOptions;
    struct str text = { 0 }, shown = { 0 };
    options.max_errors = 0;
    str_addc(&text, 'x');
    str_add(&text, name, n);
    GumboOutput *tree = gumbo_parse_with_options(&options, text.text, text.n);
    const GumboVector *html = &tree->root->v.element.children;
    for (unsigned i = 0; i < html->length; i++) {
        const GumboNode *part = html->data[i];
        if (part->type != GUMBO_NODE_ELEMENT)
            continue;
        for (unsigned j = 0; j < part->v.element.children.length; j++)
            add_node_text(part->v.element.children.data[j], &shown);
    }
    gumbo_destroy_output(&options, tree);
    if (shown.n > 1)
        str_add(out, shown.text + 1, shown.n - 1);
    str_release(&shown);
    str_release(&text);
}

/* Bytes of a character reference at p, which is a '&': the standard's longest name has 32, and what
 * follows a letter or digit more cannot change what it is. Standard: 13.2.5.72. */
static size_t reference_length(const char *p, const char *end)
{
    const char *start = p++;
    if (p < end && *p == '#')
        p++;
    while (p < end && p - start < 64 && (is_letter(*p) || (*p >= '0' && *p <= '9')))
        p++;
    return (size_t)(p - start) + (p < end && *p == ';');
}

static void forget(struct htmltext *h)
{
    intern_release(&h->name);
    str_clear(&h->text);
}

static void add_reference(struct htmltext *h, struct str *out, const char *name, size_t n)
{
    enum { MOST = 8192 };
    if (h->name.n >= MOST)
        forget(h);
    size_t known = h->name.n, i = (size_t)intern_add(&h->name, name, n);
    if (i == known) {
        if (h->room < h->name.n)
            h->end = mem_realloc(h->end, h->room = 2 * h->name.n + 64, sizeof *h->end);
        decode(&h->text, intern_get(&h->name, i), n);
        h->end[i] = h->text.n;
    }
    size_t start = i ? h->end[i - 1] : 0;
    str_add(out, str_text(&h->text) + start, h->end[i] - start);
}

/* Text without tags. */
static void add_text(struct scan *s, const char *p, const char *end)
{
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p));
        str_add(s->out, p, (size_t)((amp ? amp : end) - p));
        if (!amp)
            return;
        size_t n = reference_length(amp, end);
        if (n > 1)
            add_reference(s->known, s->out, amp, n);
        else
            str_addc(s->out, '&');
        p = amp + n;
    }
}

/* Text in which '<' is only a character: a blank does as well, for every word ends there. */
static void add_verbatim(struct scan *s, const char *p, const char *end)
{
    while (p < end) {
        const char *lt = memchr(p, '<', (size_t)(end - p));
        const char *stop = lt ? lt : end;
        add_text(s, p, stop);
        if (lt)
            str_addc(s->out, ' ');
        p = lt ? lt + 1 : end;
    }
}

static void after_tag(struct scan *s, const struct tag *tag)
{
    if (!listed(tag, inline_names, COUNT(inline_names)))
        str_addc(s->out, ' ');
    if (tag->closing)
        return;
    if (listed(tag, hidden_names, COUNT(hidden_names))) {
        s->at = closing_tag(s, tag);
    } else if (listed(tag, verbatim_names, COUNT(verbatim_names))) {
        const char *stop = closing_tag(s, tag);
        add_verbatim(s, s->at, stop);
        s->at = stop;
    }
}

/* At a '<'. False: it starts a tag that never ends. */
static bool scan_markup(struct scan *s)
{
    const char *p = s->at + 1;
    struct tag tag = { .closing = p < s->end && *p == '/' };

    if (s->end - p >= 3 && p[0] == '!' && p[1] == '-' && p[2] == '-') {
        s->at = comment_end(p + 3, s->end);
        return true;
    }
    tag.name = p + tag.closing;
    if (tag.name < s->end && is_letter(*tag.name)) {
        for (p = tag.name; p < s->end && !is_space(*p) && *p != '/' && *p != '>';)
            p++;
        tag.n_name = (size_t)(p - tag.name);
        if (!(p = attributes_end(p, s->end)))
            return false;
        s->at = p;
        after_tag(s, &tag);
        return true;
    }
    if (tag.name == s->end || !(tag.closing || *p == '!' || *p == '?')) {
        str_addc(s->out, ' ');
        s->at++;
        return true;
    }
    p = memchr(p, '>', (size_t)(s->end - p)); /* <!doctype>, <?xml>, </ > */
    if (!p)
        return false;
    s->at = p + 1;
    return true;
}

void htmltext_add(struct htmltext *h, const char *bytes, size_t n, struct str *out)
{
    struct scan s = { bytes, bytes + n, h, out };
    while (s.at < s.end) {
        const char *lt = memchr(s.at, '<', (size_t)(s.end - s.at));
        const char *stop = lt ? lt : s.end;
        add_text(&s, s.at, stop);
        s.at = stop;
        if (lt && !scan_markup(&s)) {
            add_verbatim(&s, s.at, s.end);
            s.at = s.end;
        }
    }
}

void htmltext_release(struct htmltext *h)
{
    intern_release(&h->name);
    str_release(&h->text);
    free(h->end);
    *h = (struct htmltext){ 0 };
}
