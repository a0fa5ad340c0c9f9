#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

void str_reserve(struct str *s, size_t more)
{
    if (s->n + more + 1 <= s->room)
        return;
    size_t room = s->room ? s->room : 32;
    while (room < s->n + more + 1)
        room *= 2;
    s->text = mem_realloc(s->text, room, 1);
    s->room = room;
}

void str_add(struct str *s, const char *bytes, size_t n)
{
    str_reserve(s, n);
    if (n)
        memcpy(s->text + s->n, bytes, n);
    s->n += n;
    s->text[s->n] = '\0';
}

void str_addz(struct str *s, const char *text)
{
    str_add(s, text, strlen(text));
}

void str_addc(struct str *s, char c)
{
    str_add(s, &c, 1);
}

/* Most texts are short and are printed once. */
__attribute__((format(printf, 2, 0))) static void add_formatted(struct str *s, const char *fmt,
                                                                va_list ap)
{
    char text[256];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    if (n > 0 && (size_t)n < sizeof text) {
        str_add(s, text, (size_t)n);
    } else if (n > 0) {
        str_reserve(s, (size_t)n);
        vsnprintf(s->text + s->n, (size_t)n + 1, fmt, again);
        s->n += (size_t)n;
    }
    va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add_formatted(s, fmt, ap);
    va_end(ap);
}

const char *str_text(const struct str *s)
{
    return s->text ? s->text : "";
}

void str_cut(struct str *s, size_t n)
{
    if (n < s->n)
        s->text[s->n = n] = '\0';
}

void str_clear(struct str *s)
{
    str_cut(s, 0);
}

char *str_take(struct str *s)
{
    char *text = s->text ? s->text : mem_strdup("");
    *s = (struct str){ 0 };
    return text;
}

void str_release(struct str *s)
{
    free(s->text);
    *s = (struct str){ 0 };
}

char *str_format(const char *fmt, ...)
{
    struct str s = { 0 };
    va_list ap;
    va_start(ap, fmt);
    add_formatted(&s, fmt, ap);
    va_end(ap);
    return str_take(&s);
}

char *str_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void str_sort(char **text, size_t n)
{
    if (n > 1)
        qsort(text, n, sizeof *text, by_text);
}

const char *str_getenv(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

bool str_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

int str_choice(const char *choices, const char *word)
{
    size_t n = strlen(word);
    int i = 0;
    for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL, i++)
        if (strncmp(p, word, n) == 0 && (p[n] == '|' || p[n] == '\0'))
            return i;
    return -1;
}

enum { LONGEST_WORD = 64 };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Optimal string alignment: insert, delete, replace, swap of neighbours, each 1. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t row[3][LONGEST_WORD + 1];
    size_t *before = row[0], *last = row[1], *now = row[2];

    for (size_t j = 0; j <= m; j++)
        last[j] = before[j] = j;
    for (size_t i = 1; i <= n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t d = last[j - 1] + (a[i - 1] != b[j - 1]);
            d = smaller(d, smaller(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d = smaller(d, before[j - 2] + 1);
            now[j] = d;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[m];
}

const char *str_nearest(const char *word, const char *const *candidate, size_t n)
{
    const char *best = NULL;
    size_t least = LONGEST_WORD, len = strlen(word);

    if (len == 0 || len > LONGEST_WORD)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t m = strlen(candidate[i]);
        if (m == 0 || m > LONGEST_WORD)
            continue;
        size_t d = distance(word, len, candidate[i], m);
        size_t longer = len > m ? len : m, limit = longer / 3 ? longer / 3 : 1;
        if (d <= limit && d < longer && d < least) {
            least = d;
            best = candidate[i];
        }
    }
    return best;
}

bool str_to_int(const char *text, long long *out)
{
    char *end;
    if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']))
        return false;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (*end != '\0' || errno == ERANGE)
        return false;
    *out = v;
    return true;
}

bool str_to_real(const char *text, double *out)
{
    /* strtod also reads "inf", "nan", hexadecimal and leading blanks: none is a number here. Our
     * programs never call setlocale, so the point is '.'. */
    for (const char *p = text; *p; p++)
        if (!isdigit((unsigned char)*p) && !strchr("+-.eE", *p))
            return false;
    char *end;
    double v = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(v))
        return false;
    *out = v;
    return true;
}

bool str_to_bool(const char *text, bool *out)
{
    static const char *const yes[] = { "true", "yes", "on", "1" };
    static const char *const no[] = { "false", "no", "off", "0" };
    for (size_t i = 0; i < 4; i++) {
        if (strcasecmp(text, yes[i]) == 0 || strcasecmp(text, no[i]) == 0) {
            *out = strcasecmp(text, yes[i]) == 0;
            return true;
        }
    }
    return false;
}

void str_add_real(struct str *s, double value)
{
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    str_addz(s, text);
}
