/* reproduce: a committed stage once more, in a directory of its own, on the very same inputs: are
 * its outputs the same bytes? Nothing is committed and nothing is remembered. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
#include "runner/commit/tree.h"
#include "runner/execute/env.h"
#include "runner/execute/run.h"
#include "runner/read/probe.h"

enum { TAIL_LINES = 20, COMPARE_MS = 600000, COMPARE_BYTES = 1 << 16, MAX_NAMED = 5 };

struct reproduction {
    const struct cli *c;
    struct project p;
    const struct stage_spec *spec;
    struct decision now; /* inputs as they are, read without the cache */
    struct run r;        /* what an attempt's environment is made from; borrows the manifest */
    struct work *w;      /* of r.work: the stage */
    char *scratch, *log; /* owned */
    char *checkpoint;    /* owned; NULL */
    char **out;          /* (n_out) owned: where the outputs go */
    struct exec_end end;
};

/* May it run again without touching more than its outputs? */
static int check_allowed(const struct reproduction *t, struct err *e)
{
    const struct stage_spec *s = t->spec;
    for (size_t i = 0; i < s->n_out; i++)
        if (s->out[i].persist)
            return err_set(e, ERR_USAGE,
                           "stage '%s' cannot be reproduced: its output '%s' grows from run to run "
                           "(persist), and what it began with is gone",
                           s->name, s->out[i].name);
    if (s->n_out == 0)
        return err_set(e, ERR_USAGE, "stage '%s' has no outputs to compare", s->name);
    if (t->c->outside)
        return 0;
    if (s->n_secret > 0)
        return err_set(e, ERR_USAGE,
                       "stage '%s' uses secrets: it may change what is outside. --outside runs it "
                       "all the same",
                       s->name);
    if (s->always_changed)
        return err_set(e, ERR_USAGE,
                       "stage '%s' is always_changed: it reads what is no input. --outside runs it "
                       "all the same",
                       s->name);
    return 0;
}

/* The inputs, every byte read again, are those of the commit. */
static int check_inputs(struct reproduction *t, size_t at, struct err *e)
{
    struct files uncached = { 0 };
    struct file_view view = files_view(&uncached);
    struct path_list changed = { 0 };
    struct str text = { 0 };
    int rc = plan_stage(&t->p.graph, at, NULL, true, &view, &t->p.history, &t->now, e);

    if (rc)
        return rc;
    if (!t->now.has_last)
        return err_set(e, ERR_USAGE, "stage '%s' was never committed", t->spec->name);
    if (strcmp(t->now.fingerprint, t->now.last.fingerprint) == 0)
        return 0;
    if ((rc = commit_record_differences(&t->now.last, t->now.inputs, &changed, e)))
        return rc;
    for (size_t i = 0; i < changed.n && i < MAX_NAMED; i++)
        str_addf(&text, "%s%s", i ? "; " : "", changed.path[i]);
    rc = err_set(
        e, ERR_USAGE, "stage '%s' cannot be reproduced: its inputs are not those of run %s: %s%s",
        t->spec->name, t->now.last.run_id, str_text(&text), changed.n > MAX_NAMED ? "..." : "");
    str_release(&text);
    path_list_release(&changed);
    return rc;
}

/* The directory, and in it one for each output. */
static int make_scratch(struct reproduction *t, struct err *e)
{
    const struct stage_spec *s = t->spec;
    int rc;
    t->scratch = str_format(STATE_DIR "/reproduce/%s.%d", s->name, (int)getpid());
    t->log = str_format("%s/log", t->scratch);
    if (s->checkpoint)
        t->checkpoint = str_format("%s/checkpoint", t->scratch);
    if ((rc = tree_remove(t->scratch, e)) || (rc = tree_make(t->scratch, e)))
        return rc;
    t->out = mem_calloc(s->n_out, sizeof *t->out);
    for (size_t i = 0; i < s->n_out && rc == 0; i++) {
        t->out[i] = str_format("%s/%s", t->scratch, s->out[i].path[0]);
        char *directory = str_parent(t->out[i]);
        rc = tree_make(directory, e);
        free(directory);
    }
    return rc;
}

/* A run of this stage alone, as far as its environment and secrets go. */
static int prepare_run(struct reproduction *t, size_t at, struct err *e)
{
    t->r.m = t->p.manifest;
    t->r.directory = t->scratch;
    t->r.here = getcwd(NULL, 0);
    t->r.work = mem_calloc(t->r.m.n_stage, sizeof *t->r.work);
    t->r.secret = mem_calloc(t->r.m.n_secret, sizeof *t->r.secret);
    t->w = &t->r.work[at];
    for (size_t i = 0; i < t->r.m.n_stage; i++)
        t->r.work[i] = (struct work){ .spec = &t->r.m.stage[i], .index = i };
    t->w->state = WORK_PENDING;
    t->w->number = 1;
    if (!t->r.here)
        return err_sys(e, "cannot find the current directory");
    return secrets_resolve(&t->r, e);
}

