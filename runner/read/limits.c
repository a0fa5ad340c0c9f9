/* How long, how often and with how much of the machine a stage runs: its own settings over
 * `defaults`. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/keys.h"
#include "runner/read/reader.h"

static const int64_t kill_after_default_ms = 10000, retry_delay_default_ms = 10000,
                     max_delay_default_ms = INT64_C(7) * 86400000, memory_min = INT64_C(1) << 20,
                     log_max_default = INT64_C(100) << 20, log_min = INT64_C(4) << 10;

const struct yaml *reader_setting(const struct reader *r, const struct yaml *map, const char *key,
                                  const char *sub)
{
    const struct yaml *own = yaml_get(map, key), *def = yaml_get(r->defaults, key);
    if (sub)
        return yaml_get(own, sub) ? yaml_get(own, sub) : yaml_get(def, sub);
    return own ? own : def;
}

/* The keys of a mapping of the stage and of the same one of `defaults`. */
static int setting_only(const struct reader *r, const struct yaml *map, const char *key,
                        struct err *e)
{
    const struct yaml *both[2] = { yaml_get(map, key), yaml_get(r->defaults, key) };
    int rc = 0;
    for (int i = 0; i < 2 && rc == 0; i++)
        if (both[i])
            rc = keys_only(both[i], key, keys_below(stage_keys, key), KEY_ANYWHERE, e);
    return rc;
}

int size_read(const struct yaml *node, const char *what, int64_t min, int64_t *out, struct err *e)
{
    static const char unit[] = "KMGT";
    const char *text;
    int rc = yaml_text(node, what, &text, e);
    if (rc)
        return rc;
    size_t digits = strspn(text, "0123456789");
    const char *letter = text[digits] ? strchr(unit, text[digits]) : NULL;
    char *number = mem_strndup(text, digits);
    long long n = 0;
    bool whole = str_to_int(number, &n);
    free(number);
    if (!whole || !letter || text[digits + 1] != '\0')
        return yaml_fail(node, e, "%s: '%s' is not a size: want 512K, 50M, 4G or 1T", what, text);
    int shift = 10 * (int)(letter - unit + 1);
    if (n > INT64_MAX >> shift || n << shift < min)
        return yaml_fail(node, e, "%s: '%s' is out of range: want at least %lldK", what, text,
                         (long long)min >> 10);
    *out = n << shift;
    return 0;
}

/* 98 and 99 say something else than that it failed; 126 and 127 that there is no such program,
 * which time does not mend. */
static int on_exit_read(const struct yaml *list, struct retry *retry, struct err *e)
{
    const struct key *row = key_of(keys_below(stage_keys, "retry"), "on_exit");
    size_t n = list ? list->n : 1;
    if (list && list->kind != YAML_LIST)
        return node_fail(list, e, "retry.on_exit: want a list of exit statuses, such as [75]");
    retry->on_exit = mem_calloc(n, sizeof *retry->on_exit);
    if (!list)
        retry->on_exit[retry->n_on_exit++] = ERR_RETRY;
    for (size_t i = 0; list && i < n; i++) {
        long long status = 0;
        int rc = key_int(list->item[i], "retry.on_exit", row, &status, e);
        if (rc)
            return rc;
        if (status == ERR_BLOCKED || status == ERR_NOTHING)
            return node_fail(list->item[i], e,
                             "retry.on_exit: %lld is no failure (98: blocked, 99: nothing to do)",
                             status);
        if (status == 126 || status == 127)
            return node_fail(list->item[i], e,
                             "retry.on_exit: %lld says that there is no such program, and is never "
                             "tried again",
                             status);
        retry->on_exit[retry->n_on_exit++] = (int)status;
    }
    return 0;
}

static int retry_read(const struct reader *r, const struct yaml *map, struct stage_spec *s,
                      struct err *e)
{
    const struct key *keys = keys_below(stage_keys, "retry");
    const struct yaml *delay = reader_setting(r, map, "retry", "delay");
    const struct yaml *max_delay = reader_setting(r, map, "retry", "max_delay");
    const struct yaml *on_timeout = reader_setting(r, map, "retry", "on_timeout");
    struct retry *to = &s->retry;
    long long n = 0;
    int rc;

