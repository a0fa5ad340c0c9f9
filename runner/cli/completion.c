/* completion: scripts for bash and zsh from the tables of the command line, and the names that they
 * ask for while somebody types. */
#include "runner/cli/completion.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/yaml.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
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
        return report_print(doc, e);
    json_decref(doc);
    return rc;
}

/* ---- what stands for what ---- */

void completion_kind(const char *placeholder, size_t n, const struct option *o, struct str *to)
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

const char *completion_word(const char *p, const char **out, size_t *out_n, bool *out_repeats)
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

bool completion_has_value(const struct option *o)
{
    return o->value != FLAG && o->value != WAIT;
}

/* ---- the command ---- */

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
        completion_bash(&w, &script);
    else if (strcmp(c->name[0], "zsh") == 0)
        completion_zsh(&w, &script);
    else
        return err_set(e, ERR_USAGE, "no completions for '%s', want bash or zsh", c->name[0]);
    if (c->json)
        rc = report_print(json_pack("{s:s, s:s}", "shell", c->name[0], "script", str_text(&script)),
                          e);
    else
        fputs(str_text(&script), stdout);
    str_release(&script);
    return rc;
}
