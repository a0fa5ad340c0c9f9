/* httpd DIR ANSWER...: a web server for tests, on a free port of 127.0.0.1 that it writes to
 * DIR/port. The n-th request is written to DIR/n and answered as the n-th ANSWER says (the last one
 * again and again): a status and the answer's text ("200", "404 no such hook"; 302 names another
 * host, 429 wants 120 s), or slow (nothing until the client gives up), reset, empty, garbage, huge;
 * or the bytes of a file, for which it waits until it is there: "raw FILE", "trickle FILE" (a byte
 * now and then), "flood FILE" (and more and more behind them). It ends with whoever started it. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"

static int listen_somewhere(const char *dir, int *out_fd, struct err *e)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) || listen(fd, 128) ||
        getsockname(fd, (struct sockaddr *)&at, &n))
        return err_sys(e, "cannot listen");
    *out_fd = fd;
    char *path = str_format("%s/port", dir), *text = str_format("%d\n", ntohs(at.sin_port));
    int rc = outfile_put(path, text, strlen(text), e);
    free(path);
    free(text);
    return rc;
}

/* A request with its body, as far as Content-Length says. */
static void read_request(int fd, struct str *out)
{
    char chunk[65536];
    size_t want = SIZE_MAX;
    ssize_t n;
    while (out->n < want && (n = read(fd, chunk, sizeof chunk)) > 0) {
        str_add(out, chunk, (size_t)n);
        const char *end = strstr(str_text(out), "\r\n\r\n");
        const char *length = strcasestr(str_text(out), "\r\nContent-Length: ");
        if (end)
            want = (size_t)(end + 4 - out->text) +
                   (length && length < end ? strtoul(length + 18, NULL, 10) : 0);
    }
}

static bool put(int fd, const char *bytes, size_t n)
{
    for (ssize_t k; n > 0; bytes += k, n -= (size_t)k)
        if ((k = send(fd, bytes, n, MSG_NOSIGNAL)) <= 0)
            return false;
    return true;
}

static void pause_ms(long ms)
{
    struct timespec t = { 0, ms * 1000000 };
    nanosleep(&t, NULL);
}

/* HOW FILE */
static void answer_file(int fd, const char *how)
{
    char block[65536];
    FILE *fp;
    size_t n;
    bool more = true;
    while (!(fp = fopen(strchr(how, ' ') + 1, "rbe")))
        pause_ms(10);
    bool slowly = str_starts(how, "trickle");
    while (more && (n = fread(block, 1, slowly ? 1 : sizeof block, fp)) > 0) {
        more = put(fd, block, n);
        if (slowly)
            pause_ms(200);
    }
    fclose(fp);
    memset(block, 'x', sizeof block);
    while (str_starts(how, "flood") && put(fd, block, sizeof block))
        ;
}

static void answer(int fd, const char *how)
{
    struct str out = { 0 };
    char byte;
    if (strcmp(how, "slow") == 0) {
        while (read(fd, &byte, 1) > 0)
            ;
    } else if (strcmp(how, "reset") == 0) {
        struct linger hard = { 1, 0 };
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    } else if (str_starts(how, "raw ") || str_starts(how, "trickle ") ||
               str_starts(how, "flood ")) {
        answer_file(fd, how);
    } else if (strcmp(how, "garbage") == 0) {
        put(fd, "\001\002 this is no HTTP\r\n\r\n", 23);
    } else if (strcmp(how, "huge") == 0) {
        char *block = mem_calloc(1, 1 << 20);
        memset(block, 'x', 1 << 20);
        str_addz(&out, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        put(fd, out.text, out.n);
        for (int i = 0; i < 8; i++)
            put(fd, block, 1 << 20);
        free(block);
    } else if (strcmp(how, "empty") != 0) {
        const char *text = how + strcspn(how, " ");
        text += *text == ' ';
        str_addf(&out, "HTTP/1.1 %.3s Said\r\nConnection: close\r\nContent-Length: %zu\r\n", how,
                 strlen(text));
        if (str_starts(how, "302"))
            str_addz(&out, "Location: http://elsewhere.invalid/secret/path\r\n");
        if (str_starts(how, "429"))
            str_addz(&out, "Retry-After: 120\r\n");
        str_addf(&out, "\r\n%s", text);
        put(fd, out.text, out.n);
    }
    str_release(&out);
}

static void serve(int fd, const char *dir, int n, const char *how)
{
    struct str request = { 0 };
    struct err e = { 0 };
    char *path = str_format("%s/%d", dir, n);
    read_request(fd, &request);
    outfile_put(path, str_text(&request), request.n, &e);
    answer(fd, how);
    err_report(&e, "httpd");
    free(path);
    str_release(&request);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    int fd = -1;
    if (argc < 3) {
        fprintf(stderr, "usage: httpd DIR ANSWER...\n");
        return 64;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGCHLD, SIG_IGN);
    if (listen_somewhere(argv[1], &fd, &e))
        return err_report(&e, "httpd");
    for (int n = 1;; n++) {
        int with = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (with < 0 && errno != EINTR && errno != ECONNABORTED)
            return 1;
        pid_t child = with < 0 ? -1 : fork();
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            serve(with, argv[1], n, argv[n + 1 < argc ? n + 1 : argc - 1]);
            return 0;
        }
        if (with >= 0)
            close(with);
        else
            n--;
    }
}
