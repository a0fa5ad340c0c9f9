/* What a program prints for --describe: any text is understood or refused. */
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "runner/read/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct err e = { 0 };
    struct program *p = mem_calloc(1, sizeof *p);
    char *text = mem_strndup((const char *)bytes, n);
    int rc = program_parse(p, text, &e);
    if ((rc == 0) != (e.code == 0))
        abort();
    program_free(p);
    free(text);
    return 0;
}
