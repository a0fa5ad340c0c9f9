#include "near.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/exec.h"
#include "runner/execute/proc.h"
#include "runner/commit/tree.h"

/* Every test has an executor and an empty directory. Nothing here sleeps: jobs and tests meet at
 * FIFOs. */
static char top[4096];
static struct executor x;

static int enter(void **unused)
{
    char dir[] = "/tmp/refit-exec-XXXXXX";
    struct err e = { 0 };
    (void)unused;
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return -1;
    memcpy(top, dir, sizeof dir);
    return exec_local_open(&x, &e);
}

static int leave(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    exec_local_close(&x);
    return chdir("/") || tree_remove(top, &e);
}

static char mark[] = "REFIT_RUN=/test/1";

static int start(size_t key, const char *script, int64_t timeout_ms, int64_t kill_after_ms,
                 struct err *e)
{
    char sh[] = "sh", c[] = "-c", path[] = "PATH=/usr/bin:/bin", *text = mem_strdup(script),
         *handle;
    char *argv[] = { sh, c, text, NULL }, *env[] = { path, mark, NULL };
    struct exec_job job = { .argv = argv,
                            .env = env,
                            .mark = mark,
                            .log = "log/job.log",
                            .events = true,
                            .timeout_ms = timeout_ms,
                            .kill_after_ms = kill_after_ms };
    int rc = x.start(x.self, key, &job, &handle, e);
    free(text);
    free(handle);
    return rc;
}

static struct exec_end run_job(const char *script, int64_t timeout_ms, int64_t kill_after_ms)
{
    struct err e = { 0 };
    struct exec_report r;
    assert_ok(start(7, script, timeout_ms, kill_after_ms, &e), e);
    do
        assert_ok(x.wait(x.self, -1, &r, &e), e);
    while (r.kind == EXEC_EVENT);
    assert_int_equal(r.kind, EXEC_ENDED);
    assert_int_equal(r.key, 7);
    return r.end;
}

static char *slurp(const char *path)
{
    char text[4096] = "";
    FILE *fp = fopen(path, "r");
    assert_non_null(fp);
    text[fread(text, 1, sizeof text - 1, fp)] = '\0';
    fclose(fp);
    return mem_strdup(text);
}

/* Wait until a job opens the FIFO to write, and take what it says. */
static long long hear(const char *fifo)
{
    char *text = slurp(fifo);
    long long n = strtoll(text, NULL, 10);
    free(text);
    return n;
}

static void the_exit_status_the_log_and_what_it_took_are_told(void **unused)
{
    (void)unused;
    struct exec_end end = run_job("echo out; echo err >&2; exit 7", 0, 1000);
    char *log = slurp("log/job.log");
    assert_int_equal(end.exit_code, 7);
    assert_int_equal(end.signal, 0);
    assert_true(end.usage.max_rss_kb > 0);
    assert_string_equal(log, "out\nerr\n");
    free(log);
}

static void a_signal_is_told_as_a_signal(void **unused)
{
    (void)unused;
    struct exec_end end = run_job("kill -SEGV $$", 0, 1000);
    assert_int_equal(end.exit_code, -1);
    assert_int_equal(end.signal, SIGSEGV);
}

static void the_log_is_appended_to(void **unused)
{
    (void)unused;
    run_job("echo one", 0, 1000);
    run_job("echo two", 0, 1000);
    char *log = slurp("log/job.log");
    assert_string_equal(log, "one\ntwo\n");
    free(log);
}

static void the_environment_is_clean_and_input_is_empty(void **unused)
{
    (void)unused;
    setenv("LEAK", "1", 1);
    run_job("cat; env | sort | sed 's/^\\(PWD\\|_\\|SHLVL\\)=.*/shell/' | sort -u; trap", 0, 1000);
    char *log = slurp("log/job.log");
    assert_string_equal(log, "PATH=/usr/bin:/bin\nREFIT_EVENTS=fd:3\nREFIT_RUN=/test/1\nshell\n");
    free(log);
}

