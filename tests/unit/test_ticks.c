#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "sandbox.h"

#include <sys/wait.h>
#include <unistd.h>

#include "runner/memory/ledger.h"
#include "runner/memory/ticks.h"

/* 2026-11-23 00:00 UTC, a Monday */
enum { MONDAY = 1795392000, WEEK = 7 * 86400 };

static struct state *open_memory(void)
{
    struct err e = { 0 };
    struct state *s;
    assert_ok(state_open(&s, true, &e), e);
    return s;
}

static bool queue(struct state *s, const char *schedule, int64_t at_s, const char *overlap)
{
    struct tick_order o = { .pipeline = "p",
                            .schedule = schedule,
                            .at_s = at_s,
                            .state = "fired",
                            .overlap = overlap,
                            .options = "{\"file\":\"pipeline.yaml\"}" };
    struct err e = { 0 };
    bool new;
    assert_ok(state_begin(s, &e), e);
    assert_ok(ticks_queue(s, &o, &new, &e), e);
    assert_ok(state_commit(s, &e), e);
    return new;
}

static void assert_state(struct state *s, const char *schedule, int64_t at_s, const char *want)
{
    struct err e = { 0 };
    char *state;
    assert_ok(ticks_state(s, "p", schedule, at_s, &state, &e), e);
    assert_non_null(state);
    assert_string_equal(state, want);
    free(state);
}

static size_t n_queued(struct state *s, char **out_first)
{
    struct queued_run *list;
    struct err e = { 0 };
    size_t n;
    assert_ok(ticks_queued(s, "p", &list, &n, &e), e);
    *out_first = n ? mem_strdup(list[0].run) : NULL;
    queued_runs_free(list, n);
    return n;
}

static void a_run_is_named_by_its_schedule_and_the_instant_in_utc(void **unused)
{
    (void)unused;
    char *id = ticks_run_id("products", "weekly", MONDAY);
    assert_string_equal(id, "products.weekly.20261123T000000Z");
    free(id);
}

static void the_watermark_never_moves_back(void **unused)
{
    struct err e = { 0 };
    struct schedule_mark m;
    struct state *s = open_memory();
    (void)unused;

    assert_ok(ticks_mark(s, "p", "weekly", &m, &e), e);
    assert_false(m.known);
    assert_ok(state_begin(s, &e), e);
    assert_ok(ticks_mark_put(s, "p", "weekly", "a", MONDAY, &e), e);
    assert_ok(ticks_mark_put(s, "p", "weekly", "b", MONDAY - WEEK, &e), e);
    assert_ok(state_commit(s, &e), e);
    assert_ok(ticks_mark(s, "p", "weekly", &m, &e), e);
    assert_true(m.known && m.watermark_s == MONDAY && m.paused_ms == 0);
    assert_string_equal(m.spec, "b");
    schedule_mark_release(&m);
    state_close(s);
}

static void an_instant_makes_one_run_however_often_it_is_queued(void **unused)
{
    char *first;
    struct state *s = open_memory();
    (void)unused;
    assert_true(queue(s, "weekly", MONDAY, TICKS_SKIP));
    assert_false(queue(s, "weekly", MONDAY, TICKS_SKIP));
    assert_true(queue(s, "daily", MONDAY, TICKS_SKIP));
    assert_int_equal(n_queued(s, &first), 2);
    assert_string_equal(first, "p.weekly.20261123T000000Z");
    free(first);
    state_close(s);
}

static void an_instant_that_was_missed_can_be_given_a_run_once(void **unused)
{
    struct err e = { 0 };
    struct state *s = open_memory();
    (void)unused;
    assert_ok(state_begin(s, &e), e);
    assert_ok(ticks_skip(s, "p", "weekly", MONDAY, "missed", "catchup: none", &e), e);
    assert_ok(state_commit(s, &e), e);
    assert_state(s, "weekly", MONDAY, "missed");
    assert_true(queue(s, "weekly", MONDAY, TICKS_WAIT));
    assert_state(s, "weekly", MONDAY, "fired");
    assert_ok(state_begin(s, &e), e);
    assert_ok(ticks_skip(s, "p", "weekly", MONDAY, "missed", "again", &e), e);
    assert_ok(state_commit(s, &e), e);
    assert_state(s, "weekly", MONDAY, "fired");
    state_close(s);
}