/* Until it has ended; Ctrl-C stops it. */
static int wait_for_end(struct executor *x, struct exec_end *out, int *out_signal, struct err *e)
{
    struct exec_report report;
    int rc;
    while ((rc = x->wait(x->self, -1, &report, e)) == 0) {
        if (report.kind == EXEC_ENDED) {
            *out = report.end;
            return 0;
        }
        if (report.kind == EXEC_SIGNAL) {
            x->cancel(x->self, 0, *out_signal != 0);
            *out_signal = report.signal;
        }
    }
    return rc;
}

static int execute(struct reproduction *t, int *out_signal, struct err *e)
{
    const struct stage_spec *s = t->spec;
    struct attempt_files files = { .dep = t->now.dep,
                                   .out = t->out,
                                   .checkpoint = t->checkpoint,
                                   .run_id = t->now.last.run_id,
                                   .run_dir = t->scratch,
                                   .attempt = 1 };
    struct executor x = { 0 };
    struct env env = { 0 };
    char **argv = NULL, *handle = NULL, *mark = env_mark(&t->r, t->w);
    int rc;

    if ((rc = stage_argv(s, &files, &argv, e)) || (rc = env_make(&env, &t->r, t->w, &files, e)) ||
        (rc = exec_local_open(&x, e)))
        goto out;
    struct exec_job job = { .argv = argv,
                            .env = env.entry,
                            .mark = mark,
                            .log = t->log,
                            .log_max = s->log_max,
                            .mask = &t->r.mask,
                            .events = true,
                            .timeout_ms = s->timeout_ms,
                            .kill_after_ms = s->kill_after_ms,
                            .memory = s->memory,
                            .nice = s->nice };
    if ((rc = x.start(x.self, 0, &job, &handle, e)) == 0)
        rc = wait_for_end(&x, &t->end, out_signal, e);
out:
    exec_local_close(&x);
    free(handle);
    free(mark);
    argv_free(argv);
    env_release(&env);
    return rc;
}

/* ---- the result ---- */

static const struct committed_out *committed(const struct reproduction *t, const char *name)
{
    for (size_t i = 0; i < t->now.last.n_out; i++)
        if (strcmp(t->now.last.out[i].name, name) == 0)
            return &t->now.last.out[i];
    return NULL;
}

/* Where it first differs, by refit-check; the committed one must still be what lies there. Owned.
 */
static char *first_difference(const struct reproduction *t, size_t i,
                              const struct committed_out *was)
{
    static char word[] = "--compare", any[] = "any";
    const struct file_ref *f = &t->spec->out[i];
    char hex[HASH_HEX], *directory = NULL, *program = NULL, *text = NULL;
    struct err ignored = { 0 };
    bool exists;

    if (files_hash(NULL, was->path, &exists, hex, &ignored) || !exists ||
        strcmp(hex, was->sha256) != 0)
        return mem_strdup("the committed one is not there any more to be compared");
    if (program_directory(&directory, &ignored))
        return NULL;
    program = str_format("%s/refit-check", directory);
    char *argv[] = { program, word, f->format ? f->format : any, was->path, t->out[i], NULL };
    struct probe p = { .argv = argv };
    if (probe_run(&p, 1, 1, COMPARE_MS, COMPARE_BYTES, &ignored) == 0) {
        const char *said = str_text(p.status == 1 ? &p.out : &p.err);
        text = p.status == 0 ? mem_strdup("it holds the same, in other bytes")
                             : mem_strndup(said, strcspn(said, "\n"));
    }
    probe_release(&p);
    free(program);
    free(directory);
    return text;
}

/* One output; *out_same. */
static json_t *compare_one(const struct reproduction *t, size_t i, bool *out_same, struct err *e)
{
    const struct file_ref *f = &t->spec->out[i];
    const struct committed_out *was = committed(t, f->name);
    char hex[HASH_HEX] = "", *difference = NULL;
    bool exists = false;

    if (files_hash(NULL, t->out[i], &exists, hex, e))
        return NULL;
    *out_same = exists && was && strcmp(hex, was->sha256) == 0;
    if (exists && was && !*out_same)
        difference = first_difference(t, i, was);
    json_t *doc = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?}", "name", f->name, "path",
                            f->path[0], "state",
                            *out_same ? "identical"
                            : exists  ? "differs"
                                      : "missing",
                            "committed", was ? was->sha256 : NULL, "found", exists ? hex : NULL,
                            "difference", difference);
    free(difference);
    return doc;
}

