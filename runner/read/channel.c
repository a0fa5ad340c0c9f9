/* The lists of channels under `notify:`. */
#include "runner/read/channel.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "runner/read/keys.h"
#include "runner/read/reader.h"

enum { MAX_CHANNELS = 100, TAIL = 20, MAX_NAME = 100 };

static const char *const list_key[NOTIFY_EVENTS] = { "on_failure", "on_blocked", "on_missed",
                                                     "on_recovery", "on_success" };

const char *notify_event_name(enum notify_event event)
{
    return list_key[event] + 3;
}

/* One channel while it is read. */
struct reading {
    const struct reader *r;
    const struct reference_scope *scope;
    json_t *doc, *secrets; /* `secrets` belongs to `doc` once there is one in it */
};

/* Note where the secrets of a template are found. */
static void keep_secrets(struct reading *x, const char *template)
{
    struct piece piece;
    for (const char *p = template; (p = piece_next(p, &piece));) {
        if (piece.kind != PIECE_NAME)
            continue;
        for (size_t i = 0; i < x->r->m->n_secret; i++) {
            const struct secret_ref *s = &x->r->m->secret[i];
            if (strlen(s->name) + 8 != piece.n ||
                strncmp(s->name, piece.text + 8, piece.n - 8) != 0)
                continue;
            json_object_set_new(
                x->secrets, s->name,
                json_pack("{s:s}", s->env ? "env" : "file", s->env ? s->env : s->file));
        }
    }
}

/* A text of one line, as a template. */
static int line_read(struct reading *x, const struct yaml *node, const char *what, bool secrets,
                     char **out, struct err *e)
{
    struct reference_scope scope = *x->scope;
    const char *text;
    int rc = yaml_text(node, what, &text, e);

    scope.secret = secrets ? x->r->m->secret : NULL;
    scope.n_secret = secrets ? x->r->m->n_secret : 0;
    if (rc || (rc = reference_resolve(node, &scope, out, e)))
        return rc;
    for (const char *p = *out; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return node_fail(node, e, "%s: a control character (%d) in it", what, *p);
    return **out ? 0 : node_fail(node, e, "%s is empty", what);
}

/* ---- webhook ---- */

static bool secret_stands_in_authority(const char *url)
{
    const char *at = strstr(url, "://");
    size_t n = at ? strcspn(at + 3, "/?#") : 0;
    const char *secret = at ? strstr(at, "${secrets.") : NULL;
    return secret && (size_t)(secret - at) < n + 3;
}

static int url_check(const struct yaml *node, const char *url, struct err *e)
{
    if (str_starts(url, "${secrets."))
        return 0; /* known when it is delivered */
    const char *host = str_starts(url, "https://")  ? url + 8
                       : str_starts(url, "http://") ? url + 7
                                                    : NULL;
    if (!host)
        return node_fail(node, e, "webhook '%.60s': want https://... or http://...", url);
    if (strcspn(host, "/?#") == 0)
        return node_fail(node, e, "webhook '%.60s': there is no host in it", url);
    if (strchr(url, ' '))
        return node_fail(node, e, "webhook '%.60s': a space in it (write %%20)", url);
    if (url_has_password(url) && !secret_stands_in_authority(url))
        return node_fail(node, e,
                         "webhook: a password in a URL would be kept in the outbox: declare it "
                         "under secrets and write ${secrets.NAME}");
    return 0;
}

static bool is_token(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                            "!#$%&'*+-.^_`|~");
    return n > 0 && text[n] == '\0';
}

static int header_read(struct reading *x, const struct yaml *map, struct err *e)
{
    json_t *doc = json_object();
    json_object_set_new(x->doc, "header", doc);
    if (map->kind != YAML_MAP)
        return node_fail(map, e, "header: want a mapping (Name: value)");
    for (size_t i = 0; i < map->n; i++) {
        const char *name = map->key[i]->text;
        char *value = NULL;
        if (!is_token(name))
            return node_fail(map->key[i], e, "header: '%s' is not a name of an HTTP header", name);
        if (strncasecmp(name, "content-", 8) == 0 || strcasecmp(name, "transfer-encoding") == 0)
            return node_fail(map->key[i], e, "header: '%s' is refit's own", name);
        int rc = line_read(x, map->item[i], "header", true, &value, e);
        if (rc == 0) {
            json_object_set_new(doc, name, json_string(value));
            keep_secrets(x, value);
        }
        free(value);
        if (rc)
            return rc;
    }
    return 0;
}

