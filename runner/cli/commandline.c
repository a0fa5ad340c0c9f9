#include "runner/cli/commandline.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/lock.h"
#include "runner/schedule/schedule.h"

static int unknown_option(const char *arg, const struct command *k, struct err *e)
{
    const struct words w = cli_words();
    const char **names = mem_calloc(w.n_option, sizeof *names);
    size_t n = 0;
    char *name = mem_strndup(arg + 2, strcspn(arg + 2, "="));
    for (size_t i = 0; i < w.n_option; i++)
        if (option_is_of(&w.option[i], k->id))
            names[n++] = w.option[i].name;
    const char *near = arg[1] == '-' ? str_nearest(name, names, n) : NULL;
    free(name);
    free(names);
    if (k->id == ID_BEFORE)
        return err_set(e, ERR_USAGE, "'%s' before the command; want refit COMMAND %s", arg, arg);
    if (near)
        return err_set(e, ERR_USAGE, "unknown option '%s' of 'refit %s'; did you mean '--%s'?", arg,
                       k->name, near);
    return err_set(e, ERR_USAGE, "unknown option '%s' of 'refit %s'; see 'refit %s --help'", arg,
                   k->name, k->name);
}

static int store(struct parsed *p, const struct option *o, const char *value, struct err *e)
{
    void *field = (char *)&p->cli + o->offset;
    long long n;
    switch (o->value) {
    case FLAG:
        *(bool *)field = true;
        return 0;
    case COUNT:
        if (!str_to_int(value, &n) || n < (o->letter == 'j' ? 1 : 0) || n > 1000000)
            return err_set(e, ERR_USAGE, "--%s is '%s', want a number from %d to 1000000", o->name,
                           value, o->letter == 'j' ? 1 : 0);
        *(int64_t *)field = n;
        return 0;
    case LIST:
        if (!strchr(value, '='))
            return err_set(e, ERR_USAGE, "-p is '%s', want NAME=VALUE", value);
        p->cli.set[p->cli.n_set++] = value;
        return 0;
    case FILES:
        p->cli.files[p->cli.n_files++] = value;
        return 0;
    case COLOUR:
        if (strcmp(value, "auto") != 0 && strcmp(value, "always") != 0 &&
            strcmp(value, "never") != 0)
            return err_set(e, ERR_USAGE, "--color is '%s', want auto, always or never", value);
        p->colour = value;
        return 0;
    case TIME: {
        const char *wrong = duration_parse(value, (int64_t *)field);
        return wrong ? err_set(e, ERR_USAGE, "--%s: '%s' %s", o->name, value, wrong) : 0;
    }
    case WAIT: {
        const char *wrong = value ? duration_parse(value, &p->cli.wait_ms) : NULL;
        if (!value)
            p->cli.wait_ms = LOCK_FOREVER;
        return wrong ? err_set(e, ERR_USAGE, "--%s: '%s' %s", o->name, value, wrong) : 0;
    }
    case TEXT:
        break;
    }
    if (o->letter == 'C')
        p->directory = value;
    else
        *(const char **)field = value;
    if (o->letter == 'f')
        p->cli.file_given = true;
    return 0;
}

static const struct option *find_option(const char *arg, const struct command *k)
{
    const struct words w = cli_words();
    size_t n = strcspn(arg + 2, "=");
    for (const struct option *o = w.option; o < w.option + w.n_option; o++) {
        if (!option_is_of(o, k->id))
            continue;
        if (arg[1] == '-' ? strlen(o->name) == n && strncmp(o->name, arg + 2, n) == 0
                          : o->letter == arg[1])
            return o;
    }
    return NULL;
}

/* One argument that begins with '-'; flags of one letter may be joined ("-Fk"), a value too
 * ("-j2"). */
static int parse_option(struct parsed *p, const struct command *k, int argc, char **argv, int *at,
                        struct err *e)
{
    const char *arg = argv[*at];
    char one[3] = { '-', '\0', '\0' };
    int rc = 0;

    for (size_t i = 1; rc == 0 && arg[i]; i++) {
        bool is_long = arg[1] == '-';
        one[1] = arg[i];
        if (strcmp(arg, "--help") == 0 || (!is_long && arg[i] == 'h')) {
            p->help = true;
            return 0;
        }
        const struct option *o = find_option(is_long ? arg : one, k);
        if (!o)
            return unknown_option(is_long ? arg : one, k, e);
        const char *value = is_long ? strchr(arg, '=') : &arg[i + 1];
        if (o->value == FLAG) {
            if (is_long && value)
                return err_set(e, ERR_USAGE, "--%s takes no value", o->name);
            rc = store(p, o, NULL, e);
            if (is_long)
                return rc;
            continue;
        }
        if (o->value == WAIT)
            return store(p, o, value ? value + 1 : NULL, e);
        if (is_long)
            value = value ? value + 1 : NULL;
        else if (!*value)
            value = NULL;
        if (!value) {
            if (*at + 1 == argc)
                return err_set(e, ERR_USAGE, "'%s' wants %s", is_long ? arg : one, o->value_name);
            value = argv[++*at];
        }
        return store(p, o, value, e);
    }
    return rc;
}

bool asks_version(const char *arg)
{
    return strcmp(arg, "--version") == 0 || strcmp(arg, "-V") == 0;
}

int commandline_before(struct parsed *p, int argc, char **argv, int *at, struct err *e)
{
    static const struct command any = { .name = "COMMAND", .id = ID_BEFORE };
    int rc = 0;
    for (; rc == 0 && *at < argc && argv[*at][0] == '-' && argv[*at][1] && !p->help; ++*at)
        if (asks_version(argv[*at]))
            return 0;
        else
            rc = parse_option(p, &any, argc, argv, at, e);
    return rc;
}

int commandline_parse(struct parsed *p, const struct command *k, int argc, char **argv, int first,
                      struct err *e)
{
    bool only_words = false;
    int rc = 0;
    for (int i = first; i < argc && rc == 0; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0)
            only_words = true;
        else if (!only_words && argv[i][0] == '-' && argv[i][1])
            rc = parse_option(p, k, argc, argv, &i, e);
        else
            p->cli.name[p->cli.n_name++] = argv[i];
    }
    if (rc || p->help)
        return rc;
    if (p->cli.n_name < k->least)
        return err_set(e, ERR_USAGE, "usage: refit %s %s", k->name, k->words);
    if (p->cli.n_name > k->most)
        return err_set(e, ERR_USAGE, "'refit %s' does not know what to do with '%s'", k->name,
                       p->cli.name[k->most]);
    if (p->cli.single && (p->cli.from || p->cli.n_name))
        return err_set(e, ERR_USAGE,
                       "-s runs one stage alone: no --from and no other stages beside it");
    return 0;
}
