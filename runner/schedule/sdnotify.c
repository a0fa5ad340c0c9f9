#define _GNU_SOURCE
#include "runner/schedule/sdnotify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

void sdnotify_open(struct sdnotify *n)
{
    static const char *const variable[] = { "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID" };
    const char *path = getenv(variable[0]), *usec = getenv(variable[1]), *pid = getenv(variable[2]);
    long long every_us, whom;

    *n = (struct sdnotify){ 0 };
    if (path && (*path == '/' || *path == '@') && path[1])
        n->path = mem_strdup(path);
    /* At half of the time after which systemd gives us up, if it is us whom it watches. */
    if (n->path && usec && str_to_int(usec, &every_us) && every_us > 0 &&
        (!pid || (str_to_int(pid, &whom) && whom == getpid())))
        n->watchdog_ms = every_us >= 2000 ? every_us / 2000 : 1;
    for (size_t i = 0; i < sizeof variable / sizeof *variable; i++)
        unsetenv(variable[i]);
}

void sdnotify_close(struct sdnotify *n)
{
    free(n->path);
    *n = (struct sdnotify){ 0 };
}

void sdnotify_send(const struct sdnotify *n, const char *text)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    size_t length = n->path ? strlen(n->path) : 0;
    if (length == 0 || length >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, n->path, length);
    if (to.sun_path[0] == '@') /* an abstract one, which has no file */
        to.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
    close(fd);
}
