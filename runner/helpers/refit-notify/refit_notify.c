/* refit-notify: deliver one message on one channel. The runner starts it for every message, so that
 * it needs no libcurl itself and handles no secret.
 *
 *   {"channel": {...}, "message": {...}} on standard input (channel.h; docs/formats.md)
 *
 * Exit 0: delivered; 75: not now; 64, 65: never. A line "retry_after SECONDS" on standard output is
 * what the server asked for. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/helpers/refit-notify/deliver.h"
#include "runner/execute/mask.h"
#include "runner/read/probe.h"
#include "runner/read/reference.h"
#include "runner/read/secret.h"

enum { MAX_INPUT = 16 << 20, MAX_OUTPUT = 16 << 20 };

static const char help[] =
    "refit-notify: deliver one message on one channel\n\n"
    "usage: refit-notify [--check] <DOCUMENT\n\n"
    "DOCUMENT is {\"channel\": CHANNEL, \"message\": MESSAGE}, one CHANNEL of\n"
    "  {\"webhook\": URL, \"header\": {NAME: VALUE}}   POST of MESSAGE, 10 s; redirects are not\n"
    "                                            followed\n"
    "  {\"mail\": [ADDRESS...]}                     by sendmail -t, MESSAGE's subject and text\n"
    "  {\"cmd\": [WORD...]}                         MESSAGE on standard input, 60 s\n"
    "with \"secrets\": {NAME: {\"env\": VARIABLE} or {\"file\": PATH}} for each ${secrets.NAME} "
    "in\n"
    "URL and VALUE. MESSAGE is described in docs/formats.md.\n\n"
    "  --check   send nothing: is the channel complete?\n"
    "  --help    this text\n\n"
    "refit runs it for every message; 'refit notify --test' tries the channels of a pipeline.\n"
    "Exit status: 0 delivered; 75 not now (it does not answer, is too busy, the command failed);\n"
    "65 never (refused; the command ended with 64 or 65); 64 the document; 74 the machine.\n";

const char *delivery_text(const struct delivery *d, const char *key)
{
    const char *text = json_string_value(json_object_get(d->message, key));
    return text ? text : "";
}

static const char *secret_of(const struct delivery *d, const char *name)
{
    for (size_t i = 0; i < d->n_secret; i++)
        if (strcmp(d->secret[i].name, name) == 0)
            return d->secret[i].value;
    return NULL;
}

int delivery_resolve(const struct delivery *d, const char *template, char **out, struct err *e)
{
    struct str text = { 0 };
    struct piece piece;
    int rc = 0;
    for (const char *p = template; p && rc == 0 && (p = piece_next(p, &piece));) {
        if (piece.kind == PIECE_TEXT || piece.kind == PIECE_DOLLAR) {
            str_add(&text, piece.text, piece.n);
            continue;
        }
        char *name = mem_strndup(piece.text, piece.n);
        const char *value = str_starts(name, "secrets.") ? secret_of(d, name + 8) : NULL;
        if (value)
            str_addz(&text, value);
        else
            rc = err_set(e, ERR_USAGE, "the channel does not say what '${%s}' is", name);
        free(name);
    }
    for (size_t i = 0; rc == 0 && i < text.n; i++)
        if ((unsigned char)text.text[i] < 0x20 || text.text[i] == 0x7f)
            rc = err_set(e, ERR_DATA, "a control character in a secret of the channel");
    if (rc == 0)
        *out = str_take(&text);
    str_release(&text);
    return rc;
}

int delivery_run(char *const *argv, char *const *env, const char *input, int timeout_s,
                 int *out_status, struct err *e)
{
    struct probe p = { .argv = argv, .env = env, .input = input, .n_input = strlen(input) };
    int rc = probe_run(&p, 1, 1, (int64_t)timeout_s * 1000, MAX_OUTPUT, e);

    *out_status = p.status;
    if (rc == 0 && (p.status != 0 || p.timed_out || p.too_long)) {
        const char *line = str_text(&p.err);
        size_t n = strlen(line);
        while (n > 0 && line[n - 1] == '\n')
            n--;
        size_t from = n;
        while (from > 0 && line[from - 1] != '\n')
            from--;
        if (p.timed_out)
            rc = err_set(e, ERR_RETRY, "'%s' was not done after %d s", argv[0], timeout_s);
        else if (p.too_long)
            rc = err_set(e, ERR_RETRY, "'%s' printed more than 16 MiB", argv[0]);
        else
            rc = err_set(e, ERR_RETRY, "'%s' ended with %d%s%.*s", argv[0], p.status,
                         n > from ? ": " : "", (int)(n - from < 300 ? n - from : 300), line + from);
    }
    probe_release(&p);
    return rc;
}

/* ---- the document ---- */

