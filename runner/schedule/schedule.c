#include "runner/schedule/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "num/hash.h"
#include "runner/read/keys.h"
#include "runner/schedule/tick.h"
#include "runner/schedule/when.h"

static const int64_t day_ms = 86400000, default_window_ms = 86400000;

const char *duration_parse(const char *text, int64_t *out_ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } unit[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    size_t digits = strspn(text, "0123456789");
    char *number = mem_strndup(text, digits);
    long long n = 0;
    bool whole = str_to_int(number, &n);
    free(number);
    for (size_t i = 0; whole && i < sizeof unit / sizeof *unit; i++) {
        if (strcmp(text + digits, unit[i].name) != 0)
            continue;
        if (n < 1 || n > 3660 * day_ms / unit[i].ms)
            return "is out of range: want 1ms to 3660d";
        *out_ms = n * unit[i].ms;
        return NULL;
    }
    return "is not a duration: want 500ms, 30s, 15m, 2h or 3d";
}

int duration_read(const struct yaml *node, const char *what, int64_t *out_ms, struct err *e)
{
    const char *text;
    int rc = yaml_text(node, what, &text, e);
    if (rc)
        return rc;
    const char *wrong = duration_parse(text, out_ms);
    return wrong ? yaml_fail(node, e, "%s: '%s' %s", what, text, wrong) : 0;
}

/* ---- when ---- */

/* Names of zones that are not what they seem. */
static void warn_zone(struct schedule *s)
{
    const char *name = s->zone.name;
    if (str_starts(name, "Etc/GMT+") || str_starts(name, "Etc/GMT-"))
        schedule_warn(s, str_format("timezone '%s' has the sign of POSIX: it is UTC%c%s", name,
                                    name[7] == '+' ? '-' : '+', name + 8));
    else if (strcmp(name, "EST") == 0 || strcmp(name, "MST") == 0)
        schedule_warn(s, str_format("timezone '%s' has no daylight saving time; %s has", name,
                                    *name == 'E' ? "America/New_York" : "America/Denver"));
}

static int zone_entry_read(const struct yaml *node, struct schedule *s, struct err *e)
{
    struct err wrong = { 0 };
    const char *text = "UTC";
    int rc = node ? yaml_text(node, "timezone", &text, e) : 0;
    if (rc)
        return rc;
    if (zone_read(&s->zone, text, &wrong))
        return yaml_fail(node, e, "timezone: %s", wrong.text);
    warn_zone(s);
    return 0;
}

/* "start" or "end": a day or a time of the zone. */
static int bound_read(const struct yaml *node, const char *what, bool last, struct schedule *s,
                      int64_t *out_s, struct err *e)
{
    const char *text;
    int rc = node ? yaml_text(node, what, &text, e) : 0;
    if (!node || rc)
        return rc;
    if (!zone_parse(&s->zone, text, last, out_s))
        return yaml_fail(node, e,
                         "%s: '%s' is not a time: want \"2026-03-29\" or \"2026-03-29 14:30\"",
                         what, text);
    return 0;
}

static int bounds_read(const struct yaml *map, const char *pipeline, struct schedule *s,
                       struct err *e)
{
    const struct yaml *start = yaml_get(map, "start"), *end = yaml_get(map, "end");
    struct tick first;
    int rc;

    if ((rc = bound_read(start, "start", false, s, &s->start_s, e)) ||
        (rc = bound_read(end, "end", true, s, &s->end_s, e)))
        return rc;
    if ((start || end) && !tick_next(s, pipeline, 0, &first))
        return yaml_fail(end ? end : start, e,
                         "schedule '%s' never fires: there is no such time %s%s%s%s", s->name,
                         start ? "from " : "", start ? start->text : "",
                         end ? start ? " to " : "up to " : "", end ? end->text : "");
    return 0;
}

/* ---- what ---- */