/* The name tells the host, or the reference that stands for it: paths of webhooks are often
 * secret. */
static void name_webhook(struct channel *c, const char *url)
{
    const char *host = strstr(url, "://"), *at;
    host = host ? host + 3 : url;
    size_t n = strcspn(host, "/?#");
    if ((at = memchr(host, '@', n))) {
        n -= (size_t)(at + 1 - host);
        host = at + 1;
    }
    c->name = str_format("webhook %.*s", (int)(n < MAX_NAME ? n : MAX_NAME), host);
}

static int webhook_read(struct reading *x, const struct yaml *map, struct channel *c, struct err *e)
{
    const struct yaml *node = yaml_get(map, "webhook"), *header = yaml_get(map, "header");
    char *url = NULL;
    int rc = line_read(x, node, "webhook", true, &url, e);
    if (rc == 0)
        rc = url_check(node, url, e);
    if (rc == 0) {
        json_object_set_new(x->doc, "webhook", json_string(url));
        keep_secrets(x, url);
        name_webhook(c, url);
    }
    free(url);
    return rc == 0 && header ? header_read(x, header, e) : rc;
}

/* ---- mail ---- */

static int address_read(struct reading *x, const struct yaml *node, json_t *list, struct err *e)
{
    char *template = NULL, *text = NULL;
    int rc = line_read(x, node, "mail", false, &template, e);
    if (rc)
        goto out;
    text = reference_text(template);
    for (const char *p = text; *p && rc == 0; p++)
        if (*p <= ' ' || *p >= 0x7f || strchr(",;:<>()[]\\\"", *p))
            rc = node_fail(node, e,
                           "mail: '%s' is not an address: want name@host, without the "
                           "person's name",
                           text);
    if (rc == 0 && *text == '-')
        rc = node_fail(node, e, "mail: '%s' is not an address", text);
    if (rc == 0)
        json_array_append_new(list, json_string(text));
out:
    free(text);
    free(template);
    return rc;
}

static int mail_read(struct reading *x, const struct yaml *map, struct channel *c, struct err *e)
{
    const struct yaml *node = yaml_get(map, "mail");
    json_t *list = json_array();
    int rc = 0;
    json_object_set_new(x->doc, "mail", list);
    if (node->kind == YAML_MAP || (node->kind == YAML_LIST && node->n == 0))
        return node_fail(node, e, "mail: want an address or a list of addresses");
    if (node->kind == YAML_SCALAR)
        rc = address_read(x, node, list, e);
    for (size_t i = 0; i < node->n && rc == 0; i++)
        rc = address_read(x, node->item[i], list, e);
    if (rc == 0)
        c->name = str_format(json_array_size(list) > 1 ? "mail %.*s..." : "mail %.*s", MAX_NAME,
                             json_string_value(json_array_get(list, 0)));
    return rc;
}

/* ---- command ---- */

static int word_read(struct reading *x, const struct yaml *node, bool shell, json_t *list,
                     struct err *e)
{
    struct reference_scope scope = *x->scope;
    const char *text;
    char *template = NULL;
    int rc = yaml_text(node, "cmd", &text, e);
    scope.shell = shell;
    if (rc == 0 && (rc = reference_resolve(node, &scope, &template, e)) == 0) {
        char *word = reference_text(template);
        if (json_array_append_new(list, json_string(word)))
            rc = node_fail(node, e, "cmd: it is not UTF-8");
        free(word);
    }
    free(template);
    return rc;
}

