#include "runner/schedule/when.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static int daily_read(const struct yaml *node, uint64_t slot, struct schedule *s, struct err *e)
{
    (void)slot;
    if (!cron_read_clock(&s->when, node->text))
        return yaml_fail(node, e, "daily: '%s' is not a time of day: want \"21:00\"", node->text);
    return 0;
}

/* "monday 00:00", "tuesday, friday 06:30" */
static int weekly_read(const struct yaml *node, uint64_t slot, struct schedule *s, struct err *e)
{
    const char *p = node->text;
    (void)slot;
    s->when.weekday = 0;
    s->when.any_weekday = false;
    for (;;) {
        p += strspn(p, " ");
        size_t n = strcspn(p, ", ");
        int day = cron_weekday(p, n);
        if (day < 0) {
            char *word = mem_strndup(p, n);
            const char *near = str_nearest(word, cron_weekdays, 7);
            yaml_fail(node, e,
                      "weekly: '%s' is not a day of the week%s%s%s (want \"monday 00:00\")", word,
                      near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
            free(word);
            return e->code;
        }
        s->when.weekday |= 1u << day;
        p += n;
        p += strspn(p, " ");
        if (*p != ',')
            break;
        p++;
    }
    if (*p == '\0')
        return yaml_fail(node, e, "weekly: '%s' has no time of day: want \"monday 00:00\"",
                         node->text);
    if (!cron_read_clock(&s->when, p))
        return yaml_fail(node, e, "weekly: '%s' is not a time of day: want \"monday 00:00\"", p);
    return 0;
}

void schedule_warn(struct schedule *s, char *text)
{
    s->warning = mem_grow(s->warning, s->n_warning, sizeof *s->warning);
    s->warning[s->n_warning++] = text;
}

static int cron_entry_read(const struct yaml *node, uint64_t slot, struct schedule *s,
                           struct err *e)
{
    struct str warning = { 0 };
    struct err wrong = { 0 };
    int rc = cron_read(&s->when, node->text, slot, &warning, &wrong);

    for (const char *p = str_text(&warning); rc == 0 && *p; p += strcspn(p, "\n") + 1)
        schedule_warn(s, mem_strndup(p, strcspn(p, "\n")));
    str_release(&warning);
    return rc ? yaml_fail(node, e, "cron: %s", wrong.text) : 0;
}

static const struct {
    const char *key;
    int (*read)(const struct yaml *node, uint64_t slot, struct schedule *s, struct err *e);
} kinds[] = { { "weekly", weekly_read }, { "daily", daily_read }, { "cron", cron_entry_read } };

enum { N_KIND = sizeof kinds / sizeof *kinds };

/* Which of the kinds it is. */
static int kind_read(const struct yaml *map, size_t *out, struct err *e)
{
    *out = N_KIND;
    for (size_t i = 0; i < N_KIND; i++) {
        const struct yaml *when = yaml_get(map, kinds[i].key);
        if (when && *out < N_KIND)
            return yaml_fail(when, e, "schedule: '%s' and '%s' in one entry: want one of them",
                             kinds[*out].key, kinds[i].key);
        *out = when ? i : *out;
    }
    return *out < N_KIND ? 0 : yaml_fail(map, e, "schedule: want weekly, daily or cron");
}

static int name_read(const struct yaml *node, struct schedule *s, struct err *e)
{
    const char *text = s->kind;
    int rc = node ? yaml_text(node, "name", &text, e) : 0;
    if (rc)
        return rc;
    if (*text == '\0' || strlen(text) > 64 ||
        text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")])
        return yaml_fail(node, e, "schedule: name '%s': want letters, digits, _ and -, at most 64",
                         text);
    s->name = mem_strdup(text);
    return 0;
}

int when_read(const struct yaml *map, const char *pipeline, struct schedule *s, struct err *e)
{
    const char *text;
    size_t kind;
    int rc = kind_read(map, &kind, e);

    if (rc)
        return rc;
    const struct yaml *node = yaml_get(map, kinds[kind].key);
    s->kind = kinds[kind].key;
    if ((rc = name_read(yaml_get(map, "name"), s, e)) || (rc = yaml_text(node, s->kind, &text, e)))
        return rc;
    s->text = mem_strdup(text);
    s->when = cron_every_day();
    return kinds[kind].read(node, schedule_slot(pipeline, s->name), s, e);
}
