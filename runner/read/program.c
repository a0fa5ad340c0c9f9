#include "runner/read/program.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/plan/files.h"
#include "runner/read/path.h"
#include "runner/read/probe.h"

enum { MAX_DESCRIBE = 1 << 20, DESCRIBE_MS = 10000, MAX_OPTIONS = 1000, MAX_CHOICES = 1000 };

int program_self(char **out, struct err *e)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0)
        return err_sys(e, "cannot find the running program (/proc/self/exe)");
    *out = mem_strndup(self, (size_t)n);
    return 0;
}

int program_directory(char **out, struct err *e)
{
    char *self;
    int rc = program_self(&self, e);
    if (rc)
        return rc;
    char *path = str_format("%s/../../libexec/refit", self);
    *out = path_normal(path);
    free(path);
    free(self);
    return 0;
}

static int bad(struct err *e, const char *what)
{
    return err_set(e, ERR_DATA, "--describe: %s", what);
}

static char *copy_text(const json_t *row, const char *key)
{
    return mem_strdup(json_string_value(json_object_get(row, key)));
}

static bool find_word(const char *word, const char *const *words, size_t n, size_t *out)
{
    for (*out = 0; word && *out < n; (*out)++)
        if (strcmp(word, words[*out]) == 0)
            return true;
    return false;
}

/* Defaults as the text that the option would take. */
static char *default_text(const json_t *v)
{
    struct str text = { 0 };
    if (json_is_string(v))
        return mem_strdup(json_string_value(v));
    if (json_is_boolean(v))
        return mem_strdup(json_is_true(v) ? "true" : "false");
    if (json_is_integer(v))
        return str_format("%lld", (long long)json_integer_value(v));
    if (!json_is_real(v))
        return NULL;
    str_add_real(&text, json_real_value(v));
    return str_take(&text);
}

static int parse_choices(struct program_option *o, const json_t *list, struct err *e)
{
    if (!list)
        return 0;
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > MAX_CHOICES)
        return bad(e, "'choices' is not a list of words");
    o->choice = mem_calloc(json_array_size(list), sizeof *o->choice);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        if (!text)
            return bad(e, "'choices' is not a list of words");
        o->choice[o->n_choice++] = mem_strdup(text);
    }
    return 0;
}

static int parse_option(struct program_option *o, json_t *row, struct err *e)
{
    static const char *const kinds[] = { "in", "out", "param" };
    static const char *const types[] = { "path", "text", "int", "real", "bool", "choice" };
    size_t kind, type;
    json_t *only = json_object_get(row, "only");

    if (!json_is_object(row))
        return bad(e, "an option is not an object");
    o->name = copy_text(row, "name");
    if (!o->name || !*o->name)
        return bad(e, "an option has no name");
    if (!find_word(json_string_value(json_object_get(row, "kind")), kinds, 3, &kind))
        return err_set(e, ERR_DATA, "--describe: option '%s': kind is not in, out or param",
                       o->name);
    if (!find_word(json_string_value(json_object_get(row, "type")), types, 6, &type))
        return err_set(e, ERR_DATA,
                       "--describe: option '%s': type is not path, text, int, real, bool or choice",
                       o->name);
    o->kind = (enum program_kind)kind;
    o->type = (enum program_type)type;
    o->list = json_is_true(json_object_get(row, "list"));
    o->required = json_is_true(json_object_get(row, "required"));
    o->side = json_is_true(json_object_get(row, "side"));
    o->ranged = json_is_number(json_object_get(row, "min")) &&
                json_is_number(json_object_get(row, "max"));
    o->min = json_number_value(json_object_get(row, "min"));
    o->max = json_number_value(json_object_get(row, "max"));
    o->unit = copy_text(row, "unit");
    o->format = copy_text(row, "format");
    o->help = copy_text(row, "help");
    o->def = default_text(json_object_get(row, "default"));
    if (json_is_object(only) && json_object_size(only) > 0) {
        void *first = json_object_iter(only);
        o->only = mem_strdup(json_object_iter_key(first));
        o->only_value = default_text(json_object_iter_value(first));
        if (!o->only_value)
            return err_set(e, ERR_DATA, "--describe: option '%s': 'only' has no value", o->name);
    }
    return parse_choices(o, json_object_get(row, "choices"), e);
}

int program_parse(struct program *p, const char *json, struct err *e)
{
    json_error_t error;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    int rc = 0;

    if (!root)
        return err_set(e, ERR_DATA, "--describe is not JSON: %s (line %d)", error.text, error.line);
    const json_t *list = json_object_get(root, "options");
    if (!json_is_array(list) || json_array_size(list) > MAX_OPTIONS) {
        rc = bad(e, "'options' is not a list");
        goto out;
    }
    p->name = copy_text(root, "name");
    p->option = mem_calloc(json_array_size(list), sizeof *p->option);
    while (rc == 0 && p->n_option < json_array_size(list)) {
        struct program_option *o = &p->option[p->n_option++];
        rc = parse_option(o, json_array_get(list, p->n_option - 1), e);
        if (rc == 0 && program_option(p, o->name) != o)
            rc = err_set(e, ERR_DATA, "--describe: option '%s' is there twice", o->name);
    }
out:
    json_decref(root);
    return rc;
}

