#include "near.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "runner/commit/commit.h"
#include "runner/memory/ledger.h"
#include "runner/commit/tree.h"

/* A stage "train" of pipeline "p" with three outputs in two directories; c is a directory. */
enum { N = 3 };
static char *path_a[] = { (char[]){ "work/a.h5" } }, *path_b[] = { (char[]){ "work/b.json" } },
            *path_c[] = { (char[]){ "out/c" } };
static struct file_ref outs[N] = { { .name = (char[]){ "a" }, .path = path_a, .n_path = 1 },
                                   { .name = (char[]){ "b" }, .path = path_b, .n_path = 1 },
                                   { .name = (char[]){ "c" }, .path = path_c, .n_path = 1 } };
static struct stage_spec stage = { .name = (char[]){ "train" }, .out = outs, .n_out = N };
static char top[4096];
static struct staging staging;
static struct staging_spare spare;
static struct state *s;

static int enter(void **unused)
{
    char dir[] = "/tmp/refit-commit-XXXXXX";
    struct err e = { 0 };
    (void)unused;
    if (!mkdtemp(dir) || chdir(dir) < 0)
        return -1;
    memcpy(top, dir, sizeof dir);
    staging_init(&staging, "p", &stage);
    return state_open(&s, true, &e);
}

static int leave(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    state_close(s);
    staging_release(&staging);
    staging_spare_remove(&spare, &e);
    outs[0].persist = false;
    return chdir("/") || tree_remove(top, &e);
}

static void put(const char *path, const char *text)
{
    struct err e = { 0 };
    assert_ok(outfile_make_parent(path, &e), e);
    assert_ok(outfile_put(path, text, strlen(text), &e), e);
}

static char *get(const char *path)
{
    char text[100] = "(none)";
    FILE *fp = fopen(path, "r");
    if (fp) {
        text[fread(text, 1, sizeof text - 1, fp)] = '\0';
        fclose(fp);
    }
    return mem_strdup(text);
}

/* Every output is `word` and its name; "(none)": none is there. */
static bool all_are(const char *word)
{
    static const char *const where[N] = { "work/a.h5", "work/b.json", "out/c/inner" };
    bool same = true;
    for (int i = 0; i < N; i++) {
        char *found = get(where[i]),
             *want = strcmp(word, "(none)") ? str_format("%s %d", word, i) : mem_strdup(word);
        same &= strcmp(found, want) == 0;
        free(found);
        free(want);
    }
    return same;
}

static void put_old(void)
{
    put("work/a.h5", "old 0");
    put("work/b.json", "old 1");
    put("out/c/inner", "old 2");
}

static void put_staged(void)
{
    struct err e = { 0 };
    assert_ok(staging_make(&staging, &stage, &spare, &e), e);
    put(staging.out[0], "new 0");
    put(staging.out[1], "new 1");
    char *inner = str_format("%s/inner", staging.out[2]);
    put(inner, "new 2");
    free(inner);
}

static struct intent prepared(void)
{
    struct err e = { 0 };
    struct intent i = { .pipeline = mem_strdup("p"),
                        .run = mem_strdup("r"),
                        .stage = mem_strdup("train"),
                        .attempt = 1,
                        .inputs = mem_strdup("{}") };
    memset(i.fingerprint, 'f', HASH_HEX - 1);
    struct intent *list = &i;
    assert_ok(commit_look(&i, &staging, &stage, &e), e);
    assert_true(i.intended);
    for (size_t k = 0; k < i.n_out; k++)
        assert_ok(commit_digest(&i.out[k], &e), e);
    assert_ok(commit_intend(s, &list, 1, &e), e);
    return i;
}

/* What a runner that was killed in step 3 leaves: the first `n` outputs are placed. */
static void crash_after(const struct intent *i, size_t n)
{
    struct err e = { 0 };
    struct intent part = *i;
    part.n_out = n;
    assert_ok(commit_place(s, &part, &e), e);
    state_close(s);
    assert_ok(state_open(&s, true, &e), e);
}

static bool is_committed(void)
{
    struct err e = { 0 };
    struct state_history past = { .s = s, .pipeline = "p" };
    struct history_view view = state_history_view(&past);
    struct commit_record r;
    bool found;
    assert_ok(view.last_commit(view.self, "train", &found, &r, &e), e);
    if (found)
        commit_record_release(&r);
    return found;
}

