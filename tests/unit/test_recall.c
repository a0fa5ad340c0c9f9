#include "near.h"

#include <stdlib.h>
#include <unistd.h>

#include "runner/commit/tree.h"
#include "runner/memory/provenance.h"
#include "runner/memory/recall.h"

/* Every test runs in an empty directory of its own, on a memory filled by hand. */
static char top[64];
static struct state *s;

static int enter(void **unused)
{
    struct err e = { 0 };
    char dir[] = "/tmp/refit-recall-XXXXXX";
    (void)unused;
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return -1;
    memcpy(top, dir, sizeof dir);
    return state_open(&s, true, &e);
}

static int leave(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    state_close(s);
    return chdir("/") || tree_remove(top, &e);
}

static void fill(const char *sql)
{
    struct err e = { 0 };
    assert_ok(db_run(state_db(s), sql, &e), e);
}

#define RUN(id, pipeline, state, began)                                                         \
    "INSERT INTO runs(name, pipeline, state, options, pid, pid_start, boot, began) VALUES('" id \
    "','" pipeline "','" state "','{}',1,1,'','" began "');"

static void a_run_is_called_by_the_beginning_that_no_other_has(void **unused)
{
    struct err e = { 0 };
    struct run_row run;
    (void)unused;
    fill(RUN("20260101-000000", "p", "failed", "1") RUN("20260101-000000-2", "p", "failed", "2")
             RUN("20260203-000000", "q", "succeeded", "3"));
    assert_ok(ledger_run(s, "202602", &run, &e), e);
    assert_string_equal(run.id, "20260203-000000");
    run_row_release(&run);
    assert_ok(ledger_run(s, "last", &run, &e), e);
    assert_string_equal(run.id, "20260203-000000");
    run_row_release(&run);
    assert_ok(ledger_run(s, "20260101-000000", &run, &e), e); /* whole, though another begins so */
    assert_string_equal(run.id, "20260101-000000");
    run_row_release(&run);
    assert_error(ledger_run(s, "2026", &run, &e), ERR_USAGE, e, "write more of it");
    e = (struct err){ 0 };
    assert_error(ledger_run(s, "20260202-000000", &run, &e), ERR_USAGE, e,
                 "did you mean '20260203-000000'?");
    e = (struct err){ 0 };
    assert_error(ledger_run(s, "", &run, &e), ERR_USAGE, e, "no run ''");
    e = (struct err){ 0 };
    assert_error(ledger_run(s, "2026%", &run, &e), ERR_USAGE, e, "no run '2026%'");
}

static void the_limit_counts_what_the_filter_lets_through(void **unused)
{
    static const char *const failed[] = { "failed" };
    struct past_filter f = { .limit = 2, .status = failed, .n_status = 1 };
    struct err e = { 0 };
    struct run_row *run;
    size_t n;
    (void)unused;
    fill(RUN("a", "p", "failed", "1") RUN("b", "p", "succeeded", "2") RUN("c", "p", "failed", "3")
             RUN("d", "q", "failed", "4") RUN("e", "p", "running", "5"));
    assert_ok(past_runs(s, &f, &run, &n, &e), e);
    assert_int_equal(n, 2);
    assert_string_equal(run[0].id, "d");
    assert_string_equal(run[1].id, "c");
    run_rows_free(run, n);
    f = (struct past_filter){ .pipeline = "p", .since = 2 };
    assert_ok(past_runs(s, &f, &run, &n, &e), e);
    assert_int_equal(n, 3);
    assert_string_equal(run[0].state, "lost"); /* nobody holds the lock */
    run_rows_free(run, n);
}

