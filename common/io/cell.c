/* One cell of an imported file: from text to the value that the schema wants. */
#define _XOPEN_SOURCE 700 /* strptime */
#include <ctype.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/civil.h"
#include "base/str.h"
#include "io/schema.h"

const char *cell_fault_name(enum cell_fault fault)
{
    static const char *const name[N_CELL_FAULT] = {
        "ok",
        "no value, but required",
        "not a number",
        "not a whole number",
        "not true or false",
        "not a date",
        "out of range",
        "not a known level",
        "does not match",
    };
    return name[fault];
}

static bool is_missing(const struct schema_column *c, const char *text, size_t n)
{
    for (size_t i = 0; i < c->n_missing; i++)
        if (strlen(c->missing[i]) == n && memcmp(c->missing[i], text, n) == 0)
            return true;
    return false;
}

/* A copy without the blanks around it; false if it is too long to be a number or a date. */
static bool trim(const char *text, size_t n, char *out, size_t room)
{
    while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
        n--;
    while (n && (*text == ' ' || *text == '\t')) {
        text++;
        n--;
    }
    if (n >= room)
        return false;
    memcpy(out, text, n);
    out[n] = '\0';
    return true;
}

/* Also "3.0": what programs write for whole numbers in a column with gaps. */
static bool to_whole(char *text, int64_t *out)
{
    char *point = strchr(text, '.');
    long long v;
    if (point && point[1] && strspn(point + 1, "0") == strlen(point + 1))
        *point = '\0';
    if (!str_to_int(text, &v))
        return false;
    *out = v;
    return true;
}

static bool to_flag(char *text, uint8_t *out)
{
    bool v;
    if (strcasecmp(text, "t") == 0 || strcasecmp(text, "f") == 0) {
        *out = tolower((unsigned char)*text) == 't';
        return true;
    }
    char *point = strchr(text, '.');
    if (point && strcmp(point, ".0") == 0)
        *point = '\0';
    if (!str_to_bool(text, &v))
        return false;
    *out = v;
    return true;
}

static bool two_digits(const char **p, int *out)
{
    const char *s = *p;
    if (!isdigit((unsigned char)s[0]) || !isdigit((unsigned char)s[1]))
        return false;
    *out = (s[0] - '0') * 10 + s[1] - '0';
    *p += 2;
    return true;
}

static bool to_instant(int y, int m, int d, int h, int min, int s, int64_t us, int64_t *out)
{
    struct civil date = { y, m, d };
    if (!civil_exists(date) || h > 23 || min > 59 || s > 59)
        return false;
    *out = ((civil_to_days(date) * 24 + h) * 60 + min) * 60 + s;
    *out = *out * 1000000 + us;
    return true;
}

/* Z, +HH, +HH:MM or nothing: seconds east of UTC. */
static bool to_offset(const char **p, int64_t *out)
{
    int h, min = 0, sign = **p == '-' ? -1 : 1;
    if (**p == 'Z') {
        ++*p;
        return true;
    }
    if (**p != '+' && **p != '-')
        return true;
    ++*p;
    if (!two_digits(p, &h) || (**p == ':' && (++*p, !two_digits(p, &min))) || h > 23 || min > 59)
        return false;
    *out = sign * (h * 3600 + min * 60);
    return true;
}

/* YYYY-MM-DD[(T| )HH:MM[:SS[.f...]][Z|+HH[:MM]]]: ISO 8601; digits after the sixth are cut off. */
static bool to_iso_date(const char *p, struct cell *out)
{
    int century, year, m, d, h = 0, min = 0, s = 0;
    int64_t us = 0, unit = 100000, offset = 0;

    if (!two_digits(&p, &century) || !two_digits(&p, &year) || *p++ != '-' || !two_digits(&p, &m) ||
        *p++ != '-' || !two_digits(&p, &d))
        return false;
    if (*p == 'T' || *p == ' ') {
        p++;
        out->has_time = true;
        if (!two_digits(&p, &h) || *p++ != ':' || !two_digits(&p, &min))
            return false;
        if (*p == ':') {
            p++;
            if (!two_digits(&p, &s))
                return false;
            if (*p == '.') {
                if (!isdigit((unsigned char)*++p))
                    return false;
                for (; isdigit((unsigned char)*p); p++, unit /= 10)
                    us += unit * (*p - '0');
            }
        }
        if (!to_offset(&p, &offset))
            return false;
    }
    if (*p || !to_instant(century * 100 + year, m, d, h, min, s, us, &out->whole))
        return false;
    out->whole -= offset * 1000000;
    return true;
}

/* Does the strptime format hold a time of the day? */
static bool has_time(const char *format)
{
    for (const char *p = format; (p = strchr(p, '%')) && p[1]; p += 2)
        if (strchr("HIklMSTRrcspXZ", p[1]))
            return true;
    return false;
}

