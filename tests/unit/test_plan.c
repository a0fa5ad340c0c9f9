/* The planner on a virtual disk with a made-up past. */
#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "sandbox.h"

#include <fnmatch.h>

#include "runner/plan/plan.h"

/* ---- the virtual disk: a path and one letter of content ---- */

static struct {
    const char *path;
    char content;
} disk[32];
static size_t n_disk;

static void put(const char *path, char content)
{
    for (size_t i = 0; i < n_disk; i++) {
        if (strcmp(disk[i].path, path) == 0) {
            disk[i].content = content;
            return;
        }
    }
    disk[n_disk].path = path;
    disk[n_disk++].content = content;
}

static void take_away(const char *path)
{
    for (size_t i = 0; i < n_disk; i++)
        if (strcmp(disk[i].path, path) == 0)
            disk[i] = disk[--n_disk];
}

static int disk_hash(void *self, const char *path, bool *out_exists, char out_hex[HASH_HEX],
                     struct err *e)
{
    (void)self, (void)e;
    *out_exists = false;
    memset(out_hex, 0, HASH_HEX);
    for (size_t i = 0; i < n_disk; i++) {
        if (strcmp(disk[i].path, path) == 0) {
            memset(out_hex, disk[i].content, HASH_HEX - 1);
            *out_exists = true;
        }
    }
    return 0;
}

static int disk_glob(void *self, const char *pattern, struct path_list *out, struct err *e)
{
    (void)self, (void)e;
    *out = (struct path_list){ 0 };
    for (size_t i = 0; i < n_disk; i++)
        if (strcmp(disk[i].path, pattern) == 0 || fnmatch(pattern, disk[i].path, FNM_PATHNAME) == 0)
            path_list_add(out, disk[i].path);
    path_list_sort(out);
    return 0;
}

static const struct file_view view = { .hash = disk_hash, .glob = disk_glob };

/* ---- the past: what was committed, by stage ---- */

static struct {
    const char *stage;
    char *inputs;
    char fingerprint[HASH_HEX];
    struct {
        const char *path;
        char content;
    } out;
} past[8];
static size_t n_past;

static int past_commit(void *self, const char *stage, bool *out_found, struct commit_record *out,
                       struct err *e)
{
    (void)self, (void)e;
    *out_found = false;
    *out = (struct commit_record){ 0 };
    for (size_t i = 0; i < n_past; i++) {
        if (strcmp(past[i].stage, stage) != 0)
            continue;
        *out_found = true;
        out->run_id = mem_strdup("r1");
        memcpy(out->fingerprint, past[i].fingerprint, HASH_HEX);
        out->text = mem_strdup(past[i].inputs);
        out->n_out = 1;
        out->out = mem_calloc(1, sizeof *out->out);
        out->out[0].name = mem_strdup("o");
        out->out[0].path = mem_strdup(past[i].out.path);
        memset(out->out[0].sha256, past[i].out.content, HASH_HEX - 1);
    }
    return 0;
}

static const struct history_view history = { .last_commit = past_commit };

/* ---- a pipeline: data, make, table, train, model ---- */

static const char lines[] = HEAD
    "params: {epochs: 30}\n"
    "stages:\n"
    "  make: {deps: {source: \"data/*.csv\"}, outs: {table: work/t.h5}}\n"
    "  train:\n"
    "    deps: {table: work/t.h5}\n"
    "    outs: {model: work/m.h5}\n"
    "    params: {epochs: \"${params.epochs}\", rate: 1e-3}\n"
    "    env: {MODE: fast}\n";
static struct manifest m;
static struct graph g;
static struct plan plan;

static void load(const char *text, const char *set)
{
    struct err e = { 0 };
    plan_release(&plan);
    graph_release(&g);
    manifest_release(&m);
    assert_ok(project_read(&m, text, NULL, set, &e), e);
    assert_ok(graph_build(&g, &m, &e), e);
}

static void decide(bool force)
{
    struct err e = { 0 };
    bool *all = mem_calloc(m.n_stage, sizeof *all);
    plan_release(&plan);
    for (size_t i = 0; i < m.n_stage; i++)
        all[i] = m.stage[i].enabled;
    assert_ok(plan_all(&g, all, force, &view, &history, &plan, &e), e);
    free(all);
}