static void a_program_that_does_not_exist_is_an_error(void **unused)
{
    struct err e = { 0 };
    char no[] = "./no-such-program", *argv[] = { no, NULL }, *env[] = { mark, NULL }, *handle;
    struct exec_job job = { .argv = argv, .env = env, .mark = mark, .log = "log/job.log" };
    (void)unused;
    assert_error(x.start(x.self, 1, &job, &handle, &e), ERR_USAGE, e,
                 "cannot execute './no-such-program'");
}

static void events_come_line_by_line_before_the_end(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    assert_ok(start(3, "printf '{\"a\":1}\\n{\"b\"' >&3; printf ':2}\\nlast' >&3", 0, 1000, &e), e);
    static const char *const want[] = { "{\"a\":1}", "{\"b\":2}", "last" };
    for (int i = 0; i < 3; i++) {
        assert_ok(x.wait(x.self, -1, &r, &e), e);
        assert_int_equal(r.kind, EXEC_EVENT);
        assert_string_equal(r.line, want[i]);
    }
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_int_equal(r.kind, EXEC_ENDED);
}

static void a_line_without_end_is_dropped_and_the_next_one_kept(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    assert_ok(
        start(3, "head -c 300000 /dev/zero | tr '\\0' x >&3; printf '\\nnext\\n' >&3", 0, 1000, &e),
        e);
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_int_equal(r.kind, EXEC_EVENT);
    assert_string_equal(r.line, "next");
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_int_equal(r.kind, EXEC_ENDED);
}

static void a_timeout_sends_term_first(void **unused)
{
    (void)unused;
    struct exec_end end = run_job(
        "trap 'echo stopping; exit 3' TERM; echo; mkfifo f; read x < f & wait", 200, 60000);
    char *log = slurp("log/job.log");
    assert_true(end.timed_out);
    assert_int_equal(end.exit_code, 3);
    assert_non_null(strstr(log, "stopping"));
    free(log);
}

static void what_ignores_term_is_killed(void **unused)
{
    (void)unused;
    struct exec_end end = run_job("trap '' TERM; mkfifo f; read x < f", 100, 50);
    assert_true(end.timed_out);
    assert_int_equal(end.signal, SIGKILL);
}

