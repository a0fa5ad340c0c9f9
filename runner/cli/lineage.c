/* lineage: which commit made a file, from what, and what was made of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/json_keys.h"
#include "runner/cli/cli.h"
#include "runner/show/report.h"
#include "runner/memory/provenance.h"
#include "runner/plan/files.h"

enum { MAX_DEPTH = 40, MAX_INPUTS = 20 }; /* of the tree on a terminal; --json has all */

/* The documents are flat, every commit once under its number, so that a long chain is no deep
 * nesting. "up": commits with "inputs", each of which names the commits that made it; "down":
 * commits with "outs", each of which names the commits that read it. */
struct search {
    struct state *s;
    struct provenance p;
    json_t *commits;
    int64_t *todo; /* commits whose description is missing */
    size_t n_todo;
};

static void id_text(int64_t id, char out[24])
{
    snprintf(out, 24, "%lld", (long long)id);
}

/* See to it that the commit will be described, once. */
static void want(struct search *s, int64_t id)
{
    char key[24];
    id_text(id, key);
    if (json_object_get(s->commits, key))
        return;
    json_object_set_new(s->commits, key, json_object());
    s->todo = mem_grow(s->todo, s->n_todo, sizeof *s->todo);
    s->todo[s->n_todo++] = id;
}

static json_t *ids_json(const int64_t *id, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer(id[i]));
    return list;
}

/* One file that a commit read: who made it, the very content at the very path; else what lies in or
 * around a directory. */
static void add_input(struct search *s, json_t *list, const char *name, const char *path,
                      const char *sha, int64_t before)
{
    int64_t *maker = NULL, exact = provenance_maker(&s->p, path, sha, before);
    size_t n = 0;
    if (exact) {
        maker = mem_grow(maker, n, sizeof *maker);
        maker[n++] = exact;
    } else {
        provenance_around(&s->p, path, before, &maker, &n);
    }
    for (size_t i = 0; i < n; i++)
        want(s, maker[i]);
    json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o}", "name", name, "path", path,
                                          "sha256", sha, "commits", ids_json(maker, n)));
    free(maker);
}

static json_t *inputs_json(struct search *s, const struct commit_row *c)
{
    json_t *list = json_array(), *value, *pair;
    const char *key;
    size_t i;
    json_object_foreach(json_object_get(c->record.inputs, "deps"), key, value)
    {
        char *name = str_format("deps.%s", key);
        json_array_foreach(value, i, pair)
        {
            const char *path = json_string_value(json_array_get(pair, 0)),
                       *sha = json_string_value(json_array_get(pair, 1));
            if (path && sha)
                add_input(s, list, name, path, sha, c->id);
        }
        free(name);
    }
    json_object_foreach(json_object_get(c->record.inputs, "code"), key, value)
    {
        if (json_is_string(value))
            add_input(s, list, "code", key, json_string_value(value), c->id);
    }
    return list;
}

/* The commits that read this content at this path (NULL: anywhere), of each stage the newest. */
static int users_of(struct search *s, const char *path, const char *sha256, int64_t after,
                    json_t **out, struct err *e)
{
    json_t *newest = json_object(), *list = json_array(), *value;
    const char *key;
    int64_t *id = NULL;
    size_t n = 0;
    int rc = 0;
    provenance_users(&s->p, path, sha256, after, &id, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct commit_row c = { 0 };
        if ((rc = commit_row_read(s->s, id[i], &c, e)) || !c.id)
            continue;
        char *stage = str_format("%s %s", c.pipeline, c.stage);
        if (json_integer_value(json_object_get(newest, stage)) < c.id)
            json_object_set_new(newest, stage, json_integer(c.id));
        free(stage);
        commit_row_release(&c);
    }
    free(id);
    json_object_foreach(newest, key, value)
    {
        want(s, json_integer_value(value));
        json_array_append(list, value);
    }
    json_decref(newest);
    *out = list;
    return rc;
}

/* `down`: what was made of its outputs belongs to it, not what it was made from. */
static int describe(struct search *s, int64_t id, bool down, struct err *e)
{
    struct commit_row c = { 0 };
    json_t *outs = json_array();
    char key[24];
    int rc = commit_row_read(s->s, id, &c, e);
    for (size_t i = 0; i < c.record.n_out && rc == 0; i++) {
        const struct committed_out *o = &c.record.out[i];
        json_t *users = NULL;
        if (down && (rc = users_of(s, o->path, o->sha256, id, &users, e)))
            break;
        json_array_append_new(outs, json_pack("{s:s, s:s, s:s, s:o}", "name", o->name, "path",
                                              o->path, "sha256", o->sha256, "used_by",
                                              users ? users : json_null()));
    }
    id_text(id, key);
    if (rc == 0 && c.id)
        json_object_set_new(s->commits, key,
                            json_pack("{s:s, s:s, s:s, s:I, s:s, s:o, s:s, s:o, s:o, s:o}",
                                      "pipeline", c.pipeline, "stage", c.stage, "run",
                                      c.record.run_id, "attempt", (json_int_t)c.attempt, "state",
                                      c.state, "made", report_time(c.made), "fingerprint",
                                      c.record.fingerprint, "program",
                                      json_incref(json_object_get(c.record.inputs, "program")
                                                      ? json_object_get(c.record.inputs, "program")
                                                      : json_null()),
                                      "inputs", down ? json_null() : inputs_json(s, &c), "outs",
                                      json_incref(outs)));
    json_decref(outs);
    commit_row_release(&c);
    return rc;
}