/* Run the stage as the runner would: its output appears, the commit is recorded. */
static void commit(size_t stage, char content)
{
    struct err e = { 0 };
    struct decision d;
    assert_ok(plan_stage(&g, stage, NULL, false, &view, &history, &d, &e), e);
    assert_non_null(d.inputs);
    const char *name = m.stage[stage].name,
               *path = strcmp(name, "make") == 0 ? "work/t.h5" : "work/m.h5";
    size_t i = 0;
    while (i < n_past && strcmp(past[i].stage, name) != 0)
        i++;
    if (i == n_past) {
        n_past++;
        past[i].stage = strcmp(name, "make") == 0 ? "make" : "train";
    } else {
        free(past[i].inputs);
    }
    past[i].inputs = mem_strdup(d.inputs);
    memcpy(past[i].fingerprint, d.fingerprint, HASH_HEX);
    past[i].out.path = path;
    past[i].out.content = content;
    put(path, content);
    decision_release(&d);
}

static void assert_decision(size_t stage, enum plan_action action, const char *reason)
{
    assert_string_equal(plan.stage[stage].reason, reason);
    assert_string_equal(plan_action_name(plan.stage[stage].action), plan_action_name(action));
}

static int fresh(void **state)
{
    n_disk = 0;
    put("data/a.csv", '1');
    put("data/b.csv", '2');
    if (project_setup(state))
        return -1;
    project_programs();
    load(lines, NULL);
    return 0;
}

/* As fresh, and everything was run. */
static int settled(void **state)
{
    if (fresh(state))
        return -1;
    commit(0, 'a');
    commit(1, 'b');
    return 0;
}

static int over(void **state)
{
    plan_release(&plan);
    graph_release(&g);
    manifest_release(&m);
    for (size_t i = 0; i < n_past; i++)
        free(past[i].inputs);
    n_past = 0;
    return project_teardown(state);
}

static void what_never_ran_runs(void **state)
{
    (void)state;
    decide(false);
    assert_decision(0, PLAN_RUN, "never run");
    assert_decision(1, PLAN_RUN, "never run");
    assert_non_null(plan.stage[0].inputs);
    assert_int_equal(plan.stage[0].dep[0].n, 2);
    assert_null(plan.stage[1].inputs);
    assert_int_equal(plan_work(&plan), 2);
}

static void what_did_not_change_is_reused(void **state)
{
    (void)state;
    decide(false);
    assert_decision(0, PLAN_REUSE, "up to date");
    assert_decision(1, PLAN_REUSE, "up to date");
    assert_int_equal(plan_work(&plan), 0);
}

static void a_changed_parameter_is_told_from_what_to_what(void **state)
{
    (void)state;
    load(lines, "epochs=10");
    decide(false);
    assert_decision(0, PLAN_REUSE, "up to date");
    assert_decision(1, PLAN_RUN, "params.epochs: 30 -> 10");
    load(lines, "train.rate=0.0010"); /* the same number */
    decide(false);
    assert_decision(1, PLAN_REUSE, "up to date");
    load(lines, "train.verbose=true");
    decide(false);
    assert_decision(1, PLAN_RUN, "params.verbose: added, true");
}

static void a_changed_input_runs_its_stage_and_defers_those_below(void **state)
{
    (void)state;
    put("data/b.csv", '3');
    put("data/c.csv", '4');
    decide(false);
    assert_decision(0, PLAN_RUN, "deps.source: data/b.csv changed (and 1 more)");
    assert_decision(1, PLAN_DEFERRED, "after make");
    assert_null(plan.stage[1].inputs);
    assert_int_equal(plan_work(&plan), 2);
    /* early cut-off: the stage above made the same bytes again */
    commit(0, 'a');
    decide(false);
    assert_decision(1, PLAN_REUSE, "up to date");
    /* and not */
    take_away("data/a.csv");
    commit(0, 'x');
    decide(false);
    assert_decision(1, PLAN_RUN, "deps.table: work/t.h5 changed");
}

static void below_a_stage_that_runs_a_known_change_is_certain(void **state)
{
    (void)state;
    put("data/b.csv", '3');
    load(lines, "epochs=10");
    decide(false);
    assert_decision(1, PLAN_RUN, "params.epochs: 30 -> 10");
    assert_null(plan.stage[1].inputs);
}

static void a_changed_or_missing_output_runs_again(void **state)
{
    (void)state;
    put("work/m.h5", '?');
    decide(false);
    assert_decision(1, PLAN_RUN, "work/m.h5 was changed");
    take_away("work/m.h5");
    decide(false);
    assert_decision(1, PLAN_RUN, "work/m.h5 is gone");
}

