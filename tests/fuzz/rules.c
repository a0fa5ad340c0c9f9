/* Rules of gate: whatever the bytes, a rule is parsed and judged or refused with one line; and what
 * was parsed gives the same rule again from its own text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *metrics;
    char *text = mem_strndup((const char *)data, size), why[200];
    struct rule r, again;
    struct err e = { 0 };

    if (!metrics)
        metrics = json_loads("{\"a\":1,\"b\":{\"c\":[0.5,{\"d\":-1e300}]},\"n\":null}", 0, NULL);
    if (rule_parse(&r, text, &e)) {
        assert(e.code == ERR_USAGE && *e.text);
    } else {
        assert(rule_parse(&again, r.text, &e) == 0 && again.left.n == r.left.n &&
               again.right.n == r.right.n);
        assert(rule_holds(&r, metrics, metrics, why, sizeof why) ==
               rule_holds(&again, metrics, metrics, why, sizeof why));
        rule_holds(&r, metrics, NULL, why, sizeof why);
        rule_release(&again);
        rule_release(&r);
    }
    free(text);
    return 0;
}
