#include "runner/plan/canonical.h"

#include <string.h>

#include "base/utf8.h"

/* Characters that JSON has no short form for are written as \u00XX. */
static void add_escaped(unsigned char c, struct str *out)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const char *known = c ? strchr(plain, c) : NULL;
    if (known)
        str_addf(out, "\\%c", letter[known - plain]);
    else
        str_addf(out, "\\u%04X", c);
}

bool canonical_text(const char *text, size_t n, struct str *out)
{
    unsigned char seen = 0;
    size_t from = 0;
    str_addc(out, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        seen |= c;
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        str_add(out, text + from, i - from);
        add_escaped(c, out);
        from = i + 1;
    }
    str_add(out, text + from, n - from);
    str_addc(out, '"');
    return seen < 0x80 || utf8_valid(text, n);
}

void canonical_next(struct str *out)
{
    char last = out->text[out->n - 1];
    if (last != '[' && last != '{')
        str_addc(out, ',');
}
