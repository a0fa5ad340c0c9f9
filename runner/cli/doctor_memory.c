/* doctor: the memory, locks, lost runs, schedules; secrets and registries. */
#include "runner/cli/doctor.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/show/show.h"
#include "runner/execute/lock.h"
#include "runner/memory/ledger.h"

enum { MAX_CHECKED = 256 << 20, LARGE_WAL = 64 << 20 };

/* ---- the database ---- */

static int64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static void check_database(struct doctor *d)
{
    int64_t size = size_of(STATE_DIR "/refit.db"), wal = size_of(STATE_DIR "/refit.db-wal");
    struct str text = { 0 };
    struct err e = { 0 };
    struct query q;
    bool row = false;

    if (size == 0)
        return; /* nothing has run here */
    show_add_memory(&text, size / 1024);
    if (size <= MAX_CHECKED) {
        char *said = NULL;
        if (db_query(state_db(d->s), &q, "PRAGMA quick_check(1)", &e) == 0 &&
            db_step(&q, &row, &e) == 0) {
            said = row ? db_get_text(&q, 0) : NULL;
            db_end(&q);
        }
        for (char *p = said; p && *p; p++)
            *p = *p == '\n' ? ' ' : *p;
        if (!said || strcmp(said, "ok") != 0)
            doctor_find(d, HEALTH_ERROR, "memory",
                        "move .refit away and keep it: without it everything runs once more",
                        "the database is damaged: %s", said ? said : e.text);
        free(said);
        if (d->finding[d->n - 1].health == HEALTH_ERROR &&
            strcmp(d->finding[d->n - 1].check, "memory") == 0)
            goto out;
    }
    if (wal > LARGE_WAL)
        doctor_find(d, HEALTH_WARNING, "memory",
                    "'refit gc' writes it back; a process that reads for ever holds it up",
                    "its log has %lld MB", (long long)(wal >> 20));
    else
        doctor_find(d, HEALTH_OK, "memory", NULL, "version %d, %s%s", (int)STATE_VERSION,
                    str_text(&text), size > MAX_CHECKED ? ", too large to be checked here" : "");
out:
    str_release(&text);
}

/* One number out of a query about this pipeline. */
static int64_t count(struct doctor *d, const char *sql, int64_t before)
{
    struct err e = { 0 };
    struct query q;
    bool row;
    int64_t n = 0;
    if (db_query(state_db(d->s), &q, sql, &e))
        return 0;
    db_text(&q, d->m.name);
    db_int(&q, before);
    if (db_step(&q, &row, &e) == 0) {
        n = row ? db_get_int(&q, 0) : 0;
        db_end(&q);
    }
    return n;
}

static void check_rows(struct doctor *d)
{
    int64_t now = ledger_now_ms();
    int64_t paused = count(d,
                           "SELECT count(*) FROM schedules WHERE pipeline=? AND paused IS NOT "
                           "NULL AND ?>0",
                           now);
    int64_t intents = count(d, "SELECT count(*) FROM intents WHERE pipeline=? AND ?>0", now);
    if (paused > 0)
        doctor_find(d, HEALTH_WARNING, "schedules", "'refit resume' when they are to run again",
                    "%lld paused", (long long)paused);
    if (intents > 0 && !lock_is_held(d->m.name))
        doctor_find(d, HEALTH_WARNING, "commits", "'refit run' or 'refit retry'",
                    "%lld were interrupted: the next run finishes them or takes them back",
                    (long long)intents);
}

static void check_runs(struct doctor *d)
{
    struct run_row *run = NULL;
    size_t n = 0, n_lost = 0;
    struct err e = { 0 };
    if (ledger_runs(d->s, NULL, 1000, &run, &n, &e)) {
        doctor_find(d, HEALTH_ERROR, "runs", NULL, "%s", e.text);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bool newer = false;
        if (strcmp(run[i].state, "lost") != 0)
            continue;
        for (size_t k = 0; k < i; k++)
            newer |= strcmp(run[k].pipeline, run[i].pipeline) == 0;
        if (newer)
            continue; /* the pipeline has run since */
        n_lost++;
        doctor_find(d, HEALTH_WARNING, "runs", "'refit retry' goes on where it was",
                    "run %s of '%s' is lost: its runner died", run[i].id, run[i].pipeline);
    }
    if (n_lost == 0)
        doctor_find(d, HEALTH_OK, "runs", NULL, "none is lost");
    run_rows_free(run, n);
}

/* ---- locks ---- */

static void check_locks(struct doctor *d)
{
    DIR *dir = opendir(STATE_DIR);
    const struct dirent *entry;
    size_t n_held = 0, n_free = 0;
    while (dir && (entry = readdir(dir))) {
        struct lock_holder who = { 0 };
        if (!str_ends(entry->d_name, ".lock"))
            continue;
        char *name = mem_strndup(entry->d_name, strlen(entry->d_name) - 5);
        lock_holder(name, &who);
        if (who.held)
            doctor_find(d, HEALTH_OK, "locks", NULL, "'%s' is held by pid %lld%s%s%s%s", name,
                        (long long)who.id.pid, who.command ? ", " : "",
                        who.command ? who.command : "", who.since ? ", since " : "",
                        who.since ? who.since : "");
        n_held += who.held;
        n_free += !who.held;
        lock_holder_release(&who);
        free(name);
    }
    if (dir)
        closedir(dir);
    if (n_held == 0)
        doctor_find(d, HEALTH_OK, "locks", NULL,
                    n_free ? "none is held (the files of %zu that were may stay)" : "none is held",
                    n_free);
}

