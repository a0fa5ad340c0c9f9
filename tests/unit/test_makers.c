#include "near.h"

#include <string.h>

#include "num/rng.h"
#include "runner/read/makers.h"
#include "runner/read/manifest.h"
#include "runner/read/path.h"

static const char *const outs[] = { "a",     "a-b/c", "a/b",    "a/b.x",     "a/b/c", "a0",
                                    "b/c/d", "b/c/e", "b/c.h5", "b/data.h5", "c" };
enum { N_OUT = sizeof outs / sizeof *outs };

static struct stage_spec stage[4];
static struct file_ref ref[4][N_OUT];
static char *path[N_OUT];

/* The outs dealt to four stages by `seed`. */
static void deal(struct makers *x, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed, 0);
    memset(stage, 0, sizeof stage);
    for (size_t i = 0; i < N_OUT; i++) {
        size_t s = rng_below(&rng, 4);
        path[i] = (char *)(uintptr_t)outs[i];
        stage[s].out = ref[s];
        ref[s][stage[s].n_out++] = (struct file_ref){ .path = &path[i], .n_path = 1 };
    }
    makers_init(x, stage, 4);
}

/* Exactly those that path_related finds one by one, in their order. */
static void assert_found(const struct makers *x, const char *what)
{
    struct makers_found found = { 0 };
    size_t n = 0;
    makers_find(x, what, &found);
    for (size_t s = 0; s < 4; s++) {
        for (size_t k = 0; k < stage[s].n_out; k++) {
            if (!path_related(what, stage[s].out[k].path[0]))
                continue;
            if (n >= found.n || found.item[n].stage != s || found.item[n].out != k)
                fail_msg("'%s': '%s' is not found in its place", what, stage[s].out[k].path[0]);
            n++;
        }
    }
    assert_int_equal(found.n, n);
    makers_found_release(&found);
}

static void a_look_up_finds_what_path_related_finds(void **state)
{
    static const char *const asked[] = { ".",       "a",       "a/b",   "a/b/c", "a/b/c/d", "a-b",
                                         "a0",      "b",       "b/c",   "b/*",   "*",       "b/*/d",
                                         "?",       "b/[cd]*", "*/c",   "/a",    "../a",    "z",
                                         "a/b.x/*", "a/*",     "b/c/d", "b/c.",  "c/*",     "*/*",
                                         "a?",      "b/d*.h5" };
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct makers x;
        deal(&x, seed);
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
            assert_found(&x, asked[i]);
        makers_release(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_up_finds_what_path_related_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