static int cmd_read(struct reading *x, const struct yaml *map, struct channel *c, struct err *e)
{
    const struct yaml *node = yaml_get(map, "cmd");
    json_t *list = json_array();
    int rc = 0;
    json_object_set_new(x->doc, "cmd", list);
    if (node->kind == YAML_MAP || (node->kind == YAML_LIST ? node->n == 0 : *node->text == '\0'))
        return node_fail(node, e, "cmd: want a list of words, or a text for sh -c");
    if (node->kind == YAML_SCALAR) {
        json_array_append_new(list, json_string("sh"));
        json_array_append_new(list, json_string("-c"));
        rc = word_read(x, node, true, list, e);
    }
    for (size_t i = 0; i < node->n && rc == 0; i++)
        rc = word_read(x, node->item[i], false, list, e);
    const char *first = json_string_value(json_array_get(list, node->kind == YAML_SCALAR ? 2 : 0));
    if (rc == 0 && !*first)
        return node_fail(node, e, "cmd: the program is empty");
    if (rc == 0)
        c->name = str_format("cmd %.*s", MAX_NAME, first);
    return rc;
}

/* ---- lists ---- */

static int channel_read(struct reading *x, const struct yaml *map, struct channel *c, struct err *e)
{
    const struct key *keys = keys_below(keys_below(pipeline_keys, "notify"), list_key[c->event]);
    const struct yaml *webhook, *mail, *cmd;
    long long tail = TAIL;
    int rc;

    if (map->kind != YAML_MAP)
        return node_fail(map, e,
                         "notify.%s: want {webhook: URL}, {mail: ADDRESS} or {cmd: "
                         "[...]}",
                         list_key[c->event]);
    if ((rc = keys_only(map, list_key[c->event], keys, KEY_ANYWHERE, e)) ||
        (rc = key_int(yaml_get(map, "tail"), "tail", key_of(keys, "tail"), &tail, e)))
        return rc;
    c->tail = tail;
    webhook = yaml_get(map, "webhook");
    mail = yaml_get(map, "mail");
    cmd = yaml_get(map, "cmd");
    if (!!webhook + !!mail + !!cmd != 1)
        return node_fail(map, e, "notify.%s: want one of webhook, mail and cmd",
                         list_key[c->event]);
    if (!webhook && yaml_get(map, "header"))
        return node_fail(yaml_get(map, "header"), e, "header: it is for a webhook");
    rc = webhook ? webhook_read(x, map, c, e)
         : mail  ? mail_read(x, map, c, e)
                 : cmd_read(x, map, c, e);
    if (rc)
        return rc;
    if (json_object_size(x->secrets) > 0)
        json_object_set(x->doc, "secrets", x->secrets);
    c->text = json_dumps(x->doc, JSON_COMPACT | JSON_SORT_KEYS);
    return c->text ? 0 : node_fail(map, e, "notify.%s: it is not UTF-8", list_key[c->event]);
}

int channels_read(struct reader *r, struct err *e)
{
    const struct reference_scope scope = reader_scope(r, NULL);
    const struct yaml *notify = yaml_get(r->root, "notify");
    struct channels *all = &r->m->channels;
    int rc = notify
                 ? keys_only(notify, "notify", keys_below(pipeline_keys, "notify"), KEY_ANYWHERE, e)
                 : 0;
    for (size_t i = 0; rc == 0 && notify && i < NOTIFY_EVENTS; i++) {
        const struct yaml *list = yaml_get(notify, list_key[i]);
        if (list && list->kind != YAML_LIST)
            return node_fail(list, e, "notify.%s: want a list of channels, [{webhook: URL}]",
                             list_key[i]);
        for (size_t k = 0; rc == 0 && list && k < list->n; k++) {
            if (all->n == MAX_CHANNELS)
                return node_fail(list, e, "notify: more than %d channels", (int)MAX_CHANNELS);
            all->item = mem_grow(all->item, all->n, sizeof *all->item);
            struct channel *c = &all->item[all->n++];
            struct reading x = { r, &scope, json_object(), json_object() };
            *c = (struct channel){ .event = (enum notify_event)i,
                                   .line = list->item[k]->line,
                                   .column = list->item[k]->column };
            rc = channel_read(&x, list->item[k], c, e);
            json_decref(x.secrets);
            json_decref(x.doc);
        }
    }
    return rc;
}

void channels_release(struct channels *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->item[i].name);
        free(c->item[i].text);
    }
    free(c->item);
    *c = (struct channels){ 0 };
}
