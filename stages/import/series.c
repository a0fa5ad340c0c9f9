#include "series.h"

#include <string.h>

#include "base/str.h"

static const char digits[] = "0123456789", date_signs[] = "0123456789-_.";

bool series_same(const char *a, const char *b)
{
    while (*a && *b) {
        size_t i = strspn(a, digits), j = strspn(b, digits);
        if (!i != !j || (!i && *a != *b))
            return false;
        a += i ? i : 1;
        b += j ? j : 1;
    }
    return *a == *b;
}

size_t series_start(const char *a, const char *b)
{
    size_t at = 0;
    while (a[at] && a[at] == b[at])
        at++;
    while (at > 0 && strchr(date_signs, a[at - 1]))
        at--;
    return at + strcspn(a + at, digits);
}

char *series_pattern(const char *name, size_t start)
{
    size_t end = start;
    for (size_t i = start; name[i]; i++)
        if (strchr(digits, name[i]))
            end = i + 1;
    return str_format("%.*s[0-9]*%s", (int)start, name, name + end);
}
