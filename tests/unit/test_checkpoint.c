#include "near.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "models/checkpoint.h"
#include "models/identity.h"

enum { N = 5, STEPS = 4, EPOCHS = 6 };

#define TWELVE "0123456789ab"
#define HEX    TWELVE TWELVE TWELVE TWELVE TWELVE "cdef"
static const char one[] = HEX " " HEX " " HEX " " HEX " " HEX " " HEX,
                  another[] = HEX " " HEX " " HEX " " HEX " " HEX
                                  " " TWELVE TWELVE TWELVE TWELVE TWELVE "cdee";
static char path[] = "/tmp/refit-test-checkpoint.XXXXXX";

/* A training of 6 epochs of 4 steps that stands in epoch 3, after 2 steps. */
struct stand {
    struct history history;
    struct progress progress;
    float weight[N];
};

static void empty(struct stand *s)
{
    static const struct nn_training adam = { .optimizer = OPTIMIZER_ADAM };
    *s = (struct stand){ .history = { .epoch_steps = STEPS, .epoch_rows = 60 } };
    s->progress.history = &s->history;
    optimizer_init(&s->progress.optimizer, &adam, N);
    s->progress.kept = mem_aligned(N, sizeof *s->progress.kept);
}

static void made(struct stand *s)
{
    struct progress *p = &s->progress;
    empty(s);
    for (int i = 0; i < 2; i++)
        history_add(&s->history, &(struct epoch){ 1.5 - i, 0.25, 0.5, 0.75, 0.001, 2, 60 });
    for (int i = 0; i < 2 * STEPS + 2; i++)
        history_add_step(&s->history, &(struct step){ 1.0 / (i + 1), 0.5, 0.001, 3 });
    s->history.kept = 2;
    p->epoch.step = 2;
    p->epoch.loss = 12.5;
    p->epoch.right = 17;
    p->epoch.norm = 6.25;
    p->learning_rate = 0.25;
    p->plateau.best = -HUGE_VAL;
    p->plateau.wait = 1;
    p->plateau.cooling = 2;
    p->stopper.best = 0.125;
    p->stopper.wait = 3;
    p->kept_value = 0.0625;
    p->seconds = 99.5;
    p->optimizer.step = 2 * STEPS + 2;
    for (int i = 0; i < N; i++) {
        s->weight[i] = (float)i;
        p->optimizer.m[i] = (float)i * 2;
        p->optimizer.v[i] = (float)i * 3;
        p->kept[i] = (float)i * 4;
    }
}

static void release(struct stand *s)
{
    history_release(&s->history);
    optimizer_release(&s->progress.optimizer);
    free(s->progress.kept);
}

static void put(const struct stand *s)
{
    struct err e = { 0 };
    assert_ok(checkpoint_write(path, one, &s->progress, s->weight, N, &e), e);
}

static bool get(struct stand *s, const char *identity)
{
    return checkpoint_read(path, identity, &s->progress, s->weight, N, EPOCHS);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    struct stand a, b;
    made(&a);
    empty(&b);
    put(&a);
    assert_true(get(&b, one));
    const struct progress *p = &a.progress, *q = &b.progress;
    assert_memory_equal(a.weight, b.weight, sizeof a.weight);
    assert_memory_equal(p->optimizer.m, q->optimizer.m, sizeof a.weight);
    assert_memory_equal(p->optimizer.v, q->optimizer.v, sizeof a.weight);
    assert_memory_equal(p->kept, q->kept, sizeof a.weight);
    assert_memory_equal(&p->epoch, &q->epoch, sizeof p->epoch);
    assert_int_equal(p->optimizer.step, q->optimizer.step);
    assert_near(q->learning_rate, 0.25, 0, 0);
    assert_true(isinf(q->plateau.best) && q->plateau.wait == 1 && q->plateau.cooling == 2);
    assert_true(q->stopper.wait == 3 && q->seconds > 99);
    assert_near(q->stopper.best, 0.125, 0, 0);
    assert_near(q->kept_value, 0.0625, 0, 0);
    assert_int_equal(b.history.n, 2);
    assert_int_equal(b.history.n_step, 2 * STEPS + 2);
    assert_int_equal(b.history.kept, 2);
    assert_memory_equal(a.history.epoch, b.history.epoch, 2 * sizeof *a.history.epoch);
    assert_memory_equal(a.history.step, b.history.step, 10 * sizeof *a.history.step);
    for (int i = 0; i < 40; i++) /* the arrays that were read can grow */
        history_add_step(&b.history, &(struct step){ 1, 1, 1, 1 });
    release(&a);
    release(&b);
}

