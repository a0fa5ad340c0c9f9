#ifndef IO_HTMLTEXT_H
#define IO_HTMLTEXT_H

#include <stddef.h>

#include "base/intern.h"
#include "base/str.h"

/** What character references stand for, as far as they were met; all zeros: none yet. */
struct htmltext {
    struct intern name; /* "&eacute;", "&#233" */
    size_t *end;        /* (name.n) of its text in `text`; owned */
    size_t room;
    struct str text;
};

/**
 * Append the visible text of an HTML fragment to `out`.
 *
 * Markup is recognised by the tokenisation rules of the HTML standard (section 13.2.5): a '<' that
 * starts no tag, as in "5 < 6", is text. Tags, comments and the content of script, style, iframe,
 * noembed and noframes are dropped; a tag becomes a blank, except those that are written inside
 * words (b, i, em, span, sup ...): "<b>H</b>at" is one word. Character references are decoded by
 * gumbo ("&eacute;", "&#233;", also without the semicolon where browsers accept that). A tag that
 * never ends is text, and so is all that follows it: a text that is no HTML does not lose its end
 * to "a <b".
 *
 * Why gumbo does not build the tree: the text alone is wanted, and gumbo 0.10 takes quadratic time
 * for nested elements (1 MB of "<div>": 109 s, measured). This is one pass over the bytes, whatever
 * they are.
 *
 *   bytes  valid UTF-8 without NUL, n bytes
 *   out    may hold bytes that are not UTF-8: gumbo overflows at "&#99999999999;"
 *   cost   O(n); gumbo is asked once for each spelling of a reference, up to some thousands
 */
void htmltext_add(struct htmltext *h, const char *bytes, size_t n, struct str *out);

void htmltext_release(struct htmltext *h);

#endif
