#define _DEFAULT_SOURCE
#include "runner/memory/state_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"

/* What makes a database of version i one of version i + 1. */
/* clang-format off: a statement keeps its lines */
static const char *const migrations[] = {
    /* The first. */
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " pipeline TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, options TEXT NOT NULL,"
    " retry_of TEXT, pid INTEGER NOT NULL, pid_start INTEGER NOT NULL, boot TEXT NOT NULL,"
    " began INTEGER NOT NULL, ended INTEGER, exit_code INTEGER);"
    "CREATE INDEX runs_pipeline ON runs(pipeline, id);"
    "CREATE TABLE stages(run TEXT NOT NULL, position INTEGER NOT NULL, stage TEXT NOT NULL,"
    " state TEXT NOT NULL, reason TEXT, PRIMARY KEY(run, stage)) WITHOUT ROWID;"
    "CREATE TABLE attempts(run TEXT NOT NULL, stage TEXT NOT NULL, number INTEGER NOT NULL,"
    " state TEXT NOT NULL, reason TEXT, log TEXT NOT NULL, staging TEXT NOT NULL,"
    " began INTEGER NOT NULL, ended INTEGER, exit_code INTEGER, signal INTEGER, user_us INTEGER,"
    " system_us INTEGER, max_rss_kb INTEGER, read_blocks INTEGER, write_blocks INTEGER,"
    " PRIMARY KEY(run, stage, number)) WITHOUT ROWID;"
    "CREATE TABLE metrics(run TEXT NOT NULL, stage TEXT NOT NULL, attempt INTEGER NOT NULL,"
    " name TEXT NOT NULL, step INTEGER NOT NULL, value REAL);"
    "CREATE INDEX metrics_run ON metrics(run, stage, attempt);"
    "CREATE TABLE warnings(run TEXT NOT NULL, stage TEXT NOT NULL, attempt INTEGER NOT NULL,"
    " text TEXT NOT NULL);"
    "CREATE INDEX warnings_run ON warnings(run, stage, attempt);"
    "CREATE TABLE commits(id INTEGER PRIMARY KEY, pipeline TEXT NOT NULL, stage TEXT NOT NULL,"
    " run TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL,"
    " fingerprint TEXT NOT NULL, inputs TEXT NOT NULL, made INTEGER NOT NULL);"
    "CREATE INDEX commits_stage ON commits(pipeline, stage, id);"
    "CREATE TABLE outs(commit_id INTEGER NOT NULL, position INTEGER NOT NULL,"
    " name TEXT NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL, PRIMARY KEY(commit_id,"
    " position)) WITHOUT ROWID;"
    "CREATE TABLE intents(id INTEGER PRIMARY KEY, pipeline TEXT NOT NULL,"
    " document TEXT NOT NULL);"
    "CREATE TABLE checkpoints(pipeline TEXT NOT NULL, stage TEXT NOT NULL, path TEXT NOT NULL,"
    " fingerprint TEXT NOT NULL, PRIMARY KEY(pipeline, stage)) WITHOUT ROWID;"
    "CREATE TABLE files(device INTEGER, inode INTEGER, size INTEGER, mtime INTEGER,"
    " ctime INTEGER, sha256 TEXT NOT NULL, PRIMARY KEY(device, inode)) WITHOUT ROWID;"
    "CREATE TABLE trees(key TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE describes(program TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;",
    /* Schedules, notifications, approvals. A run of a schedule has state "queued" until its runner
     * has begun. All instants are milliseconds since 1970. */
    "ALTER TABLE runs ADD COLUMN schedule TEXT;"
    "ALTER TABLE runs ADD COLUMN scheduled INTEGER;"
    "ALTER TABLE attempts ADD COLUMN limits TEXT;"
    "CREATE TABLE schedules(pipeline TEXT NOT NULL, name TEXT NOT NULL, spec TEXT NOT NULL,"
    " watermark INTEGER NOT NULL, paused INTEGER, PRIMARY KEY(pipeline, name)) WITHOUT ROWID;"
    "CREATE TABLE ticks(pipeline TEXT NOT NULL, schedule TEXT NOT NULL,"
    " instant INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT, run TEXT,"
    " decided INTEGER NOT NULL, overlap TEXT, told INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(pipeline, schedule, instant)) WITHOUT ROWID;"
    "CREATE INDEX ticks_untold ON ticks(pipeline) WHERE told=0 AND state IN"
    " ('missed','overlapped');"
    "CREATE INDEX ticks_run ON ticks(run);"
    "CREATE INDEX ticks_instant ON ticks(instant);"
    "ALTER TABLE runs ADD COLUMN on_exit TEXT;"
    "CREATE INDEX runs_on_exit ON runs(pipeline) WHERE on_exit IS NOT NULL;"
    "CREATE INDEX runs_queued ON runs(pipeline) WHERE state = 'queued';"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY, pipeline TEXT NOT NULL, run TEXT,"
    " event TEXT NOT NULL, name TEXT NOT NULL, channel TEXT NOT NULL, document TEXT NOT NULL,"
    " made INTEGER NOT NULL, attempts INTEGER NOT NULL, tried INTEGER, due INTEGER NOT NULL,"
    " state TEXT NOT NULL, reason TEXT);"
    "CREATE INDEX outbox_due ON outbox(state, due);"
    "CREATE TABLE approvals(run TEXT NOT NULL, stage TEXT NOT NULL, reason TEXT NOT NULL,"
    " who TEXT NOT NULL, made INTEGER NOT NULL);"
    "PRAGMA user_version = 2;",
};
/* clang-format on */

