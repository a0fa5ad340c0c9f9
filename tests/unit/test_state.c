#include "near.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/memory/ledger.h"
#include "runner/execute/lock.h"
#include "runner/memory/state.h"
#include "runner/commit/tree.h"

/* Every test runs in an empty directory of its own. */
static char top[4096];

static int enter(void **unused)
{
    char dir[] = "/tmp/refit-state-XXXXXX";
    (void)unused;
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return -1;
    memcpy(top, dir, sizeof dir);
    return 0;
}

static int leave(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    return chdir("/") || tree_remove(top, &e);
}

static const char hex_a[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char hex_b[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

static void a_hash_is_found_by_the_whole_stamp(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    struct file_stamp stamp = { .device = 1, .inode = 2, .size = 3, .mtime_ns = 4, .ctime_ns = 5 },
                      other;
    char hex[HASH_HEX];
    bool found;
    (void)unused;

    assert_ok(state_open(&s, true, &e), e);
    assert_ok(state_file_put(s, &stamp, state_now_ns(), hex_a, &e), e);
    state_close(s);
    assert_ok(state_open(&s, true, &e), e);
    assert_ok(state_file_get(s, &stamp, &found, hex, &e), e);
    assert_true(found);
    assert_string_equal(hex, hex_a);
    for (int field = 0; field < 5; field++) {
        other = stamp;
        other.device += field == 0;
        other.inode += field == 1;
        other.size += field == 2;
        other.mtime_ns += field == 3;
        other.ctime_ns += field == 4;
        assert_ok(state_file_get(s, &other, &found, hex, &e), e);
        assert_false(found);
    }
    state_close(s);
}

static void a_file_written_just_before_it_was_hashed_is_not_remembered(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    int64_t now = state_now_ns();
    struct file_stamp fresh = { .inode = 1, .mtime_ns = now },
                      old = { .inode = 2, .mtime_ns = now - STATE_RACY_NS };
    char hex[HASH_HEX];
    bool found;
    (void)unused;

    assert_ok(state_open(&s, true, &e), e);
    assert_ok(state_file_put(s, &fresh, now, hex_a, &e), e);
    assert_ok(state_file_put(s, &old, now, hex_b, &e), e);
    assert_ok(state_begin(s, &e), e); /* writes what is pending */
    assert_ok(state_commit(s, &e), e);
    assert_ok(state_file_get(s, &fresh, &found, hex, &e), e);
    assert_false(found);
    assert_ok(state_file_get(s, &old, &found, hex, &e), e);
    assert_true(found);
    state_close(s);
}

static void a_newer_memory_is_refused(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    (void)unused;
    assert_ok(state_open(&s, true, &e), e);
    assert_ok(db_run(state_db(s), "PRAGMA user_version = 99", &e), e);
    state_close(s);
    assert_error(state_open(&s, true, &e), ERR_DATA, e, "version 99");
}

static void a_file_that_is_no_database_is_refused(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    (void)unused;
    assert_int_equal(mkdir(STATE_DIR, 0777), 0);
    FILE *fp = fopen(STATE_DIR "/refit.db", "w");
    for (int i = 0; i < 100; i++)
        fputs("this is not a database, but it is long enough to be read as one\n", fp);
    fclose(fp);
    assert_error(state_open(&s, true, &e), ERR_DATA, e, "refit.db");
}

static void a_reader_of_nothing_finds_an_empty_memory_and_makes_no_file(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    struct run_row run;
    (void)unused;
    assert_ok(state_open(&s, false, &e), e);
    assert_error(ledger_run(s, NULL, &run, &e), ERR_USAGE, e, "nothing has run here yet");
    state_close(s);
    assert_int_equal(access(STATE_DIR, F_OK), -1);
}

static struct intent make_intent(const char *fingerprint, bool blocked)
{
    struct intent i = { .pipeline = mem_strdup("p"),
                        .run = mem_strdup("r1"),
                        .stage = mem_strdup("train"),
                        .attempt = 1,
                        .blocked = blocked,
                        .inputs = mem_strdup("{\"a\":1}"),
                        .out = mem_calloc(1, sizeof(struct intent_out)),
                        .n_out = 1 };
    memcpy(i.fingerprint, fingerprint, HASH_HEX);
    i.out[0] = (struct intent_out){ .name = mem_strdup("model"),
                                    .path = mem_strdup("work/m"),
                                    .staged = mem_strdup("work/.refit-p-train/m"),
                                    .had_old = true };
    memcpy(i.out[0].sha256, hex_b, HASH_HEX);
    return i;
}

static void commit(struct state *s, struct intent *i)
{
    struct err e = { 0 };
    assert_ok(state_begin(s, &e), e);
    assert_ok(state_intent_close(s, i, true, &e), e);
    assert_ok(state_commit(s, &e), e);
}

static void an_intent_survives_and_becomes_the_last_commit(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    struct intent i = make_intent(hex_a, false), *list;
    struct commit_record r;
    size_t n;
    bool found;
    (void)unused;

    assert_ok(state_open(&s, true, &e), e);
    list = &i;
    assert_ok(state_intents_put(s, &list, 1, &e), e);
    intent_release(&i);
    state_close(s);

    assert_ok(state_open(&s, true, &e), e);
    struct state_history past = { .s = s, .pipeline = "p" };
    struct history_view view = state_history_view(&past);
    assert_ok(view.last_commit(view.self, "train", &found, &r, &e), e);
    assert_false(found);
    assert_ok(state_intents(s, "other", &list, &n, &e), e);
    assert_int_equal(n, 0);
    assert_ok(state_intents(s, "p", &list, &n, &e), e);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].run, "r1");
    assert_string_equal(list[0].out[0].staged, "work/.refit-p-train/m");
    assert_true(list[0].out[0].had_old);
    commit(s, &list[0]);
    intent_release(&list[0]);
    free(list);
    assert_ok(state_intents(s, "p", &list, &n, &e), e);
    assert_int_equal(n, 0);
    assert_ok(view.last_commit(view.self, "train", &found, &r, &e), e);
    assert_true(found);
    assert_string_equal(r.fingerprint, hex_a);
    assert_string_equal(r.out[0].path, "work/m");
    assert_string_equal(r.out[0].sha256, hex_b);
    assert_ok(commit_record_read(&r, &e), e);
    assert_int_equal(json_integer_value(json_object_get(r.inputs, "a")), 1);
    commit_record_release(&r);
    state_close(s);
}

