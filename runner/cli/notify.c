/* notify: send what waits in the outbox, look at it, try the channels of a pipeline. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/notify/delivery.h"
#include "runner/notify/outbox.h"

enum { BUDGET_MS = 600000 };

static json_t *text_or_null(const char *text)
{
    return text ? json_string(text) : json_null();
}

/* "delivered  failure of run R  webhook hooks.example.org" */
static void print_row(const struct outbox_row *r)
{
    const char *state = strcmp(r->state, "due") == 0 ? "waits" : r->state;
    struct str text = { 0 };
    str_addf(&text, "%-10s %s of %s%s", state, r->event, r->run ? "run " : "",
             r->run ? r->run : r->pipeline);
    str_addf(&text, "  %s", r->name);
    if (r->reason)
        str_addf(&text, ": %s", r->reason);
    if (strcmp(r->state, "due") == 0 && r->attempts > 0) {
        int64_t wait = r->due - ledger_now_ms();
        str_addf(&text, "; attempt %lld ", (long long)r->attempts + 1);
        str_addz(&text, wait > 0 ? "in " : "is due");
        if (wait > 0)
            show_add_time(&text, wait);
    }
    puts(str_text(&text));
    str_release(&text);
}

/* ---- send ---- */

struct sending {
    bool quiet;
    json_t *list; /* with --json */
    size_t n, n_left;
};

static void tell(void *self, const struct outbox_row *r)
{
    struct sending *x = self;
    x->n++;
    x->n_left += strcmp(r->state, "delivered") != 0;
    if (x->list)
        json_array_append_new(x->list, outbox_row_doc(r));
    else if (!x->quiet)
        print_row(r);
}

static int send_all(struct state *s, const struct cli *c, int *out_status, struct err *e)
{
    struct sending x = { .quiet = c->quiet, .list = c->json ? json_array() : NULL };
    struct delivery_wish wish = {
        .waiting = !c->due, .budget_ms = BUDGET_MS, .tell = tell, .self = &x
    };
    int rc = outbox_deliver(s, &wish, e);
    *out_status = x.n_left > 0 ? EXIT_FAILED : 0;
    if (rc)
        json_decref(x.list);
    else if (c->json)
        rc = report_print(x.list, e);
    else if (x.n == 0 && !c->quiet)
        puts("nothing waits to be sent");
    return rc;
}

static int list_open(struct state *s, const struct cli *c, struct err *e)
{
    struct outbox_row *row = NULL;
    size_t n = 0;
    int rc = outbox_open(s, NULL, &row, &n, e);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, outbox_row_doc(&row[i]));
        if (!c->json)
            print_row(&row[i]);
    }
    if (rc == 0 && c->json)
        rc = report_print(json_incref(list), e);
    else if (rc == 0 && n == 0 && !c->quiet)
        puts("nothing waits to be sent");
    json_decref(list);
    outbox_rows_free(row, n);
    return rc;
}

/* ---- --test ---- */

/* *out is NOTIFY_EVENTS for all. */
static int read_event(const struct cli *c, enum notify_event *out, struct err *e)
{
    const char *name[NOTIFY_EVENTS], *near;
    *out = NOTIFY_EVENTS;
    if (!c->event)
        return 0;
    for (size_t i = 0; i < NOTIFY_EVENTS; i++) {
        name[i] = notify_event_name((enum notify_event)i);
        if (strcmp(name[i], c->event) == 0)
            *out = (enum notify_event)i;
    }
    if (*out != NOTIFY_EVENTS)
        return 0;
    near = str_nearest(c->event, name, NOTIFY_EVENTS);
    return err_set(e, ERR_USAGE,
                   "--event is '%s', want failure, blocked, missed, recovery or success%s%s%s",
                   c->event, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* One test message for one channel. */
struct trial {
    const struct channel *to;
    char *document, *reason;
    int status;
};

static int run_trials(struct trial *t, size_t n, const char *pipeline, struct err *e)
{
    const char **channel = mem_calloc(n, sizeof *channel);
    const char **document = mem_calloc(n, sizeof *document);
    char **reason = mem_calloc(n, sizeof *reason);
    int *status = mem_calloc(n, sizeof *status);
    for (size_t i = 0; i < n; i++) {
        json_t *message = message_of_test(pipeline, t[i].to->event);
        json_t *doc = message_for(message, 0);
        t[i].document = json_dumps(doc, JSON_COMPACT);
        document[i] = t[i].document;
        channel[i] = t[i].to->text;
        json_decref(doc);
        json_decref(message);
    }
    int rc = delivery_try(channel, document, n, false, status, reason, e);
    for (size_t i = 0; i < n; i++) {
        t[i].status = status[i];
        t[i].reason = reason[i];
    }
    free(status);
    free(reason);
    free(document);
    free(channel);
    return rc;
}

static int print_trials(const struct trial *t, size_t n, const struct cli *c, struct err *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const char *event = notify_event_name(t[i].to->event);
        const char *state = t[i].status == 0 ? "delivered" : "failed";
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:i, s:o}", "event", event,
                                              "channel", t[i].to->name, "state", state, "exit_code",
                                              t[i].status, "reason", text_or_null(t[i].reason)));
        if (!c->json && (!c->quiet || t[i].status != 0))
            printf("%-10s on_%-9s %s%s%s\n", state, event, t[i].to->name, t[i].reason ? ": " : "",
                   t[i].reason ? t[i].reason : "");
    }
    if (c->json)
        return report_print(list, e);
    json_decref(list);
    return 0;
}

static int test_channels(struct state *s, const struct cli *c, int *out_status, struct err *e)
{
    struct manifest_options o = { .profile = c->profile, .set = c->set, .n_set = c->n_set };
    struct manifest m = { 0 };
    struct trial *t = NULL;
    size_t n = 0;
    enum notify_event event;
    int rc = read_event(c, &event, e);

    if (rc || (rc = manifest_read(&m, c->file, &o, s, e)))
        return rc;
    t = mem_calloc(m.channels.n, sizeof *t);
    for (size_t i = 0; i < m.channels.n; i++)
        if (event == NOTIFY_EVENTS || m.channels.item[i].event == event)
            t[n++].to = &m.channels.item[i];
    if (n == 0)
        rc = err_set(e, ERR_USAGE, "%s tells nobody of %s%s: it has no such list under notify",
                     c->file, c->event ? "on_" : "anything", c->event ? c->event : "");
    if (rc == 0 && (rc = run_trials(t, n, m.name, e)) == 0)
        rc = print_trials(t, n, c, e);
    for (size_t i = 0; i < n; i++) {
        if (t[i].status != 0)
            *out_status = EXIT_FAILED;
        free(t[i].document);
        free(t[i].reason);
    }
    free(t);
    manifest_release(&m);
    return rc;
}

int command_notify(const struct cli *c, struct err *e)
{
    struct state *s = NULL;
    int status = 0, rc;
    if (c->event && !c->test)
        return err_set(e, ERR_USAGE, "--event goes with --test");
    if (c->test && (c->dry_run || c->due))
        return err_set(e, ERR_USAGE, "--test sends a test at once: no -n and no --due beside it");
    if ((rc = state_open(&s, false, e)))
        return rc;
    rc = c->test      ? test_channels(s, c, &status, e)
         : c->dry_run ? list_open(s, c, e)
                      : send_all(s, c, &status, e);
    state_close(s);
    return rc ? rc : status;
}
