#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

int(err_set)(struct err *e, int code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    e->code = code;
    return code;
}

int(err_sys)(struct err *e, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, ": %s", strerror(saved));
    e->code = ERR_IO;
    return e->code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char old[sizeof e->text];
    memcpy(old, e->text, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof e->text, fmt, ap);
    va_end(ap);
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, ": %s", old);
    return e->code;
}

void err_replace(struct err *e, const char *from, const char *to)
{
    char old[sizeof e->text];
    size_t used = 0, n = strlen(from);
    memcpy(old, e->text, sizeof old);
    for (const char *at = old; *at && used < sizeof e->text - 1;) {
        bool found = strncmp(at, from, n) == 0;
        int put = found ? snprintf(e->text + used, sizeof e->text - used, "%s", to)
                        : snprintf(e->text + used, sizeof e->text - used, "%c", *at);
        used += (size_t)put;
        at += found ? n : 1;
    }
}

int err_stdout(struct err *e)
{
    if (fflush(stdout) != 0)
        return err_sys(e, "cannot write to standard output");
    return ferror(stdout) /* an earlier piece, whose reason is gone */
               ? err_set(e, ERR_IO, "cannot write to standard output")
               : 0;
}

int err_report(const struct err *e, const char *name)
{
    if (e->code != ERR_NONE)
        fprintf(stderr, "%s: %s\n", name, e->text);
    return e->code;
}