static void a_blocked_commit_hides_the_one_before(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    struct intent good = make_intent(hex_a, false), blocked = make_intent(hex_b, true);
    struct commit_record r;
    bool found;
    (void)unused;

    assert_ok(state_open(&s, true, &e), e);
    struct state_history past = { .s = s, .pipeline = "p" };
    struct history_view view = state_history_view(&past);
    commit(s, &good);
    commit(s, &blocked);
    assert_ok(view.last_commit(view.self, "train", &found, &r, &e), e);
    assert_false(found);
    commit(s, &good);
    assert_ok(view.last_commit(view.self, "train", &found, &r, &e), e);
    assert_true(found);
    commit_record_release(&r);
    intent_release(&good);
    intent_release(&blocked);
    state_close(s);
}

static void runs_of_one_second_get_different_names(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    char *id[3];
    (void)unused;
    assert_ok(state_open(&s, true, &e), e);
    for (int i = 0; i < 3; i++) {
        assert_ok(state_begin(s, &e), e);
        assert_ok(ledger_run_begin(s, "p", "{}", NULL, &id[i], &e), e);
        assert_ok(state_commit(s, &e), e);
    }
    assert_string_not_equal(id[0], id[1]);
    assert_string_not_equal(id[1], id[2]);
    assert_string_not_equal(id[0], id[2]);
    for (int i = 0; i < 3; i++)
        free(id[i]);
    state_close(s);
}

/* Many in a row: most of them fall into one second. */
static void the_name_of_a_run_whose_directory_is_lost_is_not_given_again(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    (void)unused;
    assert_ok(state_open(&s, true, &e), e);
    for (int i = 0; i < 20; i++) {
        char *id, *directory;
        assert_ok(state_begin_lazy(s, &e), e);
        assert_ok(ledger_run_begin(s, "p", "{}", NULL, &id, &e), e);
        assert_ok(state_commit(s, &e), e);
        directory = str_format(STATE_DIR "/runs/%s", id);
        assert_int_equal(rmdir(directory), 0);
        free(directory);
        free(id);
    }
    state_close(s);
}

static void a_run_whose_lock_nobody_holds_is_lost(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    struct run_row run;
    struct lock lock;
    char *id;
    (void)unused;
    assert_ok(state_open(&s, true, &e), e);
    assert_ok(lock_take(&lock, "p", "refit run", LOCK_AT_ONCE, &e), e);
    assert_ok(state_begin(s, &e), e);
    assert_ok(ledger_run_begin(s, "p", "{}", NULL, &id, &e), e);
    assert_ok(state_commit(s, &e), e);
    assert_ok(ledger_run(s, id, &run, &e), e);
    assert_string_equal(run.state, "running");
    run_row_release(&run);
    lock_release(&lock);
    assert_ok(ledger_run(s, id, &run, &e), e);
    assert_string_equal(run.state, "lost");
    run_row_release(&run);
    free(id);
    state_close(s);
}

static void a_held_lock_names_its_holder_and_is_not_disturbed_by_asking(void **unused)
{
    struct err e = { 0 };
    struct lock mine, other;
    char pid[32];
    (void)unused;
    assert_int_equal(mkdir(STATE_DIR, 0777), 0);
    assert_false(lock_is_held("products"));
    assert_ok(lock_take(&mine, "products", "refit run", LOCK_AT_ONCE, &e), e);
    lock_name(&mine, "20261121-100102", "refit run");
    snprintf(pid, sizeof pid, "pid %d,", (int)getpid());
    assert_true(lock_is_held("products"));
    assert_int_equal(lock_take(&other, "products", "refit run", LOCK_AT_ONCE, &e), ERR_RETRY);
    assert_non_null(strstr(e.text, "another run of 'products' holds the lock"));
    assert_non_null(strstr(e.text, pid));
    assert_non_null(strstr(e.text, "20261121-100102"));
    e = (struct err){ 0 };
    assert_ok(lock_take(&other, "votes", "refit run", LOCK_AT_ONCE, &e),
              e); /* one lock for each pipeline */
    lock_release(&other);
    lock_release(&mine);
    assert_false(lock_is_held("products"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
        T(a_hash_is_found_by_the_whole_stamp),
        T(a_file_written_just_before_it_was_hashed_is_not_remembered),
        T(a_newer_memory_is_refused),
        T(a_file_that_is_no_database_is_refused),
        T(a_reader_of_nothing_finds_an_empty_memory_and_makes_no_file),
        T(an_intent_survives_and_becomes_the_last_commit),
        T(a_blocked_commit_hides_the_one_before),
        T(runs_of_one_second_get_different_names),
        T(the_name_of_a_run_whose_directory_is_lost_is_not_given_again),
        T(a_run_whose_lock_nobody_holds_is_lost),
        T(a_held_lock_names_its_holder_and_is_not_disturbed_by_asking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