static void check_daemon(struct doctor *d)
{
    size_t n_on = 0;
    for (size_t i = 0; i < d->m.n_schedule; i++)
        n_on += d->m.schedule[i].enabled;
    if (n_on == 0)
        return;
    char *name = str_format("%s.daemon", d->m.name);
    if (lock_is_held(name))
        doctor_find(d, HEALTH_OK, "schedules", NULL, "%zu, and a daemon looks after them", n_on);
    else
        doctor_find(d, HEALTH_WARNING, "schedules",
                    "'refit daemon', or 'refit tick' from a timer: 'refit export systemd|cron'",
                    "%zu, and no daemon runs: only a timer could start them", n_on);
    free(name);
}

void doctor_memory(struct doctor *d)
{
    check_locks(d);
    if (d->s) {
        check_database(d);
        check_runs(d);
    }
    if (d->s && d->has_manifest)
        check_rows(d);
    check_daemon(d);
    if (d->s)
        state_rest(d->s);
}

/* ---- secrets ---- */

static bool is_used(const struct manifest *m, const char *secret)
{
    for (size_t i = 0; i < m->n_stage; i++)
        for (size_t k = 0; k < m->stage[i].n_secret && m->stage[i].enabled; k++)
            if (strcmp(m->stage[i].secret[k], secret) == 0)
                return true;
    return false;
}

static void check_secret(struct doctor *d, const struct secret_ref *s)
{
    enum health missing = is_used(&d->m, s->name) ? HEALTH_ERROR : HEALTH_WARNING;
    struct stat st;
    if (s->env) {
        const char *value = getenv(s->env);
        if (value && *value)
            doctor_find(d, HEALTH_OK, "secrets", NULL, "'%s' is set", s->name);
        else
            doctor_find(d, missing, "secrets", "set it where refit is started",
                        "'%s': the environment variable '%s' is %s", s->name, s->env,
                        value ? "empty" : "not set");
        return;
    }
    if (access(s->file, R_OK) != 0 || stat(s->file, &st) < 0)
        doctor_find(d, missing, "secrets", "put it there, readable for this user alone",
                    "'%s': cannot read '%s': %s", s->name, s->file, strerror(errno));
    else if (st.st_size == 0)
        doctor_find(d, missing, "secrets", "put the value in its first line", "'%s': '%s' is empty",
                    s->name, s->file);
    else if (st.st_mode & (S_IROTH | S_IWOTH))
        doctor_find(d, HEALTH_WARNING, "secrets", "chmod 600", "'%s': everybody may %s '%s'",
                    s->name, st.st_mode & S_IWOTH ? "write" : "read", s->file);
    else
        doctor_find(d, HEALTH_OK, "secrets", NULL, "'%s' is readable", s->name);
}

/* ---- registries ---- */

/* A directory is looked at; of another place only how it is written. */
static void check_registry(struct doctor *d, const char *stage, const char *url)
{
    const char *path = str_starts(url, "file:") ? url + 5 : url;
    if (path == url && strchr(url, ':')) {
        const char *rest = strstr(url, "://");
        bool good = rest && rest > url && rest[3] != '\0' && rest[3] != '/';
        doctor_find(d, good ? HEALTH_OK : HEALTH_ERROR, "registry",
                    good ? NULL : "want a directory, file:PATH or s3://BUCKET/PREFIX",
                    "stage '%s': '%s'%s", stage, url, good ? "" : " is no place");
        return;
    }
    char *at = mem_strdup(path);
    while (access(at, F_OK) != 0 && strcmp(at, ".") != 0 && strcmp(at, "/") != 0) {
        char *up = str_parent(at);
        free(at);
        at = up;
    }
    bool good = access(at, W_OK | X_OK) == 0;
    doctor_find(d, good ? HEALTH_OK : HEALTH_ERROR, "registry",
                good ? NULL : "give it to the user that runs refit", "stage '%s': '%s' %s", stage,
                at, good ? "is writable" : "is not writable");
    free(at);
}

void doctor_secrets(struct doctor *d)
{
    for (size_t i = 0; i < d->m.n_secret; i++)
        check_secret(d, &d->m.secret[i]);
    for (size_t i = 0; i < d->m.n_stage; i++) {
        const struct stage_spec *s = &d->m.stage[i];
        for (size_t k = 0; k < s->n_param && s->run && s->enabled; k++)
            if (strcmp(s->param[k].name, "registry") == 0 && s->param[k].n_value == 1)
                check_registry(d, s->name, s->param[k].value[0]);
    }
}