static void print_result(const struct reproduction *t, const json_t *outs)
{
    const struct exec_end *end = &t->end;
    struct str tail = { 0 };
    for (size_t i = 0; i < json_array_size(outs); i++) {
        const json_t *o = json_array_get(outs, i);
        const char *difference = json_string_value(json_object_get(o, "difference"));
        printf("%-10s outs.%s: %s%s%s\n", json_string_value(json_object_get(o, "state")),
               json_string_value(json_object_get(o, "name")),
               json_string_value(json_object_get(o, "path")), difference ? ": " : "",
               difference ? difference : "");
    }
    if (end->exit_code != 0) {
        show_add_tail(&tail, t->log, TAIL_LINES, "        | ");
        if (end->timed_out)
            printf("failed     '%s' timed out\n%s", t->spec->name, str_text(&tail));
        else if (end->signal)
            printf("failed     '%s': signal %d\n%s", t->spec->name, end->signal, str_text(&tail));
        else
            printf("failed     '%s': exit %d\n%s", t->spec->name, end->exit_code, str_text(&tail));
    }
    str_release(&tail);
    if (t->c->keep)
        printf("kept in %s\n", t->scratch);
}

/* *out_status 0: every output has the same bytes. */
static int report(const struct reproduction *t, size_t at, int *out_status, struct err *e)
{
    json_t *outs = json_array();
    struct decision after = { 0 };
    struct err ignored = { 0 };
    bool all = t->end.exit_code == 0;
    int rc = 0;

    for (size_t i = 0; i < t->spec->n_out && rc == 0 && t->end.exit_code == 0; i++) {
        bool same = false;
        json_t *one = compare_one(t, i, &same, e);
        rc = one ? json_array_append_new(outs, one) : e->code;
        all = all && same;
    }
    if (rc == 0 && !all &&
        (plan_stage(&t->p.graph, at, NULL, true, &t->p.view, &t->p.history, &after, &ignored) ||
         strcmp(after.fingerprint, t->now.fingerprint) != 0))
        rc = err_set(e, ERR_USAGE, "an input of stage '%s' was changed meanwhile: try again",
                     t->spec->name);
    decision_release(&after);
    *out_status = all ? 0 : EXIT_FAILED;
    if (rc == 0 && t->c->json) {
        json_t *doc = json_pack("{s:s, s:s, s:b, s:i, s:O, s:s?}", "stage", t->spec->name, "run",
                                t->now.last.run_id, "identical", all, "exit_code", t->end.exit_code,
                                "outputs", outs, "scratch", t->c->keep ? t->scratch : NULL);
        rc = report_print(doc, e);
    } else if (rc == 0 && !t->c->quiet) {
        print_result(t, outs);
    }
    json_decref(outs);
    return rc;
}

/* What is borrowed from the manifest stays. */
static int release(struct reproduction *t, struct err *e)
{
    int rc = 0;
    if (t->scratch && !t->c->keep) {
        struct err why = { 0 };
        if (tree_remove(t->scratch, &why) && e->code == 0)
            rc = err_set(e, why.code, "%s", why.text);
        rmdir(STATE_DIR "/reproduce");
    }
    secrets_release(&t->r);
    free(t->r.work);
    free(t->r.here);
    if (t->out)
        mem_free_texts(t->out, t->spec->n_out);
    free(t->checkpoint);
    free(t->log);
    free(t->scratch);
    decision_release(&t->now);
    project_close(&t->p);
    return rc;
}

int command_reproduce(const struct cli *c, struct err *e)
{
    struct reproduction t = { .c = c };
    int status = 0, sig = 0, rc = project_open(&t.p, c, e);
    size_t at;

    if (rc)
        return rc;
    if ((rc = manifest_stage(&t.p.manifest, c->name[0], &at, e)))
        goto out;
    t.spec = &t.p.manifest.stage[at];
    if ((rc = check_allowed(&t, e)) || (rc = check_inputs(&t, at, e)) ||
        (rc = make_scratch(&t, e)) || (rc = prepare_run(&t, at, e)) || (rc = execute(&t, &sig, e)))
        goto out;
    if (sig)
        status = 128 + sig;
    else
        rc = report(&t, at, &status, e);
out:
    rc = release(&t, e) || rc ? e->code : status;
    return rc;
}