static bool to_formatted_date(const char *format, const char *text, struct cell *out)
{
    struct tm tm = { .tm_mday = 1, .tm_year = 70 };
    const char *end = strptime(text, format, &tm);
    if (!end || *end)
        return false;
    out->has_time = has_time(format);
    return to_instant(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min,
                      tm.tm_sec, 0, &out->whole);
}

static bool to_date(const struct schema_column *c, const char *text, struct cell *out)
{
    for (size_t i = 0; i < c->n_format; i++)
        if (to_formatted_date(c->format[i], text, out))
            return true;
    return c->n_format == 0 && to_iso_date(text, out);
}

static bool in_range(const struct schema_column *c, double v)
{
    return v >= c->min && v <= c->max;
}

/* The part of *text that matches, widened to whole characters: POSIX in the C locale sees bytes. */
static enum cell_fault apply_match(const struct schema_column *c, const char **text, size_t *n,
                                   bool *out_missing)
{
    regmatch_t at[1];
    if (regexec(&c->regex, *text, 1, at, 0) != 0) {
        *out_missing = c->otherwise_missing;
        if (!c->otherwise)
            return c->otherwise_missing ? CELL_OK : CELL_MATCH;
        *text = c->otherwise;
        *n = strlen(c->otherwise);
        return CELL_OK;
    }
    size_t from = (size_t)at[0].rm_so, to = (size_t)at[0].rm_eo;
    while (from > 0 && ((unsigned char)(*text)[from] & 0xC0) == 0x80)
        from--;
    while (to < *n && to > from && ((unsigned char)(*text)[to] & 0xC0) == 0x80)
        to++;
    *text += from;
    *n = to - from;
    return CELL_OK;
}

static enum cell_fault find_level(const struct schema_column *c, struct cell *out)
{
    for (size_t i = 0; i < c->n_level; i++) {
        if (strlen(c->level[i]) == out->n && memcmp(c->level[i], out->text, out->n) == 0) {
            out->code = (int32_t)i;
            return CELL_OK;
        }
    }
    return c->n_level ? CELL_LEVEL : CELL_OK;
}

static void swap_point(char *word, char decimal)
{
    for (; *word; word++)
        if (*word == decimal || *word == '.')
            *word = *word == '.' ? decimal : '.';
}

static enum cell_fault to_value(const struct schema_column *c, const char *text, size_t n,
                                char decimal, struct cell *out)
{
    char word[128] = "";

    out->text = text;
    out->n = n;
    if (c->type == COLUMN_STRING)
        return CELL_OK;
    if (c->type == COLUMN_CATEGORY)
        return find_level(c, out);
    bool fits = trim(text, n, word, sizeof word);
    if (decimal && c->type != COLUMN_DATE)
        swap_point(word, decimal);
    switch (c->type) {
    case COLUMN_FLOAT:
        if (!fits || !str_to_real(word, &out->real))
            return CELL_NUMBER;
        return in_range(c, out->real) ? CELL_OK : CELL_RANGE;
    case COLUMN_INT:
        if (!fits || !to_whole(word, &out->whole))
            return CELL_WHOLE;
        return in_range(c, (double)out->whole) ? CELL_OK : CELL_RANGE;
    case COLUMN_BOOL:
        return fits && to_flag(word, &out->flag) ? CELL_OK : CELL_BOOL;
    default:
        if (!fits || !to_date(c, word, out))
            return CELL_DATE;
        return in_range(c, (double)out->whole) ? CELL_OK : CELL_RANGE;
    }
}

enum cell_fault cell_parse(const struct schema_column *c, const char *text, size_t n,
                           struct cell *out)
{
    return cell_parse_decimal(c, text, n, 0, out);
}

enum cell_fault cell_parse_decimal(const struct schema_column *c, const char *text, size_t n,
                                   char decimal, struct cell *out)
{
    enum cell_fault fault = CELL_OK;
    bool missing = is_missing(c, text, n);

    *out = (struct cell){ .code = -1, .text = "" };
    if (!missing && c->match)
        fault = apply_match(c, &text, &n, &missing);
    if (!missing && fault == CELL_OK && (fault = to_value(c, text, n, decimal, out)) == CELL_OK) {
        out->valid = true;
        return CELL_OK;
    }
    *out = (struct cell){ .code = -1, .text = "" };
    return fault == CELL_OK && c->required ? CELL_REQUIRED : fault;
}

bool cell_iso_date(const char *text, int64_t *out)
{
    static const struct schema_column iso = { .type = COLUMN_DATE,
                                              .min = -HUGE_VAL,
                                              .max = HUGE_VAL };
    struct cell cell;
    if (cell_parse(&iso, text, strlen(text), &cell) != CELL_OK || !cell.valid)
        return false;
    *out = cell.whole;
    return true;
}
