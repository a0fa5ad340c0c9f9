#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "sandbox.h"

#include "runner/notify/logtail.h"
#include "runner/notify/occasion.h"
#include "runner/notify/outbox.h"

enum { MIN = 60000, HOUR = 60 * MIN, DAY = 24 * HOUR };

/* ---- a memory with runs in it ---- */

static struct state *open_memory(void)
{
    struct state *s;
    struct err e = { 0 };
    assert_ok(state_open(&s, false, &e), e);
    return s;
}

static void sql(struct state *s, const char *text)
{
    struct err e = { 0 };
    assert_ok(db_run(state_db(s), text, &e), e);
}

/* A run that has ended so, with two stages; -> what the outbox got, as "event " each. */
static void end_run(struct state *s, const char *name, const char *state, const char *first,
                    const char *second)
{
    char *text = str_format("INSERT INTO runs(name, pipeline, state, options, pid, pid_start, boot,"
                            " began, ended, exit_code) VALUES('%s', 'test', '%s', '{}', 1, 1, '', "
                            "1000, 61000, 1);"
                            "INSERT INTO stages VALUES('%s', 0, 'first', '%s', NULL);"
                            "INSERT INTO stages VALUES('%s', 1, 'second', '%s', 'why not');",
                            name, state, name, first, name, second);
    sql(s, text);
    free(text);
}

static const char everything[] = HEAD
    "stages: {a: {cmd: [\"true\"]}}\n"
    "notify:\n"
    "  on_failure: [{cmd: [f]}]\n  on_blocked: [{cmd: [b]}]\n  on_missed: [{cmd: [m]}]\n"
    "  on_recovery: [{cmd: [r]}, {cmd: [both]}]\n  on_success: [{cmd: [s]}, {cmd: [both]}]\n";

static void read_everything(struct manifest *m)
{
    struct err e = { 0 };
    assert_ok(project_read(m, everything, NULL, NULL, &e), e);
}

/* What the outbox holds since the last call: "failure:f recovery:r ". */
static char *news(struct state *s)
{
    struct outbox_row *row;
    struct str all = { 0 };
    struct err e = { 0 };
    size_t n;
    assert_ok(outbox_open(s, NULL, &row, &n, &e), e);
    for (size_t i = 0; i < n; i++)
        str_addf(&all, "%s:%s ", row[i].event, row[i].name + 4);
    outbox_rows_free(row, n);
    sql(s, "DELETE FROM outbox");
    return str_take(&all);
}

static void tells(struct state *s, const struct manifest *m, const char *run, const char *want)
{
    struct err e = { 0 };
    assert_ok(occasion_run_ended(s, &m->channels, run, false, &e), e);
    char *got = news(s);
    assert_string_equal(got, want);
    free(got);
}

static void each_end_has_its_event(void **state)
{
    struct state *s = open_memory();
    struct manifest m;
    (void)state;
    read_everything(&m);
    end_run(s, "1", "succeeded", "succeeded", "reused");
    tells(s, &m, "1", "success:s success:both ");
    end_run(s, "2", "aborted", "succeeded", "aborted");
    tells(s, &m, "2", "");
    end_run(s, "3", "failed", "succeeded", "failed");
    tells(s, &m, "3", "failure:f ");
    end_run(s, "4", "lost", "succeeded", "lost");
    tells(s, &m, "4", "failure:f ");
    end_run(s, "5", "blocked", "blocked", "blocked");
    tells(s, &m, "5", "blocked:b ");
    manifest_release(&m);
    state_close(s);
}

static void a_recovery_is_told_once_when_all_that_failed_is_well(void **state)
{
    struct state *s = open_memory();
    struct manifest m;
    (void)state;
    read_everything(&m);
    end_run(s, "1", "failed", "succeeded", "failed");
    end_run(s, "2", "failed", "succeeded", "timed_out");
    end_run(s, "3", "succeeded", "succeeded", "off"); /* not the stage that failed */
    tells(s, &m, "3", "success:s success:both ");
    end_run(s, "4", "aborted", "succeeded", "aborted");
    end_run(s, "5", "succeeded", "reused", "succeeded");
    tells(s, &m, "5", "recovery:r recovery:both success:s ");
    end_run(s, "6", "succeeded", "reused", "succeeded");
    tells(s, &m, "6", "success:s success:both ");
    end_run(s, "7", "blocked", "succeeded", "blocked");
    end_run(s, "8", "skipped", "skipped", "skipped");
    tells(s, &m, "8", "recovery:r recovery:both success:s ");
    manifest_release(&m);
    state_close(s);
}

