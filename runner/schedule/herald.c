#include "runner/schedule/herald.h"

#include <jansson.h>
#include <stdio.h>

#include "base/str.h"

void herald_say(const struct herald *h, const char *text)
{
    if (!h->json && !h->quiet)
        printf("daemon: %s\n", text);
    fflush(stdout);
}

/* An event as a document a line; takes it over. */
static void print_json(const struct herald *h, json_t *doc)
{
    if (h->json && doc && json_dumpf(doc, stdout, JSON_COMPACT) == 0)
        putchar('\n');
    fflush(stdout);
    json_decref(doc);
}

void herald_fired(const struct herald *h, const char *pipeline, const struct firing *f, int64_t now)
{
    struct str text = { 0 };
    for (size_t i = 0; i < f->n; i++) {
        str_clear(&text);
        str_addf(&text, "%s.", pipeline);
        account_add_fired(&text, &f->list[i], now);
        herald_say(h, str_text(&text));
        print_json(h, account_fired(pipeline, &f->list[i]));
    }
    if (f->n_more > 0) {
        str_clear(&text);
        str_addf(&text, "%s: and %zu older instants that are too many to list", pipeline,
                 f->n_more);
        herald_say(h, str_text(&text));
    }
    str_release(&text);
}

void herald_complain(const struct herald *h, const char *text)
{
    fprintf(stderr, "refit daemon: %s\n", text);
    print_json(h, json_pack("{s:s, s:s}", "event", "error", "text", text));
}

void herald_error(const struct herald *h, struct err *e)
{
    herald_complain(h, e->text);
    *e = (struct err){ 0 };
}

void herald_outcome(const struct herald *h, const char *run, const struct outcome *o)
{
    struct str text = { 0 };
    str_addf(&text, "run %s %s", run, o->state ? o->state : "gave way");
    if (o->exit_code)
        str_addf(&text, " (%d)", o->exit_code);
    if (o->reason)
        str_addf(&text, ": %s", o->reason);
    herald_say(h, str_text(&text));
    print_json(h, outcome_json(run, o));
    str_release(&text);
}
