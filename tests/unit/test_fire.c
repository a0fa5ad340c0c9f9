#define _XOPEN_SOURCE   700 /* nftw in scratch.h */
#define _DEFAULT_SOURCE     /* syscall */
#include "near.h"
#include "sandbox.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runner/execute/lock.h"
#include "runner/memory/ticks.h"
#include "runner/schedule/crew.h"
#include "runner/schedule/fire.h"

/* Schedules against the memory, at times that the tests choose. */

enum { HOUR = 3600, DAY = 24 * HOUR };
static const int64_t noon = 1795435200 + 1000 * DAY; /* 12:00 UTC of a day after any change of the
                                                        pipeline file of these tests */

static struct state *memory;
static struct agenda agenda;

/* The pipeline file with these schedules, read. */
static void read_schedules(const char *entries)
{
    struct err e = { 0 };
    char *text = str_format("refit: 1\nname: p\nschedule:\n%sstages:\n  a: {cmd: \"true\"}\n"
                            "  b: {cmd: \"true\"}\n",
                            entries);
    project_write("pipeline.yaml", text);
    agenda_release(&agenda);
    assert_ok(agenda_read(&agenda, "pipeline.yaml", memory, &e), e);
    free(text);
}

static int enter(void **state)
{
    struct err e = { 0 };
    return project_setup(state) || state_open(&memory, true, &e);
}

static int leave(void **state)
{
    agenda_release(&agenda);
    state_close(memory);
    return project_teardown(state);
}

/* "daily +0 fired; ..." : what is decided at that time, instants in hours from noon. */
static char *decide(int64_t now_s, int64_t *out_next_s)
{
    struct err e = { 0 };
    struct firing f;
    struct str text = { 0 };
    assert_ok(fire_decide(memory, &agenda, now_s, false, &f, &e), e);
    for (size_t i = 0; i < f.n; i++)
        str_addf(&text, "%s %+lld %s; ", f.list[i].schedule,
                 (long long)((f.list[i].at_s - noon) / HOUR), f.list[i].state);
    if (out_next_s)
        *out_next_s = f.next_s;
    firing_release(&f);
    return text.text ? str_take(&text) : mem_strdup("");
}

static void assert_decides(int64_t now_s, const char *want)
{
    char *found = decide(now_s, NULL);
    assert_string_equal(found, want);
    free(found);
}

static void the_first_look_begins_at_now(void **unused)
{
    int64_t next;
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n");
    char *found = decide(noon + HOUR, &next);
    assert_string_equal(found, "");
    assert_int_equal(next, noon + DAY);
    free(found);
    assert_decides(noon + DAY - 1, "");
    assert_decides(noon + DAY, "daily +24 fired; ");
    assert_decides(noon + DAY, "");
    assert_decides(noon + DAY + HOUR, "");
}

static void a_first_look_a_second_after_the_instant_is_in_time(void **unused)
{
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n");
    assert_decides(noon + 1, "daily +0 fired; ");
}

static void but_not_when_the_file_was_written_after_it(void **unused)
{
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n");
    agenda.changed_s = noon + 1;
    assert_decides(noon + 2, "");
}

static void
an_edited_schedule_begins_at_now_and_one_that_runs_something_else_does_not(void **unused)
{
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n");
    assert_decides(noon + HOUR, "");
    read_schedules("  - daily: \"12:00\"\n    targets: [a]\n    catchup: latest\n");
    assert_decides(noon + DAY + HOUR, "daily +24 fired; ");
    read_schedules("  - daily: \"13:00\"\n");
    assert_decides(noon + 2 * DAY + 2 * HOUR, "");
    assert_decides(noon + 3 * DAY + HOUR, "daily +73 fired; ");
}

static void a_clock_that_is_set_back_fires_nothing_twice(void **unused)
{
    struct err e = { 0 };
    struct firing f;
    (void)unused;
    read_schedules("  - cron: \"0 * * * *\"\n    catchup: all\n");
    assert_decides(noon + 1800, "");
    assert_decides(noon + 2 * HOUR, "cron +1 fired; cron +2 fired; ");
    assert_ok(fire_decide(memory, &agenda, noon, false, &f, &e), e);
    assert_int_equal(f.n, 0);
    assert_int_equal(f.behind_s, 2 * HOUR);
    assert_int_equal(f.next_s, noon + 3 * HOUR);
    firing_release(&f);
    assert_decides(noon + 3 * HOUR, "cron +3 fired; ");
}

static void a_clock_that_jumps_ahead_is_downtime(void **unused)
{
    (void)unused;
    read_schedules("  - cron: \"0 * * * *\"\n    catchup: latest\n    catchup_window: 3h\n");
    assert_decides(noon + 1, "cron +0 fired; ");
    assert_decides(noon + 3 * HOUR + 1800, "cron +1 missed; cron +2 missed; cron +3 fired; ");
}

static void a_pause_records_and_begins_at_now_again(void **unused)
{
    struct err e = { 0 };
    int64_t next;
    size_t n;
    (void)unused;
    read_schedules("  - cron: \"0 * * * *\"\n    catchup: all\n");
    assert_decides(noon + 1, "cron +0 fired; ");
    assert_ok(fire_pause(memory, &agenda, 0, noon + 2, &e), e);
    char *found = decide(noon + HOUR, &next);
    assert_string_equal(found, "cron +1 paused; ");
    assert_true(next == INT64_MAX); /* nobody needs to wake for it */
    free(found);
    assert_ok(fire_resume(memory, &agenda, 0, noon + 3 * HOUR, &n, &e), e);
    assert_int_equal(n, 2);
    assert_decides(noon + 4 * HOUR, "cron +4 fired; ");
    assert_ok(fire_resume(memory, &agenda, 0, noon + 5 * HOUR, &n, &e), e); /* it is not paused */
    assert_int_equal(n, 0);
    assert_decides(noon + 5 * HOUR, "cron +5 fired; ");
}

