#include "base/event.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

static enum { CLOSED, SILENT, BAR, CHANNEL } state;
static int channel = -1;
static bool bar_drawn;
static int64_t last_ms, start_ms;
static char last_unit[32], note[100];

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void open_channel(void)
{
    const char *where = getenv("REFIT_EVENTS");
    long long fd;

    state = isatty(STDERR_FILENO) && !where ? BAR : SILENT;
    if (!where)
        return;
    if (str_starts(where, "fd:") && str_to_int(where + 3, &fd) && fd > 2 &&
        fcntl((int)fd, F_GETFD) >= 0)
        channel = (int)fd;
    else if (str_starts(where, "file:"))
        channel = open(where + 5, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (channel >= 0) {
        fcntl(channel, F_SETFD, FD_CLOEXEC);
        signal(SIGPIPE, SIG_IGN); /* a runner that died must not take the stage with it */
        state = CHANNEL;
    }
}

static void send_line(json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
    json_decref(line);
    if (!text)
        return;
    size_t n = strlen(text);
    text[n] = '\n'; /* in place of the NUL: one write, so that lines never interleave */
    if (write(channel, text, n + 1) < 0 && state == CHANNEL)
        state = SILENT;
    free(text);
}

static void draw_bar(int64_t done, int64_t total, const char *unit, int64_t elapsed_ms)
{
    enum { WIDTH = 30 };
    char bar[WIDTH + 1];
    int full = total > 0 ? (int)(done * WIDTH / total) : 0;
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[WIDTH] = '\0';
    if (total > 0)
        fprintf(stderr, "\r[%s] %3d %% %lld/%lld %s", bar, (int)(done * 100 / total),
                (long long)done, (long long)total, unit);
    else
        fprintf(stderr, "\r%lld %s", (long long)done, unit);
    if (elapsed_ms > 1000 && done > 0) {
        double rate = (double)done * 1000 / (double)elapsed_ms;
        fprintf(stderr, ", %.0f/s", rate);
        if (total > done)
            fprintf(stderr, ", %.0f s left", (double)(total - done) / rate);
    }
    if (*note)
        fprintf(stderr, "; %s", note);
    fputs("\033[K", stderr);
    bar_drawn = true;
}

void event_note(const char *text)
{
    snprintf(note, sizeof note, "%s", text);
}

void event_progress(int64_t done, int64_t total, const char *unit)
{
    if (state == CLOSED)
        open_channel();
    if (state == SILENT)
        return;
    int64_t now = now_ms();
    bool fresh = strcmp(unit, last_unit) != 0;
    if (fresh) {
        snprintf(last_unit, sizeof last_unit, "%s", unit);
        start_ms = now;
    } else if (now - last_ms < 100 && done != total) {
        return;
    }
    last_ms = now;
    if (state == CHANNEL)
        send_line(json_pack("{s:{s:I,s:I,s:s,s:s*}}", "progress", "done", (json_int_t)done, "total",
                            (json_int_t)total, "unit", unit, "note", *note ? note : NULL));
    else
        draw_bar(done, total, unit, now - start_ms);
}

void event_metric(const char *name, double value, int64_t step)
{
    if (state == CLOSED)
        open_channel();
    if (state == CHANNEL)
        send_line(json_pack("{s:{s:s,s:o,s:I}}", "metric", "name", name, "value",
                            isfinite(value) ? json_real(value) : json_null(), "step",
                            (json_int_t)step));
}

void event_warning(const char *text)
{
    if (state == CLOSED)
        open_channel();
    if (state == CHANNEL) {
        json_t *value = json_string(text); /* NULL where the text is not UTF-8 */
        send_line(
            json_pack("{s:o}", "warning",
                      value ? value : json_string("(a warning that is not UTF-8; see the log)")));
    }
}

void event_clear_bar(void)
{
    if (bar_drawn)
        fputs("\r\033[K", stderr);
    bar_drawn = false;
}

void event_close(void)
{
    if (bar_drawn)
        fputc('\n', stderr);
    bar_drawn = false;
    if (channel >= 0)
        close(channel);
    channel = -1;
    state = CLOSED;
}
