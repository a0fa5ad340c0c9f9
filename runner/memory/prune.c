#include "runner/memory/prune.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/commit/tree.h"
#include "runner/memory/ledger.h"

static const int64_t day_ms = 86400000;
enum { YOUNG_S = 3600 }; /* a directory without a row may be somebody's who is about to write it */

void prune_release(struct prune *p)
{
    path_list_release(&p->run);
    path_list_release(&p->directory);
    *p = (struct prune){ 0 };
}

/* ---- runs ---- */

/* ?1 pipeline, ?2 runs to keep, less one, ?3 the instant before which a run must have ended. */
#define DOOMED                                                                                    \
    "SELECT name FROM runs AS r WHERE pipeline=?1"                                                \
    " AND id < (SELECT id FROM runs WHERE pipeline=?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)"        \
    " AND coalesce(ended, began) < ?3 AND state NOT IN ('running', 'queued') AND on_exit IS NULL" \
    " AND id <> coalesce((SELECT max(id) FROM runs WHERE pipeline=?1"                             \
    "  AND state IN ('failed', 'lost', 'aborted')), -1)"                                          \
    " AND NOT EXISTS (SELECT 1 FROM commits c WHERE c.run=r.name AND NOT EXISTS"                  \
    "  (SELECT 1 FROM commits n WHERE n.pipeline=c.pipeline AND n.stage=c.stage AND n.id>c.id))"  \
    " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.run=r.name AND o.state='due')"

static void bind_doomed(struct query *q, const char *pipeline, const struct retention *keep,
                        int64_t now_ms)
{
    db_text(q, pipeline);
    db_int(q, keep->runs - 1);
    db_int(q, now_ms - keep->days * day_ms);
}

int prune_due(struct state *s, const char *pipeline, const struct retention *keep, int64_t now_ms,
              bool *out_due, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, DOOMED " LIMIT 1", e);
    if (rc)
        return rc;
    bind_doomed(&q, pipeline, keep, now_ms);
    if ((rc = db_step(&q, out_due, e)) == 0)
        db_end(&q);
    return rc;
}

static int choose(struct state *s, const char *pipeline, const struct retention *keep,
                  int64_t now_ms, struct path_list *out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_run(state_db(s),
                    "CREATE TEMP TABLE IF NOT EXISTS doomed(name TEXT PRIMARY KEY) WITHOUT ROWID;"
                    "DELETE FROM doomed",
                    e);
    if (rc || (rc = db_query(state_db(s), &q, "INSERT INTO doomed " DOOMED, e)))
        return rc;
    bind_doomed(&q, pipeline, keep, now_ms);
    if ((rc = db_done(&q, e)) ||
        (rc = db_query(state_db(s), &q, "SELECT name FROM doomed ORDER BY name", e)))
        return rc;
    while ((rc = db_step(&q, &row, e)) == 0 && row)
        path_list_take(out, db_get_text(&q, 0));
    if (rc == 0)
        db_end(&q);
    return rc;
}

/* A statement about one pipeline up to an instant; how many rows it removed. */
static int delete_before(struct state *s, const char *sql, const char *pipeline, int64_t before,
                         int64_t *out_n, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, sql, e);
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_int(&q, before);
    if ((rc = db_done(&q, e)) == 0)
        *out_n = sqlite3_changes64(state_db(s)->handle);
    return rc;
}

/* Rows of the chosen runs, and what belonged to them alone. */
static int delete_rows(struct state *s, const char *pipeline, int64_t before, struct prune *out,
                       struct err *e)
{
    int rc = db_run(state_db(s),
                    "DELETE FROM runs WHERE name IN (SELECT name FROM doomed);"
                    "DELETE FROM stages WHERE run IN (SELECT name FROM doomed);"
                    "DELETE FROM attempts WHERE run IN (SELECT name FROM doomed);"
                    "DELETE FROM metrics WHERE run IN (SELECT name FROM doomed);"
                    "DELETE FROM warnings WHERE run IN (SELECT name FROM doomed);"
                    "DELETE FROM approvals WHERE run IN (SELECT name FROM doomed)",
                    e);
    /* In force: it was the last of its stage at some instant of a run that is kept. */
    if (rc == 0)
        rc = delete_before(
            s,
            "DELETE FROM commits AS c WHERE pipeline=?1 AND ?2 IS NOT NULL"
            " AND run NOT IN (SELECT name FROM runs)"
            " AND EXISTS (SELECT 1 FROM commits n WHERE n.pipeline=c.pipeline AND n.stage=c.stage"
            "  AND n.id>c.id)"
            " AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.pipeline=c.pipeline"
            "  AND coalesce(r.ended, r.began) >= c.made AND r.began <= (SELECT n.made FROM commits "
            "n"
            "   WHERE n.pipeline=c.pipeline AND n.stage=c.stage AND n.id>c.id ORDER BY n.id LIMIT "
            "1))",
            pipeline, before, &out->n_commit, e);
    if (rc == 0 && out->n_commit > 0)
        rc = db_run(state_db(s), "DELETE FROM outs WHERE commit_id NOT IN (SELECT id FROM commits)",
                    e);
    if (rc == 0)
        rc = delete_before(s,
                           "DELETE FROM ticks WHERE pipeline=?1 AND decided<?2"
                           " AND (run IS NULL OR run NOT IN (SELECT name FROM runs))",
                           pipeline, before, &out->n_tick, e);
    if (rc == 0)
        rc = delete_before(s,
                           "DELETE FROM outbox WHERE pipeline=?1 AND made<?2 AND state<>'due'"
                           " AND (run IS NULL OR run NOT IN (SELECT name FROM runs))",
                           pipeline, before, &out->n_message, e);
    return rc;
}