    *to = (struct retry){ .delay_ms = retry_delay_default_ms,
                          .max_delay_ms = max_delay_default_ms,
                          .backoff = 1 };
    if ((rc = setting_only(r, map, "retry", e)) ||
        (rc = key_int(reader_setting(r, map, "retry", "max"), "retry.max", key_of(keys, "max"), &n,
                      e)) ||
        (delay && (rc = duration_read(delay, "retry.delay", &to->delay_ms, e))) ||
        (max_delay && (rc = duration_read(max_delay, "retry.max_delay", &to->max_delay_ms, e))) ||
        (rc = key_real(reader_setting(r, map, "retry", "backoff"), "retry.backoff",
                       key_of(keys, "backoff"), &to->backoff, e)) ||
        (rc = key_real(reader_setting(r, map, "retry", "jitter"), "retry.jitter",
                       key_of(keys, "jitter"), &to->jitter, e)) ||
        (on_timeout && (rc = yaml_bool(on_timeout, "retry.on_timeout", &to->on_timeout, e))) ||
        (rc = on_exit_read(reader_setting(r, map, "retry", "on_exit"), to, e)))
        return rc;
    to->max = n;
    return 0;
}

static int resources_read(const struct reader *r, const struct yaml *map, struct stage_spec *s,
                          struct err *e)
{
    const struct key *keys = keys_below(stage_keys, "resources");
    const struct yaml *memory = reader_setting(r, map, "resources", "memory");
    long long cpus = 0, nice = 0;
    int rc;
    if ((rc = setting_only(r, map, "resources", e)) ||
        (rc = key_int(reader_setting(r, map, "resources", "cpus"), "resources.cpus",
                      key_of(keys, "cpus"), &cpus, e)) ||
        (rc = key_int(reader_setting(r, map, "resources", "nice"), "resources.nice",
                      key_of(keys, "nice"), &nice, e)) ||
        (memory && (rc = size_read(memory, "resources.memory", memory_min, &s->memory, e))))
        return rc;
    s->cpus = cpus;
    s->nice = (int)nice;
    return 0;
}

static int log_read(const struct reader *r, const struct yaml *map, struct stage_spec *s,
                    struct err *e)
{
    const struct yaml *max = reader_setting(r, map, "log", "max_size");
    int rc = setting_only(r, map, "log", e);
    s->log_max = max && strcmp(max->text, "none") == 0 ? 0 : log_max_default;
    if (rc == 0 && max && s->log_max > 0)
        rc = size_read(max, "log.max_size", log_min, &s->log_max, e);
    return rc;
}

static int times_read(const struct reader *r, const struct yaml *map, struct stage_spec *s,
                      struct err *e)
{
    const struct yaml *timeout = reader_setting(r, map, "timeout", NULL),
                      *kill = reader_setting(r, map, "kill_after", NULL);
    int rc;
    s->kill_after_ms = kill_after_default_ms;
    if (timeout && strcmp(timeout->text, "none") != 0 &&
        (rc = duration_read(timeout, "timeout", &s->timeout_ms, e)))
        return rc;
    return kill ? duration_read(kill, "kill_after", &s->kill_after_ms, e) : 0;
}

static bool has_limits(const struct yaml *map)
{
    static const char *const keys[] = { "timeout", "kill_after", "retry", "resources", "log" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (yaml_get(map, keys[i]))
            return true;
    return false;
}

/* Those of `defaults` alone, read once: most stages of a long file have none of their own. */
static int limits_copy(struct reader *r, struct stage_spec *s, struct err *e)
{
    struct stage_spec *from = &r->usual;
    int rc;
    if (!from->retry.on_exit && (rc = limits_read(r, NULL, from, e)))
        return rc;
    s->timeout_ms = from->timeout_ms;
    s->kill_after_ms = from->kill_after_ms;
    s->retry = from->retry;
    s->retry.on_exit = mem_calloc(from->retry.n_on_exit, sizeof *s->retry.on_exit);
    memcpy(s->retry.on_exit, from->retry.on_exit, from->retry.n_on_exit * sizeof *s->retry.on_exit);
    s->cpus = from->cpus;
    s->memory = from->memory;
    s->nice = from->nice;
    s->log_max = from->log_max;
    return 0;
}

int limits_read(struct reader *r, const struct yaml *map, struct stage_spec *s, struct err *e)
{
    int rc;
    if (map && !has_limits(map))
        return limits_copy(r, s, e);
    if ((rc = times_read(r, map, s, e)) || (rc = retry_read(r, map, s, e)) ||
        (rc = resources_read(r, map, s, e)))
        return rc;
    return log_read(r, map, s, e);
}
