#include "runner/execute/retry.h"

#include <math.h>
#include <stdlib.h>

#include "base/str.h"
#include "num/hash.h"

static bool is_listed(const struct retry *r, int exit_code)
{
    for (size_t i = 0; i < r->n_on_exit; i++)
        if (r->on_exit[i] == exit_code)
            return true;
    return false;
}

/* -1 to 1 */
static double spread(uint64_t seed)
{
    return (double)(seed >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

bool retry_again(const struct retry *r, const struct retry_case *c, int64_t *out_delay_ms)
{
    bool again = c->timed_out ? r->on_timeout : c->exit_code > 0 && is_listed(r, c->exit_code);
    if (!again || c->attempt > r->max)
        return false;
    double delay = (double)r->delay_ms * pow(r->backoff, (double)(c->attempt - 1));
    delay = fmin(delay, (double)r->max_delay_ms) * (1 + r->jitter * spread(c->seed));
    *out_delay_ms = (int64_t)llround(delay);
    return true;
}

uint64_t retry_seed(const char *run, const char *stage, int64_t attempt)
{
    struct hash h;
    char hex[HASH_HEX], *number = str_format("%lld", (long long)attempt);
    hash_init(&h);
    hash_add_text(&h, run);
    hash_add_text(&h, stage);
    hash_add_text(&h, number);
    hash_hex(&h, hex);
    free(number);
    hex[16] = '\0';
    return strtoull(hex, NULL, 16);
}
