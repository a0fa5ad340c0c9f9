#include "runner/plan/argv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/read/reference.h"

static bool is_ref(const struct piece *p, const char *name)
{
    return p->n == strlen(name) && memcmp(p->text, name, p->n) == 0;
}

/* The dep or out that "deps.n" or "outs.n" names; -1 if it is another reference. */
static int find_file(const struct piece *p, const char *prefix, const struct file_ref *f, size_t n)
{
    size_t skip = strlen(prefix);
    if (p->n <= skip || memcmp(p->text, prefix, skip) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (strlen(f[i].name) == p->n - skip && memcmp(f[i].name, p->text + skip, p->n - skip) == 0)
            return (int)i;
    return -1;
}

static void add_value(struct str *out, const char *value, bool shell)
{
    if (shell)
        reference_shell_word(value, out);
    else
        str_addz(out, value);
}

static int add_reference(const struct stage_spec *s, const struct attempt_files *files,
                         const struct piece *p, bool shell, struct str *out, struct err *e)
{
    int i;
    if ((i = find_file(p, "deps.", s->dep, s->n_dep)) >= 0) {
        const struct path_list *found = &files->dep[i];
        if (!shell && found->n != 1)
            return err_set(e, ERR_USAGE,
                           "stage '%s': '${%.*s}' inside a word stands for %zu files, want one",
                           s->name, (int)p->n, p->text, found->n);
        for (size_t k = 0; k < found->n; k++) {
            if (k)
                str_addc(out, ' ');
            add_value(out, found->path[k], shell);
        }
    } else if ((i = find_file(p, "outs.", s->out, s->n_out)) >= 0) {
        add_value(out, files->out[i], shell);
    } else if (is_ref(p, "checkpoint")) {
        add_value(out, files->checkpoint ? files->checkpoint : "", shell);
    } else if (is_ref(p, "run.id")) {
        add_value(out, files->run_id, shell);
    } else if (is_ref(p, "run.dir")) {
        add_value(out, files->run_dir, shell);
    } else if (is_ref(p, "run.scheduled_at")) {
        add_value(out, files->scheduled_at, shell);
    } else if (is_ref(p, "run.state") && files->run_state) {
        add_value(out, files->run_state, shell);
    } else if (is_ref(p, "run.attempt")) {
        str_addf(out, "%lld", (long long)files->attempt);
    }
    /* a dep that was left out (its producer is disabled) is nothing */
    return 0;
}

static int expand(const struct stage_spec *s, const struct attempt_files *files,
                  const char *template, bool shell, char **out, struct err *e)
{
    struct str text = { 0 };
    struct piece piece;
    int rc = 0;
    for (const char *p = template; rc == 0 && (p = piece_next(p, &piece));) {
        if (piece.kind == PIECE_NAME)
            rc = add_reference(s, files, &piece, shell, &text, e);
        else
            str_add(&text, piece.text, piece.n);
    }
    *out = NULL;
    if (rc == 0)
        *out = str_take(&text);
    str_release(&text);
    return rc;
}

static void add_flag(struct path_list *argv, const char *name, const char *value)
{
    path_list_take(argv, str_format("--%s", name));
    path_list_add(argv, value);
}

static int run_argv(const struct stage_spec *s, const struct attempt_files *files,
                    struct path_list *argv, struct err *e)
{
    path_list_add(argv, s->program);
    for (size_t i = 0; i < s->n_dep; i++)
        for (size_t k = 0; k < files->dep[i].n; k++)
            add_flag(argv, s->dep[i].name, files->dep[i].path[k]);
    for (size_t i = 0; i < s->n_out; i++)
        add_flag(argv, s->out[i].name, files->out[i]);
    for (size_t i = 0; i < s->n_param; i++) {
        for (size_t k = 0; k < s->param[i].n_value; k++) {
            char *value;
            int rc = expand(s, files, s->param[i].value[k], false, &value, e);
            if (rc)
                return rc;
            add_flag(argv, s->param[i].name, value);
            free(value);
        }
    }
    if (s->checkpoint && files->checkpoint)
        add_flag(argv, "checkpoint", files->checkpoint);
    return 0;
}

static int cmd_argv(const struct stage_spec *s, const struct attempt_files *files,
                    struct path_list *argv, struct err *e)
{
    if (s->shell) {
        path_list_add(argv, "/bin/sh");
        path_list_add(argv, "-c");
    } else {
        /* What was found by PATH is what was hashed; a file of this directory needs a slash. */
        path_list_take(argv, str_format("%s%s", strchr(s->program, '/') ? "" : "./", s->program));
    }
    for (size_t i = s->shell ? 0 : 1; i < s->n_cmd; i++) {
        struct piece piece;
        const char *rest = piece_next(s->cmd[i], &piece);
        int dep = rest && *rest == '\0' && piece.kind == PIECE_NAME && !s->shell
                      ? find_file(&piece, "deps.", s->dep, s->n_dep)
                      : -1;
        char *word;
        if (dep >= 0) {
            for (size_t k = 0; k < files->dep[dep].n; k++)
                path_list_add(argv, files->dep[dep].path[k]);
            continue;
        }
        int rc = expand(s, files, s->cmd[i], s->shell, &word, e);
        if (rc)
            return rc;
        path_list_take(argv, word);
    }
    return 0;
}

/* Hand over a list as a NULL-terminated array, or drop it on error. */
static int finish(struct path_list *l, int rc, char ***out)
{
    *out = NULL;
    if (rc == 0) {
        path_list_take(l, NULL);
        *out = l->path;
        *l = (struct path_list){ 0 };
    }
    path_list_release(l);
    return rc;
}

int stage_argv(const struct stage_spec *s, const struct attempt_files *files, char ***out,
               struct err *e)
{
    struct path_list argv = { 0 };
    int rc = s->run ? run_argv(s, files, &argv, e) : cmd_argv(s, files, &argv, e);
    return finish(&argv, rc, out);
}

int stage_env(const struct stage_spec *s, const struct attempt_files *files, char ***out,
              struct err *e)
{
    struct path_list env = { 0 };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->n_env; i++) {
        char *text;
        if ((rc = expand(s, files, s->env[i], false, &text, e)) == 0)
            path_list_take(&env, text);
    }
    return finish(&env, rc, out);
}

void argv_free(char **argv)
{
    for (size_t i = 0; argv && argv[i]; i++)
        free(argv[i]);
    free(argv);
}
