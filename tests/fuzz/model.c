/* model_load on arbitrary bytes: refused or loaded, never a crash. */
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "models/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* HDF5 wants a file with a name, so not a memfd: one in memory, written anew for each input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct model *m = NULL;
    struct err e = { 0 };
    snprintf(path, sizeof path, "/dev/shm/refit-fuzz-model.%ld", (long)getpid());
    FILE *fp = fopen(path, "wb");
    if (!fp)
        return -1;
    fwrite(data, 1, size, fp);
    fclose(fp);
    if (model_load(&m, path, 1, &e) == 0)
        model_free(m);
    unlink(path);
    return 0;
}