static void a_dry_look_writes_nothing(void **unused)
{
    struct err e = { 0 };
    struct firing f;
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n");
    for (int i = 0; i < 2; i++) {
        assert_ok(fire_decide(memory, &agenda, noon, true, &f, &e), e);
        assert_int_equal(f.n, 1);
        assert_string_equal(f.list[0].state, "fired");
        firing_release(&f);
    }
    assert_decides(noon, "daily +0 fired; ");
}

static void the_run_is_given_what_the_schedule_says(void **unused)
{
    static const char want[] = "\"targets\":[\"b\"],\"force_stages\":[\"a\",\"b\"]";
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n    targets: [b]\n    force: [a, b]\n");
    assert_non_null(strstr(agenda.entry[0].options, want));
}

/* ---- starting ---- */

/* A starter that only notes what it was asked for; its children sleep. */
static struct str asked;

static int note(void *self, const char *run, pid_t *out_pid, int *out_pidfd, struct err *e)
{
    (void)self;
    (void)e;
    str_addf(&asked, "%.*s ", (int)strcspn(run + 2, "."), run + 2); /* p.SCHEDULE.TIME */
    *out_pid = fork();
    if (*out_pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        alarm(20); /* where the test fails, nobody ends it */
        pause();
        _exit(0);
    }
    *out_pidfd = (int)syscall(SYS_pidfd_open, *out_pid, 0);
    return 0;
}

static struct crew crew_of_notes(void)
{
    struct starter starter = { .start = note };
    struct crew c;
    struct err e = { 0 };
    assert_ok(crew_open(&c, &starter, &e), e);
    return c;
}

/* Which runs it starts now. */
static void assert_starts(struct crew *c, bool all, const char *want)
{
    struct err e = { 0 };
    assert_ok(crew_start(c, memory, "p", all, &e), e);
    assert_string_equal(str_text(&asked), want);
    str_release(&asked);
}

static void end_all(struct crew *c)
{
    struct crew_event event;
    struct err e = { 0 };
    crew_stop(c, false);
    while (c->n > 0) {
        assert_ok(crew_wait(c, -1, &event, &e), e);
        assert_true(event.kind == CREW_ENDED && event.status == 128 + SIGTERM);
        member_release(&event.member);
    }
    crew_close(c);
}

static void those_that_wait_start_one_after_the_other(void **unused)
{
    struct crew c = crew_of_notes();
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n    catchup: all\n    catchup_window: 9d\n"
                   "  - name: queue\n    daily: \"12:00\"\n    overlap: queue\n");
    assert_decides(noon + 1800, "");
    assert_decides(noon + 2 * DAY + 1800,
                   "daily +24 fired; daily +48 fired; queue +24 missed; queue +48 fired; ");
    assert_starts(&c, true, "daily ");
    assert_starts(&c, true, "");
    end_all(&c);
}

static void one_that_gives_way_or_stops_the_other_starts_in_any_case(void **unused)
{
    struct crew c = crew_of_notes();
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n    catchup: all\n    catchup_window: 9d\n"
                   "  - name: skip\n    daily: \"12:00\"\n"
                   "  - name: cancel\n    daily: \"12:00\"\n    overlap: cancel\n");
    assert_decides(noon + 1800, "");
    assert_decides(noon + DAY + 1800, "daily +24 fired; skip +24 fired; cancel +24 fired; ");
    assert_starts(&c, true, "daily skip cancel ");
    end_all(&c);
}

static void what_others_queued_is_left_to_them_while_a_run_goes_on(void **unused)
{
    struct crew c = crew_of_notes();
    struct err e = { 0 };
    struct lock lock;
    (void)unused;
    read_schedules("  - daily: \"12:00\"\n");
    assert_decides(noon, "daily +0 fired; ");
    assert_ok(lock_take(&lock, "p", "refit run", LOCK_AT_ONCE, &e), e);
    assert_starts(&c, false, "");
    lock_release(&lock);
    assert_starts(&c, false, "daily ");
    end_all(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define FIRE(test) cmocka_unit_test_setup_teardown(test, enter, leave)
        FIRE(the_first_look_begins_at_now),
        FIRE(a_first_look_a_second_after_the_instant_is_in_time),
        FIRE(but_not_when_the_file_was_written_after_it),
        FIRE(an_edited_schedule_begins_at_now_and_one_that_runs_something_else_does_not),
        FIRE(a_clock_that_is_set_back_fires_nothing_twice),
        FIRE(a_clock_that_jumps_ahead_is_downtime),
        FIRE(a_pause_records_and_begins_at_now_again),
        FIRE(a_dry_look_writes_nothing),
        FIRE(the_run_is_given_what_the_schedule_says),
        FIRE(those_that_wait_start_one_after_the_other),
        FIRE(one_that_gives_way_or_stops_the_other_starts_in_any_case),
        FIRE(what_others_queued_is_left_to_them_while_a_run_goes_on),
    };
    return cmocka_run_group_tests_name("fire", tests, NULL, NULL);
}
