/* Network files: any bytes are read or refused with a text; what was read can be released. */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "models/nn/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct nn_spec s = { 0 };
    struct err e = { 0 };
    char *text = mem_strndup((const char *)bytes, n);
    int rc = nn_spec_parse(&s, "fuzz", text, &e);
    assert(rc == e.code && (rc == 0 || *e.text));
    assert(rc != 0 || (s.n_branch > 0 && s.branch[0].n_layer > 0));
    nn_spec_drop(&s, NN_PIXELS);
    nn_spec_release(&s);
    free(text);
    return 0;
}