static void missed_instants_are_one_message_and_a_reason_to_recover(void **state)
{
    struct state *s = open_memory();
    struct manifest m;
    struct outbox_row *row;
    struct err e = { 0 };
    size_t n;
    (void)state;
    read_everything(&m);
    end_run(s, "1", "succeeded", "succeeded", "succeeded");
    sql(s, "INSERT INTO ticks(pipeline, schedule, instant, state, reason, decided) VALUES"
           "('test', 'weekly', 1763953200000, 'missed', 'catchup: none', 70000),"
           "('test', 'weekly', 1764558000000, 'missed', 'catchup: none', 70000),"
           "('test', 'weekly', 1764559000000, 'fired', NULL, 70000),"
           "('test', 'weekly', 1764559100000, 'paused', 'paused', 70000),"
           "('else', 'weekly', 1763953200000, 'missed', 'catchup: none', 70000)");
    assert_ok(occasion_ticks(s, &m.channels, "test", &e), e);
    assert_ok(outbox_open(s, NULL, &row, &n, &e), e);
    assert_int_equal(n, 1);
    assert_null(row[0].run);
    json_t *doc = json_loads(row[0].document, 0, NULL);
    assert_string_equal(json_string_value(json_object_get(doc, "subject")),
                        "[refit] test missed: weekly 2025-11-24 03:00 UTC and 1 more");
    assert_non_null(strstr(json_string_value(json_object_get(doc, "text")), "catchup: none"));
    json_decref(doc);
    outbox_rows_free(row, n);
    free(news(s));
    assert_ok(occasion_ticks(s, &m.channels, "test", &e), e);
    char *again = news(s);
    assert_string_equal(again, "");
    free(again);
    end_run(s, "2", "succeeded", "succeeded", "succeeded");
    sql(s, "UPDATE runs SET ended = 80000 WHERE name = '2'");
    tells(s, &m, "2", "recovery:r recovery:both success:s ");
    end_run(s, "3", "succeeded", "succeeded", "succeeded");
    tells(s, &m, "3", "success:s success:both ");
    manifest_release(&m);
    state_close(s);
}

static void what_was_missed_before_anybody_was_to_be_told_stays_untold(void **state)
{
    struct state *s = open_memory();
    struct manifest m;
    struct err e = { 0 };
    (void)state;
    read_everything(&m);
    sql(s, "INSERT INTO ticks(pipeline, schedule, instant, state, reason, decided) VALUES"
           "('test', 'weekly', 1763953200000, 'overlapped', 'overlap: skip', 70000)");
    assert_ok(occasion_ticks(s, &(struct channels){ 0 }, "test", &e), e);
    assert_ok(occasion_ticks(s, &m.channels, "test", &e), e);
    char *got = news(s);
    assert_string_equal(got, "");
    free(got);
    manifest_release(&m);
    state_close(s);
}

static void nobody_to_tell_leaves_no_row(void **state)
{
    struct state *s = open_memory();
    struct manifest m;
    struct err e = { 0 };
    (void)state;
    assert_ok(project_read(&m, HEAD "stages: {a: {cmd: [\"true\"]}}\n", NULL, NULL, &e), e);
    end_run(s, "1", "failed", "failed", "failed");
    tells(s, &m, "1", "");
    manifest_release(&m);
    state_close(s);
}

/* ---- attempts ---- */

static struct outbox_row *one_row(struct state *s, size_t *out_n)
{
    struct outbox_row *row;
    struct err e = { 0 };
    assert_ok(outbox_due(s, INT64_MAX, INT64_MAX, 10, &row, out_n, &e), e);
    return row;
}

static void attempts_come_less_often_until_it_is_given_up(void **state)
{
    static const int64_t wait[] = { MIN, 5 * MIN, 30 * MIN, 2 * HOUR, 2 * HOUR };
    struct state *s = open_memory();
    struct manifest m;
    struct err e = { 0 };
    size_t n, tried = 0;
    int64_t due;
    (void)state;
    read_everything(&m);
    assert_ok(outbox_next_due(s, &due, &e), e);
    assert_true(due == INT64_MAX);
    end_run(s, "1", "failed", "failed", "failed");
    assert_ok(occasion_run_ended(s, &m.channels, "1", false, &e), e);
    struct outbox_row *row = one_row(s, &n);
    assert_int_equal(n, 1);
    int64_t made = row[0].made, now = made;
    for (; strcmp(row[0].state, "due") == 0; tried++) {
        assert_ok(outbox_settle(s, &row[0], OUTBOX_LATER, "it is down", 0, now, &e), e);
        if (tried < 5)
            assert_int_equal(row[0].due - now, wait[tried]);
        assert_ok(outbox_next_due(s, &due, &e), e);
        assert_true(due == (strcmp(row[0].state, "due") == 0 ? row[0].due : INT64_MAX));
        now = row[0].due;
    }
    assert_string_equal(row[0].state, "failed");
    assert_true(now > made + 3 * DAY && now < made + 3 * DAY + 3 * HOUR);
    assert_int_equal(tried, row[0].attempts);
    outbox_rows_free(row, n);
    row = one_row(s, &n);
    assert_int_equal(n, 0);
    outbox_rows_free(row, n);
    manifest_release(&m);
    state_close(s);
}

