/* Any bytes as YAML; what parses is written and must parse to the same text again. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"
#include "io/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml *root = NULL, *again = NULL;
    struct str first = { 0 }, second = { 0 };
    struct err e = { 0 };
    if (yaml_parse(&root, "fuzz", (const char *)data, size, &e))
        return 0;
    yaml_write(root, &first);
    int rc = yaml_parse(&again, "again", str_text(&first), first.n, &e);
    assert(rc == 0);
    yaml_write(again, &second);
    assert(strcmp(str_text(&first), str_text(&second)) == 0);
    yaml_release(root);
    yaml_release(again);
    str_release(&first);
    str_release(&second);
    return 0;
}