_Static_assert(sizeof migrations / sizeof *migrations == STATE_VERSION, "one step a version");

static int read_version(struct db *db, int64_t *out, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(db, &q, "PRAGMA user_version", e);
    if (rc || (rc = db_step(&q, &row, e)))
        return rc;
    *out = row ? db_get_int(&q, 0) : 0;
    db_end(&q);
    return 0;
}

/* All that is missing, in one transaction. */
static int migrate(struct db *db, struct err *e)
{
    int64_t version;
    int rc = db_begin(db, e);
    if (rc == 0)
        rc = read_version(db, &version, e);
    for (; rc == 0 && version < STATE_VERSION; version++)
        rc = db_run(db, migrations[version], e);
    if (rc == 0)
        return db_commit(db, e);
    db_rollback(db);
    return rc;
}

/* Several processes may find no database at once, or an old one: one after the other, until *out is
 * closed. */
static int lock_directory(int *out, struct err *e)
{
    *out = open(STATE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *out < 0 || flock(*out, LOCK_EX) < 0
               ? err_sys(e, "cannot lock the directory '%s'", STATE_DIR)
               : 0;
}

/* A new database gets its name when it is whole and on the disk: three syncs, where SQLite would
 * need seven. */
static int make_new(const char *path, struct err *e)
{
    static const char *const beside[] = { "", "-journal", "-wal", "-shm" };
    char *new = str_format("%s.new", path);
    struct db db = { 0 };
    int fd, rc = lock_directory(&fd, e);
    if (rc || access(path, F_OK) == 0)
        goto out;
    for (size_t i = 0; i < sizeof beside / sizeof *beside; i++) {
        char *left = str_format("%s%s", new, beside[i]); /* by one that was killed */
        unlink(left);
        free(left);
    }
    if ((rc = db_open(&db, new, DB_CREATE, e)) == 0 &&
        (rc = db_run(&db, "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY", e)) == 0 &&
        (rc = migrate(&db, e)) == 0)
        rc = db_run(&db, "PRAGMA journal_mode=WAL", e); /* nothing is in the log yet */
    db_close(&db);
    if (rc == 0 && (rc = outfile_publish(new, path, e)) == 0)
        rc = outfile_sync_parent(STATE_DIR, e); /* it may be as new as what lies in it */
    else
        unlink(new);
out:
    if (fd >= 0)
        close(fd);
    free(new);
    return rc;
}

/* SQLite refuses to change to WAL while another one tries the same. */
static int make_on_disk(struct db *db, struct err *e)
{
    int64_t version = 0;
    int fd, rc = lock_directory(&fd, e);
    if (rc == 0)
        rc = read_version(db, &version, e);
    if (rc == 0 && version == 0)
        rc = db_run(db, "PRAGMA journal_mode=WAL", e);
    if (rc == 0)
        rc = migrate(db, e);
    if (fd >= 0)
        close(fd);
    return rc;
}

static bool is_read_only(struct db *db)
{
    return sqlite3_db_readonly(db->handle, "main") == 1;
}

static int prepare(struct db *db, bool on_disk, struct err *e)
{
    int64_t version = 0;
    int rc = read_version(db, &version, e);
    if (rc)
        return rc;
    if (version > STATE_VERSION)
        return err_set(e, ERR_DATA,
                       "'%s' is of version %lld, written by a newer refit; this one knows %d",
                       db->path, (long long)version, (int)STATE_VERSION);
    if (version < STATE_VERSION && is_read_only(db))
        return err_set(e, ERR_IO,
                       "'%s' is of version %lld: this refit makes it one of version %d with the "
                       "first command of somebody who may write to it",
                       db->path, (long long)version, (int)STATE_VERSION);
    if (version < STATE_VERSION && (rc = on_disk ? make_on_disk(db, e) : migrate(db, e)))
        return rc;
    return 0;
}

/* With a log, SQLite syncs nothing at the end of a transaction (NORMAL) and sync_log does it where
 * it is wanted. A file system that cannot have one (it needs shared memory) gets FULL. */
static int choose_sync(struct state *s, struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(&s->db, &q, "PRAGMA journal_mode", e);
    if (rc || (rc = db_step(&q, &row, e)))
        return rc;
    char *mode = row ? db_get_text(&q, 0) : NULL;
    s->has_wal = mode && strcmp(mode, "wal") == 0;
    free(mode);
    db_end(&q);
    return db_run(&s->db, s->has_wal ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL", e);
}

/* What has been committed to the log reaches the disk. By SQLite's own hand, which also syncs the
 * directory that a new log lies in. */
static int sync_log(struct state *s, struct err *e)
{
    sqlite3_file *log = NULL;
    if (!s->has_wal)
        return 0;
    if (sqlite3_file_control(s->db.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) !=
            SQLITE_OK ||
        !log || !log->pMethods)
        return err_set(e, ERR_INTERNAL, "'%s' has no log", s->db.path);
    return log->pMethods->xSync(log, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY) == SQLITE_OK
               ? 0
               : err_sys(e, "cannot write '%s-wal' to the disk", s->db.path);
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int state_open(struct state **out, bool create, struct err *e)
{
    static const char path[] = STATE_DIR "/refit.db";
    struct state *s = mem_calloc(1, sizeof *s);
    enum db_mode mode = DB_CREATE;
    int rc = 0;

    *out = NULL;
    if (create && mkdir(STATE_DIR, 0777) < 0 && errno != EEXIST)
        rc = err_sys(e, "cannot make the directory '%s'", STATE_DIR);
    else if (access(STATE_DIR, F_OK) == 0 && !is_directory(STATE_DIR))
        rc = err_set(e, ERR_IO, "'%s' is a file: want the directory of refit's memory", STATE_DIR);
    else if (!create)
        mode = access(path, F_OK) < 0                                           ? DB_MEMORY
               : access(path, W_OK) == 0 && access(STATE_DIR, W_OK | X_OK) == 0 ? DB_OPEN
                                                                                : DB_READ;
    if (rc == 0 && create && access(path, F_OK) < 0 && errno == ENOENT)
        rc = make_new(path, e);
    if (rc == 0)
        rc = db_open(&s->db, path, mode, e);
    s->db.advice = "see 'refit doctor'";
    if (rc == 0)
        rc = prepare(&s->db, mode != DB_MEMORY, e);
    if (rc == 0)
        rc = choose_sync(s, e);
    if (rc)
        state_close(s);
    else
        *out = s;
    return rc;
}

struct db *state_db(struct state *s)
{
    return &s->db;
}

void state_rest(struct state *s)
{
    if (s->reading)
        db_rollback(&s->db);
    s->reading = false;
}

int state_start_reading(struct state *s, struct err *e)
{
    int rc = 0;
    if (!s->reading && sqlite3_get_autocommit(s->db.handle)) {
        rc = db_run(&s->db, "BEGIN", e);
        s->reading = rc == 0;
    }
    return rc;
}

static int begin(struct state *s, struct err *e)
{
    int rc;
    state_rest(s);
    rc = db_begin(&s->db, e);
    if (rc == 0 && (rc = hashes_write(s, e)))
        db_rollback(&s->db);
    return rc;
}

/* Is a lazy transaction open that gathers? */
static bool is_gathering(const struct state *s)
{
    return s->gather && !s->reading && !sqlite3_get_autocommit(s->db.handle);
}

int state_begin(struct state *s, struct err *e)
{
    int rc = state_flush(s, e);
    s->durable = true;
    return rc ? rc : begin(s, e);
}

int state_begin_lazy(struct state *s, struct err *e)
{
    s->durable = false;
    if (!is_gathering(s))
        return begin(s, e);
    return hashes_write(s, e);
}

int state_commit(struct state *s, struct err *e)
{
    if (!s->durable && s->gather)
        return 0;
    int rc = db_commit(&s->db, e);
    return rc == 0 && s->durable ? sync_log(s, e) : rc;
}

void state_gather(struct state *s)
{
    s->gather = true;
}

int state_flush(struct state *s, struct err *e)
{
    return is_gathering(s) ? db_commit(&s->db, e) : 0;
}

int state_sync(struct state *s, struct err *e)
{
    int rc = state_flush(s, e);
    return rc ? rc : sync_log(s, e);
}

void state_close(struct state *s)
{
    struct err ignored = { 0 };
    if (!s)
        return;
    state_rest(s);
    if (is_gathering(s))
        state_flush(s, &ignored);
    db_rollback(&s->db);
    s->gather = false;
    if (s->hashes.n_pending && state_begin_lazy(s, &ignored) == 0)
        state_commit(s, &ignored);
    hashes_release(&s->hashes);
    db_close(&s->db);
    free(s);
}

/* ---- --describe ---- */

int state_describe_get(struct state *s, const char hex[HASH_HEX], char **out_json, struct err *e)
{
    struct query q;
    bool row;
    *out_json = NULL;
    int rc = state_start_reading(s, e);
    if (rc || (rc = db_query(&s->db, &q, "SELECT document FROM describes WHERE program=?", e)))
        return rc;
    db_text(&q, hex);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    if (row)
        *out_json = db_get_text(&q, 0);
    db_end(&q);
    return 0;
}

int state_describe_put(struct state *s, const char hex[HASH_HEX], const char *json, struct err *e)
{
    struct query q;
    if (is_read_only(&s->db)) /* asked again next time */
        return 0;
    int rc = state_begin_lazy(s, e);
    if (rc == 0 &&
        (rc = db_query(&s->db, &q, "INSERT OR REPLACE INTO describes VALUES(?,?)", e)) == 0) {
        db_text(&q, hex);
        db_text(&q, json);
        rc = db_done(&q, e);
    }
    if (rc == 0)
        return state_commit(s, e);
    db_rollback(&s->db);
    return rc;
}