static int describe_all(struct search *s, bool down, struct err *e)
{
    int rc = 0;
    while (s->n_todo > 0 && rc == 0)
        rc = describe(s, s->todo[--s->n_todo], down, e);
    return rc;
}

/* ---- the file ---- */

/* How it is known: "made" (this content at this path), "copy" (this content elsewhere), "changed"
 * (this path with other content), "gone" (this path, nothing there now), "read" (only read here),
 * NULL (not at all). */
struct subject {
    char *path;
    char sha256[HASH_HEX]; /* "": nothing is there */
    const char *found;
    const struct made *made; /* where the content was made, for a copy */
    int64_t commit;
};

/* Has a commit read this content at this path (NULL: anywhere)? */
static bool was_read(const struct provenance *p, const char *path, const char *sha256)
{
    for (size_t i = 0; i < p->n_used; i++)
        if (strcmp(p->used[i].sha256, sha256) == 0 && (!path || strcmp(p->used[i].path, path) == 0))
            return true;
    return false;
}

/* The path as the pipeline file would write it: an absolute one in here is made relative. */
static char *project_path(const char *path)
{
    char *here = getcwd(NULL, 0), *normal = path_normal(path), *relative = NULL;
    size_t n = here ? strlen(here) : 0;
    if (here && strncmp(normal, here, n) == 0 && normal[n] == '/')
        relative = mem_strdup(normal + n + 1);
    free(here);
    if (!relative)
        return normal;
    free(normal);
    return relative;
}

static int look_up(struct search *s, const char *file, struct subject *out, struct err *e)
{
    bool exists;
    *out = (struct subject){ .path = project_path(file) };
    int rc = files_hash(s->s, file, &exists, out->sha256, e);
    if (rc)
        return rc;
    if (!exists)
        out->sha256[0] = '\0';
    out->commit = exists ? provenance_maker(&s->p, out->path, out->sha256, 0) : 0;
    bool source = exists && !out->commit && was_read(&s->p, out->path, out->sha256);
    if (out->commit)
        out->found = "made";
    else if (!source && exists && (out->made = provenance_content(&s->p, out->sha256)))
        out->found = "copy";
    else if (!source && (out->commit = provenance_maker(&s->p, out->path, NULL, 0)))
        out->found = exists ? "changed" : "gone";
    else if (source || (exists && was_read(&s->p, NULL, out->sha256)))
        out->found = "read";
    if (out->made)
        out->commit = out->made->commit;
    return 0;
}

/* Who read the file: at its path, at the path where its content was made, or wherever it stood. */
static int users_of_file(struct search *s, const struct subject *f, json_t **out, struct err *e)
{
    const char *path = f->made ? f->made->path : f->path;
    bool anywhere = strcmp(f->found, "read") == 0 && !was_read(&s->p, path, f->sha256);
    return users_of(s, anywhere ? NULL : path, f->sha256, f->commit, out, e);
}

/* ---- for people ---- */

static json_t *commit_at(json_t *commits, int64_t id)
{
    char key[24];
    id_text(id, key);
    return json_object_get(commits, key);
}

static void add_maker(json_t *commit, struct str *out)
{
    str_addf(out, "stage '%s' of '%s', run %s attempt %lld, %.10s %.8s UTC",
             report_text(commit, "stage"), report_text(commit, "pipeline"),
             report_text(commit, "run"),
             (long long)json_integer_value(json_object_get(commit, "attempt")),
             report_text(commit, "made"), report_text(commit, "made") + 11);
    if (strcmp(report_text(commit, "state"), "done") != 0)
        str_addf(out, " (%s)", report_text(commit, "state"));
}

