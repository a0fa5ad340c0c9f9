#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
/* What is read at once is what one look-up a stage finds. */
#include "near.h"
#include "scratch.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/memory/state.h"

enum { STAGES = 120, COMMITS = 700 };

static char *number(const char *what, size_t i)
{
    return str_format("%s%zu", what, i);
}

/* Commit number i of a stage, with none to three outputs. */
static void commit(struct state *s, const char *pipeline, size_t stage, size_t i)
{
    struct err e = { 0 };
    struct intent t = { .pipeline = mem_strdup(pipeline),
                        .run = number("r", i),
                        .stage = number("s", stage),
                        .attempt = 1,
                        .blocked = i % 11 == 0,
                        .inputs = str_format("{\"n\":%zu}", i),
                        .out = mem_calloc(i % 4, sizeof *t.out),
                        .n_out = i % 4 };
    hash_bytes(&i, sizeof i, t.fingerprint);
    for (size_t k = 0; k < t.n_out; k++) {
        t.out[k] = (struct intent_out){ .name = number("o", k),
                                        .path = str_format("work/%zu.%zu", stage, k),
                                        .staged = mem_strdup("") };
        hash_bytes(&k, sizeof k, t.out[k].sha256);
    }
    assert_ok(state_intent_close(s, &t, true, &e), e);
    intent_release(&t);
}

static void assert_same_past(struct state *s, const char *pipeline, size_t n_stage)
{
    struct err e = { 0 };
    struct state_history one = { .s = s, .pipeline = pipeline }, all = one;
    struct history_view view_one = state_history_view(&one), view_all = state_history_view(&all);
    assert_ok(state_history_load(&all, n_stage, &e), e);
    assert_true(!all.all == (n_stage < 100));
    for (size_t i = 0; i < n_stage + 2; i++) {
        struct commit_record a = { 0 }, b = { 0 };
        char *stage = number("s", i);
        bool found_a, found_b;
        assert_ok(view_one.last_commit(&one, stage, &found_a, &a, &e), e);
        assert_ok(view_all.last_commit(&all, stage, &found_b, &b, &e), e);
        assert_true(found_a == found_b);
        if (found_a) {
            assert_string_equal(a.run_id, b.run_id);
            assert_string_equal(a.fingerprint, b.fingerprint);
            assert_string_equal(a.text, b.text);
            assert_int_equal(a.n_out, b.n_out);
        }
        for (size_t k = 0; k < a.n_out; k++) {
            assert_string_equal(a.out[k].name, b.out[k].name);
            assert_string_equal(a.out[k].path, b.out[k].path);
            assert_string_equal(a.out[k].sha256, b.out[k].sha256);
        }
        commit_record_release(&a);
        commit_record_release(&b);
        free(stage);
    }
    state_history_forget(&all);
    state_rest(s);
}

static void of_many_stages_all_are_read_at_once(void **unused)
{
    struct err e = { 0 };
    struct state *s;
    (void)unused;
    assert_ok(state_open(&s, true, &e), e);
    assert_same_past(s, "p", STAGES);
    assert_ok(state_begin(s, &e), e);
    for (size_t i = 0; i < COMMITS; i++) {
        commit(s, "p", (i * 7919) % STAGES, i);
        if (i % 3 == 0) /* others lie between them */
            commit(s, "other", i % 5, i);
    }
    for (size_t i = 0; i < 150; i++) /* so that many stages are long past */
        commit(s, "p", i % 2, COMMITS + i);
    assert_ok(state_commit(s, &e), e);
    assert_same_past(s, "p", STAGES);
    assert_same_past(s, "other", STAGES);
    assert_same_past(s, "none", STAGES);
    assert_same_past(s, "p", 20);
    state_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_many_stages_all_are_read_at_once, scratch_enter,
                                        scratch_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