static bool recover(void)
{
    struct err e = { 0 };
    struct recovery *r;
    size_t n;
    assert_ok(commit_recover(s, "p", &r, &n, &e), e);
    bool forward = n == 1 && r[0].forward;
    recovery_free(r, n);
    assert_ok(commit_recover(s, "p", &r, &n, &e), e);
    assert_int_equal(n, 0); /* done once and for all */
    recovery_free(r, n);
    return forward;
}

static void staging_is_beside_the_target_under_the_same_name(void **unused)
{
    (void)unused;
    assert_int_equal(staging.n_dir, 2);
    assert_string_equal(staging.out[0], "work/.refit-p-train/a.h5");
    assert_string_equal(staging.out[1], "work/.refit-p-train/b.json");
    assert_string_equal(staging.out[2], "out/.refit-p-train/c");
}

static void whatever_was_placed_at_the_crash_the_new_set_is_finished(void **unused)
{
    (void)unused;
    for (int with_old = 0; with_old < 2; with_old++) {
        for (size_t n = 0; n <= N; n++) {
            struct err e = { 0 };
            assert_ok(tree_remove("work", &e), e);
            assert_ok(tree_remove("out", &e), e);
            if (with_old)
                put_old();
            put_staged();
            struct intent i = prepared();
            crash_after(&i, n);
            assert_true(recover());
            assert_true(all_are("new"));
            assert_true(is_committed());
            assert_int_equal(access(staging.dir[0], F_OK), -1);
            assert_int_equal(access(staging.dir[1], F_OK), -1);
            intent_release(&i);
        }
    }
}

static void a_new_output_that_is_lost_brings_the_old_set_back(void **unused)
{
    (void)unused;
    for (int with_old = 0; with_old < 2; with_old++) {
        for (size_t n = 0; n < N;
             n++) { /* the last one is not placed yet, and its staged file is gone */
            struct err e = { 0 };
            assert_ok(tree_remove("work", &e), e);
            assert_ok(tree_remove("out", &e), e);
            if (with_old)
                put_old();
            put_staged();
            struct intent i = prepared();
            crash_after(&i, n);
            assert_ok(tree_remove(staging.out[N - 1], &e), e);
            assert_false(recover());
            assert_true(all_are(with_old ? "old" : "(none)"));
            assert_false(is_committed());
            intent_release(&i);
        }
    }
}

static void a_staged_output_that_was_damaged_brings_the_old_set_back(void **unused)
{
    (void)unused;
    put_old();
    put_staged();
    struct intent i = prepared();
    crash_after(&i, 1);
    put(staging.out[1], "damaged");
    assert_false(recover());
    assert_true(all_are("old"));
    intent_release(&i);
}

static void without_exchange_the_old_file_is_put_back_from_its_second_name(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    put_old();
    put_staged();
    struct intent i = prepared();
    /* As place_without_exchange leaves it: a has been replaced, the old one has a second name; c is
     * between its two renames, so that nothing is under its name. */
    char *aside = str_format("%s.refit-old", i.out[0].staged),
         *aside_c = str_format("%s.refit-old", i.out[2].staged);
    assert_int_equal(link("work/a.h5", aside), 0);
    assert_int_equal(rename(i.out[0].staged, "work/a.h5"), 0);
    assert_int_equal(rename("out/c", aside_c), 0);
    assert_ok(commit_take_back(&i, &e), e);
    assert_true(all_are("old"));
    free(aside);
    free(aside_c);
    intent_release(&i);
}

static void what_was_interrupted_without_exchange_is_finished(void **unused)
{
    (void)unused;
    put_old();
    put_staged();
    struct intent i = prepared();
    char *aside = str_format("%s.refit-old", i.out[0].staged),
         *aside_c = str_format("%s.refit-old", i.out[2].staged);
    assert_int_equal(link("work/a.h5", aside), 0); /* not renamed yet */
    assert_int_equal(rename("out/c", aside_c), 0);
    assert_true(recover());
    assert_true(all_are("new"));
    free(aside);
    free(aside_c);
    intent_release(&i);
}