static int read_document(json_t **out, struct err *e)
{
    struct str text = { 0 };
    char chunk[65536];
    size_t n;
    json_error_t why;
    int rc = 0;
    while (text.n <= MAX_INPUT && (n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
        str_add(&text, chunk, n);
    if (ferror(stdin))
        rc = err_sys(e, "cannot read standard input");
    else if (text.n > MAX_INPUT)
        rc = err_set(e, ERR_USAGE, "the document is longer than 16 MiB");
    else if (!(*out = json_loadb(str_text(&text), text.n, JSON_REJECT_DUPLICATES, &why)))
        rc = err_set(e, ERR_USAGE, "the document on standard input: line %d: %s", why.line,
                     why.text);
    str_release(&text);
    return rc;
}

static int read_secrets(struct delivery *d, struct err *e)
{
    json_t *map = json_object_get(d->channel, "secrets"), *where;
    const char *name;
    d->secret = mem_calloc(json_object_size(map), sizeof *d->secret);
    json_object_foreach(map, name, where)
    {
        const char *env = json_string_value(json_object_get(where, "env"));
        const char *file = json_string_value(json_object_get(where, "file"));
        char *value = NULL;
        if (!env == !file)
            return err_set(e, ERR_USAGE, "secret '%s': want one of env and file", name);
        if (secret_value(name, env, file, &value, e))
            return e->code = ERR_RETRY; /* whoever tries next may have it */
        d->secret[d->n_secret].name = mem_strdup(name);
        d->secret[d->n_secret++].value = value;
    }
    return 0;
}

static int deliver(struct delivery *d, struct err *e)
{
    json_t *webhook = json_object_get(d->channel, "webhook");
    json_t *mail = json_object_get(d->channel, "mail"), *cmd = json_object_get(d->channel, "cmd");
    size_t i;
    json_t *word;

    if (!json_is_object(d->channel) || !json_is_object(d->message))
        return err_set(e, ERR_USAGE, "the document has not both a channel and a message");
    if (!json_is_string(webhook) + !json_array_size(mail) + !json_array_size(cmd) != 2)
        return err_set(e, ERR_USAGE, "the channel is not one of webhook, mail and cmd");
    bool by_mail = json_array_size(mail) > 0;
    json_array_foreach(by_mail ? mail : cmd, i, word)
    {
        if (!json_is_string(word) || !*json_string_value(word))
            return err_set(e, ERR_USAGE, "'%s' of the channel: entry %zu is no text",
                           by_mail ? "mail" : "cmd", i + 1);
    }
    d->document = json_dumps(d->message, JSON_COMPACT);
    int rc = read_secrets(d, e);
    if (rc)
        return rc;
    return json_is_string(webhook) ? webhook_send(d, json_string_value(webhook), e)
           : by_mail               ? mail_send(d, mail, e)
                                   : hook_run(d, cmd, e);
}

/* Whatever a server or a command repeats of a secret is not told. */
static void hide_secrets(const struct delivery *d, struct err *e)
{
    struct mask m = { 0 };
    for (size_t i = 0; i < d->n_secret; i++)
        mask_add(&m, d->secret[i].name, d->secret[i].value);
    mask_prepare(&m);
    if (mask_any(&m)) {
        char *text = mask_text(&m, e->text);
        err_set(e, e->code, "%s", text);
        free(text);
    }
    mask_release(&m);
}

static void release(struct delivery *d)
{
    for (size_t i = 0; i < d->n_secret; i++) {
        free(d->secret[i].name);
        secret_free(d->secret[i].value);
    }
    free(d->secret);
    free(d->document);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct delivery d = { 0 };
    json_t *doc = NULL;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        err_stdout(&e);
        return err_report(&e, "refit-notify");
    }
    d.check = argc == 2 && strcmp(argv[1], "--check") == 0;
    if (argc != 1 && !d.check) {
        err_set(&e, ERR_USAGE,
                "'%s': want --check, --help or nothing, and a document on standard "
                "input",
                argv[argc - 1]);
        return err_report(&e, "refit-notify");
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* its runner will send the message again */
    if (read_document(&doc, &e) == 0) {
        d.channel = json_object_get(doc, "channel");
        d.message = json_object_get(doc, "message");
        deliver(&d, &e);
    }
    if (d.retry_after_s > 0)
        printf("retry_after %ld\n", d.retry_after_s);
    if (e.code)
        hide_secrets(&d, &e);
    release(&d);
    json_decref(doc);
    if (e.code == 0)
        err_stdout(&e);
    return err_report(&e, "refit-notify");
}