const struct program_option *program_option(const struct program *p, const char *name)
{
    for (size_t i = 0; i < p->n_option; i++)
        if (p->option[i].name && strcmp(p->option[i].name, name) == 0)
            return &p->option[i];
    return NULL;
}

/* Everything that --describe said. */
static void forget(struct program *p)
{
    for (size_t i = 0; i < p->n_option; i++) {
        struct program_option *o = &p->option[i];
        for (size_t k = 0; k < o->n_choice; k++)
            free(o->choice[k]);
        free(o->choice);
        free(o->name);
        free(o->unit);
        free(o->format);
        free(o->help);
        free(o->def);
        free(o->only);
        free(o->only_value);
    }
    free(p->option);
    free(p->name);
    p->name = NULL;
    p->option = NULL;
    p->n_option = 0;
}

void program_free(struct program *p)
{
    if (!p)
        return;
    forget(p);
    free(p->path);
    free(p);
}

/* Remember the answer without what is never looked at and what is the default anyway: reading the
 * answers again is a large part of what an up-to-date run does. */
static int remember(const struct program *p, const char *json, struct state *s, struct err *e)
{
    static const char *const flags[] = { "list", "required", "side" };
    json_t *root = json_loads(json, 0, NULL), *options = json_object_get(root, "options");
    for (size_t i = 0; i < json_array_size(options); i++) {
        json_t *row = json_array_get(options, i);
        json_object_del(row, "help");
        for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
            if (!json_is_true(json_object_get(row, flags[k])))
                json_object_del(row, flags[k]);
        if (json_is_null(json_object_get(row, "default")))
            json_object_del(row, "default");
    }
    json_object_del(root, "purpose");
    json_object_del(root, "version");
    char *text = json_dumps(root, JSON_COMPACT);
    int rc = state_describe_put(s, p->sha256, text, e);
    free(text);
    json_decref(root);
    return rc;
}

/* What a program answered to --describe, checked and remembered. */
static int take_answer(struct program *p, const struct probe *answer, struct state *s,
                       struct err *e)
{
    if (answer->timed_out)
        return err_set(e, ERR_USAGE, "'%s --describe' took more than %d s", p->path,
                       DESCRIBE_MS / 1000);
    if (answer->too_long)
        return err_set(e, ERR_USAGE, "'%s --describe' printed more than %d bytes", p->path,
                       MAX_DESCRIBE);
    if (answer->status != 0) {
        const char *said = str_text(&answer->err);
        return err_set(e, ERR_USAGE, "'%s --describe' ended with status %d: %.*s", p->path,
                       answer->status, (int)strcspn(said, "\n"), said);
    }
    const char *json = str_text(&answer->out);
    if (program_parse(p, json, e) != 0) {
        e->code = ERR_USAGE;
        err_wrap(e, "'%s'", p->path);
        return e->code;
    }
    return s ? remember(p, json, s, e) : 0;
}

/* What is known of the program without running it; *out_known false: it must be asked. */
static int recall(struct program *p, struct state *s, bool *out_known, struct err *e)
{
    bool exists;
    char *json = NULL;
    int rc;

    *out_known = false;
    if (access(p->path, X_OK) != 0)
        return err_set(e, ERR_USAGE, "program '%s': %s", p->path, strerror(errno));
    if ((rc = files_hash(s, p->path, &exists, p->sha256, e)) || !s)
        return rc;
    if ((rc = state_describe_get(s, p->sha256, &json, e)))
        return rc;
    *out_known = json && program_parse(p, json, e) == 0;
    if (json && !*out_known) { /* it cannot be what the program said: ask again */
        forget(p);
        *e = (struct err){ 0 };
    }
    free(json);
    return 0;
}

int program_describe(struct program **out, char *const *path, size_t n, struct state *s,
                     struct err *e)
{
    char describe[] = "--describe";
    struct probe *probe = mem_calloc(n, sizeof *probe);
    char **argv = mem_calloc(3 * n, sizeof *argv); /* per probe: path, --describe, NULL */
    struct program **asked = mem_calloc(n, sizeof *asked);
    size_t n_asked = 0;
    int rc = 0;

    for (size_t i = 0; i < n; i++) {
        out[i] = mem_calloc(1, sizeof **out);
        out[i]->path = mem_strdup(path[i]);
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool known;
        if ((rc = recall(out[i], s, &known, e)) || known)
            continue;
        argv[3 * n_asked] = out[i]->path;
        argv[3 * n_asked + 1] = describe;
        probe[n_asked].argv = argv + 3 * n_asked;
        asked[n_asked++] = out[i];
    }
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    if (rc == 0 && n_asked)
        rc = probe_run(probe, n_asked, cpus > 0 ? (size_t)cpus : 1, DESCRIBE_MS, MAX_DESCRIBE, e);
    for (size_t i = 0; rc == 0 && i < n_asked; i++)
        rc = take_answer(asked[i], &probe[i], s, e);
    for (size_t i = 0; i < n_asked; i++)
        probe_release(&probe[i]);
    for (size_t i = 0; rc && i < n; i++) {
        program_free(out[i]);
        out[i] = NULL;
    }
    free(asked);
    free(argv);
    free(probe);
    return rc;
}
