#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/reader.h"

static const char *const kind_word[] = { "input", "output", "parameter" };
static const char *const article[] = { "an input", "an output", "a parameter" };
static const char *const kind_key[] = { "deps", "outs", "params" };

int contract_option(const struct yaml *at, const struct stage_spec *s, const char *name,
                    enum program_kind kind, const struct program_option **out, struct err *e)
{
    *out = NULL;
    if (!s->described)
        return 0;
    const struct program_option *o = program_option(s->described, name);
    if (o && strcmp(name, "checkpoint") == 0)
        return node_fail(at, e,
                         "stage '%s': write 'checkpoint: PATH' beside deps and outs, not under %s",
                         s->name, kind_key[kind]);
    if (o && o->kind != kind)
        return node_fail(at, e,
                         "stage '%s': '%s' of program '%s' is not %s but %s: write it under %s",
                         s->name, name, s->run, article[kind], article[o->kind], kind_key[o->kind]);
    if (o) {
        *out = o;
        return 0;
    }
    const char **names = mem_calloc(s->described->n_option, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < s->described->n_option; i++)
        if (s->described->option[i].kind == kind)
            names[n++] = s->described->option[i].name;
    const char *near = str_nearest(name, names, n);
    node_fail(at, e, "stage '%s': program '%s' has no %s '%s'%s%s%s", s->name, s->run,
              kind_word[kind], name, near ? "; did you mean '" : "", near ? near : "",
              near ? "'?" : "");
    free(names);
    return e->code;
}

static int out_of_range(const struct yaml *at, const struct stage_spec *s,
                        const struct program_option *o, const char *text, struct err *e)
{
    return node_fail(at, e, "stage '%s': %s: '%s' is out of range: want %g to %g%s%s", s->name,
                     o->name, text, o->min, o->max, o->unit ? " " : "", o->unit ? o->unit : "");
}

static int bad_choice(const struct yaml *at, const struct stage_spec *s,
                      const struct program_option *o, const char *text, struct err *e)
{
    struct str all = { 0 };
    for (size_t i = 0; i < o->n_choice; i++)
        str_addf(&all, "%s%s", i ? ", " : "", o->choice[i]);
    const char *near = str_nearest(text, (const char *const *)o->choice, o->n_choice);
    node_fail(at, e, "stage '%s': %s: '%s' is not one of %s%s%s%s", s->name, o->name, text,
              str_text(&all), near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    str_release(&all);
    return e->code;
}

bool url_has_password(const char *text)
{
    const char *authority = strstr(text, "://");
    if (!authority)
        return false;
    authority += 3;
    size_t n = strcspn(authority, "/?#");
    const char *at = memchr(authority, '@', n);
    return at && memchr(authority, ':', (size_t)(at - authority));
}

/* The canonical text of a value that is known; NULL with an error. */
static char *canonical(const struct yaml *at, const struct stage_spec *s,
                       const struct program_option *o, const char *text, struct err *e)
{
    struct str out = { 0 };
    long long whole;
    double real;
    bool flag;

    switch (o->type) {
    case PROGRAM_INT:
        if (!str_to_int(text, &whole))
            node_fail(at, e, "stage '%s': %s: '%s' is not a whole number", s->name, o->name, text);
        else if (o->ranged && ((double)whole < o->min || (double)whole > o->max))
            out_of_range(at, s, o, text, e);
        else
            str_addf(&out, "%lld", whole);
        break;
    case PROGRAM_REAL:
        if (!str_to_real(text, &real))
            node_fail(at, e, "stage '%s': %s: '%s' is not a finite number", s->name, o->name, text);
        else if (o->ranged && (real < o->min || real > o->max))
            out_of_range(at, s, o, text, e);
        else
            str_add_real(&out, real == 0 ? 0.0 : real); /* no minus zero */
        break;
    case PROGRAM_BOOL:
        if (!str_to_bool(text, &flag))
            node_fail(at, e, "stage '%s': %s: '%s' is neither true nor false", s->name, o->name,
                      text);
        else
            str_addz(&out, flag ? "true" : "false");
        break;
    case PROGRAM_CHOICE:
        for (size_t i = 0; i < o->n_choice && out.n == 0; i++)
            if (strcmp(o->choice[i], text) == 0)
                str_addz(&out, text);
        if (out.n == 0)
            bad_choice(at, s, o, text, e);
        break;
    case PROGRAM_TEXT:
    case PROGRAM_PATH:
        reference_escape(text, &out);
        return str_take(&out);
    }
    return out.n ? str_take(&out) : NULL;
}

int contract_value(const struct yaml *at, const struct stage_spec *s,
                   const struct program_option *o, char **value, struct err *e)
{
    if (url_has_password(*value))
        return node_fail(
            at, e,
            "stage '%s': a password in a URL would be kept in the history: declare it under "
            "secrets (libpq reads PGPASSWORD)",
            s->name);
    if (!o)
        return 0;
    if (reference_open(*value)) {
        if (o->type == PROGRAM_TEXT || o->type == PROGRAM_PATH)
            return 0;
        return node_fail(
            at, e, "stage '%s': %s: '%s' is known only while the stage runs: want a text parameter",
            s->name, o->name, *value);
    }
    char *text = reference_text(*value);
    char *canon = canonical(at, s, o, text, e);
    free(text);
    if (!canon)
        return e->code;
    free(*value);
    *value = canon;
    return 0;
}

static const struct file_ref *find_file(const struct file_ref *f, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(f[i].name, name) == 0)
            return &f[i];
    return NULL;
}

