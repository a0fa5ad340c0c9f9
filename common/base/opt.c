#define _GNU_SOURCE /* sched_getaffinity, CPU_COUNT */
#include "base/opt.h"

#include <jansson.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/event.h"
#include "base/mem.h"
#include "base/str.h"

static int threads_wanted; /* --threads; 0: not given */

static const char *const own_flags[] = { "help", "describe", "check", "version", "threads" };
enum { N_OWN_FLAG = sizeof own_flags / sizeof *own_flags, MAX_OPTION = 128, MAX_THREAD = 1024 };

static const struct opt *find(const struct stage *stage, const char *name, size_t n)
{
    for (const struct opt *o = stage->opts; o->name; o++)
        if (strlen(o->name) == n && memcmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static void set_default(const struct opt *o, void *params)
{
    char *at = (char *)params + o->offset;
    if (o->list)
        return; /* zeros: the empty list */
    switch (o->type) {
    case OPT_TYPE_PATH:
    case OPT_TYPE_TEXT:
    case OPT_TYPE_CHOICE:
        *(const char **)(void *)at = o->text;
        break;
    case OPT_TYPE_INT:
        *(int64_t *)(void *)at = o->file_default ? OPT_INT_UNSET : (int64_t)o->def;
        break;
    case OPT_TYPE_REAL:
        *(double *)(void *)at = o->file_default ? (double)NAN : o->def;
        break;
    case OPT_TYPE_BOOL:
        *(bool *)(void *)at = o->def != 0;
        break;
    }
}

static void add_to_list(struct opt_list *list, const char *value)
{
    list->item = mem_grow(list->item, list->n, sizeof *list->item);
    list->item[list->n++] = value;
}

/* Of a limit: whole numbers are told in full. */
static int digits(const struct opt *o)
{
    return o->type == OPT_TYPE_INT ? 17 : 6;
}

static int check_range(const struct opt *o, double v, const char *text, struct err *e)
{
    if ((o->min == 0 && o->max == 0) || (v >= o->min && v <= o->max))
        return 0;
    return err_set(e, ERR_USAGE, "--%s '%s' is out of range: want %.*g to %.*g%s%s", o->name, text,
                   digits(o), o->min, digits(o), o->max, o->unit ? " " : "",
                   o->unit ? o->unit : "");
}

static int set_value(const struct opt *o, void *params, const char *text, struct err *e)
{
    char *at = (char *)params + o->offset;
    long long whole;

    switch (o->type) {
    case OPT_TYPE_PATH:
        if (!*text)
            return err_set(e, ERR_USAGE, "--%s is empty: want a path", o->name);
        /* fall through */
    case OPT_TYPE_TEXT:
        if (o->list)
            add_to_list((struct opt_list *)(void *)at, text);
        else
            *(const char **)(void *)at = text;
        return 0;
    case OPT_TYPE_CHOICE:
        if (str_choice(o->choices, text) < 0)
            return err_set(e, ERR_USAGE, "--%s '%s' is not one of %s", o->name, text, o->choices);
        *(const char **)(void *)at = text;
        return 0;
    case OPT_TYPE_INT:
        if (!str_to_int(text, &whole))
            return err_set(e, ERR_USAGE, "--%s '%s' is not a whole number", o->name, text);
        *(int64_t *)(void *)at = whole;
        return check_range(o, (double)whole, text, e);
    case OPT_TYPE_REAL:
        if (!str_to_real(text, (double *)(void *)at))
            return err_set(e, ERR_USAGE, "--%s '%s' is not a finite number", o->name, text);
        return check_range(o, *(double *)(void *)at, text, e);
    case OPT_TYPE_BOOL:
        if (!str_to_bool(text, (bool *)(void *)at))
            return err_set(e, ERR_USAGE, "--%s '%s' is neither true nor false", o->name, text);
        return 0;
    }
    return 0;
}

static int unknown_option(const struct stage *stage, const char *arg, struct err *e)
{
    const char *names[MAX_OPTION + N_OWN_FLAG];
    size_t n = 0;
    for (const struct opt *o = stage->opts; o->name && n < MAX_OPTION; o++)
        names[n++] = o->name;
    for (size_t i = 0; i < N_OWN_FLAG; i++)
        names[n++] = own_flags[i];
    const char *near = str_nearest(arg + strspn(arg, "-"), names, n);
    return err_set(e, ERR_USAGE, "unknown option '%s'%s%s%s (--help lists them)", arg,
                   near ? "; did you mean --" : "", near ? near : "", near ? "?" : "");
}

static int set_threads(const char *text, struct err *e)
{
    long long n;
    if (!str_to_int(text, &n) || n < 1 || n > MAX_THREAD)
        return err_set(e, ERR_USAGE, "--threads '%s': want 1 to %d", text, MAX_THREAD);
    threads_wanted = (int)n;
    return 0;
}

static bool is_verb(const char *arg, enum opt_verb *out)
{
    static const struct {
        const char *flag;
        enum opt_verb verb;
    } verbs[] = { { "--help", OPT_HELP },
                  { "-h", OPT_HELP },
                  { "--describe", OPT_DESCRIBE },
                  { "--version", OPT_VERSION },
                  { "--check", OPT_CHECK } };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(arg, verbs[i].flag) == 0) {
            *out = verbs[i].verb;
            return true;
        }
    }
    return false;
}

