/* Any bytes as YAML: refused, or a tree whose every node has a place in the file. */
#include <assert.h>
#include <stdint.h>

#include "io/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_places(const struct yaml *node)
{
    assert(node->line > 0 && node->column > 0 && node->text);
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == YAML_MAP)
            assert(yaml_get(node, node->key[i]->text) == node->item[i]);
        check_places(node->item[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct yaml *root = NULL;
    struct err e = { 0 };
    if (yaml_parse(&root, "fuzz", (const char *)data, size, &e) == 0)
        check_places(root);
    yaml_release(root);
    return 0;
}