/* Directories of runs that have no row (any more). A run makes its directory and its row in one
 * write transaction: while we are in one, nobody is between the two. */
static int find_directories(struct state *s, struct prune *out, struct err *e)
{
    DIR *dir = opendir(STATE_DIR "/runs");
    const struct dirent *d;
    struct stat st;
    int rc = dir || errno == ENOENT ? 0 : err_sys(e, "cannot read '%s/runs'", STATE_DIR);

    while (rc == 0 && dir && (d = readdir(dir))) {
        bool known = false, chosen = false;
        if (*d->d_name == '.' || (rc = ledger_has_run(s, d->d_name, &known, e)) || known)
            continue;
        for (size_t i = 0; i < out->run.n && !chosen; i++)
            chosen = strcmp(out->run.path[i], d->d_name) == 0;
        char *path = str_format(STATE_DIR "/runs/%s", d->d_name);
        if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
            (chosen || st.st_mtim.tv_sec + YOUNG_S < state_now_ns() / 1000000000))
            path_list_add(&out->directory, path);
        free(path);
    }
    if (dir)
        closedir(dir);
    path_list_sort(&out->directory);
    return rc;
}

int prune_runs(struct state *s, const char *pipeline, const struct retention *keep, int64_t now_ms,
               bool dry, struct prune *out, struct err *e)
{
    int rc;
    *out = (struct prune){ 0 };
    if ((rc = state_begin_lazy(s, e)))
        return rc;
    if ((rc = choose(s, pipeline, keep, now_ms, &out->run, e)) == 0 &&
        (rc = delete_rows(s, pipeline, now_ms - keep->days * day_ms, out, e)) == 0)
        rc = find_directories(s, out, e);
    if (rc || dry)
        db_rollback(state_db(s));
    else
        rc = state_commit(s, e);
    for (size_t i = 0; i < out->directory.n && rc == 0 && !dry; i++)
        rc = tree_remove(out->directory.path[i], e);
    return rc;
}

/* ---- the hash cache ---- */

static int keep_files(struct state *s, const struct prune_file *keep, size_t n, struct err *e)
{
    int rc = db_run(state_db(s),
                    "CREATE TEMP TABLE IF NOT EXISTS kept(device INTEGER, inode INTEGER,"
                    " PRIMARY KEY(device, inode)) WITHOUT ROWID; DELETE FROM kept",
                    e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct query q;
        if ((rc = db_query(state_db(s), &q, "INSERT OR IGNORE INTO kept VALUES(?,?)", e)))
            break;
        db_int(&q, (int64_t)keep[i].device);
        db_int(&q, (int64_t)keep[i].inode);
        rc = db_done(&q, e);
    }
    return rc;
}

static int keep_describes(struct state *s, char (*program)[HASH_HEX], size_t n, struct err *e)
{
    int rc = db_run(state_db(s),
                    "CREATE TEMP TABLE IF NOT EXISTS known(program TEXT PRIMARY KEY) WITHOUT "
                    "ROWID; DELETE FROM known",
                    e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct query q;
        if ((rc = db_query(state_db(s), &q, "INSERT OR IGNORE INTO known VALUES(?)", e)))
            break;
        db_text(&q, program[i]);
        rc = db_done(&q, e);
    }
    return rc;
}

static int delete_counted(struct state *s, const char *sql, int64_t *out_n, struct err *e)
{
    int rc = db_run(state_db(s), sql, e);
    if (rc == 0)
        *out_n = sqlite3_changes64(state_db(s)->handle);
    return rc;
}

int prune_cache(struct state *s, const struct prune_file *keep, size_t n_keep,
                char (*program)[HASH_HEX], size_t n_program, bool dry, int64_t *out_file,
                int64_t *out_describe, struct err *e)
{
    int rc = state_begin_lazy(s, e);
    if (rc)
        return rc;
    if ((rc = keep_files(s, keep, n_keep, e)) == 0 &&
        (rc = keep_describes(s, program, n_program, e)) == 0 &&
        (rc = delete_counted(s,
                             "DELETE FROM files WHERE NOT EXISTS (SELECT 1 FROM kept"
                             " WHERE kept.device=files.device AND kept.inode=files.inode)",
                             out_file, e)) == 0 &&
        (rc = delete_counted(
             s, "DELETE FROM describes WHERE program NOT IN (SELECT program FROM known)",
             out_describe, e)) == 0)
        rc = db_run(state_db(s), "DELETE FROM trees", e);
    if (rc == 0 && !dry)
        return state_commit(s, e);
    db_rollback(state_db(s));
    return rc;
}

/* ---- the file ---- */

static int read_number(struct state *s, const char *sql, int64_t *out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q, sql, e);
    if (rc || (rc = db_step(&q, &row, e)))
        return rc;
    *out = row ? db_get_int(&q, 0) : 0;
    db_end(&q);
    return 0;
}

int prune_compact(struct state *s, struct err *e)
{
    int64_t size = 0, pages = 0, unused = 0;
    struct err busy = { 0 };
    int rc;

    state_rest(s);
    if ((rc = read_number(s, "PRAGMA page_size", &size, e)) ||
        (rc = read_number(s, "PRAGMA page_count", &pages, e)) ||
        (rc = read_number(s, "PRAGMA freelist_count", &unused, e)))
        return rc;
    if (unused * size > 1 << 20 && unused > pages / 4)
        db_run(state_db(s), "VACUUM", &busy);
    db_run(state_db(s), "PRAGMA wal_checkpoint(TRUNCATE)", &busy);
    return 0;
}
