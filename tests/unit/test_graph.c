#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "sandbox.h"

#include "runner/plan/graph_text.h"
#include "runner/read/path.h"

static struct manifest m;
static struct graph g;

/* Stages of `echo` with these lines under `stages:`. */
static int build(const char *stages, struct err *e)
{
    char *text = str_format(HEAD "stages:\n%s", stages);
    int rc = project_read(&m, text, NULL, NULL, e);
    free(text);
    if (rc == 0 && (rc = graph_build(&g, &m, e)))
        manifest_release(&m);
    return rc;
}

static void drop(void)
{
    graph_release(&g);
    manifest_release(&m);
}

/* The order as "a b c". */
static void assert_order(const char *want)
{
    struct str text = { 0 };
    for (size_t i = 0; i < m.n_stage; i++)
        str_addf(&text, "%s%s", i ? " " : "", m.stage[g.order[i]].name);
    assert_string_equal(str_text(&text), want);
    str_release(&text);
}

static void assert_selected(const struct selection *s, const char *want)
{
    struct err e = { 0 };
    struct str text = { 0 };
    bool *selected = mem_calloc(m.n_stage, sizeof *selected);
    assert_ok(graph_select(&g, s, selected, &e), e);
    for (size_t i = 0; i < m.n_stage; i++)
        if (selected[i])
            str_addf(&text, "%s%s", text.n ? " " : "", m.stage[i].name);
    assert_string_equal(str_text(&text), want);
    str_release(&text);
    free(selected);
}

static const char chain[] = "  d: {cmd: [echo], deps: [work/c/x.h5], outs: [work/d], needs: [a]}\n"
                            "  c: {cmd: [echo], deps: [\"work/b*.h5\"], outs: [work/c]}\n"
                            "  b: {cmd: [echo], deps: [work/a], outs: [work/b1.h5]}\n"
                            "  a: {cmd: [echo], outs: [work/a/deep/file]}\n"
                            "  alone: {cmd: [echo], outs: [work/alone]}\n";

static void edges_come_from_files_globs_and_directories(void **state)
{
    struct err e = { 0 };
    (void)state;
    assert_ok(build(chain, &e), e);
    assert_order("a b c d alone");
    assert_true(graph_needs(&g, 0, 1) && graph_needs(&g, 1, 2) && graph_needs(&g, 2, 3) &&
                graph_needs(&g, 0, 3));
    assert_false(graph_needs(&g, 1, 3));
    assert_int_equal(g.n_edge, 4);
    drop();
}

static void the_order_is_that_of_the_file_among_equals(void **state)
{
    struct err e = { 0 };
    (void)state;
    assert_ok(build("  z: {cmd: [echo], needs: [m]}\n  y: {cmd: [echo]}\n  m: {cmd: [echo]}\n  a: "
                    "{cmd: [echo]}\n",
                    &e),
              e);
    assert_order("y m z a");
    drop();
}

static void a_selection_is_targets_one_stage_or_from_a_stage_on(void **state)
{
    struct err e = { 0 };
    const char *const c = "c";
    bool selected[5];
    (void)state;
    assert_ok(build(chain, &e), e);
    assert_selected(&(struct selection){ 0 }, "d c b a alone");
    assert_selected(&(struct selection){ .target = &c, .n_target = 1 }, "c b a");
    assert_selected(&(struct selection){ .single = "c" }, "c");
    assert_selected(&(struct selection){ .from = "b" }, "d c b");
    assert_selected(&(struct selection){ .from = "b", .target = &c, .n_target = 1 }, "c b");
    assert_error(graph_select(&g, &(struct selection){ .single = "alnoe" }, selected, &e),
                 ERR_USAGE, e, "has no stage 'alnoe'; did you mean 'alone'?");
    assert_error(graph_select(&g, &(struct selection){ .single = "c", .from = "b" }, selected, &e),
                 ERR_USAGE, e, "-s runs one stage alone");
    drop();
    assert_ok(build("  a: {cmd: [echo], enabled: false}\n  b: {cmd: [echo], needs: [a]}\n", &e), e);
    assert_selected(&(struct selection){ 0 }, "b");
    assert_error(graph_select(&g, &(struct selection){ .from = "a" }, selected, &e), ERR_USAGE, e,
                 "'a' is disabled");
    assert_int_equal(g.n_edge, 0);
    drop();
}

