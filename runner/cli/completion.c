/* completion: scripts for bash and zsh from the tables of the command line, and the names that they
 * ask for while somebody types. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/yaml.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/cli/words.h"
#include "runner/memory/ledger.h"
#include "runner/read/path.h"

enum { MAX_RUNS = 50 };

/* ---- names ---- */

static void add_keys(const struct yaml *map, const char *before, const char *after,
                     struct path_list *out)
{
    for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
        path_list_take(out, str_format("%s%s%s", before, map->key[i]->text, after));
}

static void add_params(const struct yaml *root, struct path_list *out)
{
    const struct yaml *stages = yaml_get(root, "stages");
    add_keys(yaml_get(root, "params"), "", "=", out);
    for (size_t i = 0; stages && stages->kind == YAML_MAP && i < stages->n; i++) {
        char *stage = str_format("%s.", stages->key[i]->text);
        if (stages->item[i]->kind == YAML_MAP)
            add_keys(yaml_get(stages->item[i], "params"), stage, "=", out);
        free(stage);
    }
}

/* As the reader names them: `name`, else the kind. */
static void add_schedules(const struct yaml *list, struct path_list *out)
{
    static const char *const kind[] = { "weekly", "daily", "cron" };
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++) {
        const struct yaml *entry = list->item[i];
        const struct yaml *name = entry->kind == YAML_MAP ? yaml_get(entry, "name") : NULL;
        if (name)
            path_list_add(out, name->text);
        for (size_t k = 0; k < 3 && !name && entry->kind == YAML_MAP; k++)
            if (yaml_get(entry, kind[k]))
                path_list_add(out, kind[k]);
    }
}

/* The file is only parsed: no program is asked, nothing is checked. */
static int names_of_file(const char *what, const char *path, struct path_list *out, struct err *e)
{
    struct yaml *root = NULL;
    int rc = yaml_read(&root, path, e);
    if (rc || root->kind != YAML_MAP) {
        yaml_release(root);
        return rc;
    }
    if (strcmp(what, "stages") == 0)
        add_keys(yaml_get(root, "stages"), "", "", out);
    else if (strcmp(what, "profiles") == 0)
        add_keys(yaml_get(root, "profiles"), "", "", out);
    else if (strcmp(what, "params") == 0)
        add_params(root, out);
    else
        add_schedules(yaml_get(root, "schedule"), out);
    yaml_release(root);
    return 0;
}

static int names_of_runs(struct path_list *out, struct err *e)
{
    struct state *s;
    struct run_row *run = NULL;
    size_t n = 0;
    int rc = state_open(&s, false, e);
    if (rc)
        return rc;
    rc = ledger_runs(s, NULL, MAX_RUNS, &run, &n, e);
    for (size_t i = 0; i < n; i++)
        path_list_add(out, run[i].id);
    run_rows_free(run, n);
    state_close(s);
    return rc;
}

static int print_names(const struct cli *c, struct err *e)
{
    static const char *const known[] = { "stages", "runs", "schedules", "profiles", "params" };
    enum { N_KNOWN = sizeof known / sizeof *known };
    struct path_list list = { 0 };
    json_t *doc = json_array();
    size_t at = 0;
    while (at < N_KNOWN && strcmp(known[at], c->list) != 0)
        at++;
    if (at == N_KNOWN) {
        json_decref(doc);
        return err_set(e, ERR_USAGE,
                       "--list is '%s', want stages, runs, schedules, profiles or params", c->list);
    }
    int rc = at == 1 ? names_of_runs(&list, e) : names_of_file(c->list, c->file, &list, e);
    for (size_t i = 0; i < list.n && rc == 0; i++) {
        json_array_append_new(doc, json_string(list.path[i]));
        if (!c->json)
            printf("%s\n", list.path[i]);
    }
    path_list_release(&list);
    if (rc == 0 && c->json)
        return project_print(doc, e);
    json_decref(doc);
    return rc;
}

/* ---- what stands for what ---- */

