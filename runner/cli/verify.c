/* verify: are the outputs still what was committed, byte by byte, and the inputs what the cache of
 * hashes takes them for? Nothing is believed of a file's stamp; all processors hash. */
#include <fcntl.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/event.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
#include "runner/commit/tree.h"
#include "runner/execute/proc.h"
#include "runner/plan/inputs.h"

enum { MIN_BAR = 64 << 20 }; /* less is done at once */

/** A path that is hashed, once. */
struct content {
    char *path;            /* owned */
    char cached[HASH_HEX]; /* what the cache says of it as it lies there; "" if nothing */
    char found[HASH_HEX];  /* "" if it is gone */
    uint64_t bytes;
    struct err why; /* it cannot be read */
};

/** One thing that must hold. */
struct check {
    const char *stage; /* borrowed */
    char *name, *run;  /* owned; name NULL: an input */
    size_t content;
    char committed[HASH_HEX];
};

struct verification {
    struct content *content; /* (n_content) */
    struct check *check;     /* (n_check) */
    size_t n_content, n_check;
    uint64_t total;
    bool bar; /* of progress, on a terminal */
    atomic_uint_fast64_t done;
};

static void verification_release(struct verification *v)
{
    for (size_t i = 0; i < v->n_content; i++)
        free(v->content[i].path);
    for (size_t i = 0; i < v->n_check; i++) {
        free(v->check[i].name);
        free(v->check[i].run);
    }
    free(v->content);
    free(v->check);
}

static size_t find_content(struct verification *v, const char *path)
{
    for (size_t i = 0; i < v->n_content; i++)
        if (strcmp(v->content[i].path, path) == 0)
            return i;
    struct stat st;
    v->content = mem_grow(v->content, v->n_content, sizeof *v->content);
    v->content[v->n_content] = (struct content){ .path = mem_strdup(path) };
    if (stat(path, &st) == 0)
        v->content[v->n_content].bytes = S_ISDIR(st.st_mode) ? (uint64_t)tree_size(path)
                                                             : (uint64_t)st.st_size;
    v->total += v->content[v->n_content].bytes;
    return v->n_content++;
}

static struct check *add_check(struct verification *v, const char *stage, const char *path)
{
    size_t content = find_content(v, path);
    v->check = mem_grow(v->check, v->n_check, sizeof *v->check);
    v->check[v->n_check] = (struct check){ .stage = stage, .content = content };
    return &v->check[v->n_check++];
}

static void add_input(struct verification *v, const char *stage, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) /* one that is gone is no decay: plan tells it */
        add_check(v, stage, path);
}

/* What a stage was committed with. */
static int add_stage(struct verification *v, struct project *p, const struct stage_spec *s,
                     struct err *e)
{
    struct commit_record last = { 0 };
    struct path_list inputs = { 0 };
    bool found;
    int rc = p->history.last_commit(p->history.self, s->name, &found, &last, e);

    if (rc || !found)
        return rc;
    if ((rc = commit_record_read(&last, e))) {
        commit_record_release(&last);
        return rc;
    }
    for (size_t i = 0; i < last.n_out; i++) {
        struct check *c = add_check(v, s->name, last.out[i].path);
        c->name = mem_strdup(last.out[i].name);
        c->run = mem_strdup(last.run_id);
        memcpy(c->committed, last.out[i].sha256, HASH_HEX);
    }
    inputs_paths(last.inputs, &inputs);
    for (size_t i = 0; i < inputs.n; i++)
        add_input(v, s->name, inputs.path[i]);
    path_list_release(&inputs);
    commit_record_release(&last);
    return 0;
}

/* What the cache says, without reading what it does not know. A directory is asked as the planner
 * asks: file by file. */
static int ask_cache(struct verification *v, struct state *s, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < v->n_content && rc == 0; i++) {
        struct content *c = &v->content[i];
        struct stat st;
        bool found = false;
        if (stat(c->path, &st) < 0)
            continue;
        if (S_ISREG(st.st_mode)) {
            struct file_stamp stamp = file_stamp_of(&st);
            rc = state_file_get(s, &stamp, &found, c->cached, e);
        } else if (S_ISDIR(st.st_mode)) {
            rc = files_hash(s, c->path, &found, c->cached, &c->why);
            rc = c->why.code ? 0 : rc;
        }
        if (!found)
            c->cached[0] = '\0';
    }
    state_rest(s);
    return rc;
}

