/* Signatures and keys of minisign: whatever the bytes of the three files, nothing but the one good
 * signature of a text passes. The first byte says which file the rest is. */
#define _GNU_SOURCE /* memfd_create */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/str.h"
#include "io/minisign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *as_file(const void *bytes, size_t n, int *out_fd)
{
    *out_fd = memfd_create("key", MFD_CLOEXEC);
    if (*out_fd < 0 || write(*out_fd, bytes, n) != (ssize_t)n)
        abort();
    return str_format("/proc/self/fd/%d", *out_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char pub[] = "untrusted comment: minisign public key\n"
                              "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";
    struct err e = { 0 };
    int fd;
    if (size == 0)
        return 0;
    if (*data % 3 == 0) { /* a signature: nobody here can make one */
        char *path = as_file(pub, sizeof pub - 1, &fd);
        assert(minisign_verify(path, "text", 4, (const char *)data + 1, size - 1, &e) == ERR_DATA);
        free(path);
    } else {
        char *path = as_file(data + 1, size - 1, &fd), *signature = NULL;
        if (*data % 3 == 1)
            assert(minisign_verify(path, "text", 4, pub, sizeof pub - 1, &e) == ERR_DATA);
        else if (minisign_sign(path, "text", 4, "comment", &signature, &e))
            assert(e.code == ERR_DATA && *e.text);
        free(signature);
        free(path);
    }
    close(fd);
    return 0;
}