static void the_environment_and_the_program_count(void **state)
{
    (void)state;
    char *other = mem_strdup(lines);
    memcpy(strstr(other, "fast"), "slow", 4);
    load(other, NULL);
    free(other);
    decide(false);
    assert_decision(1, PLAN_RUN, "env.MODE: fast -> slow");
    project_program(
        "train",
        OPTION("table", "in", "path", "") "," OPTION("model", "out", "path", "") "," OPTION(
            "epochs", "param", "int", "") "," OPTION("rate", "param", "real", ""));
    load(lines, NULL);
    decide(false);
    assert_decision(1, PLAN_RUN, "program changed");
}

static void a_dep_given_another_path_is_told(void **state)
{
    (void)state;
    char *other = mem_strdup(lines);
    memcpy(strstr(other, "table: work/t.h5}\n    outs"), "table: d/tt.h5  ", 16);
    put("d/tt.h5", 'a');
    load(other, NULL);
    free(other);
    decide(false);
    assert_decision(1, PLAN_RUN, "deps.table: work/t.h5 -> d/tt.h5");
}

static void force_always_changed_and_frozen_do_what_they_say(void **state)
{
    (void)state;
    decide(true);
    assert_decision(0, PLAN_RUN, "forced");
    assert_decision(1, PLAN_RUN, "forced");
    char *text = str_format("%s    frozen: true\n", lines);
    load(text, "epochs=1");
    decide(true);
    assert_decision(1, PLAN_REUSE, "frozen");
    free(past[1].inputs);
    n_past = 1;
    decide(false);
    assert_decision(1, PLAN_RUN, "never run");
    free(text);
    text = str_format("%s    always_changed: true\n", lines);
    load(text, NULL);
    commit(1, 'b');
    decide(false);
    assert_decision(1, PLAN_RUN, "always_changed");
    free(text);
}

static void a_dep_that_nothing_makes_must_exist(void **state)
{
    struct err e = { 0 };
    bool all[2] = { true, true };
    (void)state;
    take_away("data/a.csv");
    take_away("data/b.csv");
    assert_error(plan_all(&g, all, false, &view, &history, &plan, &e), ERR_USAGE, e,
                 "pipeline.yaml:5:25: stage 'make': deps.source: 'data/*.csv' matches no file and "
                 "no stage makes it");
    bool one[2] = { false, true };
    assert_error(plan_all(&g, one, false, &view, &history, &plan, &e), ERR_USAGE, e,
                 "deps.table: 'work/t.h5' does not exist; stage 'make' makes it: run that first");
    load(HEAD "stages: {make: {deps: {source: {path: \"data/*.csv\", optional: true}}, outs: "
              "{table: work/t.h5}}}\n",
         NULL);
    decide(false);
    assert_int_equal(plan.stage[0].dep[0].n, 0);
    assert_non_null(strstr(plan.stage[0].inputs, "\"deps\":{}"));
}

static void a_disabled_stage_is_off(void **state)
{
    (void)state;
    put("work/t.h5", 'a');
    load(HEAD "stages:\n  make: {enabled: false, outs: {table: x.h5}}\n"
              "  train: {deps: {table: work/t.h5}, outs: {model: work/m.h5}}\n",
         NULL);
    decide(false);
    assert_decision(0, PLAN_OFF, "disabled");
    assert_decision(1, PLAN_RUN, "never run");
}

static void the_inputs_document_is_canonical(void **state)
{
    (void)state;
    decide(false);
    char *want = str_format(
        "{\"argv\":[\"train\"],\"code\":{},\"deps\":{\"table\":[[\"work/t.h5\",\"%s\"]]},"
        "\"env\":{\"MODE\":\"fast\"},\"outs\":{\"model\":\"work/m.h5\"},"
        "\"params\":{\"epochs\":\"30\",\"rate\":\"0.001\"},\"program\":\"%s\",\"schema\":1,"
        "\"secrets\":[]}",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        m.stage[1].described->sha256);
    assert_string_equal(plan.stage[1].inputs, want);
    char hex[HASH_HEX];
    hash_bytes(want, strlen(want), hex);
    assert_string_equal(plan.stage[1].fingerprint, hex);
    free(want);
}