/* "=a b" for words, or what is to be asked for; "" for anything. `to` is added to. */
static void add_kind(const char *placeholder, size_t n, const struct option *o, struct str *to)
{
    static const struct {
        const char *placeholder, *kind;
    } kind[] = { { "STAGE", "stages" },      { "RUN", "runs" },   { "SCHEDULE", "schedules" },
                 { "NAME=VALUE", "params" }, { "FILE", "files" }, { "DIR", "directories" } };
    if (o && strcmp(o->name, "profile") == 0) {
        str_addz(to, "profiles");
        return;
    }
    if (memchr(placeholder, '|', n)) {
        str_addc(to, '=');
        for (size_t i = 0; i < n; i++)
            str_addc(to, placeholder[i] == '|' ? ',' : placeholder[i]);
        return;
    }
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
        if (strlen(kind[i].placeholder) == n && strncmp(kind[i].placeholder, placeholder, n) == 0)
            str_addz(to, kind[i].kind);
}

/** The next of a command's words ("RUN [STAGE...]"): its bounds without brackets and dots. */
static const char *next_word(const char *p, const char **out, size_t *out_n, bool *out_repeats)
{
    p += strspn(p, " [");
    if (!*p)
        return NULL;
    *out = p;
    *out_n = strcspn(p, " ].");
    p += *out_n;
    *out_repeats = str_starts(p, "...");
    return p + strspn(p, "].");
}

static bool takes(const struct option *o, const struct command *k)
{
    return (o->commands & (UINT64_C(1) << k->id)) != 0;
}

static bool has_value(const struct option *o)
{
    return o->value != FLAG && o->value != WAIT;
}

/* ---- bash ---- */

static const char bash_head[] =
    "# bash completion for refit: made by 'refit completion bash'\n"
    "_refit_words() # COMMAND: its options, those with a value as OPTION:KIND, its words\n"
    "{\n"
    "    case $1 in\n";

static const char bash_tail[] =
    "    *) options= takes= words= ;;\n"
    "    esac\n"
    "}\n"
    "_refit()\n"
    "{\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= kind= i\n"
    "    local word value options takes words n=0\n"
    "    local -a there=() file=() kinds=()\n"
    "    _refit_words ''\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=${COMP_WORDS[i]}\n"
    "        if [[ $word == = ]]; then\n"
    "            ((i++))\n"
    "        elif [[ $word == -* ]]; then\n"
    "            [[ \" $takes\" == *\" $word:\"* ]] || continue\n"
    "            [[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))\n"
    "            ((++i < COMP_CWORD)) || break\n"
    "            value=${COMP_WORDS[i]}\n"
    "            case \" $takes\" in\n"
    "            *\" $word:directories\"*) there=(-C \"$value\") ;;\n"
    "            *\" $word:files\"*) file=(-f \"$value\") ;;\n"
    "            esac\n"
    "        elif [[ -z $command ]]; then\n"
    "            command=$word\n"
    "            _refit_words \"$command\"\n"
    "        else\n"
    "            ((n++))\n"
    "        fi\n"
    "    done\n"
    "    COMPREPLY=()\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "        [[ $prev == -* ]] || return\n"
    "    fi\n"
    "    if [[ $prev == -* && \" $takes\" == *\" $prev:\"* ]]; then\n"
    "        kind=${takes#*\"$prev:\"} kind=${kind%% *}\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        kind==$options\n"
    "    elif [[ -n $words ]]; then\n"
    "        read -ra kinds <<<\"$words\"\n"
    "        if ((n < ${#kinds[@]})); then\n"
    "            kind=${kinds[n]%...}\n"
    "        elif [[ $words == *... ]]; then\n"
    "            kind=${kinds[-1]%...}\n"
    "        fi\n"
    "    fi\n"
    "    case $kind in\n"
    "    =*) kind=${kind#=} kind=${kind//,/ } ;;\n"
    "    files)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        return\n"
    "        ;;\n"
    "    directories)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")\n"
    "        return\n"
    "        ;;\n"
    "    - | '') return ;;\n"
    "    *)\n"
    "        [[ $kind == params ]] && compopt -o nospace 2>/dev/null\n"
    "        kind=$(\"${COMP_WORDS[0]}\" \"${there[@]}\" completion \"${file[@]}\" --list $kind "
    "2>/dev/null)\n"
    "        ;;\n"
    "    esac\n"
    "    mapfile -t COMPREPLY < <(compgen -W \"$kind\" -- \"$cur\")\n"
    "}\n"
    "complete -F _refit refit\n";