static void a_loop_is_told_stage_by_stage(void **state)
{
    struct err e = { 0 };
    (void)state;
    assert_error(build("  s: {cmd: [echo], outs: [s]}\n"
                       "  a: {cmd: [echo], deps: [c, s], outs: [a]}\n"
                       "  b: {cmd: [echo], deps: [a], outs: [b]}\n"
                       "  c: {cmd: [echo], needs: [b], outs: [c]}\n"
                       "  t: {cmd: [echo], deps: [c], outs: [t]}\n",
                       &e),
                 ERR_USAGE, e, "the stages need each other in a loop: a -> b -> c -> a");
    assert_error(build("  a: {cmd: [echo], deps: [x/y], outs: [x]}\n", &e), ERR_USAGE, e,
                 "pipeline.yaml:4:27: stage 'a' needs what it makes itself: 'x/y'");
}

static void two_producers_of_one_file_are_refused(void **state)
{
    struct err e = { 0 };
    (void)state;
    assert_error(build("  a: {cmd: [echo], outs: [x/y]}\n  b: {cmd: [echo], outs: [./x//y]}\n", &e),
                 ERR_USAGE, e,
                 "pipeline.yaml:5:27: stage 'b': outs.x/y: 'x/y' is also made as 'x/y' of stage "
                 "'a' (line 4)");
    assert_error(build("  a: {cmd: [echo], outs: [x]}\n  b: {cmd: [echo], outs: [x/y]}\n", &e),
                 ERR_USAGE, e, "'x/y' overlaps 'x' of stage 'a'");
    assert_error(build("  a: {cmd: [echo, \"${outs.p}${outs.q}\"], outs: {p: x, q: x}}\n", &e),
                 ERR_USAGE, e, "is also made as 'x' of stage 'a'");
    assert_ok(
        build("  a: {cmd: [echo], outs: [x]}\n  b: {cmd: [echo], enabled: false, outs: [x]}\n", &e),
        e);
    drop();
}

static void the_drawing_shows_each_stage_on_its_line(void **state)
{
    struct err e = { 0 };
    struct str text = { 0 };
    (void)state;
    assert_ok(build("  a: {cmd: [echo], outs: [a]}\n"
                    "  b: {cmd: [echo], deps: [a], outs: [b]}\n"
                    "  c: {cmd: [echo], deps: [a], outs: [c]}\n"
                    "  d: {cmd: [echo], deps: [a, b, c], outs: [d]}\n"
                    "  e: {cmd: [echo], deps: [d], outs: [e]}\n"
                    "  off: {cmd: [echo], enabled: false}\n"
                    "  f: {cmd: [echo], deps: [d], needs: [e]}\n",
                    &e),
              e);
    graph_draw(&g, &(struct drawing_style){ 0 }, &text);
    assert_string_equal(str_text(&text), "*    a (echo)\n"
                                         "+-*  b (echo)\n"
                                         "* |  c (echo)\n"
                                         "*-+  d (echo)\n"
                                         "*    e (echo)\n"
                                         "| o  off (echo), disabled\n"
                                         "*    f (echo)\n");
    str_clear(&text);
    graph_draw(&g, &(struct drawing_style){ .utf8 = true }, &text);
    assert_true(strstr(str_text(&text), "├─●  b (echo)\n● │  c (echo)\n●─╯  d (echo)\n") != NULL);
    str_clear(&text);
    graph_dot(&g, &(struct drawing_style){ 0 }, &text);
    assert_true(strstr(str_text(&text), "\"d\" -> \"e\" [label=\"d\"];") != NULL);
    assert_true(strstr(str_text(&text), "\"e\" -> \"f\" [style=dashed];") != NULL);
    str_release(&text);
    drop();
}

static void stages_that_need_nothing_of_each_other_do_not_look_connected(void **state)
{
    struct err e = { 0 };
    struct str text = { 0 };
    (void)state;
    assert_ok(
        build("  a: {cmd: [echo], outs: [a]}\n  b: {cmd: [echo], deps: [a]}\n  c: {cmd: [echo]}\n"
              "  d: {cmd: [echo]}\n",
              &e),
        e);
    graph_draw(&g, &(struct drawing_style){ 0 }, &text);
    assert_string_equal(str_text(&text), "*    a (echo)\n"
                                         "*    b (echo)\n"
                                         "  *  c (echo)\n"
                                         "*    d (echo)\n");
    str_release(&text);
    drop();
}

