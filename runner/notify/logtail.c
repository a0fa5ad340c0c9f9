#include "runner/notify/logtail.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"

void clean_add(struct str *out, const char *bytes, size_t n)
{
    while (n > 0) {
        size_t good = utf8_prefix(bytes, n);
        for (size_t i = 0; i < good; i++) {
            unsigned char c = (unsigned char)bytes[i];
            bool control = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
            str_addc(out, control ? '?' : bytes[i]);
        }
        bytes += good;
        n -= good;
        if (n > 0) {
            str_addz(out, "\xEF\xBF\xBD");
            bytes++;
            n--;
        }
    }
}

/* The last bytes of a file; where they begin within a line, that line is left out. */
static size_t read_end(const char *path, char *to, size_t max, size_t *out_begin)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t got = -1;
    off_t from = 0;

    *out_begin = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        from = st.st_size > (off_t)max ? st.st_size - (off_t)max : 0;
        got = pread(fd, to, max, from);
    }
    if (fd >= 0)
        close(fd);
    size_t n = got > 0 ? (size_t)got : 0;
    for (size_t i = 0; from > 0 && i + 1 < n; i++)
        if (to[i] == '\n') {
            *out_begin = i + 1;
            break;
        }
    return n;
}

json_t *logtail(const char *path, size_t n, size_t max)
{
    char *bytes = mem_calloc(max, 1);
    size_t first, end = read_end(path, bytes, max, &first), begin;
    json_t *list = json_array();
    struct str line = { 0 };

    if (end > first && bytes[end - 1] == '\n')
        end--;
    for (begin = end; begin > first && n > 0; begin--)
        if (bytes[begin - 1] == '\n' && --n == 0)
            break;
    while (begin < end) {
        size_t stop = begin;
        while (stop < end && bytes[stop] != '\n')
            stop++;
        str_clear(&line);
        clean_add(&line, bytes + begin, stop - begin);
        json_array_append_new(list, json_string(str_text(&line)));
        begin = stop + 1;
    }
    str_release(&line);
    free(bytes);
    return list;
}
