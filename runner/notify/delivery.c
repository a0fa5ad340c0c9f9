#include "runner/notify/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/lock.h"
#include "runner/notify/logtail.h"
#include "runner/read/probe.h"
#include "runner/read/program.h"

enum {
    LATE_MS = 60000,
    HOOK_MS = 70000,   /* refit-notify gives a command 60 s, */
    MAIL_MS = 40000,   /* sendmail 30 s, */
    SERVER_MS = 15000, /* a server 10 s */
    MAX_OUTPUT = 1 << 16,
};

/* As lock.h has it: no pipeline can have that name. */
static const char lock_name_of_outbox[] = ".outbox";

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- one batch ---- */

/* What refit-notify reads. It refuses the row that is damaged. */
static char *compose(const char *channel, const char *document, bool late)
{
    json_t *to = json_loads(channel, 0, NULL), *message = json_loads(document, 0, NULL);
    json_t *both = json_object();
    if (message && late)
        json_object_set_new(message, "late", json_true());
    json_object_set_new(both, "channel", to);
    json_object_set_new(both, "message", message);
    char *text = json_dumps(both, JSON_COMPACT);
    json_decref(both);
    return text;
}

static int64_t time_for(const char *channel, int64_t left_ms)
{
    if (str_starts(channel, "{\"cmd\":"))
        return HOOK_MS;
    int64_t most = str_starts(channel, "{\"mail\":") ? MAIL_MS : SERVER_MS;
    return left_ms < most ? (left_ms > 0 ? left_ms : 1) : most;
}

/* The last line of what it said, without its own name; owned. */
static char *reason_of(const struct probe *p)
{
    static const char self[] = "refit-notify: ";
    const char *text = str_text(&p->err), *from;
    size_t n = p->err.n;
    if (p->timed_out)
        return mem_strdup("no answer in time");
    while (n > 0 && text[n - 1] == '\n')
        n--;
    for (from = text + n; from > text && from[-1] != '\n';)
        from--;
    if (str_starts(from, self))
        from += sizeof self - 1;
    if (from < text + n) {
        struct str line = { 0 };
        clean_add(&line, from, (size_t)(text + n - from));
        return str_take(&line);
    }
    return str_format("refit-notify ended with %d", p->status);
}

/* Run refit-notify for each of n inputs. */
static int run_helpers(struct probe *p, char *const *input, size_t n, bool check, struct err *e)
{
    char *directory = NULL, *program, flag[] = "--check";
    int rc = program_directory(&directory, e);
    if (rc)
        return rc;
    program = str_format("%s/refit-notify", directory);
    char *argv[] = { program, check ? flag : NULL, NULL };
    for (size_t i = 0; i < n; i++) {
        p[i].argv = argv;
        p[i].input = input[i];
        p[i].n_input = strlen(input[i]);
    }
    rc = probe_run(p, n, DELIVERY_PARALLEL, SERVER_MS, MAX_OUTPUT, e);
    for (size_t i = 0; i < n; i++)
        p[i].argv = NULL;
    free(program);
    free(directory);
    return rc;
}

static int64_t wanted_wait_s(const struct probe *p)
{
    static const char word[] = "retry_after ";
    const char *at = strstr(str_text(&p->out), word);
    return at ? strtol(at + sizeof word - 1, NULL, 10) : 0;
}

static enum outbox_outcome outcome_of(const struct probe *p)
{
    if (p->status == 0 && !p->timed_out && !p->too_long)
        return OUTBOX_DELIVERED;
    return !p->timed_out && (p->status == ERR_USAGE || p->status == ERR_DATA) ? OUTBOX_REFUSED
                                                                              : OUTBOX_LATER;
}

/* Note what became of each. Not noted, it is sent again. */
static int settle(struct state *s, struct outbox_row *row, const struct probe *p, size_t n,
                  struct err *e)
{
    int64_t now = ledger_now_ms();
    int rc = state_begin(s, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n && rc == 0; i++) {
        enum outbox_outcome outcome = outcome_of(&p[i]);
        char *reason = outcome == OUTBOX_DELIVERED ? NULL : reason_of(&p[i]);
        rc = outbox_settle(s, &row[i], outcome, reason, wanted_wait_s(&p[i]), now, e);
        free(reason);
    }
    if (rc == 0)
        return state_commit(s, e);
    db_rollback(state_db(s));
    return rc;
}