/* `text` is one of the names, or an error at the node. */
static int known(const struct yaml *node, const char *key, const char *what, const char *text,
                 const struct yaml *names, struct err *e)
{
    size_t n = names && names->kind == YAML_MAP ? names->n : 0;
    const char **name = mem_calloc(n + 1, sizeof *name);
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        name[i] = names->key[i]->text;
    if (!names || !yaml_get(names, text)) {
        const char *near = str_nearest(text, name, n);
        rc = yaml_fail(node, e, "%s: there is no %s '%s'%s%s%s", key, what, text,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    free(name);
    return rc;
}

/* Names of stages as their indices. */
static int stages_read(const struct yaml *list, const char *key, const struct yaml *stages,
                       size_t **out, size_t *out_n, struct err *e)
{
    if (!list)
        return 0;
    if (list->kind != YAML_LIST)
        return yaml_fail(list, e, "%s: want a list of stages: [train]", key);
    *out = mem_calloc(list->n, sizeof **out);
    for (size_t i = 0; i < list->n; i++) {
        const char *name;
        size_t k = 0;
        int rc;
        if ((rc = yaml_text(list->item[i], key, &name, e)) ||
            (rc = known(list->item[i], key, "stage", name, stages, e)))
            return rc;
        while (strcmp(stages->key[k]->text, name) != 0)
            k++;
        (*out)[(*out_n)++] = k;
    }
    return 0;
}

/* {name: value} of the pipeline, {stage.name: value} of a stage, as -p sets them. What a stage's
 * program knows is checked where the pipeline is read with them. */
static int set_read(const struct yaml *map, const struct yaml *root, struct schedule *s,
                    struct err *e)
{
    if (!map)
        return 0;
    if (map->kind != YAML_MAP)
        return yaml_fail(map, e, "params: want a mapping (name: value, stage.name: value)");
    s->set = mem_calloc(map->n, sizeof *s->set);
    for (size_t i = 0; i < map->n; i++) {
        const char *name = map->key[i]->text, *dot = strchr(name, '.'), *value;
        char *stage = dot ? mem_strndup(name, (size_t)(dot - name)) : NULL;
        int rc = stage ? known(map->key[i], "params", "stage", stage, yaml_get(root, "stages"), e)
                       : known(map->key[i], "params", "param", name, yaml_get(root, "params"), e);
        free(stage);
        if (rc || (rc = yaml_text(map->item[i], name, &value, e)))
            return rc;
        s->set[s->n_set++] = str_format("%s=%s", name, value);
    }
    return 0;
}

static int profile_name_read(const struct yaml *node, const struct yaml *root, struct schedule *s,
                             struct err *e)
{
    const char *text;
    int rc = node ? yaml_text(node, "profile", &text, e) : 0;
    if (!node || rc ||
        (rc = known(node, "profile", "profile", text, yaml_get(root, "profiles"), e)))
        return rc;
    s->profile = mem_strdup(text);
    return 0;
}

/* ---- how ---- */

static int policy_read(const struct yaml *map, const struct key *keys, struct schedule *s,
                       struct err *e)
{
    const struct key *dst_keys = keys_below(keys, "dst");
    const struct yaml *dst = yaml_get(map, "dst"), *jitter = yaml_get(map, "jitter"),
                      *window = yaml_get(map, "catchup_window"),
                      *enabled = yaml_get(map, "enabled");
    size_t catchup = CATCHUP_LATEST, overlap = OVERLAP_SKIP, gap = GAP_NEXT, fold = FOLD_FIRST;
    int rc;

    if ((rc = key_choice(yaml_get(map, "catchup"), "catchup", key_of(keys, "catchup"), &catchup,
                         e)) ||
        (rc = key_choice(yaml_get(map, "overlap"), "overlap", key_of(keys, "overlap"), &overlap,
                         e)) ||
        (dst && (rc = keys_only(dst, "dst", dst_keys, KEY_ANYWHERE, e))) ||
        (rc = key_choice(yaml_get(dst, "gap"), "dst.gap", key_of(dst_keys, "gap"), &gap, e)) ||
        (rc = key_choice(yaml_get(dst, "fold"), "dst.fold", key_of(dst_keys, "fold"), &fold, e)) ||
        (jitter && (rc = duration_read(jitter, "jitter", &s->jitter_ms, e))) ||
        (window && (rc = duration_read(window, "catchup_window", &s->catchup_window_ms, e))) ||
        (enabled && (rc = yaml_bool(enabled, "enabled", &s->enabled, e))))
        return rc;
    s->catchup = (enum schedule_catchup)catchup;
    s->overlap = (enum schedule_overlap)overlap;
    s->gap = (enum schedule_gap)gap;
    s->fold = (enum schedule_fold)fold;
    return 0;
}

static int entry_read(const struct yaml *map, const struct yaml *root, const char *pipeline,
                      struct schedule *s, struct err *e)
{
    const struct key *keys = keys_below(pipeline_keys, "schedule");
    int rc;

    *s = (struct schedule){ .line = map->line,
                            .column = map->column,
                            .start_s = INT64_MIN,
                            .end_s = INT64_MAX,
                            .enabled = true,
                            .catchup_window_ms = default_window_ms };
    if ((rc = keys_only(map, "schedule", keys, KEY_ANYWHERE, e)) ||
        (rc = when_read(map, pipeline, s, e)) ||
        (rc = zone_entry_read(yaml_get(map, "timezone"), s, e)) ||
        (rc = policy_read(map, keys, s, e)) || (rc = bounds_read(map, pipeline, s, e)) ||
        (rc = profile_name_read(yaml_get(map, "profile"), root, s, e)) ||
        (rc = set_read(yaml_get(map, "params"), root, s, e)))
        return rc;
    const struct yaml *stages = yaml_get(root, "stages");
    if ((rc = stages_read(yaml_get(map, "targets"), "targets", stages, &s->target, &s->n_target,
                          e)))
        return rc;
    return stages_read(yaml_get(map, "force"), "force", stages, &s->force, &s->n_force, e);
}

int schedule_read(const struct yaml *root, const char *pipeline, struct schedule **out,
                  size_t *out_n, struct err *e)
{
    const struct yaml *list = yaml_get(root, "schedule");
    struct schedule *s = NULL;
    size_t n = 0;
    int rc = 0;

    *out = NULL;
    *out_n = 0;
    if (!list)
        return 0;
    if (list->kind != YAML_LIST)
        return yaml_fail(list, e, "schedule: want a list: - weekly: monday 00:00");
    s = mem_calloc(list->n, sizeof *s);
    for (; rc == 0 && n < list->n; n++) {
        rc = entry_read(list->item[n], root, pipeline, &s[n], e);
        for (size_t i = 0; rc == 0 && i < n; i++)
            if (strcmp(s[i].name, s[n].name) == 0)
                rc = yaml_fail(list->item[n], e,
                               "schedule: two entries are called '%s': give them a name",
                               s[n].name);
    }
    if (rc) {
        schedule_release(s, n);
        return rc;
    }
    *out = s;
    *out_n = n;
    return 0;
}

int schedule_find(const struct schedule *s, size_t n, const char *name, size_t *out, struct err *e)
{
    for (*out = 0; *out < n; ++*out)
        if (strcmp(s[*out].name, name) == 0)
            return 0;
    const char **names = mem_calloc(n, sizeof *names);
    for (size_t i = 0; i < n; i++)
        names[i] = s[i].name;
    const char *near = str_nearest(name, names, n);
    err_set(e, ERR_USAGE, "there is no schedule '%s'%s%s%s", name, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
    free(names);
    return e->code;
}

uint64_t schedule_slot(const char *pipeline, const char *name)
{
    struct hash h;
    char hex[HASH_HEX];
    hash_init(&h);
    hash_add_text(&h, pipeline);
    hash_add_text(&h, name);
    hash_hex(&h, hex);
    hex[16] = '\0';
    return strtoull(hex, NULL, 16);
}

void schedule_release(struct schedule *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(s[i].name);
        free(s[i].text);
        zone_release(&s[i].zone);
        free(s[i].target);
        free(s[i].force);
        free(s[i].profile);
        mem_free_texts(s[i].set, s[i].n_set);
        mem_free_texts(s[i].warning, s[i].n_warning);
    }
    free(s);
}
