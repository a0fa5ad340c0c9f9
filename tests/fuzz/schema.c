/* Any bytes as an import schema; the first column that comes out reads the input as cells. */
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "io/schema.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct schema s;
    struct err e = { 0 };
    struct cell cell;
    if (schema_parse(&s, "fuzz.yaml", (const char *)data, size, &e))
        return 0;
    size_t n = size < 40 ? size : 40;
    char *text = mem_strndup((const char *)data + size - n, n);
    n = utf8_prefix(text, strlen(text));
    text[n] = '\0';
    for (size_t t = 0; t < s.n_table; t++)
        for (size_t j = 0; j < s.table[t].n_col; j++)
            cell_parse_decimal(&s.table[t].col[j], text, n, size % 2 ? ',' : 0, &cell);
    free(text);
    schema_release(&s);
    return 0;
}