static void a_checkpoint_before_the_first_epoch_has_ended(void **state)
{
    (void)state;
    struct stand a, b;
    empty(&a);
    empty(&b);
    put(&a);
    assert_true(get(&b, one));
    assert_int_equal(b.history.n + b.history.n_step, 0);
    release(&a);
    release(&b);
}

static void check_refused(const struct stand *a, const char *identity)
{
    struct stand b;
    empty(&b);
    put(a);
    assert_false(get(&b, identity));
    assert_int_equal(b.history.n + b.history.n_step, 0); /* nothing has changed */
    assert_int_equal(b.progress.optimizer.step, 0);
    for (int i = 0; i < N; i++)
        assert_true(b.weight[i] == 0 && b.progress.optimizer.m[i] == 0 && b.progress.kept[i] == 0);
    release(&b);
}

static void what_contradicts_itself_is_ignored(void **state)
{
    (void)state;
    struct stand a;
    made(&a);
    check_refused(&a, another);
    struct progress good = a.progress;
#define SPOIL(what)         \
    what;                   \
    check_refused(&a, one); \
    a.progress = good;      \
    a.history.kept = 2;     \
    a.history.ending = ENDING_NONE
    SPOIL(a.progress.epoch.step = 3);         /* a step that the history does not have */
    SPOIL(a.progress.epoch.step = STEPS + 1); /* more than an epoch has */
    SPOIL(a.progress.epoch.step = -2);
    SPOIL(a.progress.epoch.loss = (double)NAN);
    SPOIL(a.progress.optimizer.step = 9);
    SPOIL(a.progress.plateau.wait = -1);
    SPOIL(a.progress.seconds = (double)NAN);
    SPOIL(a.history.kept = 3);               /* an epoch that was not */
    SPOIL(a.history.kept = 0);               /* none, but there are two */
    SPOIL(a.history.ending = ENDING_EPOCHS); /* over, in the middle of an epoch */
    SPOIL(a.history.ending = (enum ending)7);
    release(&a);
}

static void the_part_that_differs_is_named(void **state)
{
    (void)state;
    char third[sizeof one];
    memcpy(third, one, sizeof one);
    third[2 * 65 + 3] = 'x';
    assert_null(identity_difference(one, one));
    assert_string_equal(identity_difference(one, another), "weights to start from");
    assert_string_equal(identity_difference(third, one), "parameters");
    assert_string_equal(identity_difference("", one), "version of the program, or kernels");
}

static void numbers_that_are_none_are_ignored(void **state)
{
    (void)state;
    float *at;
    struct stand a;
    made(&a);
    float *const place[] = { &a.weight[1], &a.progress.optimizer.m[4], &a.progress.optimizer.v[0],
                             &a.progress.kept[2] };
    for (size_t i = 0; i < 4; i++) {
        at = place[i];
        float kept = *at;
        *at = (float)NAN;
        check_refused(&a, one);
        *at = kept;
    }
    release(&a);
}

static void other_sizes_are_ignored(void **state)
{
    (void)state;
    struct stand a, b;
    made(&a);
    put(&a);
    empty(&b);
    b.history.epoch_steps = STEPS + 1;
    assert_false(get(&b, one));
    release(&b);
    empty(&b);
    assert_false(checkpoint_read(path, one, &b.progress, b.weight, N - 1, EPOCHS));
    assert_false(checkpoint_read(path, one, &b.progress, b.weight, N, 1)); /* epochs in all */
    assert_true(checkpoint_read(path, one, &b.progress, b.weight, N, 3));
    release(&a);
    release(&b);
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 || close(fd) ? 1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(a_checkpoint_before_the_first_epoch_has_ended),
        cmocka_unit_test(what_contradicts_itself_is_ignored),
        cmocka_unit_test(the_part_that_differs_is_named),
        cmocka_unit_test(numbers_that_are_none_are_ignored),
        cmocka_unit_test(other_sizes_are_ignored),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, set_up, tear_down);
}
