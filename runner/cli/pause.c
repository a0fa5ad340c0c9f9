/* The commands pause and resume. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/memory/ledger.h"
#include "runner/schedule/agenda.h"
#include "runner/schedule/fire.h"

static int change_one(const struct cli *c, bool pause, struct state *s, const struct agenda *a,
                      size_t i, json_t *list, struct err *e)
{
    int64_t now_s = ledger_now_ms() / 1000;
    size_t n = 0;
    int rc = pause ? fire_pause(s, a, i, now_s, e) : fire_resume(s, a, i, now_s, &n, e);
    if (rc)
        return rc;
    json_array_append_new(list, json_pack("{s:s, s:b, s:I}", "schedule", a->schedule[i].name,
                                          "paused", (int)pause, "instants", (json_int_t)n));
    if (c->json || c->quiet)
        return 0;
    printf("%s.%s %s", a->pipeline, a->schedule[i].name, pause ? "is paused" : "goes on");
    if (n > 0)
        printf("; %zu of its instants fell into the pause ('refit backfill' runs them)", n);
    putchar('\n');
    return 0;
}

/* The schedules that are named, all without a name: found before any is changed. */
static int find(const struct cli *c, const struct agenda *a, size_t **out, size_t *out_n,
                struct err *e)
{
    int rc = 0;
    *out_n = c->n_name ? c->n_name : a->n;
    *out = mem_calloc(*out_n + 1, sizeof **out);
    if (a->n == 0)
        return err_set(e, ERR_USAGE, "'%s' has no schedule", a->file);
    for (size_t i = 0; i < *out_n && rc == 0; i++) {
        (*out)[i] = i;
        if (c->n_name)
            rc = schedule_find(a->schedule, a->n, c->name[i], &(*out)[i], e);
    }
    return rc ? err_wrap(e, "'%s'", a->file) : 0;
}

static int change(const struct cli *c, bool pause, struct err *e)
{
    struct agenda a = { 0 };
    struct state *s = NULL;
    json_t *list = json_array();
    size_t *which = NULL, n = 0;
    int rc;

    if ((rc = state_open(&s, true, e)) || (rc = agenda_read(&a, c->file, s, e)) ||
        (rc = find(c, &a, &which, &n, e)))
        goto out;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = change_one(c, pause, s, &a, which[i], list, e);
    if (rc == 0 && c->json)
        rc = report_print(json_pack("{s:s, s:O}", "pipeline", a.pipeline, "schedules", list), e);
out:
    free(which);
    json_decref(list);
    agenda_release(&a);
    state_close(s);
    return rc;
}

int command_pause(const struct cli *c, struct err *e)
{
    return change(c, true, e);
}

int command_resume(const struct cli *c, struct err *e)
{
    return change(c, false, e);
}