static void taking_back_restores_the_old_set(void **unused)
{
    (void)unused;
    for (size_t n = 0; n <= N; n++) {
        struct err e = { 0 };
        put_old();
        put_staged();
        struct intent i = prepared();
        crash_after(&i, n);
        assert_ok(commit_take_back(&i, &e), e);
        assert_true(all_are("old"));
        intent_release(&i);
    }
}

static void a_missing_output_is_named(void **unused)
{
    struct err e = { 0 };
    struct intent i = { 0 };
    (void)unused;
    put_staged();
    assert_ok(tree_remove(staging.out[1], &e), e);
    assert_error(commit_look(&i, &staging, &stage, &e), ERR_DATA, e,
                 "stage 'train' did not write its output 'b' ('work/b.json')");
    intent_release(&i);
}

static void a_link_is_no_output(void **unused)
{
    struct err e = { 0 };
    struct intent i = { 0 };
    (void)unused;
    put_staged();
    assert_ok(tree_remove(staging.out[0], &e), e);
    assert_int_equal(symlink("/etc/passwd", staging.out[0]), 0);
    assert_error(commit_look(&i, &staging, &stage, &e), ERR_DATA, e,
                 "neither a file nor a directory");
    intent_release(&i);
}

static void a_persistent_output_starts_as_a_copy(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    outs[0].persist = true;
    assert_ok(staging_make(&staging, &stage, &spare, &e),
              e); /* nothing there yet: it starts without */
    assert_int_equal(access(staging.out[0], F_OK), -1);
    put_old();
    assert_ok(staging_make(&staging, &stage, &spare, &e), e);
    char *copy = get(staging.out[0]);
    assert_string_equal(copy, "old 0");
    put(staging.out[0], "changed"); /* and is no second name of the committed one */
    char *committed = get("work/a.h5");
    assert_string_equal(committed, "old 0");
    free(copy);
    free(committed);
}

static void the_hash_of_what_was_committed_is_remembered(void **unused)
{
    struct err e = { 0 };
    struct stat st;
    char hex[HASH_HEX];
    bool found;
    (void)unused;
    put_old();
    put_staged();
    struct intent i = prepared();
    assert_ok(commit_place(s, &i, &e), e);
    assert_ok(state_begin(s, &e), e);
    assert_ok(state_commit(s, &e), e);
    assert_int_equal(stat("work/a.h5", &st), 0);
    struct file_stamp stamp = file_stamp_of(&st);
    assert_ok(state_file_get(s, &stamp, &found, hex, &e), e);
    assert_true(found);
    assert_string_equal(hex, i.out[0].sha256);
    put("work/a.h5",
        "new X"); /* as long, within the same tick of the clock: another stamp all the same */
    assert_int_equal(stat("work/a.h5", &st), 0);
    stamp = file_stamp_of(&st);
    assert_ok(state_file_get(s, &stamp, &found, hex, &e), e);
    assert_false(found);
    intent_release(&i);
}

static void only_staging_directories_are_swept(void **unused)
{
    struct err e = { 0 };
    (void)unused;
    put("work/.refit-p-train/a.h5", "x");
    put("work/keep/a.h5", "x");
    assert_ok(staging_sweep("[\"work/.refit-p-train\",\"work/keep\",\"/\",7]", &e), e);
    assert_int_equal(access("work/.refit-p-train", F_OK), -1);
    assert_int_equal(access("work/keep/a.h5", F_OK), 0);
}

/* ---- spare directories ---- */

enum { MANY = STAGING_SPARES + 3 };

/* Stage k has one output in `dir`. */
struct small {
    char *path, name[8];
    struct file_ref out;
    struct stage_spec spec;
    struct staging staging;
};

static void small_init(struct small *x, const char *dir, int k)
{
    *x = (struct small){ .path = str_format("%s/%d", dir, k) };
    snprintf(x->name, sizeof x->name, "s%d", k);
    x->out = (struct file_ref){ .name = x->name, .path = &x->path, .n_path = 1 };
    x->spec = (struct stage_spec){ .name = x->name, .out = &x->out, .n_out = 1 };
    staging_init(&x->staging, "p", &x->spec);
}

static void small_release(struct small *x)
{
    staging_release(&x->staging);
    free(x->path);
}

static uint64_t inode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