static void add_inputs(json_t *commits, json_t *commit, size_t depth, struct str *out)
{
    const json_t *input, *maker;
    size_t i, k;
    if (json_object_get(commit, "told")) {
        str_addf(out, "%*s(its inputs stand above)\n", (int)(2 * depth), "");
        return;
    }
    json_object_set_new(commit, "told", json_true());
    json_array_foreach(json_object_get(commit, "inputs"), i, input)
    {
        const json_t *makers = json_object_get(input, "commits");
        if (i == MAX_INPUTS || depth == MAX_DEPTH) {
            str_addf(out, "%*s... %zu more; --json has all\n", (int)(2 * depth), "",
                     json_array_size(json_object_get(commit, "inputs")) - i);
            return;
        }
        str_addf(out, "%*s%s: %s %.12s", (int)(2 * depth), "", report_text(input, "name"),
                 report_text(input, "path"), report_text(input, "sha256"));
        str_addz(out, json_array_size(makers) == 0 ? ", a source\n" : "\n");
        json_array_foreach(makers, k, maker)
        {
            json_t *next = commit_at(commits, json_integer_value(maker));
            str_addf(out, "%*s<- ", (int)(2 * depth + 2), "");
            add_maker(next, out);
            str_addc(out, '\n');
            add_inputs(commits, next, depth + 2, out);
        }
    }
}

static void add_users(json_t *commits, const json_t *users, size_t depth, struct str *out)
{
    const json_t *user, *o;
    size_t i, k;
    json_array_foreach(users, i, user)
    {
        json_t *commit = commit_at(commits, json_integer_value(user));
        bool told = json_object_get(commit, "told");
        str_addf(out, "%*s-> ", (int)(2 * depth), "");
        add_maker(commit, out);
        str_addz(out, told                 ? " (told above)\n"
                      : depth >= MAX_DEPTH ? "...; --json has all\n"
                                           : "\n");
        if (told || depth >= MAX_DEPTH)
            continue;
        json_object_set_new(commit, "told", json_true());
        json_array_foreach(json_object_get(commit, "outs"), k, o)
        {
            str_addf(out, "%*souts.%s: %s %.12s\n", (int)(2 * depth + 3), "",
                     report_text(o, "name"), report_text(o, "path"), report_text(o, "sha256"));
            add_users(commits, json_object_get(o, "used_by"), depth + 2, out);
        }
    }
}

static void print_lineage(const struct subject *f, json_t *up, json_t *down, const json_t *users)
{
    struct str text = { 0 };
    json_t *commit = f->commit ? commit_at(up, f->commit) : NULL;
    str_addf(&text, "%s%s%.12s", f->path, *f->sha256 ? " " : "", f->sha256);
    if (strcmp(f->found, "read") == 0)
        str_addz(&text, ": a source, which no stage made\n");
    else if (strcmp(f->found, "changed") == 0)
        str_addz(&text, ": NOT as it was made: it has been changed since\n  was made by ");
    else if (strcmp(f->found, "gone") == 0)
        str_addz(&text, ": is not there now\n  was made by ");
    else if (strcmp(f->found, "copy") == 0)
        str_addf(&text, ": a copy of what was made as %s\n  made by ", f->made->path);
    else
        str_addz(&text, "\n  made by ");
    if (commit) {
        add_maker(commit, &text);
        str_addf(&text, "\n  program %.12s\n",
                 *report_text(commit, "program") ? report_text(commit, "program") : "sh");
        add_inputs(up, commit, 2, &text);
    }
    if (json_array_size(users) > 0)
        str_addz(&text, "  used by\n");
    add_users(down, users, 2, &text);
    fputs(str_text(&text), stdout);
    str_release(&text);
}

static int print_json(const struct subject *f, json_t *up, json_t *down, json_t *users,
                      struct err *e)
{
    return report_print(json_pack("{s:s, s:o, s:s, s:o, s:O, s:O, s:O}", "file", f->path, "sha256",
                                  json_text_or_null(*f->sha256 ? f->sha256 : NULL), "found",
                                  f->found, "commit", report_int(f->commit != 0, f->commit), "up",
                                  up, "used_by", users, "down", down),
                        e);
}

int command_lineage(const struct cli *c, struct err *e)
{
    struct search up = { .commits = json_object() }, down = { .commits = json_object() };
    struct subject f = { 0 };
    json_t *users = NULL;
    int rc = state_open(&up.s, false, e);

    if (rc || (rc = provenance_load(&up.p, up.s, e)) || (rc = provenance_uses(&up.p, up.s, e)) ||
        (rc = look_up(&up, c->name[0], &f, e)))
        goto out;
    if (!f.found) {
        rc = err_set(e, EXIT_FAILED,
                     *f.sha256 ? "'%s': no stage here made or read a file of this content or path"
                               : "'%s' is not there, and no stage here made it",
                     c->name[0]);
        goto out;
    }
    down.s = up.s;
    down.p = up.p;
    if (f.commit)
        want(&up, f.commit);
    if ((rc = describe_all(&up, false, e)) || (rc = users_of_file(&down, &f, &users, e)) ||
        (rc = describe_all(&down, true, e)))
        goto out;
    if (c->json)
        rc = print_json(&f, up.commits, down.commits, users, e);
    else
        print_lineage(&f, up.commits, down.commits, users);
out:
    json_decref(users);
    free(f.path);
    free(up.todo);
    free(down.todo);
    json_decref(up.commits);
    json_decref(down.commits);
    provenance_release(&up.p);
    state_close(up.s);
    return rc;
}