static void assert_gone(long long pid)
{
    assert_true(pid > 1);
    assert_int_equal(kill((pid_t)pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void what_a_job_left_behind_is_killed(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    char *script = str_format("mkfifo f; (trap '' TERM; exec setsid sh -c 'echo $$ > %s/f; exec "
                              "sleep 1000') & read go < go; exit 0",
                              top);
    assert_int_equal(mkfifo("go", 0666), 0);
    assert_int_equal(mkfifo("f", 0666), 0);
    assert_ok(start(1, script, 0, 1000, &e), e);
    long long pid = hear("f");
    FILE *go = fopen("go", "w");
    fputs("go\n", go);
    fclose(go);
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_int_equal(r.kind, EXEC_ENDED);
    assert_int_equal(r.end.exit_code, 0);
    assert_true(r.end.n_stray >= 1);
    assert_gone(pid);
    free(script);
}

static void a_daemon_without_the_mark_is_killed_too(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    char *script = str_format(
        "(env -i /usr/bin/setsid sh -c '(echo $$ > %s/f; exec sleep 1000) & ' &); read go < go",
        top);
    assert_int_equal(mkfifo("go", 0666), 0);
    assert_int_equal(mkfifo("f", 0666), 0);
    assert_ok(start(1, script, 0, 1000, &e), e);
    hear("f");
    FILE *go = fopen("go", "w");
    fputs("go\n", go);
    fclose(go);
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_int_equal(r.end.exit_code, 0);
    assert_true(r.end.n_stray >= 1);
    size_t n;
    free(proc_children(&n));
    assert_int_equal(n, 0);
    free(script);
}

static void stopping_reaches_the_whole_group_and_gives_it_time(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    /* The shell dies of TERM at once; its child saves something first. What it waits for is no
     * child of its own, which could be born just too late to hear of the TERM. */
    assert_int_equal(mkfifo("f", 0666), 0);
    assert_ok(start(1,
                    "sh -c 'trap \"echo saved; exit 0\" TERM; mkfifo g; exec 3<> g; echo $$ > f; "
                    "read x <&3' "
                    "& mkfifo h; read x < h",
                    0, 60000, &e),
              e);
    long long pid = hear("f");
    x.cancel(x.self, 1, false);
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_int_equal(r.kind, EXEC_ENDED);
    assert_true(r.end.cancelled);
    assert_int_equal(r.end.n_stray, 0);
    assert_gone(pid);
    char *log = slurp("log/job.log");
    assert_non_null(strstr(log, "saved"));
    free(log);
}

static void stopping_at_once_kills(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    assert_int_equal(mkfifo("f", 0666), 0);
    assert_ok(start(1, "trap '' TERM; echo $$ > f; mkfifo g; read x < g", 0, 60000, &e), e);
    hear("f");
    x.cancel(x.self, 1, false);
    x.cancel(x.self, 1, true);
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_true(r.end.cancelled);
    assert_int_equal(r.end.signal, SIGKILL);
}

static void jobs_run_beside_each_other(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    assert_int_equal(mkfifo("f", 0666),
                     0); /* each end waits for the other: in turn they would never end */
    assert_ok(start(1, "echo hello > f", 0, 1000, &e), e);
    assert_ok(start(2, "read x < f; test $x = hello", 0, 1000, &e), e);
    for (int i = 0; i < 2; i++) {
        assert_ok(x.wait(x.self, -1, &r, &e), e);
        assert_int_equal(r.kind, EXEC_ENDED);
        assert_int_equal(r.end.exit_code, 0);
    }
}

static void a_signal_to_the_runner_is_reported(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    kill(getpid(), SIGINT);
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_int_equal(r.kind, EXEC_SIGNAL);
    assert_int_equal(r.signal, SIGINT);
}

static void waiting_ends_at_the_given_time(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    int64_t until = x.now_ms(x.self) + 20;
    assert_ok(x.wait(x.self, until, &r, &e), e);
    assert_int_equal(r.kind, EXEC_TIME);
    assert_true(x.now_ms(x.self) >= until);
}

static void survivors_of_a_dead_runner_are_found_by_their_mark(void **unused)
{
    struct err e = { 0 };
    struct exec_report r;
    (void)unused;
    assert_int_equal(mkfifo("f", 0666), 0);
    assert_ok(start(1, "setsid sh -c 'echo $$ > f; exec sleep 1000' & wait", 0, 1000, &e), e);
    long long pid = hear("f");
    assert_int_equal(x.clear(x.self, "REFIT_RUN=/another/"), 0);
    assert_int_equal(kill((pid_t)pid, 0), 0);
    assert_true(x.clear(x.self, "REFIT_RUN=/test/") >= 1);
    assert_ok(x.wait(x.self, -1, &r, &e), e);
    assert_int_equal(r.end.signal, SIGKILL);
    assert_gone(pid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
        T(the_exit_status_the_log_and_what_it_took_are_told),
        T(a_signal_is_told_as_a_signal),
        T(the_log_is_appended_to),
        T(the_environment_is_clean_and_input_is_empty),
        T(a_program_that_does_not_exist_is_an_error),
        T(events_come_line_by_line_before_the_end),
        T(a_line_without_end_is_dropped_and_the_next_one_kept),
        T(a_timeout_sends_term_first),
        T(what_ignores_term_is_killed),
        T(what_a_job_left_behind_is_killed),
        T(a_daemon_without_the_mark_is_killed_too),
        T(stopping_reaches_the_whole_group_and_gives_it_time),
        T(stopping_at_once_kills),
        T(jobs_run_beside_each_other),
        T(a_signal_to_the_runner_is_reported),
        T(waiting_ends_at_the_given_time),
        T(survivors_of_a_dead_runner_are_found_by_their_mark),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
