/* The fitted state of impute_scale as a model file holds it: a JSON is taken and then repeats
 * itself, or is refused. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "models/tabular.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *json = mem_strndup((const char *)data, size);
    struct tabular s = { 0 }, again = { 0 };
    struct table nothing = { .n_row = 2 };
    struct err e = { 0 };

    if (tabular_parse(&s, "m", json, &e)) {
        assert(e.code == ERR_DATA && *e.text);
    } else {
        char *text = tabular_text(&s), *text2;
        double *x = mem_calloc(2 * s.n_out + 1, sizeof *x);
        assert(tabular_parse(&again, "m", text, &e) == 0);
        text2 = tabular_text(&again);
        assert(strcmp(text, text2) == 0);
        tabular_apply(&s, &nothing, NULL, 2, x, &e);
        free(x);
        free(text);
        free(text2);
    }
    tabular_release(&again);
    tabular_release(&s);
    free(json);
    return 0;
}