static void too_many_lanes_become_a_list_of_what_each_stage_needs(void **state)
{
    struct err e = { 0 };
    struct str yaml = { 0 }, text = { 0 };
    (void)state;
    str_addz(&yaml, "  root: {cmd: [echo], outs: [w/r]}\n");
    for (int i = 0; i < 3000; i++)
        str_addf(&yaml, "  s%d: {cmd: [echo], deps: [w/r], outs: [w/%d]}\n", i, i);
    str_addz(&yaml, "  join: {cmd: [echo], deps: [\"w/*\"]}\n");
    assert_ok(build(str_text(&yaml), &e), e);
    graph_draw(&g, &(struct drawing_style){ 0 }, &text);
    assert_true(str_starts(str_text(&text), "root (echo)\ns0 (echo)  <- root\n"));
    assert_true(str_ends(str_text(&text), "join (echo)  <- s0, s1, s2, s3 and 2996 more\n"));
    str_release(&text);
    str_release(&yaml);
    drop();
}

static void states_colour_the_graph_and_a_path_cannot_break_out_of_its_label(void **state)
{
    static const char *const states[] = { "succeeded", "failed", NULL };
    struct drawing_style style = { .state = states, .colour = true };
    struct err e = { 0 };
    struct str text = { 0 };
    (void)state;
    assert_ok(build("  a: {cmd: [echo], outs: ['x\"y']}\n  b: {cmd: [echo], deps: ['x\"y']}\n"
                    "  off: {cmd: [echo], enabled: false}\n",
                    &e),
              e);
    graph_draw(&g, &style, &text);
    assert_string_equal(str_text(&text), "*    \033[32ma\033[0m (echo)  \033[32msucceeded\033[0m\n"
                                         "*    \033[31mb\033[0m (echo)  \033[31mfailed\033[0m\n"
                                         "  o  off (echo), disabled\n");
    str_clear(&text);
    graph_dot(&g, &style, &text);
    assert_true(strstr(str_text(&text), "\"a\" [style=filled, fillcolor=") != NULL);
    assert_true(strstr(str_text(&text), "[label=\"x\\\"y\"]") != NULL);
    assert_true(strstr(str_text(&text), "\"state: failed\"") != NULL);
    str_clear(&text);
    graph_mermaid(&g, &style, &text);
    assert_true(strstr(str_text(&text), "  s1[\"b\"]:::failed\n  s2[\"off\"]:::off\n"
                                        "  s0 -->|\"x#34;y\"| s1\n") != NULL);
    assert_true(strstr(str_text(&text), "classDef failed fill:") != NULL);
    str_release(&text);
    drop();
}

static void paths_are_normalised_and_related_by_components(void **state)
{
    static const char *const normal[][2] = {
        { "a/b", "a/b" }, { "./a//b/", "a/b" },          { "a/../b", "b" },
        { "..", ".." },   { "../a/../../b", "../../b" }, { "", "." },
        { "a/..", "." },  { "/a/../..", "/" },           { "/a//b", "/a/b" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof normal / sizeof *normal; i++) {
        char *path = path_normal(normal[i][0]);
        assert_string_equal(path, normal[i][1]);
        free(path);
    }
    assert_true(path_related("work/a", "work/a/b"));
    assert_false(path_related("work/a", "work/ab"));
    assert_true(path_related("work/*.h5", "work/x.h5"));
    assert_false(path_related("work/*.h5", "work/sub/x.h5"));
    assert_true(path_related("work/*/x.h5", "work/parts"));
    assert_false(path_related("/work/a", "work/a"));
    assert_false(path_related("work/*", "work/.hidden"));
    assert_true(path_related(".", "a/b"));
    assert_false(path_related(".", "../b"));
}

#define IN_PROJECT(test) cmocka_unit_test_setup_teardown(test, project_setup, project_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PROJECT(edges_come_from_files_globs_and_directories),
        IN_PROJECT(the_order_is_that_of_the_file_among_equals),
        IN_PROJECT(a_selection_is_targets_one_stage_or_from_a_stage_on),
        IN_PROJECT(a_loop_is_told_stage_by_stage),
        IN_PROJECT(two_producers_of_one_file_are_refused),
        IN_PROJECT(the_drawing_shows_each_stage_on_its_line),
        IN_PROJECT(too_many_lanes_become_a_list_of_what_each_stage_needs),
        IN_PROJECT(states_colour_the_graph_and_a_path_cannot_break_out_of_its_label),
        IN_PROJECT(stages_that_need_nothing_of_each_other_do_not_look_connected),
        cmocka_unit_test(paths_are_normalised_and_related_by_components),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
