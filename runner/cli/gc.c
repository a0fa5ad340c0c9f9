/* gc: apply `retention` to the history, and sweep what crashes left and what no stage needs. */
#include "runner/cli/gc.h"

#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
#include "runner/show/show.h"
#include "runner/commit/staging.h"
#include "runner/memory/approvals.h"
#include "runner/commit/tree.h"
#include "runner/execute/lock.h"
#include "runner/memory/ledger.h"
#include "runner/memory/prune.h"
#include "runner/plan/inputs.h"

enum { MAX_DEPTH = 64 };

void gc_after_run(struct state *s, const struct manifest *m)
{
    struct prune done = { 0 };
    struct err e = { 0 };
    bool due = false;
    int64_t now = ledger_now_ms();
    if (prune_due(s, m->name, &m->retention, now, &due, &e) == 0 && due)
        prune_runs(s, m->name, &m->retention, now, false, &done, &e);
    prune_release(&done);
    if (e.code) {
        err_wrap(&e, "old runs are not removed");
        err_report(&e, "refit");
    }
}

/* ---- what is worth keeping of the cache ---- */

struct kept {
    struct prune_file *file; /* (n) */
    size_t n;
};

static void keep_tree(struct kept *k, int at, const char *path, int depth)
{
    struct stat st;
    if (depth > MAX_DEPTH || fstatat(at, path, &st, 0) < 0)
        return;
    if (!S_ISDIR(st.st_mode)) {
        k->file = mem_grow(k->file, k->n, sizeof *k->file);
        k->file[k->n++] = (struct prune_file){ st.st_dev, st.st_ino };
        return;
    }
    int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    for (const struct dirent *d; dir && (d = readdir(dir));)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            keep_tree(k, fd, d->d_name, depth + 1);
    if (dir)
        closedir(dir);
    else if (fd >= 0)
        close(fd);
}

/* The files that an inputs document names. */
static void keep_inputs(struct kept *k, const char *text)
{
    struct path_list files = { 0 };
    json_t *doc = json_loads(text, 0, NULL);
    inputs_paths(doc, &files);
    for (size_t i = 0; i < files.n; i++)
        keep_tree(k, AT_FDCWD, files.path[i], 0);
    path_list_release(&files);
    json_decref(doc);
}

#define LAST_COMMITS                                                                           \
    "FROM commits c WHERE NOT EXISTS (SELECT 1 FROM commits n WHERE n.pipeline=c.pipeline AND" \
    " n.stage=c.stage AND n.id>c.id)"

/* What the last commits of all pipelines read and made. */
static int keep_committed(struct kept *k, struct state *s, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q, "SELECT inputs " LAST_COMMITS, e);
    while (rc == 0 && (rc = db_step(&q, &row, e)) == 0 && row)
        keep_inputs(k, (const char *)sqlite3_column_text(q.stmt, 0));
    if (rc)
        return rc;
    db_end(&q);
    rc = db_query(state_db(s), &q,
                  "SELECT path FROM outs WHERE commit_id IN (SELECT id " LAST_COMMITS ")", e);
    while (rc == 0 && (rc = db_step(&q, &row, e)) == 0 && row)
        keep_tree(k, AT_FDCWD, (const char *)sqlite3_column_text(q.stmt, 0), 0);
    if (rc == 0)
        db_end(&q);
    return rc;
}

/* The hashes of all programs that are installed, and of those that the file names. */
static int keep_programs(struct kept *k, struct state *s, const struct manifest *m,
                         char (**out)[HASH_HEX], size_t *out_n, struct err *e)
{
    char *directory = NULL;
    bool exists;
    int rc = program_directory(&directory, e);
    DIR *dir = rc ? NULL : opendir(directory);
    for (const struct dirent *d; rc == 0 && dir && (d = readdir(dir));) {
        if (*d->d_name == '.')
            continue;
        char *path = str_format("%s/%s", directory, d->d_name);
        keep_tree(k, AT_FDCWD, path, 0);
        *out = mem_grow(*out, *out_n, sizeof **out);
        rc = files_hash(s, path, &exists, (*out)[*out_n], e);
        *out_n += rc == 0 && exists;
        free(path);
    }
    if (dir)
        closedir(dir);
    free(directory);
    for (size_t i = 0; i < m->n_stage; i++)
        if (m->stage[i].program)
            keep_tree(k, AT_FDCWD, m->stage[i].program, 0);
    return rc;
}

/* ---- the whole ---- */

struct gc {
    const struct cli *c;
    struct project p;
    struct lock lock;
    struct prune runs;
    struct path_list staging;
    int64_t n_hash, n_describe;
    int64_t bytes; /* of all directories */
    int64_t database_before, database_after;
};

static int64_t database_bytes(void)
{
    return tree_size(STATE_DIR "/refit.db") + tree_size(STATE_DIR "/refit.db-wal");
}

