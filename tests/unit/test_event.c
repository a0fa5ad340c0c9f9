#include "near.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/event.h"
#include "base/log.h"

static char sent[4000];

/* Read what a fresh channel received from `call`. */
static void record(void (*call)(void))
{
    int ends[2];
    char where[32];
    assert_int_equal(pipe(ends), 0);
    snprintf(where, sizeof where, "fd:%d", ends[1]);
    setenv("REFIT_EVENTS", where, 1);
    call();
    event_close(); /* also closes the writing end */
    ssize_t n = read(ends[0], sent, sizeof sent - 1);
    sent[n > 0 ? n : 0] = '\0';
    close(ends[0]);
    unsetenv("REFIT_EVENTS");
}

static void send_all(void)
{
    event_progress(0, 4, "rows");
    event_progress(1, 4, "rows"); /* too soon after the first: left out */
    event_note("loss 0.5");
    event_progress(4, 4, "rows");
    event_note("");
    event_metric("val_loss", 0.25, 3);
    event_metric("val_loss", (double)NAN, 4);
    event_warning("a \"quoted\" word");
}

static void events_are_json_lines(void **state)
{
    (void)state;
    record(send_all);
    assert_string_equal(
        sent, "{\"progress\":{\"done\":0,\"total\":4,\"unit\":\"rows\"}}\n"
              "{\"progress\":{\"done\":4,\"total\":4,\"unit\":\"rows\",\"note\":\"loss 0.5\"}}\n"
              "{\"metric\":{\"name\":\"val_loss\",\"value\":0.25,\"step\":3}}\n"
              "{\"metric\":{\"name\":\"val_loss\",\"value\":null,\"step\":4}}\n"
              "{\"warning\":\"a \\\"quoted\\\" word\"}\n");
}

static void send_bytes(void)
{
    event_warning("not \xff UTF-8");
}

static void a_warning_that_is_not_utf8_is_still_reported(void **state)
{
    (void)state;
    record(send_bytes);
    assert_non_null(strstr(sent, "not UTF-8"));
}

static void a_runner_that_went_away_does_not_hurt(void **state)
{
    (void)state;
    int ends[2];
    char where[32];
    assert_int_equal(pipe(ends), 0);
    snprintf(where, sizeof where, "fd:%d", ends[1]);
    setenv("REFIT_EVENTS", where, 1);
    close(ends[0]);
    event_metric("x", 1, 0); /* SIGPIPE would end the test */
    event_metric("x", 2, 0);
    event_close();
    unsetenv("REFIT_EVENTS");
}

static void a_channel_that_does_not_exist_is_silence(void **state)
{
    (void)state;
    setenv("REFIT_EVENTS", "fd:999", 1);
    event_metric("x", 1, 0);
    event_close();
    setenv("REFIT_EVENTS", "nonsense", 1);
    event_metric("x", 1, 0);
    event_close();
    unsetenv("REFIT_EVENTS");
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFD) >= 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_json_lines),
        cmocka_unit_test(a_warning_that_is_not_utf8_is_still_reported),
        cmocka_unit_test(a_runner_that_went_away_does_not_hurt),
        cmocka_unit_test(a_channel_that_does_not_exist_is_silence),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
