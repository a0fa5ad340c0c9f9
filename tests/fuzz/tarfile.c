/* Packages: whatever the bytes of a tar file, its members are read within limits or it is refused
 * with one line. */
#define _GNU_SOURCE /* memfd_create */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/str.h"
#include "io/tarfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keep[] = { "manifest.json", "VERSION" };
    struct tarfile t = { 0 };
    struct err e = { 0 };
    int fd = memfd_create("tar", MFD_CLOEXEC);
    char *path = str_format("/proc/self/fd/%d", fd);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    if (tarfile_read(&t, path, keep, 2, NULL, &e))
        assert(e.code == ERR_DATA && *e.text);
    for (size_t i = 0; i < t.n; i++)
        assert(tarfile_name_ok(t.entry[i].name));
    tarfile_release(&t);
    free(path);
    close(fd);
    return 0;
}