static int sweep_staging_of(struct gc *g, const struct stage_spec *stage, struct err *e)
{
    struct staging staging;
    bool awaited;
    int rc = approval_awaited(g->p.state, g->p.manifest.name, stage->name, &awaited, e);
    if (rc || awaited)
        return rc;
    staging_init(&staging, g->p.manifest.name, stage);
    for (size_t k = 0; k < staging.n_dir; k++) {
        if (access(staging.dir[k], F_OK) != 0)
            continue;
        g->bytes += tree_size(staging.dir[k]);
        path_list_add(&g->staging, staging.dir[k]);
    }
    if (!g->c->dry_run)
        rc = staging_remove(&staging, e);
    staging_release(&staging);
    return rc;
}

/* Staging directories are those of a run. Where none holds the lock (or we do), what is there was
 * left; with an intent it is a commit that the next run finishes. */
static int sweep_staging(struct gc *g, struct err *e)
{
    struct intent *intent = NULL;
    size_t n = 0;
    if (g->c->dry_run && lock_is_held(g->p.manifest.name))
        return 0;
    int rc = state_intents(g->p.state, g->p.manifest.name, &intent, &n, e);
    for (size_t i = 0; i < n; i++)
        intent_release(&intent[i]);
    free(intent);
    for (size_t i = 0; i < g->p.manifest.n_stage && rc == 0 && n == 0; i++)
        rc = sweep_staging_of(g, &g->p.manifest.stage[i], e);
    return rc;
}

static int sweep_cache(struct gc *g, struct err *e)
{
    struct kept kept = { 0 };
    char(*program)[HASH_HEX] = NULL;
    size_t n_program = 0;
    int rc = keep_committed(&kept, g->p.state, e);
    if (rc == 0)
        rc = keep_programs(&kept, g->p.state, &g->p.manifest, &program, &n_program, e);
    if (rc == 0)
        rc = prune_cache(g->p.state, kept.file, kept.n, program, n_program, g->c->dry_run,
                         &g->n_hash, &g->n_describe, e);
    free(program);
    free(kept.file);
    return rc;
}

/* First what would go, for its sizes, then for good. */
static int sweep_runs(struct gc *g, struct err *e)
{
    const struct manifest *m = &g->p.manifest;
    int64_t now = ledger_now_ms();
    int rc = prune_runs(g->p.state, m->name, &m->retention, now, true, &g->runs, e);
    for (size_t i = 0; i < g->runs.directory.n; i++)
        g->bytes += tree_size(g->runs.directory.path[i]);
    if (rc == 0 && !g->c->dry_run) {
        prune_release(&g->runs);
        rc = prune_runs(g->p.state, m->name, &m->retention, now, false, &g->runs, e);
    }
    return rc;
}

static json_t *list_json(const struct path_list *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(list, json_string(l->path[i]));
    return list;
}

static json_t *gc_json(const struct gc *g)
{
    return json_pack("{s:s, s:b, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:I, s:I}}",
                     "pipeline", g->p.manifest.name, "dry_run", g->c->dry_run, "runs",
                     list_json(&g->runs.run), "directories", list_json(&g->runs.directory),
                     "staging", list_json(&g->staging), "commits", (json_int_t)g->runs.n_commit,
                     "ticks", (json_int_t)g->runs.n_tick, "messages", (json_int_t)g->runs.n_message,
                     "hashes", (json_int_t)g->n_hash, "programs", (json_int_t)g->n_describe,
                     "bytes", (json_int_t)g->bytes, "database", "before",
                     (json_int_t)g->database_before, "after", (json_int_t)g->database_after);
}

static void gc_print(const struct gc *g)
{
    const char *verb = g->c->dry_run ? "would remove" : "removed";
    struct str text = { 0 };
    for (size_t i = 0; i < g->runs.directory.n; i++)
        printf("%s %s\n", verb, g->runs.directory.path[i]);
    for (size_t i = 0; i < g->staging.n; i++)
        printf("%s %s\n", verb, g->staging.path[i]);
    show_add_memory(&text, g->bytes / 1024);
    printf("%s %zu runs of '%s' (%s), %lld commits, %lld ticks, %lld messages, %lld hashes, %lld "
           "descriptions of programs\n",
           verb, g->runs.run.n, g->p.manifest.name, str_text(&text), (long long)g->runs.n_commit,
           (long long)g->runs.n_tick, (long long)g->runs.n_message, (long long)g->n_hash,
           (long long)g->n_describe);
    str_release(&text);
}

int command_gc(const struct cli *c, struct err *e)
{
    struct gc g = { .c = c, .lock = { .fd = -1 } };
    int rc = project_open(&g.p, c, e);

    if (rc)
        return rc;
    if (!c->dry_run && access(STATE_DIR, F_OK) == 0 &&
        (rc = lock_take(&g.lock, g.p.manifest.name, "refit gc", LOCK_AT_ONCE, e)))
        goto out;
    g.database_before = database_bytes();
    if ((rc = sweep_runs(&g, e)) || (rc = sweep_staging(&g, e)) || (rc = sweep_cache(&g, e)) ||
        (rc = c->dry_run ? 0 : prune_compact(g.p.state, e)))
        goto out;
    g.database_after = database_bytes();
    if (c->json)
        rc = report_print(gc_json(&g), e);
    else if (!c->quiet)
        gc_print(&g);
out:
    prune_release(&g.runs);
    path_list_release(&g.staging);
    lock_release(&g.lock);
    project_close(&g.p);
    return rc;
}
