#define _DEFAULT_SOURCE /* explicit_bzero */
#include "runner/read/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

enum { MAX_SECRET = 65536 };

int secret_value(const char *name, const char *env, const char *file, char **out, struct err *e)
{
    char text[MAX_SECRET];
    if (env) {
        const char *value = getenv(env);
        if (!value)
            return err_set(e, ERR_USAGE, "secret '%s': the environment variable '%s' is not set",
                           name, env);
        *out = mem_strdup(value);
        return 0;
    }
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (n < 0)
        err_sys(e, "secret '%s': cannot read '%s'", name, file);
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return e->code;
    text[n] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    *out = mem_strdup(text);
    explicit_bzero(text, sizeof text);
    return 0;
}