/* May it be used with the values of the others? Those that it depends on are texts. */
static bool applies(const struct stage *stage, const struct opt *o, const void *params)
{
    if (!o->only_if)
        return true;
    size_t n = strcspn(o->only_if, "=");
    const struct opt *other = find(stage, o->only_if, n);
    const char *value = *(const char *const *)(const void *)((const char *)params + other->offset);
    return value && str_choice(o->only_if + n + 1, value) >= 0;
}

static int check_applies(const struct stage *stage, const bool *given, const void *params,
                         struct err *e)
{
    for (const struct opt *o = stage->opts; o->name; o++)
        if (given[o - stage->opts] && !applies(stage, o, params))
            return err_set(e, ERR_USAGE, "--%s is only for --%s", o->name, o->only_if);
    return 0;
}

static int check_required(const struct stage *stage, const bool *given, const void *params,
                          struct err *e)
{
    for (const struct opt *o = stage->opts; o->name; o++)
        if (o->kind != OPT_KIND_PARAM && !o->optional && !given[o - stage->opts] &&
            applies(stage, o, params))
            return err_set(e, ERR_USAGE, "--%s is missing: %s", o->name, o->help);
    return 0;
}

/* The option that NAME=VALUE without a flag belongs to; NULL: none. */
static const struct opt *find_bare(const struct stage *stage, const char *arg)
{
    const struct opt *o = stage->opts;
    while (o->name && !o->bare)
        o++;
    return o->name && *arg != '-' && strchr(arg, '=') ? o : NULL;
}

/* Is it true by standing there, without a value? */
static bool is_flag(const struct stage *stage, const struct opt *o, const char *next)
{
    return o && o->type == OPT_TYPE_BOOL &&
           (!next || str_starts(next, "--") || find_bare(stage, next));
}

int opt_parse(const struct stage *stage, int argc, char **argv, void *params,
              enum opt_verb *out_verb, struct err *e)
{
    bool given[MAX_OPTION] = { false };
    int rc;

    *out_verb = OPT_RUN;
    memset(params, 0, stage->size);
    for (const struct opt *o = stage->opts; o->name; o++)
        set_default(o, params);
    for (int i = 1; i < argc; i++) {
        /* a program may have an option `version` of its own; it wins where a value follows */
        bool own = i + 1 < argc && str_starts(argv[i], "--") &&
                   find(stage, argv[i] + 2, strlen(argv[i] + 2));
        if (!own && is_verb(argv[i], out_verb)) {
            if (*out_verb != OPT_CHECK)
                return 0;
            continue;
        }
        const struct opt *bare = find_bare(stage, argv[i]);
        if (bare) {
            add_to_list((struct opt_list *)(void *)((char *)params + bare->offset), argv[i]);
            continue;
        }
        if (!str_starts(argv[i], "--"))
            return err_set(e, ERR_USAGE, "'%s' is not an option; options are written --name value",
                           argv[i]);
        const char *name = argv[i] + 2, *equals = strchr(name, '=');
        size_t n = equals ? (size_t)(equals - name) : strlen(name);
        const struct opt *o = find(stage, name, n);
        bool threads = n == 7 && memcmp(name, "threads", n) == 0;
        if (!o && !threads)
            return unknown_option(stage, argv[i], e);
        bool flag = !equals && is_flag(stage, o, argv[i + 1]);
        if (!equals && !flag && i + 1 == argc)
            return err_set(e, ERR_USAGE, "%s needs a value", argv[i]);
        const char *value = equals ? equals + 1 : flag ? "true" : argv[++i];
        if (!o) {
            if ((rc = set_threads(value, e)))
                return rc;
            continue;
        }
        if (given[o - stage->opts] && !o->list)
            return err_set(e, ERR_USAGE, "--%s is given twice", o->name);
        given[o - stage->opts] = true;
        if ((rc = set_value(o, params, value, e)))
            return rc;
        while (o->list && !equals && i + 1 < argc && !str_starts(argv[i + 1], "--") &&
               !find_bare(stage, argv[i + 1])) /* what a shell makes of --source *.csv */
            if ((rc = set_value(o, params, argv[++i], e)))
                return rc;
    }
    if ((rc = check_applies(stage, given, params, e)))
        return rc;
    return *out_verb == OPT_CHECK ? 0 : check_required(stage, given, params, e);
}