static void a_directory_put_aside_is_the_next_one_beside_it(void **unused)
{
    struct err e = { 0 };
    struct small one, two, other;
    (void)unused;
    small_init(&one, "work", 1);
    small_init(&two, "work", 2);
    small_init(&other, "out", 3);
    assert_ok(staging_make(&one.staging, &one.spec, &spare, &e), e);
    uint64_t inode = inode_of(one.staging.dir[0]);
    put(one.staging.out[0], "an old output");
    put("work/.refit-p-s1/below/file", "and what else it wrote");
    assert_ok(staging_put_aside(&one.staging, &spare, &e), e);
    assert_ok(staging_make(&other.staging, &other.spec, &spare, &e), e);
    assert_int_not_equal(inode_of(other.staging.dir[0]), inode);
    put("work/.refit-p-s2/left", "by an attempt that was killed");
    assert_ok(staging_make(&two.staging, &two.spec, &spare, &e), e);
    assert_int_equal(access(two.staging.out[0], F_OK), -1);
    assert_int_equal(access("work/.refit-p-s2/left", F_OK), -1);
    assert_ok(staging_put_aside(&two.staging, &spare, &e), e);
    inode = inode_of(two.staging.dir[0]);
    assert_ok(staging_make(&one.staging, &one.spec, &spare, &e), e);
    assert_int_equal(inode_of(one.staging.dir[0]), inode);
    assert_int_equal(access(two.staging.dir[0], F_OK), -1);
    assert_int_equal(rmdir(one.staging.dir[0]), 0); /* it is empty */
    small_release(&one);
    small_release(&two);
    small_release(&other);
}

static void few_directories_are_put_aside_and_none_is_left(void **unused)
{
    struct err e = { 0 };
    struct small x[MANY];
    char dir[16];
    (void)unused;
    for (int k = 0; k < MANY; k++) {
        snprintf(dir, sizeof dir, "d%d", k);
        small_init(&x[k], dir, k);
        assert_ok(staging_make(&x[k].staging, &x[k].spec, &spare, &e), e);
        assert_ok(staging_put_aside(&x[k].staging, &spare, &e), e);
    }
    assert_int_equal(spare.n, STAGING_SPARES);
    assert_int_equal(access(x[0].staging.dir[0], F_OK), -1);
    assert_int_equal(access(x[MANY - 1].staging.dir[0], F_OK), 0);
    assert_ok(staging_spare_remove(&spare, &e), e);
    assert_int_equal(spare.n, 0);
    for (int k = 0; k < MANY; k++) {
        assert_int_equal(access(x[k].staging.dir[0], F_OK), -1);
        small_release(&x[k]);
    }
}

static void a_link_in_place_of_a_staging_directory_is_not_followed(void **unused)
{
    struct err e = { 0 };
    struct small x;
    (void)unused;
    small_init(&x, "work", 1);
    put("work/keep/a.h5", "x");
    assert_int_equal(symlink("keep", x.staging.dir[0]), 0);
    assert_ok(staging_put_aside(&x.staging, &spare, &e), e);
    assert_int_equal(access("work/keep/a.h5", F_OK), 0);
    assert_ok(staging_make(&x.staging, &x.spec, &spare, &e), e);
    put(x.staging.out[0], "new");
    assert_int_equal(access("work/keep/1", F_OK), -1);
    small_release(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
        T(staging_is_beside_the_target_under_the_same_name),
        T(whatever_was_placed_at_the_crash_the_new_set_is_finished),
        T(a_new_output_that_is_lost_brings_the_old_set_back),
        T(a_staged_output_that_was_damaged_brings_the_old_set_back),
        T(without_exchange_the_old_file_is_put_back_from_its_second_name),
        T(what_was_interrupted_without_exchange_is_finished),
        T(taking_back_restores_the_old_set),
        T(a_missing_output_is_named),
        T(a_link_is_no_output),
        T(a_persistent_output_starts_as_a_copy),
        T(the_hash_of_what_was_committed_is_remembered),
        T(only_staging_directories_are_swept),
        T(a_directory_put_aside_is_the_next_one_beside_it),
        T(few_directories_are_put_aside_and_none_is_left),
        T(a_link_in_place_of_a_staging_directory_is_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