static void the_newest_takes_the_place_of_one_that_waits(void **unused)
{
    char *first;
    struct state *s = open_memory();
    (void)unused;
    queue(s, "all", MONDAY - WEEK, TICKS_WAIT);
    queue(s, "weekly", MONDAY, TICKS_QUEUE);
    queue(s, "weekly", MONDAY + WEEK, TICKS_QUEUE);
    assert_int_equal(n_queued(s, &first), 2); /* what catchup: all makes up for stays */
    assert_state(s, "weekly", MONDAY, "overlapped");
    assert_state(s, "weekly", MONDAY + WEEK, "fired");
    free(first);
    state_close(s);
}

/* Of many processes that take the same run one gets it. */
static void a_queued_run_is_taken_once(void **unused)
{
    enum { N = 8 };
    struct err e = { 0 };
    struct state *s = open_memory();
    struct run_row row;
    int n_ours = 0;
    (void)unused;
    queue(s, "weekly", MONDAY, TICKS_SKIP);
    state_close(s);
    for (int i = 0; i < N; i++) {
        if (fork() == 0) {
            bool ours = false;
            s = open_memory();
            if (state_begin(s, &e) || ticks_take(s, "p.weekly.20261123T000000Z", &ours, &e) ||
                state_commit(s, &e))
                _exit(2);
            _exit(ours);
        }
    }
    for (int i = 0; i < N; i++) {
        int status;
        assert_true(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) < 2);
        n_ours += WEXITSTATUS(status);
    }
    assert_int_equal(n_ours, 1);
    s = open_memory();
    assert_ok(ledger_run(s, "p.weekly.20261123T000000Z", &row, &e), e);
    assert_string_equal(row.state, "lost"); /* its taker is gone, without the lock */
    run_row_release(&row);
    state_close(s);
}

static void a_run_that_was_taken_neither_gives_way_nor_is_taken_back(void **unused)
{
    static const char id[] = "p.weekly.20261123T000000Z";
    struct err e = { 0 };
    struct state *s = open_memory();
    bool ours, done;
    (void)unused;
    queue(s, "weekly", MONDAY, TICKS_SKIP);
    assert_ok(state_begin(s, &e), e);
    assert_ok(ticks_take(s, id, &ours, &e), e);
    assert_true(ours);
    assert_ok(ticks_give_way(s, id, "no", &done, &e), e);
    assert_false(done);
    assert_ok(ticks_abort(s, id, "no", &done, &e), e);
    assert_false(done);
    assert_ok(state_commit(s, &e), e);
    assert_state(s, "weekly", MONDAY, "fired");
    assert_false(queue(s, "weekly", MONDAY, TICKS_SKIP));
    state_close(s);
}

static void one_that_gives_way_leaves_its_instant_with_the_reason(void **unused)
{
    static const char id[] = "p.weekly.20261123T000000Z";
    struct err e = { 0 };
    struct state *s = open_memory();
    char *first;
    bool done;
    (void)unused;
    queue(s, "weekly", MONDAY, TICKS_SKIP);
    assert_ok(state_begin(s, &e), e);
    assert_ok(ticks_give_way(s, id, "overlap: skip, run 20261122-235900 was going on", &done, &e),
              e);
    assert_ok(state_commit(s, &e), e);
    assert_true(done);
    assert_int_equal(n_queued(s, &first), 0);
    assert_state(s, "weekly", MONDAY, "overlapped");
    assert_true(queue(s, "weekly", MONDAY, TICKS_WAIT)); /* by backfill */
    state_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_named_by_its_schedule_and_the_instant_in_utc),
#define IN_PROJECT(test) cmocka_unit_test_setup_teardown(test, project_setup, project_teardown)
        IN_PROJECT(the_watermark_never_moves_back),
        IN_PROJECT(an_instant_makes_one_run_however_often_it_is_queued),
        IN_PROJECT(an_instant_that_was_missed_can_be_given_a_run_once),
        IN_PROJECT(the_newest_takes_the_place_of_one_that_waits),
        IN_PROJECT(a_queued_run_is_taken_once),
        IN_PROJECT(a_run_that_was_taken_neither_gives_way_nor_is_taken_back),
        IN_PROJECT(one_that_gives_way_leaves_its_instant_with_the_reason),
    };
    return cmocka_run_group_tests_name("ticks", tests, NULL, NULL);
}
