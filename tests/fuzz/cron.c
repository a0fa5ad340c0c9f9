/* Schedules: any bytes are a cron line, a zone, a time, or the entries of `schedule:`, or refused
 * with one line; what was read fires in order, within its bounds, at times that are in its sets. */
#define _DEFAULT_SOURCE /* mkdtemp */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/schedule/tick.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* A few zones alone: whoever misspells one is compared with all names that there are. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char directory[] = "/tmp/refit-fuzz.XXXXXX";
    static const char *const zone[] = { "America/St_Johns", "Europe/Berlin", "Pacific/Apia" };
    (void)argc, (void)argv;
    if (!mkdtemp(directory))
        abort();
    for (size_t i = 0; i < sizeof zone / sizeof *zone; i++) {
        char *from = str_format("/usr/share/zoneinfo/%s", zone[i]);
        char *to = str_format("%s/%s", directory, zone[i]), *parent = str_parent(to);
        if (mkdir(parent, 0755) || symlink(from, to))
            abort();
        free(from);
        free(to);
        free(parent);
    }
    setenv("TZDIR", directory, 1);
    return 0;
}

static void check_cron(const char *text)
{
    struct str warning = { 0 };
    struct err e = { 0 };
    struct cron c;
    int64_t at = (int64_t)strlen(text) * 100000000 - 2000000000, next;
    if (cron_read(&c, text, strlen(text) * UINT64_C(0x9e3779b97f4a7c15), &warning, &e)) {
        assert(e.code == ERR_USAGE && *e.text);
    } else {
        assert(c.minute && c.hour && c.day && c.month && c.weekday);
        for (int i = 0; i < 5; i++, at = next + 1) {
            assert(cron_next(&c, at, &next) && next >= at && next % 60 == 0);
            int64_t again;
            assert(cron_next(&c, next, &again) && again == next);
        }
    }
    str_release(&warning);
}

static void check_zone(const char *text)
{
    struct err e = { 0 };
    struct zone z;
    int64_t first, last;
    if (zone_read(&z, text, &e))
        assert(e.code == ERR_USAGE && *e.text && !z.name);
    zone_release(&z);
    if (zone_read(&z, "America/St_Johns", &e) == 0) {
        if (zone_parse(&z, text, false, &first))
            assert(zone_parse(&z, text, true, &last) && last >= first - 86400);
        zone_release(&z);
    }
}

static void check_schedule(const struct schedule *s, int64_t from)
{
    struct tick t = { .at_s = from };
    struct tick_plan p;
    for (int i = 0; i < 4; i++) {
        int64_t after = t.at_s;
        if (!tick_next(s, "fuzz", after, &t))
            break;
        assert(t.at_s > after && t.at_s >= s->start_s && t.at_s <= s->end_s);
        assert(t.due_s >= t.at_s && t.due_s - t.at_s <= s->jitter_ms / 1000);
    }
    tick_plan(s, "fuzz", from, from + (int64_t)5 * 86400, &p);
    assert(p.n <= TICK_MAX && p.watermark_s >= from && p.next_s > from);
    for (size_t i = 0; i < p.n; i++) {
        assert(p.list[i].tick.at_s > (i ? p.list[i - 1].tick.at_s : from));
        assert((p.list[i].fate == TICK_MISSED) == (p.list[i].reason != NULL));
    }
    tick_plan_release(&p);
}

static void check_entries(const char *text)
{
    char *document = str_format("{params: {x: 1}, profiles: {ci: {}}, stages: {a: {}, b: {}}, "
                                "schedule: [%s\n]}",
                                text);
    struct yaml *root = NULL;
    struct schedule *s = NULL;
    struct err e = { 0 };
    size_t n = 0;
    if (yaml_parse(&root, "fuzz", document, strlen(document), &e) == 0 &&
        schedule_read(root, "fuzz", &s, &n, &e) == 0) {
        for (size_t i = 0; i < n && i < 8; i++)
            check_schedule(&s[i], (int64_t)strlen(text) * 20000000);
        schedule_release(s, n);
    } else {
        assert(e.code && *e.text && n == 0);
    }
    yaml_release(root);
    free(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    char *text = mem_strndup((const char *)data + 1, size - 1);
    switch (*data % 4) {
    case 0:
        check_cron(text);
        break;
    case 1:
        check_zone(text);
        break;
    default:
        check_entries(text);
        break;
    }
    free(text);
    return 0;
}
