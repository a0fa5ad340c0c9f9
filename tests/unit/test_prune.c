#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"

#include "sandbox.h"

#include "runner/memory/prune.h"

static const int64_t day = 86400000, now = 1000 * INT64_C(86400000);

static struct state *s;

static int open_memory(void **unused)
{
    struct err e = { 0 };
    return project_setup(unused) || state_open(&s, true, &e);
}

static int close_memory(void **unused)
{
    state_close(s);
    return project_teardown(unused);
}

static void sql(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void sql(const char *fmt, ...)
{
    struct err e = { 0 };
    char text[1000];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    state_rest(s);
    assert_ok(db_run(state_db(s), text, &e), e);
}

/* A run "rNAME" that ended so many days ago. */
static void add_run(const char *name, const char *state, int days_ago)
{
    long long at = now - days_ago * day;
    sql("INSERT INTO runs(name, pipeline, state, options, pid, pid_start, boot, began, ended) "
        "VALUES('%s', 'p', '%s', '{}', 1, 1, '', %lld, %lld)",
        name, state, at - 1000, at);
}

static void add_commit(const char *run, const char *stage, int days_ago)
{
    sql("INSERT INTO commits(pipeline, stage, run, attempt, state, fingerprint, inputs, made) "
        "VALUES('p', '%s', '%s', 1, 'done', 'f', '{}', %lld)",
        stage, run, (long long)(now - days_ago * day));
}

static int64_t count(const char *table)
{
    struct err e = { 0 };
    sqlite3_stmt *stmt;
    char *text = str_format("SELECT count(*) FROM %s", table);
    state_rest(s);
    assert_int_equal(sqlite3_prepare_v2(state_db(s)->handle, text, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    free(text);
    (void)e;
    return n;
}

/* What `keep` removes: "a b c". */
static void removes(struct retention keep, const char *want)
{
    struct prune p;
    struct err e = { 0 };
    struct str found = { 0 };
    bool due;
    assert_ok(prune_due(s, "p", &keep, now, &due, &e), e);
    assert_ok(prune_runs(s, "p", &keep, now, true, &p, &e), e);
    for (size_t i = 0; i < p.run.n; i++)
        str_addf(&found, "%s%s", i ? " " : "", p.run.path[i]);
    assert_string_equal(str_text(&found), want);
    assert_int_equal(due, *want != '\0');
    str_release(&found);
    prune_release(&p);
}

static void a_run_goes_when_it_is_beyond_both_the_number_and_the_days(void **unused)
{
    (void)unused;
    add_run("a", "succeeded", 100);
    add_run("b", "succeeded", 50);
    add_run("c", "succeeded", 2);
    add_run("d", "succeeded", 1);
    removes((struct retention){ 2, 90 }, "a");
    removes((struct retention){ 2, 10 }, "a b");
    removes((struct retention){ 3, 10 }, "a");
    removes((struct retention){ 4, 0 }, "");
    removes((struct retention){ 1, 0 }, "a b c");
    removes((struct retention){ 1, 200 }, "");
}

static void what_must_stay_stays(void **unused)
{
    (void)unused;
    add_run("made", "succeeded", 900); /* the last commit of a stage */
    add_commit("made", "frozen", 900);
    add_run("bad1", "failed", 800);
    add_run("bad2", "lost", 700); /* the last that failed */
    add_run("goes", "running", 600);
    add_run("waits", "queued", 600);
    add_run("told", "succeeded", 500); /* somebody is yet to be told */
    sql("INSERT INTO outbox(pipeline, run, event, name, channel, document, made, attempts, due, "
        "state) "
        "VALUES('p', 'told', 'x', 'x', 'x', '{}', 1, 0, 0, 'due')");
    add_run("held", "blocked", 400); /* awaits an approval */
    add_commit("held", "gate", 400);
    add_run("old", "succeeded", 300);
    add_run("new", "succeeded", 0);
    removes((struct retention){ 1, 90 }, "bad1 old");
}

static void other_pipelines_are_left_alone(void **unused)
{
    (void)unused;
    add_run("a", "succeeded", 100);
    add_run("b", "succeeded", 99);
    sql("UPDATE runs SET pipeline='q' WHERE name='a'");
    removes((struct retention){ 1, 1 }, "");
}

static void a_commit_goes_when_no_kept_run_could_see_it(void **unused)
{
    struct retention keep = { 1, 90 };
    struct prune p;
    struct err e = { 0 };
    (void)unused;
    add_run("a", "succeeded", 400);
    add_commit("a", "x", 400);
    add_commit("a", "y", 400);
    add_run("b", "succeeded", 300);
    add_commit("b", "x", 300); /* in force when c ran, which reused it */
    add_run("c", "succeeded", 10);
    add_run("d", "succeeded", 1);
    add_commit("d", "x", 1);
    add_commit("d", "y", 1);
    sql("INSERT INTO outs SELECT id, 0, 'o', 'o', 'hash' FROM commits");
    assert_ok(prune_runs(s, "p", &keep, now, false, &p, &e), e);
    assert_int_equal(p.run.n, 2);    /* a and b; c is younger than 90 days */
    assert_int_equal(p.n_commit, 1); /* a's x; its y was in force until d */
    assert_int_equal(count("commits"), 4);
    assert_int_equal(count("outs"), 4);
    assert_int_equal(count("commits WHERE run='a' AND stage='x'"), 0);
    prune_release(&p);
}

static void rows_and_directories_of_a_run_go_with_it(void **unused)
{
    struct retention keep = { 1, 90 };
    struct prune p;
    struct err e = { 0 };
    (void)unused;
    add_run("a", "succeeded", 400);
    add_run("b", "succeeded", 1);
    sql("INSERT INTO stages VALUES('a', 0, 'x', 'succeeded', NULL), ('b', 0, 'x', 'succeeded', "
        "NULL);"
        "INSERT INTO attempts(run, stage, number, state, log, staging, began) VALUES('a', 'x', 1, "
        "'succeeded', '', '[]', 0);"
        "INSERT INTO metrics VALUES('a', 'x', 1, 'loss', 0, 1.0);"
        "INSERT INTO warnings VALUES('a', 'x', 1, 'careful')");
    sql("INSERT INTO ticks(pipeline, schedule, instant, state, reason, run, decided) VALUES"
        "('p', 'daily', 1, 'fired', NULL, 'a', 1), ('p', 'daily', 2, 'missed', 'late', NULL, 2),"
        "('p', 'daily', 3, 'fired', NULL, 'b', %lld), ('q', 'daily', 3, 'missed', 'late', NULL, 1)",
        (long long)now);
    assert_int_equal(mkdir(".refit/runs", 0755), 0);
    assert_int_equal(mkdir(".refit/runs/a", 0755), 0);
    assert_int_equal(mkdir(".refit/runs/b", 0755), 0);
    assert_int_equal(mkdir(".refit/runs/young", 0755), 0); /* somebody is about to write its row */
    project_write(".refit/runs/a/x.1.log", "hello\n");
    assert_ok(prune_runs(s, "p", &keep, now, false, &p, &e), e);
    assert_int_equal(count("stages"), 1);
    assert_int_equal(count("attempts") + count("metrics") + count("warnings"), 0);
    assert_int_equal(p.n_tick, 2);
    assert_int_equal(count("ticks"), 2);
    assert_int_not_equal(access(".refit/runs/a", F_OK), 0);
    assert_int_equal(access(".refit/runs/b", F_OK), 0);
    assert_int_equal(access(".refit/runs/young", F_OK), 0);
    prune_release(&p);
}

static void the_cache_keeps_what_is_named(void **unused)
{
    struct prune_file keep[] = { { 1, 2 }, { 1, 4 } };
    char program[1][HASH_HEX] = { "kept" };
    int64_t n_file, n_describe;
    struct err e = { 0 };
    (void)unused;
    sql("INSERT INTO files VALUES(1, 2, 0, 0, 0, 'h'), (1, 3, 0, 0, 0, 'h'), (2, 4, 0, 0, 0, 'h');"
        "INSERT INTO describes VALUES('kept', '{}'), ('gone', '{}')");
    assert_ok(prune_cache(s, keep, 2, program, 1, true, &n_file, &n_describe, &e), e);
    assert_int_equal(count("files") + count("describes"), 5);
    assert_ok(prune_cache(s, keep, 2, program, 1, false, &n_file, &n_describe, &e), e);
    assert_int_equal(n_file, 2);
    assert_int_equal(n_describe, 1);
    assert_int_equal(count("files"), 1);
    assert_ok(prune_compact(s, &e), e);
}

static void free_space_goes_back_to_the_disk(void **unused)
{
    struct err e = { 0 };
    struct stat before, after;
    (void)unused;
    add_run("a", "succeeded", 1);
    for (int i = 0; i < 40; i++)
        sql("INSERT INTO warnings VALUES('a', 'x', 1, hex(randomblob(50000)))");
    sql("PRAGMA wal_checkpoint(TRUNCATE); DELETE FROM warnings");
    assert_int_equal(stat(".refit/refit.db", &before), 0);
    assert_ok(prune_compact(s, &e), e);
    assert_int_equal(stat(".refit/refit.db", &after), 0);
    assert_true(after.st_size < before.st_size / 4);
    assert_int_equal(stat(".refit/refit.db-wal", &after), 0);
    assert_int_equal(after.st_size, 0);
    assert_int_equal(count("runs"), 1);
}

int main(void)
{
#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, open_memory, close_memory)
    const struct CMUnitTest tests[] = {
        IN_MEMORY(a_run_goes_when_it_is_beyond_both_the_number_and_the_days),
        IN_MEMORY(what_must_stay_stays),
        IN_MEMORY(other_pipelines_are_left_alone),
        IN_MEMORY(a_commit_goes_when_no_kept_run_could_see_it),
        IN_MEMORY(rows_and_directories_of_a_run_go_with_it),
        IN_MEMORY(the_cache_keeps_what_is_named),
        IN_MEMORY(free_space_goes_back_to_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