static void hash_one(void *self, int worker, size_t i)
{
    struct verification *v = self;
    struct content *c = &v->content[i];
    bool exists = false;
    if (c->why.code == 0 && files_hash(NULL, c->path, &exists, c->found, &c->why) == 0 && !exists)
        c->found[0] = '\0';
    uint64_t done = atomic_fetch_add(&v->done, c->bytes) + c->bytes;
    if (worker == 0 && v->bar)
        event_progress((long long)(done >> 20), (long long)(v->total >> 20), "MB");
}

/* ---- the result ---- */

static const char *verdict(const struct verification *v, const struct check *c)
{
    const struct content *at = &v->content[c->content];
    if (at->why.code)
        return "unreadable";
    if (!c->name)
        return *at->cached && strcmp(at->cached, at->found) != 0 ? "decayed" : "ok";
    return !*at->found ? "gone" : strcmp(at->found, c->committed) != 0 ? "changed" : "ok";
}

static void print_check(const struct verification *v, const struct check *c, const char *word)
{
    const struct content *at = &v->content[c->content];
    printf("%-10s  %s  ", word, c->stage);
    if (at->why.code)
        printf("%s\n", at->why.text);
    else if (!c->name)
        printf("%s: found %.12s, was hashed as %.12s, and its times and size did not change\n",
               at->path, at->found, at->cached);
    else if (!*at->found)
        printf("outs.%s: %s, committed by run %s\n", c->name, at->path, c->run);
    else
        printf("outs.%s: %s: found %.12s, run %s committed %.12s\n", c->name, at->path, at->found,
               c->run, c->committed);
}

static json_t *check_json(const struct verification *v, const struct check *c)
{
    const struct content *at = &v->content[c->content];
    json_t *doc = json_pack("{s:s, s:s, s:s, s:s?}", "stage", c->stage, "path", at->path, "state",
                            verdict(v, c), "found", *at->found ? at->found : NULL);
    if (c->name) {
        json_object_set_new(doc, "name", json_string(c->name));
        json_object_set_new(doc, "run", json_string(c->run));
        json_object_set_new(doc, "committed", json_string(c->committed));
    }
    return doc;
}

static int report(const struct cli *c, const struct project *p, const struct verification *v,
                  struct err *e)
{
    json_t *outs = json_array(), *ins = json_array();
    size_t n_bad = 0, n_out = 0;
    for (size_t i = 0; i < v->n_check; i++) {
        const char *word = verdict(v, &v->check[i]);
        bool bad = strcmp(word, "ok") != 0;
        n_bad += bad;
        n_out += v->check[i].name != NULL;
        json_array_append_new(v->check[i].name ? outs : ins, check_json(v, &v->check[i]));
        if (!c->json && (bad ? !c->quiet : c->verbose))
            print_check(v, &v->check[i], word);
    }
    json_t *doc = json_pack("{s:s, s:b, s:I, s:I, s:o, s:o}", "pipeline", p->manifest.name, "ok",
                            n_bad == 0, "files", (json_int_t)v->n_content, "bytes",
                            (json_int_t)v->total, "outputs", outs, "inputs", ins);
    int rc = 0;
    if (c->json) {
        rc = report_print(doc, e);
        doc = NULL;
    } else if (!c->quiet) {
        printf("%zu output%s and %zu input%s: %zu differ\n", n_out, n_out == 1 ? "" : "s",
               v->n_check - n_out, v->n_check - n_out == 1 ? "" : "s", n_bad);
    }
    json_decref(doc);
    return rc ? rc : n_bad ? EXIT_FAILED : 0;
}

int command_verify(const struct cli *c, struct err *e)
{
    struct verification v = { 0 };
    struct project p;
    size_t at;
    int rc = project_open(&p, c, e);

    if (rc)
        return rc;
    for (size_t i = 0; i < c->n_name && rc == 0; i++)
        if ((rc = manifest_stage(&p.manifest, c->name[i], &at, e)) == 0)
            rc = add_stage(&v, &p, &p.manifest.stage[at], e);
    for (size_t i = 0; i < p.manifest.n_stage && rc == 0 && c->n_name == 0; i++)
        rc = add_stage(&v, &p, &p.manifest.stage[i], e);
    if (rc || (rc = ask_cache(&v, p.state, e)))
        goto out;
    v.bar = !c->quiet && v.total >= MIN_BAR;
    parallel_for(proc_cpus(), v.n_content, hash_one, &v);
    event_clear_bar();
    rc = report(c, &p, &v, e);
out:
    verification_release(&v);
    project_close(&p);
    return rc;
}
