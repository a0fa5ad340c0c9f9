#include "runner/show/show.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BAR = 20, NARROW_BAR = 8, NARROW = 72, TAIL_BYTES = 16384, WORD = 8 };

static const char *const colour_code[] = { "", "\033[32m", "\033[31m", "\033[33m", "\033[2m" };

void show_init(struct show *s, FILE *to, bool colour, bool error_colour, int stage_width)
{
    *s = (struct show){ .to = to,
                        .to_error = stderr,
                        .colour = colour,
                        .error_colour = error_colour,
                        .stage_width = stage_width };
    const char *terminal = getenv("TERM");
    s->live = to && isatty(fileno(to)) && terminal && strcmp(terminal, "dumb") != 0;
}

void show_release(struct show *s)
{
    show_wipe(s);
    str_release(&s->text);
}

static void flush_text(struct show *s, FILE *to)
{
    fwrite(str_text(&s->text), 1, s->text.n, to);
    fflush(to);
    str_clear(&s->text);
}

static void add_wipe(struct show *s)
{
    str_addz(&s->text, "\r\033[2K"); /* the terminal may have written "^C" here */
    for (int i = 0; i < s->n_drawn; i++)
        str_addz(&s->text, "\033[A\033[2K");
    s->n_drawn = 0;
}

void show_wipe(struct show *s)
{
    if (s->n_drawn == 0)
        return;
    add_wipe(s);
    flush_text(s, s->to);
}

void show_add_clean(struct str *out, const char *text)
{
    for (; *text; text++)
        str_addc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
}

static void add_prefix(struct show *s)
{
    if (s->prefix)
        str_addf(&s->text, "%s: ", s->prefix);
}

void show_line(struct show *s, enum show_colour colour, bool error, const char *word,
               const char *stage, const char *text)
{
    FILE *to = error ? s->to_error : s->to;
    if (!to)
        return;
    show_wipe(s);
    bool in_colour = colour && (error ? s->error_colour : s->colour);
    add_prefix(s);
    str_addz(&s->text, in_colour ? colour_code[colour] : "");
    str_addf(&s->text, "%-*s", WORD, word);
    str_addz(&s->text, in_colour ? "\033[0m" : "");
    if (*text) {
        str_addf(&s->text, "%-*s  ", s->stage_width, stage);
        show_add_clean(&s->text, text);
    } else {
        str_addz(&s->text, stage);
    }
    str_addc(&s->text, '\n');
    flush_text(s, to);
}

void show_text(struct show *s, bool error, const char *text)
{
    FILE *to = error ? s->to_error : s->to;
    if (!to)
        return;
    show_wipe(s);
    add_prefix(s);
    str_addf(&s->text, "%s\n", text);
    flush_text(s, to);
}

static void screen(int *out_columns, int *out_rows)
{
    struct winsize w = { 0 };
    int ok = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 || ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0;
    *out_columns = ok && w.ws_col > 0 ? w.ws_col : 80;
    *out_rows = ok && w.ws_row > 0 ? w.ws_row : 24;
}

/* Cut to `columns`: every byte that begins a character counts as one column. */
static void add_cut(struct str *out, const char *line, int columns)
{
    int n = 0;
    for (const char *p = line; *p; p++) {
        bool begins = ((unsigned char)*p & 0xc0) != 0x80;
        if (begins && n++ == columns)
            return;
        str_addc(out, (unsigned char)*p < 0x20 ? ' ' : *p);
    }
}

static void add_row(struct show *s, const struct show_row *r, int columns)
{
    struct str line = { 0 };
    int64_t done = r->done < 0 ? 0 : r->done, total = r->total;

    str_addf(&line, "%-*s%-*s  ", WORD, "run", s->stage_width, r->stage);
    if (total > 0) {
        int bar = columns < NARROW ? NARROW_BAR : BAR;
        int full = done >= total ? bar : (int)((double)done / (double)total * bar);
        str_addc(&line, '[');
        for (int i = 0; i < bar; i++)
            str_addc(&line, i < full ? '#' : '.');
        str_addf(&line, "] %3d %%  %lld/%lld %s  ",
                 done >= total ? 100 : (int)((double)done / (double)total * 100), (long long)done,
                 (long long)total, r->unit);
    } else if (done > 0) {
        str_addf(&line, "%lld %s  ", (long long)done, r->unit);
    }
    show_add_time(&line, r->elapsed_ms);
    if (*r->note && line.n + 2 + strlen(r->note) < (size_t)columns) /* half a figure misleads */
        str_addf(&line, "  %s", r->note);
    add_cut(&s->text, str_text(&line), columns - 1);
    str_addc(&s->text, '\n');
    str_release(&line);
}

void show_rows(struct show *s, const struct show_row *row, size_t n)
{
    int columns, rows;
    if (!s->live)
        return;
    screen(&columns, &rows);
    size_t fits = rows > 3 ? (size_t)rows - 2 : 1, shown = n > fits ? fits : n;
    if (s->n_drawn > 0)
        add_wipe(s);
    for (size_t i = 0; i < shown; i++)
        add_row(s, &row[i], columns);
    s->n_drawn = (int)shown;
    flush_text(s, s->to);
}

void show_add_time(struct str *out, int64_t ms)
{
    int64_t s = ms / 1000;
    if (ms < 60000)
        str_addf(out, "%lld.%lld s", (long long)s, (long long)(ms % 1000 / 100));
    else if (s < 3600)
        str_addf(out, "%lldm %02llds", (long long)(s / 60), (long long)(s % 60));
    else
        str_addf(out, "%lldh %02lldm", (long long)(s / 3600), (long long)(s / 60 % 60));
}

void show_add_memory(struct str *out, int64_t kb)
{
    if (kb < 1024)
        str_addf(out, "%lld KB", (long long)kb);
    else if (kb < 1024 * 1024)
        str_addf(out, "%lld MB", (long long)(kb / 1024));
    else
        str_addf(out, "%.1f GB", (double)kb / (1024 * 1024));
}

void show_add_tail(struct str *out, const char *path, size_t n, const char *indent)
{
    char chunk[TAIL_BYTES];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return;
    off_t from = fstat(fd, &st) == 0 && st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
    ssize_t got = pread(fd, chunk, sizeof chunk, from);
    close(fd);
    size_t end = got > 0 ? (size_t)got : 0, begin;
    if (end > 0 && chunk[end - 1] == '\n')
        end--;
    for (begin = end; begin > 0 && n > 0; begin--)
        if (chunk[begin - 1] == '\n' && --n == 0)
            break;
    for (size_t i = begin; i < end; i++) {
        if (i == begin || chunk[i - 1] == '\n')
            str_addz(out, indent);
        bool control = (unsigned char)chunk[i] < 0x20 && chunk[i] != '\n' && chunk[i] != '\t';
        str_addc(out, control || chunk[i] == 0x7f ? '?' : chunk[i]);
    }
    if (end > begin)
        str_addc(out, '\n');
}
