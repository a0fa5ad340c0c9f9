#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/event.h"

void log_info(const char *fmt, ...)
{
    va_list ap;
    event_clear_bar();
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

void log_warn(const char *fmt, ...)
{
    char text[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log_info("warning: %s", text);
    event_warning(text);
}

void log_lines(const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        log_info("%.*s", (int)n, text);
        text += n + (text[n] == '\n');
    }
}