static void add_bash_words(const struct words *w, const struct command *k, struct str *out)
{
    struct str with_value = { 0 };
    str_addz(out, " options='");
    for (size_t i = 0; i < w->n_option; i++) {
        const struct option *o = &w->option[i];
        struct str kind = { 0 };
        if (!takes(o, k))
            continue;
        if (has_value(o))
            add_kind(o->value_name, strlen(o->value_name), o, &kind);
        if (o->letter)
            str_addf(out, "-%c,", o->letter);
        str_addf(out, "--%s,", o->name);
        if (has_value(o) && o->letter)
            str_addf(&with_value, "-%c:%s ", o->letter, str_text(&kind));
        if (has_value(o))
            str_addf(&with_value, "--%s:%s ", o->name, str_text(&kind));
        str_release(&kind);
    }
    str_addf(out, "--help' takes='%s' words='", str_text(&with_value));
    const char *p = k->words, *word;
    bool repeats, first = true;
    size_t n;
    while ((p = next_word(p, &word, &n, &repeats))) {
        str_addz(out, first ? "" : " ");
        size_t before = out->n;
        add_kind(word, n, NULL, out);
        str_addf(out, "%s%s", out->n == before ? "-" : "", repeats ? "..." : "");
        first = false;
    }
    str_addz(out, "' ;;\n");
    str_release(&with_value);
}

static void add_bash(const struct words *w, struct str *out)
{
    struct str all = { 0 };
    str_addz(out, bash_head);
    for (size_t i = 0; i < w->n_command; i++)
        str_addf(&all, "%s|", w->command[i].name);
    str_addz(&all, "help");
    /* In front of the command: what all commands have. */
    struct command none = { .id = 63, .words = str_text(&all) };
    str_addz(out, "    '')");
    add_bash_words(w, &none, out);
    none.id = 62;
    for (size_t i = 0; i < w->n_command; i++) {
        str_addf(out, "    %s)", w->command[i].name);
        add_bash_words(w, &w->command[i], out);
    }
    str_addz(out, "    help)");
    add_bash_words(w, &none, out);
    str_addz(out, bash_tail);
    str_release(&all);
}

/* ---- zsh ---- */

/* Text inside '...[text]...': what _arguments and the shell would obey is escaped. */
static void add_zsh_text(const char *text, struct str *out)
{
    for (; *text; text++) {
        if (*text == '\'')
            str_addz(out, "'\\''");
        else if (strchr("[]:\\", *text))
            str_addf(out, "\\%c", *text);
        else
            str_addc(out, *text);
    }
}

/* ":message:action" */
static void add_zsh_action(const char *placeholder, size_t n, const struct option *o,
                           struct str *out)
{
    struct str kind = { 0 };
    add_kind(placeholder, n, o, &kind);
    const char *text = str_text(&kind);
    str_addz(out, ":");
    if (*text == '=') {
        str_addz(out, "word:(");
        for (text++; *text; text++)
            str_addc(out, *text == ',' ? ' ' : *text);
        str_addc(out, ')');
    } else if (strcmp(text, "files") == 0) {
        str_addz(out, "file:_files");
    } else if (strcmp(text, "directories") == 0) {
        str_addz(out, "directory:_files -/");
    } else if (*text) {
        str_addf(out, "%s:_refit_names %s", text, text);
    } else {
        for (size_t i = 0; i < n; i++)
            str_addc(out, placeholder[i]);
        str_addz(out, ": ");
    }
    str_release(&kind);
}

static void add_zsh_options(const struct words *w, int id, const char *indent, struct str *out)
{
    struct command k = { .id = id };
    for (size_t i = 0; i < w->n_option; i++) {
        const struct option *o = &w->option[i];
        struct str rest = { 0 };
        if (!takes(o, &k))
            continue;
        str_addc(&rest, '[');
        add_zsh_text(o->help, &rest);
        str_addc(&rest, ']');
        if (has_value(o))
            add_zsh_action(o->value_name, strlen(o->value_name), o, &rest);
        const char *star = o->value == LIST ? "*" : "", *equals = has_value(o) ? "=" : "";
        if (o->letter && o->value == LIST)
            str_addf(out, "%s'*-%c%s' '*--%s=%s' \\\n", indent, o->letter, str_text(&rest), o->name,
                     str_text(&rest));
        else if (o->letter)
            str_addf(out, "%s'(-%c --%s)-%c%s' '(-%c --%s)--%s%s%s' \\\n", indent, o->letter,
                     o->name, o->letter, str_text(&rest), o->letter, o->name, o->name, equals,
                     str_text(&rest));
        else
            str_addf(out, "%s'%s--%s%s%s' \\\n", indent, star, o->name, equals, str_text(&rest));
        str_release(&rest);
    }
    str_addf(out, "%s'(-h --help)'{-h,--help}'[what it does]'", indent);
}

