#ifndef RUNNER_CHANNEL_H
#define RUNNER_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

/* Who is told what: the lists under `notify:` of a pipeline file. */

enum notify_event {
    NOTIFY_FAILURE,  /* a run failed, timed out, or was lost */
    NOTIFY_BLOCKED,  /* a run ended with a stage that a person must approve */
    NOTIFY_MISSED,   /* instants of a schedule passed without a run */
    NOTIFY_RECOVERY, /* the first success after one of these */
    NOTIFY_SUCCESS,
    NOTIFY_EVENTS
};

/** "failure"...: `on_failure` without its beginning. */
const char *notify_event_name(enum notify_event event);

/** One entry of one list. */
struct channel {
    enum notify_event event;
    int64_t tail; /* so many last lines of the failed stage's log */
    char *name;   /* for messages, without anything secret: "mail ops@example.org"; owned */
    /* What the outbox keeps and refit-notify gets, as JSON; owned. One of
     *   {"webhook": URL, "header": {NAME: VALUE}}   {"mail": [ADDRESS]}   {"cmd": [WORD]}
     * URL and VALUE are templates (reference.h) that may hold ${secrets.NAME}; where each of those
     * is found stands beside them: "secrets": {NAME: {"env": VARIABLE} or {"file": PATH}}. */
    char *text;
    size_t line, column; /* in the pipeline file */
};

/** All of a pipeline file, by event. All zeros is none. */
struct channels {
    struct channel *item; /* (n), owned */
    size_t n;
};

void channels_release(struct channels *c);

#endif