static void the_attempts_of_a_stage_come_in_order_with_it(void **unused)
{
    struct err e = { 0 };
    struct stage_row *stage;
    size_t n;
    (void)unused;
    fill(
        "INSERT INTO stages VALUES('r',0,'z','failed',NULL),('r',1,'a','pending','x');"
        "INSERT INTO attempts(run, stage, number, state, log, staging, began) VALUES"
        "('r','z',2,'failed','l2','[]',2),('r','z',1,'failed','l1','[]',1),('o','a',1,'failed','l',"
        "'[]',1);");
    assert_ok(ledger_stages(s, "r", &stage, &n, &e), e);
    assert_int_equal(n, 2);
    assert_string_equal(stage[0].stage, "z");
    assert_int_equal(stage[0].n_attempt, 2);
    assert_string_equal(stage[0].attempt[1].log, "l2");
    assert_int_equal(stage[1].n_attempt, 0);
    stage_rows_free(stage, n);
    assert_ok(recall_stages(s, "r", "a", &stage, &n, &e), e);
    assert_int_equal(n, 1);
    stage_rows_free(stage, n);
}

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define COMMIT(id, deps)                                                                         \
    "INSERT INTO commits VALUES(" id ",'p','s','r',1,'done','','{\"deps\":{\"d\":[" deps "]}}'," \
    "1);"

static void a_maker_is_the_newest_commit_before_the_reader_with_this_content(void **unused)
{
    struct err e = { 0 };
    struct provenance p;
    int64_t *id = NULL;
    size_t n = 0;
    (void)unused;
    fill("INSERT INTO outs VALUES(1,0,'o','w/x','" A "'),(3,0,'o','w/x','" B "'),(5,0,'o','w/x','" A
         "'),(2,0,'o','w/dir/y','" B "'),(4,0,'o','w/dir','" A "');");
    assert_ok(provenance_load(&p, s, &e), e);
    assert_int_equal(provenance_maker(&p, "w/x", A, 0), 5);
    assert_int_equal(provenance_maker(&p, "w/x", A, 5), 1);
    assert_int_equal(provenance_maker(&p, "w/x", B, 3), 0);
    assert_int_equal(provenance_maker(&p, "w/x", NULL, 4), 3);
    assert_int_equal(provenance_maker(&p, "w", NULL, 0), 0);
    assert_int_equal(provenance_content(&p, B)->commit, 3);
    provenance_around(&p, "w/dir/y/deep", 0, &id, &n); /* in what two commits made */
    assert_int_equal(n, 2);
    assert_int_equal(id[0], 2);
    assert_int_equal(id[1], 4);
    free(id);
    id = NULL;
    n = 0;
    provenance_around(&p, "w", 4, &id, &n); /* what lies in it, made before 4 */
    assert_int_equal(n, 2);
    assert_int_equal(id[0] + id[1], 2 + 3);
    free(id);
    provenance_release(&p);
}

static void users_read_the_content_at_the_path_or_a_directory_above_it(void **unused)
{
    struct err e = { 0 };
    struct provenance p = { 0 };
    int64_t *id = NULL;
    size_t n = 0;
    (void)unused;
    fill(COMMIT("2", "[\"w/x\",\"" A "\"]") COMMIT("3", "[\"w/x\",\"" B "\"]")
             COMMIT("4", "[\"w\",\"" B "\"]") COMMIT("5", "[\"w/xy\",\"" A "\"]"));
    assert_ok(provenance_uses(&p, s, &e), e);
    provenance_users(&p, "w/x", A, 3, &id, &n);
    assert_int_equal(n, 2);
    assert_int_equal(id[0], 2);
    assert_int_equal(id[1], 4);
    free(id);
    id = NULL;
    n = 0;
    provenance_users(&p, "w/x", A, 4, &id, &n); /* the directory was read before that */
    assert_int_equal(n, 1);
    free(id);
    id = NULL;
    n = 0;
    provenance_users(&p, NULL, A, 0, &id, &n);
    assert_int_equal(n, 2);
    assert_int_equal(id[0] + id[1], 2 + 5);
    free(id);
    provenance_release(&p);
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(a_run_is_called_by_the_beginning_that_no_other_has),
        IN_MEMORY(the_limit_counts_what_the_filter_lets_through),
        IN_MEMORY(the_attempts_of_a_stage_come_in_order_with_it),
        IN_MEMORY(a_maker_is_the_newest_commit_before_the_reader_with_this_content),
        IN_MEMORY(users_read_the_content_at_the_path_or_a_directory_above_it),
    };
    return cmocka_run_group_tests_name("recall", tests, NULL, NULL);
}