int opt_threads(void)
{
    long long n = 0;
    const char *text = getenv("REFIT_THREADS");
    if (threads_wanted)
        return threads_wanted;
    if (text && str_to_int(text, &n) && n >= 1 && n <= MAX_THREAD)
        return (int)n;
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static const char *kind_name(const struct opt *o)
{
    return o->kind == OPT_KIND_IN ? "in" : o->kind == OPT_KIND_OUT ? "out" : "param";
}

static const char *type_name(const struct opt *o)
{
    static const char *const name[] = { "path", "text", "int", "real", "bool", "choice" };
    return name[o->type];
}

static json_t *default_json(const struct opt *o)
{
    if (o->list || o->file_default || (o->type == OPT_TYPE_PATH && !o->text))
        return json_null();
    switch (o->type) {
    case OPT_TYPE_INT:
        return json_integer((json_int_t)o->def);
    case OPT_TYPE_REAL:
        return json_real(o->def);
    case OPT_TYPE_BOOL:
        return json_boolean(o->def != 0);
    default:
        return o->text ? json_string(o->text) : json_null();
    }
}

static void set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        json_object_set_new(object, key, json_string(text));
}

char *opt_describe(const struct stage *stage)
{
    json_t *root = json_object(), *list = json_array();
    for (const struct opt *o = stage->opts; o->name; o++) {
        json_t *row = json_object();
        set_text(row, "name", o->name);
        set_text(row, "kind", kind_name(o));
        set_text(row, "type", type_name(o));
        json_object_set_new(row, "list", json_boolean(o->list));
        json_object_set_new(row, "required",
                            json_boolean(o->kind != OPT_KIND_PARAM && !o->optional));
        json_object_set_new(row, "side", json_boolean(o->side));
        if (o->kind == OPT_KIND_PARAM)
            json_object_set_new(row, "default", default_json(o));
        if (o->min != 0 || o->max != 0) {
            json_object_set_new(row, "min", json_real(o->min));
            json_object_set_new(row, "max", json_real(o->max));
        }
        set_text(row, "unit", o->unit);
        set_text(row, "format", o->format);
        set_text(row, "help", o->help);
        if (o->choices) {
            json_t *choices = json_array();
            for (const char *p = o->choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
                json_array_append_new(choices, json_stringn(p, strcspn(p, "|")));
            json_object_set_new(row, "choices", choices);
        }
        if (o->only_if) {
            const char *equals = strchr(o->only_if, '=');
            char *name = mem_strndup(o->only_if, (size_t)(equals - o->only_if));
            json_object_set_new(row, "only", json_pack("{s:s}", name, equals + 1));
            free(name);
        }
        json_array_append_new(list, row);
    }
    set_text(root, "name", stage->name);
    set_text(root, "purpose", stage->purpose);
    set_text(root, "version", REFIT_VERSION);
    json_object_set_new(root, "options", list);
    char *dumped = json_dumps(root, JSON_INDENT(1)), *text = mem_strdup(dumped);
    free(dumped);
    json_decref(root);
    return text;
}

/* "  --name VALUE  help text", the help in a column of its own, wrapped at 100. */
static void print_row(const char *left, const char *help)
{
    enum { COLUMN = 32, WIDTH = 100 };
    int at = printf("  %s", left);
    if (at >= COLUMN - 1)
        at = printf("\n") - 1;
    at += printf("%*s", COLUMN - at, "");
    for (const char *word = help; *word;) {
        size_t n = strcspn(word, " ");
        if (at + (int)n > WIDTH)
            at = printf("\n%*s", COLUMN, "") - 1;
        at += printf("%.*s", (int)n, word);
        word += n;
        if (*word) {
            at += printf(" ");
            word++;
        }
    }
    printf("\n");
}

static void print_option(const struct opt *o)
{
    struct str left = { 0 }, help = { 0 };
    str_addf(&left, "--%s %s%s", o->name, type_name(o), o->list ? " ..." : "");
    str_addz(&help, o->help);
    if (o->choices)
        str_addf(&help, "; one of %s", o->choices);
    if (o->unit)
        str_addf(&help, " [%s]", o->unit);
    if (o->min != 0 || o->max != 0)
        str_addf(&help, "; %.*g to %.*g", digits(o), o->min, digits(o), o->max);
    json_t *def = default_json(o);
    if (o->kind == OPT_KIND_PARAM && !json_is_null(def)) {
        char *text = json_dumps(def, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        str_addf(&help, " (default %s)", text);
        free(text);
    } else if (o->file_default) {
        str_addz(&help, " (default: what the side file says)");
    } else if (o->optional || o->list) {
        str_addz(&help, " (optional)");
    }
    if (o->only_if)
        str_addf(&help, " (only with %s)", o->only_if);
    json_decref(def);
    print_row(left.text, help.text);
    str_release(&left);
    str_release(&help);
}

static void print_help(const struct stage *stage)
{
    static const char *const title[] = { "Inputs:", "Outputs:", "Parameters:" };
    const struct opt *bare = stage->opts;
    while (bare->name && !bare->bare)
        bare++;
    printf("%s: %s\n\nusage: %s --name value ...%s\n", stage->name, stage->purpose, stage->name,
           bare->name ? " [NAME=VALUE ...]" : "");
    for (int kind = OPT_KIND_IN; kind <= OPT_KIND_PARAM; kind++) {
        bool any = false;
        for (const struct opt *o = stage->opts; o->name; o++) {
            if ((int)o->kind != kind)
                continue;
            if (!any)
                printf("\n%s\n", title[kind]);
            any = true;
            print_option(o);
        }
    }
    printf("\nEvery program:\n");
    print_row(
        "--threads N",
        "worker threads; never changes a result (default: REFIT_THREADS, else all processors)");
    print_row("--check", "read the options and the configuration files, do no work");
    print_row("--describe", "this table as JSON");
    print_row("--help, --version", "print and leave");
    if (stage->more)
        printf("\n%s\n", stage->more);
    printf("\nExit status: 0 done, 64 usage, 65 bad input, 70 a bug, 71 out of memory, 74 I/O, 75 "
           "try again,\n"
           "98 blocked, 99 nothing to do. An output appears under its name only when it is "
           "complete.\n");
}

int stage_main(const struct stage *stage, int argc, char **argv)
{
    struct err e = { 0 };
    enum opt_verb verb;
    void *params = mem_calloc(1, stage->size);
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error like a full disk */
    int rc = opt_parse(stage, argc, argv, params, &verb, &e);

    if (rc == 0) {
        switch (verb) {
        case OPT_HELP:
            print_help(stage);
            break;
        case OPT_VERSION:
            printf("%s (refit) %s\n", stage->name, REFIT_VERSION);
            break;
        case OPT_DESCRIBE: {
            char *text = opt_describe(stage);
            puts(text);
            free(text);
            break;
        }
        case OPT_CHECK:
            rc = stage->check ? stage->check(params, &e) : 0;
            break;
        case OPT_RUN:
            if ((rc = opt_check_files(stage, params, &e)) == 0)
                rc = stage->run(params, &e);
            event_close();
            break;
        }
    }
    if (rc == 0)
        rc = err_stdout(&e);
    if (e.code != ERR_NONE)
        rc = err_report(&e, stage->name);
    for (const struct opt *o = stage->opts; o->name; o++)
        if (o->list)
            free(((struct opt_list *)(void *)((char *)params + o->offset))->item);
    free(params);
    return rc;
}
