/* graph: which stage needs which, in the colours of a run. */
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/json_keys.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
#include "runner/memory/recall.h"
#include "runner/plan/graph_text.h"

extern char **environ;

/* The states of the pipeline's stages in one run. All zeros is no run. */
struct outcome {
    struct run_row run;
    struct stage_row *stage;
    size_t n;
    const char **state; /* (n_stage) of the manifest; borrowed texts */
};

static void outcome_release(struct outcome *o)
{
    free(o->state);
    stage_rows_free(o->stage, o->n);
    run_row_release(&o->run);
    *o = (struct outcome){ 0 };
}

/* The run that is named; else the pipeline's last one, if there is any. */
static int outcome_take(struct outcome *o, const struct project *p, const char *name, struct err *e)
{
    const struct manifest *m = &p->manifest;
    struct run_row *list = NULL;
    size_t n = 0;
    int rc = name ? ledger_run(p->state, name, &o->run, e)
                  : ledger_runs(p->state, m->name, 1, &list, &n, e);
    if (rc)
        return rc;
    if (n > 0)
        o->run = list[0];
    free(list);
    if (!o->run.id)
        return 0;
    if (strcmp(o->run.pipeline, m->name) != 0)
        return err_set(e, ERR_USAGE, "run %s is of pipeline '%s', and %s is '%s'", o->run.id,
                       o->run.pipeline, m->path, m->name);
    if ((rc = ledger_stages(p->state, o->run.id, &o->stage, &o->n, e)))
        return rc;
    o->state = mem_calloc(m->n_stage, sizeof *o->state);
    for (size_t i = 0, k = 0; i < m->n_stage; i++) {
        /* Mostly the file's order is still that of the run. */
        size_t tried = 0;
        while (tried < o->n && strcmp(o->stage[k % o->n].stage, m->stage[i].name) != 0) {
            k++;
            tried++;
        }
        if (tried < o->n)
            o->state[i] = report_seen(&o->run, o->stage[k++ % o->n].state);
    }
    return 0;
}

static json_t *graph_json(const struct graph *g, const struct outcome *o)
{
    json_t *stages = json_array(), *edges = json_array();
    for (size_t i = 0; i < g->m->n_stage; i++) {
        const struct stage_spec *s = &g->m->stage[g->order[i]];
        json_t *deps = json_array(), *outs = json_array();
        for (size_t k = 0; k < s->n_dep; k++)
            for (size_t f = 0; f < s->dep[k].n_path; f++)
                json_array_append_new(deps, json_string(s->dep[k].path[f]));
        for (size_t k = 0; k < s->n_out; k++)
            json_array_append_new(outs, json_string(s->out[k].path[0]));
        json_array_append_new(
            stages, json_pack("{s:s, s:o, s:b, s:o, s:o, s:o}", "name", s->name, "run",
                              json_text_or_null(s->run), "enabled", (int)s->enabled, "state",
                              json_text_or_null(o->state ? o->state[g->order[i]] : NULL), "deps",
                              deps, "outs", outs));
    }
    for (size_t i = 0; i < g->n_edge; i++)
        json_array_append_new(edges, json_pack("{s:s, s:s, s:o}", "from",
                                               g->m->stage[g->edge[i].from].name, "to",
                                               g->m->stage[g->edge[i].to].name, "dep",
                                               json_text_or_null(g->edge[i].dep)));
    return json_pack("{s:s, s:o, s:o, s:o}", "pipeline", g->m->name, "run",
                     json_text_or_null(o->run.id), "stages", stages, "edges", edges);
}

/* Can the terminal show box drawing characters? The variables in the order in which locales look at
 * them. */
static bool is_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
    for (size_t i = 0; i < 3; i++) {
        const char *value = getenv(names[i]);
        if (!value || !*value)
            continue;
        const char *set = strchr(value, '.');
        return set && (strncasecmp(set, ".UTF-8", 6) == 0 || strncasecmp(set, ".utf8", 5) == 0);
    }
    return false;
}

static int write_whole(int fd, const char *text, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t put = write(fd, text, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return err_sys(e, "cannot write to 'dot'");
        text += put;
        n -= (size_t)put;
    }
    return 0;
}

/* How it ended matters more than that it did not read all (`rc`). */
static int await_dot(pid_t pid, int rc, struct err *e)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_sys(e, "cannot wait for 'dot'");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return rc;
    return err_set(e, ERR_IO, "'dot' did not draw the graph: it ended with %s %d",
                   WIFEXITED(status) ? "status" : "signal",
                   WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

/* Graphviz draws: what it is given goes in through a pipe, the picture to our standard output. */
static int print_svg(const struct str *dot, struct err *e)
{
    char name[] = "dot", option[] = "-Tsvg", *argv[] = { name, option, NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    sigset_t pipe_signal;
    int fd[2], rc;
    pid_t pid;

    fflush(stdout);
    if (pipe(fd) < 0)
        return err_sys(e, "cannot make a pipe");
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    posix_spawnattr_init(&how);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigdefault(&how, &pipe_signal);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, fd[0], STDIN_FILENO);
    posix_spawn_file_actions_addclose(&files, fd[0]);
    posix_spawn_file_actions_addclose(&files, fd[1]);
    int failed = posix_spawnp(&pid, name, &files, &how, argv, environ);
    close(fd[0]);
    if (failed) {
        errno = failed;
        rc = failed == ENOENT
                 ? err_set(e, ERR_USAGE,
                           "--format svg needs the program 'dot', which is not in PATH; "
                           "on Debian it is in the package graphviz")
                 : err_sys(e, "cannot start 'dot'");
        close(fd[1]);
    } else {
        rc = write_whole(fd[1], str_text(dot), dot->n, e);
        close(fd[1]);
        rc = await_dot(pid, rc, e);
    }
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    return rc;
}

static int print_graph(const struct cli *c, const struct graph *g, const struct outcome *o,
                       struct err *e)
{
    struct drawing_style style = { .state = o->state, .utf8 = is_utf8(), .colour = c->colour };
    struct str text = { 0 };
    int rc = 0;
    if (strcmp(c->format, "ascii") == 0)
        graph_draw(g, &style, &text);
    else if (strcmp(c->format, "mermaid") == 0)
        graph_mermaid(g, &style, &text);
    else
        graph_dot(g, &style, &text);
    if (strcmp(c->format, "svg") == 0)
        rc = print_svg(&text, e);
    else
        fputs(str_text(&text), stdout);
    str_release(&text);
    return rc;
}

int command_graph(const struct cli *c, struct err *e)
{
    static const char *const formats[] = { "ascii", "dot", "mermaid", "svg" };
    struct project p;
    struct outcome o = { 0 };
    bool known = false;
    int rc;

    for (size_t i = 0; i < 4; i++)
        known = known || strcmp(c->format, formats[i]) == 0;
    if (!known)
        return err_set(e, ERR_USAGE, "--format is '%s', want ascii, dot, mermaid or svg",
                       c->format);
    if ((rc = project_open(&p, c, e)))
        return rc;
    if ((rc = outcome_take(&o, &p, c->run, e)) == 0)
        rc = c->json ? report_print(graph_json(&p.graph, &o), e) : print_graph(c, &p.graph, &o, e);
    outcome_release(&o);
    project_close(&p);
    return rc;
}
