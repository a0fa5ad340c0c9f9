#define _DEFAULT_SOURCE /* explicit_bzero */
#include "runner/read/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static int read_file(const char *name, const char *file, char **out, struct err *e)
{
    char text[SECRET_MAX + 2];
    size_t n = 0;
    ssize_t got = 0;
    int rc = 0, fd = open(file, O_RDONLY | O_CLOEXEC);

    while (fd >= 0 && n < sizeof text - 1 && (got = read(fd, text + n, sizeof text - 1 - n)) > 0)
        n += (size_t)got;
    if (fd < 0 || got < 0)
        rc = err_sys(e, "secret '%s': cannot read '%s'", name, file);
    else if (n > SECRET_MAX)
        rc = err_set(e, ERR_USAGE, "secret '%s': '%s' has more than %d bytes", name, file,
                     (int)SECRET_MAX);
    else if (memchr(text, '\0', n))
        rc = err_set(e, ERR_USAGE, "secret '%s': '%s' has a NUL byte, which a variable cannot hold",
                     name, file);
    if (fd >= 0)
        close(fd);
    n -= rc == 0 && n > 0 && text[n - 1] == '\n';
    n -= rc == 0 && n > 0 && text[n - 1] == '\r';
    if (rc == 0)
        *out = mem_strndup(text, n);
    explicit_bzero(text, sizeof text);
    return rc;
}

int secret_value(const char *name, const char *env, const char *file, char **out, struct err *e)
{
    const char *variable = env ? getenv(env) : NULL;
    char *value = NULL;
    int rc = 0;
    if (file)
        rc = read_file(name, file, &value, e);
    else if (!variable)
        rc = err_set(e, ERR_USAGE, "secret '%s': the environment variable '%s' is not set", name,
                     env);
    else
        value = mem_strdup(variable);
    if (rc == 0 && !*value) {
        free(value);
        rc = err_set(e, ERR_USAGE, "secret '%s': '%s' is empty", name, file ? file : env);
    }
    if (rc == 0)
        *out = value;
    return rc;
}

void secret_free(char *value)
{
    if (value)
        explicit_bzero(value, strlen(value));
    free(value);
}
