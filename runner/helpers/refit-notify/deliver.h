#ifndef HELPERS_DELIVER_H
#define HELPERS_DELIVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* One message for one channel, and the three ways that it can go. Each way returns 0 when it is
 * delivered; ERR_RETRY: not now, try later; ERR_DATA, ERR_USAGE: never; else the machine's trouble.
 * With `check` nothing is sent: could it go? */

struct delivery {
    const json_t *channel; /* as in channel.h */
    const json_t *message; /* as in docs/formats.md */
    char *document;        /* `message` as text; owned */
    struct {
        char *name, *value;
    } * secret; /* (n_secret) owned */
    size_t n_secret;
    bool check;
    long retry_after_s; /* what a server asked for; 0: nothing */
};

/** The text of a key of the message; "" if it is not there. */
const char *delivery_text(const struct delivery *d, const char *key);

/** A template of the channel with its secrets in place; owned by the caller. ERR_DATA if a control
 * character is in it now. */
int delivery_resolve(const struct delivery *d, const char *template, char **out, struct err *e);

/** POST by libcurl. */
int webhook_send(struct delivery *d, const char *url, struct err *e);

/** By sendmail. */
int mail_send(struct delivery *d, const json_t *addresses, struct err *e);

/** The message as RFC 5322 has it; owned by the caller. */
char *mail_text(const struct delivery *d, const json_t *addresses);

/** By a command of the operator's. */
int hook_run(struct delivery *d, const json_t *words, struct err *e);

/** Run a program that gets `input`, for at most `timeout_s`; an end that is not 0 is told with its
 * last line in *e (ERR_RETRY). *out_status as of struct probe. */
int delivery_run(char *const *argv, char *const *env, const char *input, int timeout_s,
                 int *out_status, struct err *e);

#endif