static void a_server_can_ask_for_more_time_but_not_for_ever(void **state)
{
    struct state *s = open_memory();
    struct manifest m;
    struct err e = { 0 };
    size_t n;
    (void)state;
    read_everything(&m);
    end_run(s, "1", "failed", "failed", "failed");
    assert_ok(occasion_run_ended(s, &m.channels, "1", false, &e), e);
    struct outbox_row *row = one_row(s, &n);
    int64_t now = row[0].made;
    assert_ok(outbox_settle(s, &row[0], OUTBOX_LATER, "busy", 120, now, &e), e);
    assert_int_equal(row[0].due - now, 2 * MIN);
    assert_ok(outbox_settle(s, &row[0], OUTBOX_LATER, "busy", 10, now, &e), e);
    assert_int_equal(row[0].due - now, 5 * MIN);
    assert_ok(outbox_settle(s, &row[0], OUTBOX_LATER, "busy", INT64_MAX, now, &e), e);
    assert_int_equal(row[0].due - now, 30 * MIN);
    outbox_rows_free(row, n);
    manifest_release(&m);
    state_close(s);
}

static void what_is_done_is_forgotten_one_day(void **state)
{
    struct state *s = open_memory();
    struct manifest m;
    struct err e = { 0 };
    size_t n;
    (void)state;
    read_everything(&m);
    for (int i = 1; i <= 3; i++) {
        char *name = str_format("%d", i);
        end_run(s, name, "failed", "failed", "failed");
        assert_ok(occasion_run_ended(s, &m.channels, name, false, &e), e);
        free(name);
    }
    struct outbox_row *row = one_row(s, &n);
    assert_int_equal(n, 3);
    int64_t now = row[0].made;
    assert_ok(outbox_settle(s, &row[0], OUTBOX_REFUSED, "no", 0, now, &e), e);
    assert_ok(outbox_settle(s, &row[1], OUTBOX_DELIVERED, NULL, 0, now + 91 * (int64_t)DAY, &e), e);
    outbox_rows_free(row, n);
    assert_ok(outbox_open(s, NULL, &row, &n, &e), e);
    assert_int_equal(n, 1); /* the one that still waits */
    assert_string_equal(row[0].run, "3");
    outbox_rows_free(row, n);
    manifest_release(&m);
    state_close(s);
}

/* ---- the end of a log ---- */

static void assert_tail(const char *text, size_t size, size_t n, size_t max, const char *want)
{
    struct err e = { 0 };
    struct str all = { 0 };
    json_t *line;
    size_t i;
    assert_ok(outfile_put("log", text, size, &e), e);
    json_t *list = logtail("log", n, max);
    json_array_foreach(list, i, line) str_addf(&all, "%s|", json_string_value(line));
    assert_string_equal(str_text(&all), want);
    str_release(&all);
    json_decref(list);
}

static void the_end_of_a_log_is_clean_text(void **state)
{
    (void)state;
    assert_tail("", 0, 3, 100, "");
    assert_tail("a\nb\nc\n", 6, 2, 100, "b|c|");
    assert_tail("a\nb\nc", 5, 2, 100, "b|c|");
    assert_tail("a\nb\nc", 5, 0, 100, "");
    assert_tail("a\n\nc\n", 5, 9, 100, "a||c|");
    assert_tail("x\xe9y\033[1m\tz\0w\n", 12, 1, 100, "x\xEF\xBF\xBDy?[1m\tz?w|");
    assert_tail("12345678\nabc\n", 13, 9, 8, "abc|"); /* the cut line is left out */
    assert_tail("123456789012", 12, 9, 8, "56789012|");
    json_t *none = logtail("nowhere", 3, 100);
    assert_int_equal(json_array_size(none), 0);
    json_decref(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_end_has_its_event),
        cmocka_unit_test(a_recovery_is_told_once_when_all_that_failed_is_well),
        cmocka_unit_test(missed_instants_are_one_message_and_a_reason_to_recover),
        cmocka_unit_test(what_was_missed_before_anybody_was_to_be_told_stays_untold),
        cmocka_unit_test(nobody_to_tell_leaves_no_row),
        cmocka_unit_test(attempts_come_less_often_until_it_is_given_up),
        cmocka_unit_test(a_server_can_ask_for_more_time_but_not_for_ever),
        cmocka_unit_test(what_is_done_is_forgotten_one_day),
        cmocka_unit_test(the_end_of_a_log_is_clean_text),
    };
    return cmocka_run_group_tests(tests, project_setup, project_teardown);
}