/* Names that one sorts wrongly if one does not look twice. */
static void the_inputs_document_is_what_jansson_would_write(void **state)
{
    (void)state;
    put("data/\"c.csv", '3');
    put("data/\xC3\xA4.csv", '4');
    load(HEAD
         "stages:\n  s:\n    cmd: [/bin/sh, \"${outs.b-a}\", \"${outs.b}\", \"a\\\"b\\\\\\n\"]\n"
         "    deps: {z: data/a.csv, a: [data/b.csv, \"data/*.csv\"], a-b: {path: none, "
         "optional: true}}\n"
         "    outs: {b: work/b, b-a: work/c}\n"
         "    params: {p9: 1, p10: [x, y], p1: \"\", p: 2, q1: 1, q2: 1, q3: 1, q4: 1, q5: 1, "
         "q6: 1,\n"
         "             r1: 1, r2: 1, r3: 1, r4: 1, r5: 1, r6: 1, r7: 1, r8: 1}\n"
         "    code: [data/b.csv, \"data/*.csv\", data/a.csv]\n"
         "    env: {A1: one, A: \"x=y\", A_: \"\"}\n",
         NULL);
    put("/bin/sh", '5');
    decide(false);
    const char *text = plan.stage[0].inputs;
    json_t *doc = json_loads(text, 0, NULL);
    assert_non_null(doc);
    char *want = json_dumps(doc, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, want);
    assert_int_equal(json_object_size(json_object_get(doc, "deps")), 2);
    assert_int_equal(json_object_size(json_object_get(doc, "code")), 4);
    free(want);
    json_decref(doc);
}

static void a_name_that_is_not_utf_8_is_refused(void **state)
{
    struct err e = { 0 };
    bool all[2] = { true, true };
    (void)state;
    put("data/d\xE9.csv", '3');
    assert_error(plan_all(&g, all, false, &view, &history, &plan, &e), ERR_USAGE, e,
                 "stage 'make': 'data/d?.csv' is not UTF-8");
}

static void run_time_references_enter_the_inputs_by_their_name(void **state)
{
    (void)state;
    load(HEAD "stages:\n  train:\n    deps: {table: data/a.csv}\n    outs: {model: work/m.h5}\n"
              "    params: {note: \"${run.dir}/log\"}\n    env: {R: \"${run.id}\"}\n",
         NULL);
    decide(false);
    assert_non_null(strstr(plan.stage[0].inputs, "\"env\":{\"R\":\"${run.id}\"}"));
    assert_non_null(strstr(plan.stage[0].inputs, "\"params\":{\"note\":\"${run.dir}/log\"}"));
}

static void all_changes_are_listed(void **state)
{
    struct err e = { 0 };
    struct path_list changes = { 0 };
    (void)state;
    put("work/m.h5", '?');
    put("work/t.h5", '?');
    load(lines, "epochs=10");
    decide(false);
    assert_ok(plan_changes(&g, 1, NULL, &view, &plan.stage[1], &changes, &e), e);
    assert_int_equal(changes.n, 3);
    assert_string_equal(changes.path[0], "params.epochs: 30 -> 10");
    assert_string_equal(changes.path[1], "deps.table: work/t.h5 changed");
    assert_string_equal(changes.path[2], "work/m.h5 was changed");
    path_list_release(&changes);
}

#define FRESH(test)   cmocka_unit_test_setup_teardown(test, fresh, over)
#define SETTLED(test) cmocka_unit_test_setup_teardown(test, settled, over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(what_never_ran_runs),
        SETTLED(what_did_not_change_is_reused),
        SETTLED(a_changed_parameter_is_told_from_what_to_what),
        SETTLED(a_changed_input_runs_its_stage_and_defers_those_below),
        SETTLED(below_a_stage_that_runs_a_known_change_is_certain),
        SETTLED(a_changed_or_missing_output_runs_again),
        SETTLED(the_environment_and_the_program_count),
        SETTLED(a_dep_given_another_path_is_told),
        SETTLED(force_always_changed_and_frozen_do_what_they_say),
        FRESH(a_dep_that_nothing_makes_must_exist),
        FRESH(a_disabled_stage_is_off),
        SETTLED(the_inputs_document_is_canonical),
        FRESH(the_inputs_document_is_what_jansson_would_write),
        FRESH(a_name_that_is_not_utf_8_is_refused),
        FRESH(run_time_references_enter_the_inputs_by_their_name),
        SETTLED(all_changes_are_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