static int send_batch(struct state *s, struct outbox_row *row, size_t n, int64_t left_ms,
                      const struct delivery_wish *wish, struct err *e)
{
    struct probe *p = mem_calloc(n, sizeof *p);
    char **input = mem_calloc(n, sizeof *input);
    int64_t now = ledger_now_ms();
    for (size_t i = 0; i < n; i++) {
        input[i] = compose(row[i].channel, row[i].document, now > row[i].made + LATE_MS);
        p[i].timeout_ms = time_for(row[i].channel, left_ms);
    }
    int rc = run_helpers(p, input, n, false, e);
    if (rc == 0)
        rc = settle(s, row, p, n, e);
    for (size_t i = 0; i < n; i++) {
        if (rc == 0 && wish->tell)
            wish->tell(wish->self, &row[i]);
        probe_release(&p[i]);
    }
    mem_free_texts(input, n);
    free(p);
    return rc;
}

/* ---- the outbox ---- */

int outbox_deliver(struct state *s, const struct delivery_wish *wish, struct err *e)
{
    int64_t began = ledger_now_ms(), until = now_ms() + wish->budget_ms;
    struct lock lock = { .fd = -1 };
    int rc = 0;

    for (;;) {
        struct outbox_row *row = NULL;
        size_t n = 0;
        int64_t left = until - now_ms();
        state_rest(s);
        rc = outbox_due(s, wish->waiting ? INT64_MAX : ledger_now_ms(), began, DELIVERY_PARALLEL,
                        &row, &n, e);
        bool done = rc || n == 0 || left <= 0;
        if (!done && !lock.held) /* and look again: another process may have sent them */
            rc = lock_take(&lock, lock_name_of_outbox, "send notifications", left, e);
        else if (!done)
            rc = send_batch(s, row, n, left, wish, e);
        outbox_rows_free(row, n);
        if (done || rc)
            break;
    }
    lock_release(&lock);
    if (rc == ERR_RETRY) { /* the one that sends will send ours too */
        *e = (struct err){ 0 };
        rc = 0;
    }
    return rc;
}

int delivery_try(const char *const *channel, const char *const *document, size_t n, bool check,
                 int *out, char **reason, struct err *e)
{
    struct probe *p = mem_calloc(n, sizeof *p);
    char **input = mem_calloc(n, sizeof *input);
    for (size_t i = 0; i < n; i++) {
        input[i] = compose(channel[i], document[i], false);
        p[i].timeout_ms = time_for(channel[i], INT64_MAX);
    }
    int rc = run_helpers(p, input, n, check, e);
    for (size_t i = 0; i < n; i++) {
        out[i] = p[i].timed_out ? ERR_RETRY : p[i].status;
        reason[i] = out[i] == 0 ? NULL : reason_of(&p[i]);
        probe_release(&p[i]);
    }
    mem_free_texts(input, n);
    free(p);
    return rc;
}

/* ---- at the end of a run ---- */

struct after_run {
    struct show *show;
    bool verbose;
};

static void tell(void *self, const struct outbox_row *r)
{
    struct after_run *x = self;
    struct str text = { 0 };
    if (strcmp(r->state, "delivered") == 0) {
        if (x->verbose)
            show_line(x->show, SHOW_DIM, false, "told", r->name, r->event);
        return;
    }
    str_addf(&text, "%s, %s", r->reason ? r->reason : "not delivered",
             strcmp(r->state, "due") == 0 ? "tried again later" : "given up");
    show_line(x->show, SHOW_YELLOW, true, "warning", r->name, str_text(&text));
    str_release(&text);
}

void outbox_deliver_after_run(struct state *s, struct show *show, bool verbose)
{
    struct after_run x = { show, verbose };
    struct delivery_wish wish = { .budget_ms = DELIVERY_AFTER_RUN_MS, .tell = tell, .self = &x };
    struct err e = { 0 };
    fflush(stdout); /* the result first, whoever reads it */
    if (outbox_deliver(s, &wish, &e))
        show_line(show, SHOW_YELLOW, true, "warning", "notify", e.text);
}