static void add_zsh_command(const struct words *w, const struct command *k, struct str *out)
{
    const char *p = k->words, *word;
    bool repeats;
    size_t n;
    str_addf(out, "        %s)\n            _arguments -s -S \\\n", k->name);
    add_zsh_options(w, k->id, "                ", out);
    for (int at = 1; (p = next_word(p, &word, &n, &repeats)); at++) {
        str_addz(out, " \\\n                '");
        if (repeats)
            str_addc(out, '*');
        else
            str_addf(out, "%d", at);
        add_zsh_action(word, n, NULL, out);
        str_addc(out, '\'');
    }
    str_addz(out, "\n            ;;\n");
}

static void add_zsh(const struct words *w, struct str *out)
{
    str_addz(
        out,
        "#compdef refit\n"
        "# zsh completion for refit: made by 'refit completion zsh'\n"
        "_refit_names() {\n"
        "    local -a names\n"
        "    local file=${opt_args[-f]:-${opt_args[--file]}}\n"
        "    names=(${(f)\"$(refit ${refit_there:+-C} $refit_there completion ${file:+-f} $file "
        "--list $argv[-1] 2>/dev/null)\"})\n"
        "    local -a more=(\"${(@)argv[1,-2]}\")\n"
        "    [[ $argv[-1] = params ]] && more+=(-S '')\n"
        "    compadd $more -a names\n"
        "}\n"
        "_refit() {\n"
        "    local curcontext=$curcontext state refit_there\n"
        "    local -a line commands\n"
        "    typeset -A opt_args\n"
        "    _arguments -C -s -S \\\n");
    add_zsh_options(w, 63, "        ", out);
    str_addz(out, " \\\n        '1:command:->command' '*::word:->words'\n"
                  "    refit_there=${opt_args[-C]:-${opt_args[--directory]}}\n"
                  "    case $state in\n"
                  "    command)\n"
                  "        commands=(\n");
    for (size_t i = 0; i < w->n_command; i++) {
        str_addf(out, "            '%s:", w->command[i].name);
        add_zsh_text(w->command[i].purpose, out);
        str_addz(out, "'\n");
    }
    str_addz(out, "            'help:the help of a command'\n"
                  "        )\n"
                  "        _describe -t commands command commands\n"
                  "        ;;\n"
                  "    words)\n"
                  "        case $line[1] in\n");
    for (size_t i = 0; i < w->n_command; i++)
        add_zsh_command(w, &w->command[i], out);
    str_addz(
        out,
        "        esac\n"
        "        ;;\n"
        "    esac\n"
        "}\n"
        "if [[ $funcstack[1] = _refit ]]; then _refit \"$@\"; else compdef _refit refit; fi\n");
}

int command_completion(const struct cli *c, struct err *e)
{
    struct words w = cli_words();
    struct str script = { 0 };
    int rc = 0;

    if (c->list)
        return print_names(c, e);
    if (c->n_name == 0)
        return err_set(e, ERR_USAGE, "usage: refit completion bash|zsh");
    if (strcmp(c->name[0], "bash") == 0)
        add_bash(&w, &script);
    else if (strcmp(c->name[0], "zsh") == 0)
        add_zsh(&w, &script);
    else
        return err_set(e, ERR_USAGE, "no completions for '%s', want bash or zsh", c->name[0]);
    if (c->json)
        rc = project_print(
            json_pack("{s:s, s:s}", "shell", c->name[0], "script", str_text(&script)), e);
    else
        fputs(str_text(&script), stdout);
    str_release(&script);
    return rc;
}
