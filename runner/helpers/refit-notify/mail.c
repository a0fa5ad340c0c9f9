/* A message as a mail, handed to sendmail -t -oi, which every mail system has. Nothing from outside
 * reaches a header unencoded: a line break in it would begin another one. */
#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/utf8.h"
#include "runner/helpers/refit-notify/deliver.h"

enum { TIMEOUT_S = 30, MAX_LINE = 76, WORD = 42 }; /* WORD: bytes that make 56 of base64 */

static bool is_plain(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            return false;
    return true;
}

/* A header of any text: as it is, or in encoded words (RFC 2047). */
static void add_header(struct str *out, const char *name, const char *text)
{
    str_addf(out, "%s:", name);
    if (is_plain(text) && !strstr(text, "=?")) {
        str_addf(out, " %s\n", text);
        return;
    }
    for (size_t left = strlen(text); left > 0;) {
        char word[BASE64_ENCODE_RAW_LENGTH(WORD) + 1] = "";
        size_t n = left < WORD ? left : utf8_cut(text, WORD);
        n = n == 0 ? WORD : n;
        base64_encode_raw(word, n, (const unsigned char *)text);
        str_addf(out, " =?UTF-8?B?%s?=\n", word);
        text += n;
        left -= n;
    }
}

/* Quoted-printable (RFC 2045): what is ASCII can be read as it stands. */
static void add_body(struct str *out, const char *text)
{
    size_t column = 0;
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool last = p[1] == '\n' || p[1] == '\0';
        bool as_is = (c > 0x20 && c < 0x7f && c != '=') || ((c == ' ' || c == '\t') && !last);
        if (c == '\n') {
            str_addc(out, '\n');
            column = 0;
            continue;
        }
        if (column + (as_is ? 1 : 3) >= MAX_LINE) {
            str_addz(out, "=\n");
            column = 0;
        }
        if (as_is)
            str_addc(out, *p);
        else
            str_addf(out, "=%02X", c);
        column += as_is ? 1 : 3;
    }
    if (column > 0)
        str_addc(out, '\n');
}

/* "made" of the message, "2026-11-21T03:00:00.000Z". */
static void add_date(struct str *out, const char *made)
{
    static const char *const month[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    int y, m, d, h, min, s;
    if (sscanf(made, "%4d-%2d-%2dT%2d:%2d:%2d", &y, &m, &d, &h, &min, &s) == 6 && m >= 1 && m <= 12)
        str_addf(out, "Date: %d %s %d %02d:%02d:%02d +0000\n", d, month[m - 1], y, h, min, s);
}

/* The letters of a text that may stand in a Message-ID or a header of ours. */
static char *token(const char *text)
{
    struct str out = { 0 };
    for (; *text; text++)
        str_addc(&out, ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
                        (*text >= '0' && *text <= '9') || *text == '-' || *text == '.')
                           ? *text
                           : '-');
    return str_take(&out);
}

char *mail_text(const struct delivery *d, const json_t *addresses)
{
    struct str out = { 0 };
    char *id = token(delivery_text(d, "id")), *host = token(delivery_text(d, "host"));
    char *event = token(delivery_text(d, "event"));

    for (size_t i = 0; i < json_array_size(addresses); i++)
        str_addf(&out, "%s%s", i == 0 ? "To: " : ",\n ",
                 json_string_value(json_array_get(addresses, i)));
    str_addc(&out, '\n');
    add_header(&out, "Subject", delivery_text(d, "subject"));
    add_date(&out, delivery_text(d, "made"));
    str_addf(&out, "Message-ID: <%s@%s>\nAuto-Submitted: auto-generated\nX-Refit-Event: %s\n", id,
             host, event);
    str_addz(&out, "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
                   "Content-Transfer-Encoding: quoted-printable\n\n");
    add_body(&out, delivery_text(d, "text"));
    free(id);
    free(host);
    free(event);
    return str_take(&out);
}

/* In PATH, else where it has been since 1983; owned, NULL if there is none. */
static char *find_sendmail(void)
{
    const char *path = getenv("PATH");
    char *all = str_format("%s:/usr/sbin:/usr/lib", path ? path : "/usr/bin:/bin"), *found = NULL;
    for (const char *p = all; !found && *p;) {
        size_t n = strcspn(p, ":");
        char *file = str_format("%.*s/sendmail", (int)n, p);
        if (n > 0 && access(file, X_OK) == 0)
            found = mem_strdup(file);
        free(file);
        p += n + (p[n] == ':');
    }
    free(all);
    return found;
}

int mail_send(struct delivery *d, const json_t *addresses, struct err *e)
{
    char *program = find_sendmail(), *text = NULL;
    int status = 0, rc = 0;
    if (!program) {
        rc = err_set(e, ERR_RETRY, "there is no sendmail in PATH or /usr/sbin");
    } else if (!d->check) {
        char dash_t[] = "-t", dash_oi[] = "-oi", *argv[] = { program, dash_t, dash_oi, NULL };
        text = mail_text(d, addresses);
        rc = delivery_run(argv, NULL, text, TIMEOUT_S, &status, e);
        if (rc && (status == 64 || status == 65 || status == 67 || status == 68)) /* sysexits.h */
            rc = e->code = ERR_DATA;
    }
    free(text);
    free(program);
    return rc;
}
