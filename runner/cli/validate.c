/* validate: the pipeline file under every profile, the files that must be there, and then every
 * program with all its options and --check, which reads the side files. Every problem is told, not
 * the first alone. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/plan/argv.h"
#include "runner/cli/cli.h"
#include "runner/show/show.h"
#include "runner/plan/files.h"
#include "runner/plan/inputs.h"
#include "runner/read/probe.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"

enum { CHECK_MS = 60000, CHECK_BYTES = 1 << 16 };

struct problem {
    const char *profile; /* NULL: without one */
    char *stage;         /* NULL: of the file */
    char *text;
    int code;
};

/** A program to be asked: one call for all profiles in which it is the same. */
struct question {
    char **argv;
    const char *profile;
    char *stage;
    struct mark at;
};

struct validation {
    const struct cli *cli;
    struct problem *problem;
    struct question *question;
    size_t n_problem, n_question;
    size_t n_stage;
    char **warning; /* (n_warning) */
    size_t n_warning;
};

/* The text is handed over; the same one from another profile is not told again. */
static void add_problem(struct validation *v, const char *profile, const char *stage, char *text,
                        int code)
{
    for (size_t i = 0; i < v->n_problem; i++) {
        if (strcmp(v->problem[i].text, text) == 0) {
            free(text);
            return;
        }
    }
    v->problem = mem_grow(v->problem, v->n_problem, sizeof *v->problem);
    v->problem[v->n_problem++] = (struct problem){ profile, mem_strdup(stage), text, code };
}

/* Seam: is it there? Nothing is read; the hash is the same for all. */
static int exists_only(void *self, const char *path, bool *out_exists, char out_hex[HASH_HEX],
                       struct err *e)
{
    struct stat st;
    (void)self;
    memset(out_hex, '0', HASH_HEX - 1);
    out_hex[HASH_HEX - 1] = '\0';
    return files_look(path, &st, out_exists, e);
}

static bool same_argv(char *const *a, char *const *b)
{
    size_t i = 0;
    while (a[i] && b[i] && strcmp(a[i], b[i]) == 0)
        i++;
    return !a[i] && !b[i];
}

/* PROGRAM options... --check, with the files that exist already. */
static int add_question(struct validation *v, const struct project *p, const char *profile,
                        size_t stage, struct err *e)
{
    const struct stage_spec *s = &p->manifest.stage[stage];
    struct path_list *dep = mem_calloc(s->n_dep, sizeof *dep);
    char **out = mem_calloc(s->n_out, sizeof *out), **argv = NULL;
    struct attempt_files files = { .dep = dep,
                                   .out = out,
                                   .checkpoint = s->checkpoint,
                                   .run_id = "run",
                                   .run_dir = ".refit/runs/run",
                                   .scheduled_at = "1970-01-01T00:00:00Z",
                                   .attempt = 1 };
    int rc = 0;

    for (size_t i = 0; i < s->n_out; i++)
        out[i] = s->out[i].path[0];
    for (size_t i = 0; rc == 0 && i < s->n_dep; i++) {
        for (size_t k = 0; rc == 0 && k < s->dep[i].n_path; k++) {
            struct path_list found = { 0 };
            rc = p->view.glob(p->view.self, s->dep[i].path[k], &found, e);
            for (size_t f = 0; f < found.n; f++)
                path_list_add(&dep[i], found.path[f]);
            path_list_release(&found);
        }
    }
    if (rc == 0 && stage_argv(s, &files, &argv,
                              e)) { /* ${deps.n} of a file that is not there yet: nothing to ask */
        *e = (struct err){ 0 };
        argv = NULL;
    }
    if (argv) {
        size_t n = 0;
        while (argv[n])
            n++;
        argv = mem_realloc(argv, n + 2, sizeof *argv);
        argv[n] = mem_strdup("--check");
        argv[n + 1] = NULL;
        for (size_t i = 0; argv && i < v->n_question; i++) {
            if (same_argv(v->question[i].argv, argv)) {
                argv_free(argv);
                argv = NULL;
            }
        }
    }
    if (argv) {
        v->question = mem_grow(v->question, v->n_question, sizeof *v->question);
        v->question[v->n_question++] = (struct question){ argv, profile, mem_strdup(s->name),
                                                          s->at };
    }
    for (size_t i = 0; i < s->n_dep; i++)
        path_list_release(&dep[i]);
    free(dep);
    free(out);
    return rc;
}