static const struct param *find_param(const struct stage_spec *s, const char *name)
{
    for (size_t i = 0; i < s->n_param; i++)
        if (strcmp(s->param[i].name, name) == 0)
            return &s->param[i];
    return NULL;
}

/* The text that an option has: given, else its default, else NULL. */
static const char *effective(const struct stage_spec *s, const char *name)
{
    const struct param *p = find_param(s, name);
    const struct program_option *o = program_option(s->described, name);
    if (p)
        return p->n_value ? p->value[0] : NULL;
    return o ? o->def : NULL;
}

/* May the option be used with the values of the others? */
static bool applies(const struct stage_spec *s, const struct program_option *o)
{
    const char *value = o->only ? effective(s, o->only) : NULL;
    return !o->only || (value && (str_choice(o->only_value, value) >= 0 || reference_open(value)));
}

/* Where the stage gives the option; NULL if it does not. */
static const struct yaml *given_at(const struct yaml *map, const struct stage_spec *s,
                                   const struct program_option *o)
{
    bool given = o->kind == PROGRAM_IN    ? find_file(s->dep, s->n_dep, o->name) != NULL
                 : o->kind == PROGRAM_OUT ? find_file(s->out, s->n_out, o->name) != NULL
                                          : find_param(s, o->name) != NULL;
    return given ? yaml_get(yaml_get(map, kind_key[o->kind]), o->name) : NULL;
}

int contract_check(const struct yaml *map, const struct stage_spec *s, struct err *e)
{
    if (!s->described)
        return 0;
    for (size_t i = 0; i < s->described->n_option; i++) {
        const struct program_option *o = &s->described->option[i];
        const struct yaml *at = given_at(map, s, o);
        if (at && !applies(s, o)) {
            const char *value = effective(s, o->only);
            return node_fail(at, e, "stage '%s': %s is only for %s %s, and %s is %s", s->name,
                             o->name, o->only, o->only_value, o->only, value ? value : "not given");
        }
        if (!at && o->required && applies(s, o))
            return node_fail(map, e, "stage '%s': %s '%s' of program '%s' is missing under %s",
                             s->name, kind_word[o->kind], o->name, s->run, kind_key[o->kind]);
    }
    return 0;
}