/* A limit that cannot be reached bounds nothing. */
static void check_memory(struct validation *v, const struct manifest *m, const struct stage_spec *s)
{
    struct str text = { 0 };
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages <= 0 || page <= 0 || s->memory <= (int64_t)pages * page)
        return;
    str_addf(&text, "%s:%zu:%zu: stage '%s': resources.memory is ", m->path, s->at.line,
             s->at.column, s->name);
    show_add_memory(&text, s->memory >> 10);
    str_addz(&text, ", this machine has ");
    show_add_memory(&text, (int64_t)pages * page >> 10);
    for (size_t i = 0; i < v->n_warning; i++)
        if (strcmp(v->warning[i], str_text(&text)) == 0) {
            str_release(&text);
            return;
        }
    v->warning = mem_grow(v->warning, v->n_warning, sizeof *v->warning);
    v->warning[v->n_warning++] = str_take(&text);
}

/* The file under one profile. */
static int validate_profile(struct validation *v, const struct project *p, const char *profile,
                            struct err *e)
{
    size_t n = p->manifest.n_stage;
    struct file_view view = { .hash = exists_only, .glob = p->view.glob };
    bool *all = mem_calloc(n, sizeof *all);
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        all[i] = p->manifest.stage[i].enabled;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        const struct stage_spec *s = &p->manifest.stage[i];
        struct path_list *dep = mem_calloc(s->n_dep, sizeof *dep);
        struct str inputs = { 0 };
        bool complete;
        if (s->enabled) {
            /* What other stages make counts as there: inputs_build passes over it. */
            if (inputs_build(&p->graph, i, all, &view, &inputs, dep, &complete, e)) {
                add_problem(v, profile, s->name, mem_strdup(e->text), e->code);
                *e = (struct err){ 0 };
            }
            check_memory(v, &p->manifest, s);
            if (s->run)
                rc = add_question(v, p, profile, i, e);
        }
        str_release(&inputs);
        for (size_t k = 0; k < s->n_dep; k++)
            path_list_release(&dep[k]);
        free(dep);
    }
    v->n_stage = n;
    free(all);
    return rc;
}

/* The last line that is not empty: programs end with their error. */
static char *last_line(const char *text)
{
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    size_t from = n;
    while (from > 0 && text[from - 1] != '\n')
        from--;
    return mem_strndup(text + from, n - from);
}

static int ask_programs(struct validation *v, struct err *e)
{
    struct probe *probe = mem_calloc(v->n_question, sizeof *probe);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    int rc;

    for (size_t i = 0; i < v->n_question; i++)
        probe[i].argv = v->question[i].argv;
    rc = probe_run(probe, v->n_question, cpus > 0 ? (size_t)cpus : 1, CHECK_MS, CHECK_BYTES, e);
    for (size_t i = 0; rc == 0 && i < v->n_question; i++) {
        const struct question *q = &v->question[i];
        const struct probe *p = &probe[i];
        if (p->status == 0 && !p->timed_out && !p->too_long)
            continue;
        char *line = last_line(str_text(&p->err));
        struct str text = { 0 };
        str_addf(&text, "%s:%zu:%zu: stage '%s': ", v->cli->file, q->at.line, q->at.column,
                 q->stage);
        if (p->timed_out)
            str_addf(&text, "'%s --check' took more than %d s", q->argv[0], CHECK_MS / 1000);
        else if (*line)
            str_addz(&text, line);
        else
            str_addf(&text, "'%s --check' ended with status %d", q->argv[0], p->status);
        free(line);
        add_problem(v, q->profile, q->stage, str_take(&text),
                    p->status == ERR_DATA ? ERR_DATA : ERR_USAGE);
    }
    for (size_t i = 0; i < v->n_question; i++)
        probe_release(&probe[i]);
    free(probe);
    return rc;
}

static int report_json(const struct validation *v, size_t n_profile, struct err *e)
{
    json_t *problems = json_array(), *warnings = json_array();
    for (size_t i = 0; i < v->n_warning; i++)
        json_array_append_new(warnings, json_string(v->warning[i]));
    for (size_t i = 0; i < v->n_problem; i++) {
        const struct problem *p = &v->problem[i];
        json_array_append_new(problems,
                              json_pack("{s:o, s:o, s:s, s:i}", "profile",
                                        p->profile ? json_string(p->profile) : json_null(), "stage",
                                        p->stage ? json_string(p->stage) : json_null(), "text",
                                        p->text, "code", p->code));
    }
    return report_print(json_pack("{s:s, s:b, s:I, s:I, s:o, s:o}", "file", v->cli->file, "valid",
                                  v->n_problem == 0, "stages", (json_int_t)v->n_stage, "profiles",
                                  (json_int_t)n_profile, "problems", problems, "warnings",
                                  warnings),
                        e);
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

static int report(const struct validation *v, size_t n_profile, struct err *e)
{
    int code = 0;
    for (size_t i = 0; i < v->n_warning && !v->cli->quiet; i++)
        fprintf(stderr, "refit: warning: %s\n", v->warning[i]);
    for (size_t i = 0; i < v->n_problem; i++) {
        const struct problem *p = &v->problem[i];
        code = code == 0 || code == p->code ? p->code : ERR_USAGE;
        fprintf(stderr, "refit: %s%s%s%s\n", p->profile ? "profile '" : "",
                p->profile ? p->profile : "", p->profile ? "': " : "", p->text);
    }
    if (v->cli->json) {
        int rc = report_json(v, n_profile, e);
        return rc ? rc : code;
    }
    if (v->n_problem == 0 && !v->cli->quiet)
        printf("%s is valid: %zu stage%s, %zu profile%s, %zu program%s asked\n", v->cli->file,
               v->n_stage, plural(v->n_stage), n_profile, plural(n_profile), v->n_question,
               plural(v->n_question));
    return code;
}

/* The file with a profile and params of its own choice, whose mistakes have nothing to do with the
 * others'. `who` (may be NULL) goes before them. */
static int validate_other(struct validation *v, struct cli c, const char *who, struct err *e)
{
    struct project p;
    int rc;
    if ((rc = project_open(&p, &c, e))) {
        if (rc != ERR_USAGE)
            return rc;
        add_problem(v, c.profile, NULL,
                    who ? str_format("%s: %s", who, e->text) : mem_strdup(e->text), rc);
        *e = (struct err){ 0 };
        return 0;
    }
    rc = validate_profile(v, &p, c.profile, e);
    project_close(&p);
    return rc;
}

/* Schedules that run with a profile and params of their own; and what is odd about any. */
static int validate_schedules(struct validation *v, const struct manifest *m, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < m->n_schedule; i++) {
        const struct schedule *s = &m->schedule[i];
        struct cli c = *v->cli;
        for (size_t k = 0; k < s->n_warning; k++) {
            v->warning = mem_grow(v->warning, v->n_warning, sizeof *v->warning);
            v->warning[v->n_warning++] = str_format("%s:%zu:%zu: schedule '%s': %s", m->path,
                                                    s->line, s->column, s->name, s->warning[k]);
        }
        if (s->end_s < (int64_t)time(NULL)) {
            v->warning = mem_grow(v->warning, v->n_warning, sizeof *v->warning);
            v->warning[v->n_warning++] = str_format(
                "%s:%zu:%zu: schedule '%s' fires no more: its end has passed", m->path, s->line,
                s->column, s->name);
        }
        if (!s->profile && s->n_set == 0)
            continue;
        char *who = str_format("schedule '%s'", s->name);
        c.profile = s->profile;
        c.n_set = s->n_set;
        c.set = mem_calloc(s->n_set, sizeof *c.set);
        for (size_t k = 0; k < s->n_set; k++)
            c.set[k] = s->set[k];
        rc = validate_other(v, c, who, e);
        free(c.set);
        free(who);
    }
    return rc;
}

int command_validate(const struct cli *c, struct err *e)
{
    struct validation v = { .cli = c };
    struct project p;
    size_t n_profile = c->profile ? 1 : 0;
    int rc = project_open(&p, c, e);

    if (rc)
        return rc;
    if ((rc = validate_profile(&v, &p, c->profile, e)))
        goto out;
    for (size_t i = 0; !c->profile && rc == 0 && i < p.manifest.n_profile; i++, n_profile++) {
        struct cli other = *c;
        other.profile = p.manifest.profile[i];
        rc = validate_other(&v, other, NULL, e);
    }
    if (rc == 0)
        rc = validate_schedules(&v, &p.manifest, e);
    if (rc == 0 && (rc = ask_programs(&v, e)) == 0)
        rc = report(&v, n_profile, e);
out:
    for (size_t i = 0; i < v.n_problem; i++) {
        free(v.problem[i].stage);
        free(v.problem[i].text);
    }
    for (size_t i = 0; i < v.n_question; i++) {
        argv_free(v.question[i].argv);
        free(v.question[i].stage);
    }
    mem_free_texts(v.warning, v.n_warning);
    free(v.problem);
    free(v.question);
    project_close(&p);
    return rc;
}
