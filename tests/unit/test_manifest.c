#define _XOPEN_SOURCE 700 /* nftw in scratch.h */
#include "near.h"
#include "sandbox.h"

#include "runner/plan/argv.h"
#include "runner/schedule/schedule.h"

static const char two_stages[] = HEAD
    "params: {dir: data, n: 0.5e1}\n"
    "stages:\n"
    "  make:\n"
    "    deps: {source: \"${params.dir}/*.csv\"}\n"
    "    outs: {table: ./work//table.h5}\n"
    "  train:\n"
    "    deps: {table: work/table.h5}\n"
    "    outs: {model: work/model.h5}\n"
    "    params: {epochs: \"010\", rate: 1e-3, verbose: yes, words: [a, b]}\n";

static void a_pipeline_is_read_typed_and_normalised(void **state)
{
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    project_programs();
    assert_ok(project_read(&m, two_stages, NULL, NULL, &e), e);
    assert_string_equal(m.name, "test");
    assert_int_equal(m.n_stage, 2);
    const struct stage_spec *make = &m.stage[0], *train = &m.stage[1];
    assert_string_equal(make->program, "libexec/make");
    assert_string_equal(make->dep[0].path[0], "data/*.csv");
    assert_true(make->dep[0].list);
    assert_string_equal(make->out[0].path[0], "work/table.h5");
    assert_string_equal(make->out[0].format, "hdf5:refit.table");
    assert_int_equal(train->n_param, 4);
    assert_string_equal(train->param[0].value[0], "10");
    assert_string_equal(train->param[1].value[0], "0.001");
    assert_string_equal(train->param[2].value[0], "true");
    assert_int_equal(train->param[3].n_value, 2);
    assert_true(train->param[3].list);
    assert_int_equal(train->kill_after_ms, 10000);
    assert_int_equal(train->timeout_ms, 0);
    manifest_release(&m);
}

/* One stage `train` with this in it. */
static int read_train(struct manifest *m, const char *lines, struct err *e)
{
    char *text = str_format(
        HEAD "params: {seed: 42}\nstages:\n  train:\n    outs: {model: m.h5}\n%s", lines);
    int rc = project_read(m, text, NULL, NULL, e);
    free(text);
    if (rc == 0)
        manifest_release(m);
    return rc;
}

static void a_mistake_in_a_stage_is_told_with_its_place(void **state)
{
    static const struct {
        const char *lines, *want;
    } bad[] = {
        { "    deps: {table: t.h5}\n    params: {epcohs: 3}\n",
          "pipeline.yaml:8:14: stage 'train': program 'train' has no parameter 'epcohs'; did you "
          "mean 'epochs'?" },
        { "    deps: {table: t.h5}\n    params: {epochs: x}\n",
          "8:22: stage 'train': epochs: 'x' is not a whole number" },
        { "    deps: {table: t.h5}\n    params: {epochs: 0}\n",
          "epochs: '0' is out of range: want 1 to 100 passes" },
        { "    deps: {table: t.h5}\n    params: {rate: 1.5}\n",
          "rate: '1.5' is out of range: want 0 to 1" },
        { "    deps: {table: t.h5}\n    params: {rate: nan}\n",
          "rate: 'nan' is not a finite number" },
        { "    deps: {table: t.h5}\n    params: {verbose: maybe}\n",
          "verbose: 'maybe' is neither true nor false" },
        { "    deps: {table: t.h5}\n    params: {family: tree}\n",
          "'tree' is not one of net, trees; did you mean 'trees'?" },
        { "    deps: {table: t.h5}\n    params: {epochs: [1, 2]}\n",
          "params.epochs: want one value, found a list" },
        { "    deps: {table: t.h5}\n    params: {epochs: {a: 1}}\n", "found a mapping" },
        { "    deps: {table: t.h5}\n    params: {trees: 5}\n",
          "trees is only for family trees, and family is net" },
        { "    deps: {table: t.h5}\n    params: {table: x}\n",
          "'table' of program 'train' is not a parameter but an input: write it under deps" },
        { "    deps: {table: t.h5}\n    params: {checkpoint: x}\n",
          "write 'checkpoint: PATH' beside deps" },
        { "    deps: {table: t.h5}\n    params: {note: \"${run.dri}\"}\n",
          "unknown reference '${run.dri}'; did you mean 'run.dir'?" },
        { "    deps: {table: t.h5}\n    params: {epochs: \"${run.attempt}\"}\n",
          "want a text parameter" },
        { "    deps: {table: t.h5}\n    params: {note: \"${params.sed}\"}\n",
          "${params.sed}: there is no such parameter; did you mean 'seed'?" },
        { "    deps: {table: t.h5}\n    params: {note: \"${env.REFIT_NO_SUCH}\"}\n",
          "neither the file nor the environment" },
        { "    deps: {table: t.h5}\n    params: {note: \"${params.seed\"}\n",
          "has no closing brace" },
        { "    deps: {table: t.h5}\n    params: {note: \"postgresql://u:pw@host/db\"}\n",
          "a password in a URL" },
        { "    params: {epochs: 3}\n", "input 'table' of program 'train' is missing under deps" },
        { "    deps: {table: [a, b]}\n", "takes one file here: found a list or a pattern" },
        { "    deps: {table: \"*.h5\"}\n", "takes one file here: found a list or a pattern" },
        { "    deps: {tabel: a}\n", "has no input 'tabel'; did you mean 'table'?" },
        { "    deps: {table: {path: a, optinal: true}}\n",
          "unknown key 'optinal'; did you mean 'optional'?" },
        { "    deps: {table: {optional: true}}\n", "'path' is missing" },
        { "    deps: [a]\n", "want a mapping of names, the options of the program" },
        { "    deps: {table: \"\"}\n", "the path is empty" },
        { "    deps: {table: \"${run.dir}/x\"}\n", "known only while a stage runs" },
        { "    deps: {table: t.h5}\n    needs: [trian]\n",
          "there is no stage 'trian'; did you mean 'train'?" },
        { "    deps: {table: t.h5}\n    needs: [train]\n", "stage 'train' needs itself" },
        { "    deps: {table: t.h5}\n    timeout: 10\n", "'10' is not a duration" },
        { "    deps: {table: t.h5}\n    timeout: 0s\n", "out of range" },
        { "    deps: {table: t.h5}\n    retry: {max: -1}\n", "out of range" },
        { "    deps: {table: t.h5}\n    retry: {tries: 1}\n", "unknown key 'tries'" },
        { "    deps: {table: t.h5}\n    retry: {jitter: 1.5}\n", "out of range" },
        { "    deps: {table: t.h5}\n    retry: {max_delay: 400}\n", "'400' is not a duration" },
        { "    deps: {table: t.h5}\n    retry: {on_timeout: perhaps}\n", "retry.on_timeout" },
        { "    deps: {table: t.h5}\n    retry: {on_exit: 75}\n",
          "want a list of exit statuses, such as [75]" },
        { "    deps: {table: t.h5}\n    retry: {on_exit: [75, 0]}\n", "out of range" },
        { "    deps: {table: t.h5}\n    retry: {on_exit: [256]}\n", "out of range" },
        { "    deps: {table: t.h5}\n    retry: {on_exit: [98]}\n", "98 is no failure" },
        { "    deps: {table: t.h5}\n    retry: {on_exit: [99]}\n", "99 is no failure" },
        { "    deps: {table: t.h5}\n    retry: {on_exit: [75, 126]}\n",
          "pipeline.yaml:8:27: retry.on_exit: 126 says that there is no such program" },
        { "    deps: {table: t.h5}\n    retry: {on_exit: [127]}\n", "is never tried again" },
        { "    deps: {table: t.h5}\n    resources: {cpus: 0}\n", "out of range" },
        { "    deps: {table: t.h5}\n    resources: {nice: 20}\n", "out of range" },
        { "    deps: {table: t.h5}\n    resources: {memory: 4}\n", "'4' is not a size" },
        { "    deps: {table: t.h5}\n    resources: {memory: 4GB}\n", "'4GB' is not a size" },
        { "    deps: {table: t.h5}\n    resources: {memory: 4g}\n", "'4g' is not a size" },
        { "    deps: {table: t.h5}\n    resources: {memory: G}\n", "'G' is not a size" },
        { "    deps: {table: t.h5}\n    resources: {memory: -1G}\n", "'-1G' is not a size" },
        { "    deps: {table: t.h5}\n    resources: {memory: 0M}\n", "want at least 1024K" },
        { "    deps: {table: t.h5}\n    log: {max_size: 1K}\n", "want at least 4K" },
        { "    deps: {table: t.h5}\n    log: {size: 1M}\n", "unknown key 'size'" },
        { "    deps: {table: t.h5}\n    resources: {memory: 9999999999T}\n", "out of range" },
        { "    deps: {table: t.h5}\n    run_unless: rain\n",
          "pipeline.yaml:8:5: stage 'train': unknown key 'run_unless'" },
        { "    deps: {table: t.h5}\n    run: trian\n",
          "there is no program 'trian' in libexec; did you mean 'train'?" },
        { "    deps: {table: t.h5}\n    run: ../train\n", "is not the name of a program" },
        { "    deps: {table: t.h5}\n    run: train\n    cmd: [a]\n",
          "run and cmd: want one of them" },
        { "    deps: {table: t.h5}\n    secrets: [KEY]\n", "there is no secret 'KEY'" },
        { "    deps: {table: t.h5}\n    env: {1X: a}\n", "'1X' is not a name of a variable" },
        { "    deps: {table: t.h5}\n    env: {REFIT_X: a}\n", "REFIT_... are the runner's own" },
        { "    deps: {table: t.h5}\n    frozen: true\n    always_changed: true\n",
          "contradict each other" },
        { "    deps: {table: t.h5}\n    checkpoint: ../x\n",
          "is not a file inside the project directory" },
        { "    deps: {table: t.h5}\n    checkpoint: m.h5\n",
          "checkpoint 'm.h5' is an output of stage 'train'" },
        { "    deps: {table: work/t.h5}\n    checkpoint: work/t.h5\n",
          "pipeline.yaml:7:19: stage 'train': dep 'work/t.h5' is the checkpoint of stage 'train', "
          "which is removed when that is done" },
        { "    deps: {table: data/t.h5}\n    checkpoint: data\n",
          "dep 'data/t.h5' is the checkpoint of stage 'train'" },
        { "    deps: {table: t.h5}\n    code: [\"*.py\"]\n    checkpoint: tell.py\n",
          "code '*.py' is the checkpoint of stage 'train'" },
        { "    deps: {table: t.h5}\n    checkpoint: pipeline.yaml\n",
          "checkpoint 'pipeline.yaml' is the pipeline file" },
        { "    deps: {table: t.h5}\n    enabled: perhaps\n", "neither true nor false" },
    };
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    project_programs();
    assert_ok(
        read_train(&m, "    deps: {table: t.h5}\n    params: {family: trees, trees: 5}\n", &e), e);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_error(read_train(&m, bad[i].lines, &e), ERR_USAGE, e, bad[i].want);
}

static void a_mistake_in_the_head_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text, *want;
    } bad[] = {
        { "name: x\nstages: {}\n", "'refit: 1' is missing" },
        { "refit: 2\nname: x\nstages: {a: {cmd: [true]}}\n",
          "pipeline.yaml:1:8: refit: found version '2', want 1" },
        { "refit: 1\nstages: {a: {cmd: [true]}}\n", "'name' of the pipeline is missing" },
        { "refit: 1\nname: a b\nstages: {a: {cmd: [true]}}\n", "name 'a b': want letters" },
        { HEAD, "'stages' is missing" },
        { HEAD "stages: {}\n", "stages: want a mapping" },
        { HEAD "stages: [a]\n", "stages: want a mapping" },
        { HEAD "stages: {a: }\n", "stage 'a' is empty" },
        { HEAD "stages: {a.b: {cmd: [true]}}\n", "'a.b' is not a name" },
        { HEAD "stage: {a: {cmd: [true]}}\n", "unknown key 'stage'; did you mean 'stages'?" },
        { HEAD "swimming: {a: 1}\nstages: {a: {cmd: [true]}}\n", "unknown key 'swimming'" },
        { HEAD "params: {a: [1]}\nstages: {a: {cmd: [true]}}\n",
          "params.a: want a text, found a list" },
        { HEAD "params: {a: \"${run.id}\"}\nstages: {a: {cmd: [true]}}\n",
          "known only while a stage runs" },
        { HEAD "secrets: {A: text}\nstages: {a: {cmd: [true]}}\n", "a value has no place here" },
        { HEAD "secrets: {A: {env: B, file: c}}\nstages: {a: {cmd: [true]}}\n",
          "want one of env and file" },
        { HEAD "env: {A: x}\nsecrets: {A: {env: B}}\nstages: {a: {cmd: [echo], secrets: [A]}}\n",
          "stage 'a': 'A' is both a secret and in env" },
        { HEAD "jobs: 0\nstages: {a: {cmd: [true]}}\n", "jobs: 0 is out of range" },
        { HEAD "defaults: {deps: {}}\nstages: {a: {cmd: [true]}}\n",
          "defaults: unknown key 'deps'" },
        { HEAD "stages: {a: {cmd: []}}\n", "want a list of words" },
        { HEAD "stages: {a: {cmd: [no-such-program-here]}}\n",
          "no program 'no-such-program-here' in PATH" },
        { HEAD "stages: {a: {cmd: [./nothing.sh]}}\n", "'nothing.sh' is not an executable file" },
        { HEAD "stages: {a: {cmd: [echo, \"${deps.x}\"]}}\n",
          "${deps.x}: the stage has no such name under deps" },
        { HEAD "stages: {a: {cmd: [echo, \"${checkpoint}\"]}}\n", "the stage has no checkpoint" },
        { HEAD "stages: {a: {cmd: [echo, \"${params.l}\"], params: {l: [1, 2]}}}\n",
          "${params.l}: want a parameter of one value, found a list" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: ../y}}}\n",
          "'../y' leaves the project directory" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: a/../../y}}}\n",
          "'../y' leaves the project directory" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: /tmp/y}}}\n",
          "'/tmp/y' leaves the project directory" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: .refit/y}}}\n", "cannot be an output" },
        { HEAD "stages: {a: {cmd: [echo, \"${outs.x}\"], outs: {x: pipeline.yaml}}}\n",
          "pipeline.yaml:3:50: stage 'a': outs.x: 'pipeline.yaml' is the pipeline file" },
        { HEAD "secrets: {K: {file: ./key}}\n"
               "stages: {a: {cmd: [echo, \"${outs.x}\"], outs: {x: key}}}\n",
          "outs.x: 'key' is the file of a secret" },
        { HEAD "stages: {a: {cmd: [echo], checkpoint: c}, b: {cmd: [echo], checkpoint: c/d}}\n",
          "stage 'b': checkpoint 'c/d' is that of stage 'a' too" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: \"a*\"}}}\n", "an output has one name" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: {path: y, format: xml}}}}\n",
          "format 'xml' is not one of" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: {path: y, require: [a]}}}}\n",
          "require needs a format" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: {path: work/y, persist: true}}}}\n",
          "must not lie under work/" },
        { HEAD "stages: {a: {cmd: [echo], outs: {x: y}, outs: {x: z}}}\n",
          "key 'outs' is given twice" },
        { HEAD "profiles: {ci: {stages: {b: {enabled: false}}}}\nstages: {a: {cmd: [true]}}\n",
          "" },
    };
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    for (size_t i = 0; i + 1 < sizeof bad / sizeof *bad; i++)
        assert_error(project_read(&m, bad[i].text, NULL, NULL, &e), ERR_USAGE, e, bad[i].want);
}

static const char with_profiles[] = HEAD
    "params: {dir: data, note: base}\n"
    "profiles:\n"
    "  ci:\n"
    "    params: {dir: sample}\n"
    "    stages:\n"
    "      train: {params: {epochs: 1, rate: null}, timeout: 1m}\n"
    "      make: {enabled: false}\n"
    "  wrong: {params: {dri: x}}\n"
    "  stranger: {stages: {tain: {enabled: false}}}\n"
    "  key: {refit: 2}\n"
    "  empty:\n"
    "defaults: {timeout: 2h, retry: {max: 3, delay: 1m}}\n"
    "stages:\n"
    "  make: {deps: {schema: \"${params.dir}/s.yaml\"}, outs: {table: work/table.h5}}\n"
    "  train:\n"
    "    deps: {table: \"${params.dir}/t.h5\"}\n"
    "    outs: {model: work/model.h5}\n"
    "    params: {epochs: 20, rate: 0.5, note: \"${params.note}\"}\n"
    "    retry: {backoff: 2, on_exit: [1, 75], jitter: 0.5, on_timeout: true}\n"
    "    resources: {memory: 3G, nice: 5}\n"
    "    log: {max_size: none}\n";

static void a_profile_is_merged_and_null_restores_the_default(void **state)
{
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    project_programs();
    assert_ok(project_read(&m, with_profiles, "ci", NULL, &e), e);
    const struct stage_spec *train = &m.stage[1];
    assert_false(m.stage[0].enabled);
    assert_string_equal(train->dep[0].path[0], "sample/t.h5");
    assert_int_equal(train->n_param, 2);
    assert_string_equal(train->param[0].name, "epochs");
    assert_string_equal(train->param[0].value[0], "1");
    assert_string_equal(train->param[1].name, "note");
    assert_int_equal(train->timeout_ms, 60000);
    assert_int_equal(train->retry.max, 3);
    assert_int_equal(train->retry.delay_ms, 60000);
    assert_near(train->retry.backoff, 2, 0, 0);
    assert_near(train->retry.jitter, 0.5, 0, 0);
    assert_int_equal(train->retry.n_on_exit, 2);
    assert_int_equal(train->retry.on_exit[0], 1);
    assert_true(train->retry.on_timeout);
    assert_int_equal(train->memory, INT64_C(3) << 30);
    assert_int_equal(train->nice, 5);
    assert_int_equal(train->log_max, 0);
    assert_int_equal(m.stage[0].log_max, 100 << 20);
    assert_int_equal(m.stage[0].retry.on_exit[0], 75);
    assert_int_equal(m.n_profile, 5);
    manifest_release(&m);
    assert_ok(project_read(&m, with_profiles, "empty", NULL, &e), e);
    assert_int_equal(m.stage[1].timeout_ms, 7200000);
    manifest_release(&m);
}

static void a_profile_may_only_name_what_exists(void **state)
{
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    project_programs();
    assert_error(
        project_read(&m, with_profiles, "wrong", NULL, &e), ERR_USAGE, e,
        "pipeline.yaml:10:20: params of profile 'wrong': unknown key 'dri'; did you mean 'dir'?");
    assert_error(project_read(&m, with_profiles, "stranger", NULL, &e), ERR_USAGE, e,
                 "unknown key 'tain'");
    assert_error(project_read(&m, with_profiles, "key", NULL, &e), ERR_USAGE, e,
                 "unknown key 'refit'");
    assert_error(project_read(&m, with_profiles, "cli", NULL, &e), ERR_USAGE, e,
                 "has no profile 'cli'; did you mean 'ci'?");
}

static void p_sets_a_parameter_of_the_pipeline_or_of_a_stage(void **state)
{
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    project_programs();
    assert_ok(project_read(&m, with_profiles, "ci", "dir=/else where", &e), e);
    assert_string_equal(m.stage[1].dep[0].path[0], "/else where/t.h5");
    manifest_release(&m);
    assert_ok(project_read(&m, with_profiles, NULL, "train.epochs=7", &e), e);
    assert_string_equal(m.stage[1].param[0].value[0], "7");
    manifest_release(&m);
    assert_ok(project_read(&m, with_profiles, NULL, "make.seed=9", &e), e);
    assert_string_equal(m.stage[0].param[0].value[0], "9");
    manifest_release(&m);
    /* taken literally: a dollar is no reference */
    assert_ok(project_read(&m, with_profiles, NULL, "note=${params.dir}$$", &e), e);
    char **argv;
    struct path_list dep = { 0 };
    char place[] = "o", *out[] = { place };
    struct attempt_files files = {
        .dep = &dep, .out = out, .run_id = "r", .run_dir = "d", .attempt = 1
    };
    assert_ok(stage_argv(&m.stage[1], &files, &argv, &e), e);
    assert_string_equal(argv[8], "${params.dir}$$");
    argv_free(argv);
    manifest_release(&m);
    assert_error(project_read(&m, with_profiles, NULL, "dri=x", &e), ERR_USAGE, e,
                 "-p dri=x: there is no parameter 'dri'; did you mean 'dir'?");
    assert_error(project_read(&m, with_profiles, NULL, "trian.epochs=1", &e), ERR_USAGE, e,
                 "there is no stage 'trian'");
    assert_error(project_read(&m, with_profiles, NULL, "train.epochs=many", &e), ERR_USAGE, e,
                 "-p train.epochs=many: stage 'train': epochs: 'many' is not a whole number");
    assert_error(project_read(&m, with_profiles, NULL, "train.epoch=1", &e), ERR_USAGE, e,
                 "did you mean 'epochs'?");
    assert_error(project_read(&m, with_profiles, NULL, "epochs", &e), ERR_USAGE, e,
                 "want name=value");
}

static void what_a_disabled_stage_makes_is_left_out_or_refused(void **state)
{
    static const char text[] = HEAD "stages:\n"
                                    "  make: {enabled: %s, outs: {table: t.h5, extra: x.h5}}\n"
                                    "  train: {deps: {%s}, outs: {model: m.h5}, needs: [make]}\n";
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    project_programs();
    char *full = str_format(text, "false", "table: u.h5, text: x.h5");
    assert_ok(project_read(&m, full, NULL, NULL, &e), e);
    assert_int_equal(m.stage[1].n_dep, 1);
    assert_int_equal(m.stage[1].n_needs, 0);
    manifest_release(&m);
    free(full);
    full = str_format(text, "false", "table: t.h5");
    assert_error(project_read(&m, full, NULL, NULL, &e), ERR_USAGE, e,
                 "deps.table: 't.h5' is made by stage 'make', which is disabled");
    free(full);
    full = str_format(text, "true", "table: t.h5, text: x.h5");
    assert_ok(project_read(&m, full, NULL, NULL, &e), e);
    assert_int_equal(m.stage[1].n_dep, 2);
    assert_int_equal(m.stage[1].n_needs, 1);
    manifest_release(&m);
    free(full);
}

static void argv_repeats_lists_and_uses_the_paths_of_the_attempt(void **state)
{
    static const char *const want[] = {
        "libexec/train", "--table", "a.h5",      "--model", "stage/1",
        "--epochs",      "10",      "--verbose", "true",    "--words",
        "x y",           "--words", "$5",        "--note",  "in d/r1 of a.h5 try 2",
        "--checkpoint",  "c.tmp",   NULL
    };
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    char **argv;
    project_programs();
    assert_ok(project_read(
                  &m,
                  HEAD "stages:\n  train:\n    deps: {table: a.h5}\n    outs: {model: m.h5}\n"
                       "    params: {epochs: 10, verbose: on, words: [x y, $$5],\n"
                       "             note: \"in ${run.dir} of ${deps.table} try ${run.attempt}\"}\n"
                       "    checkpoint: work/c\n",
                  NULL, NULL, &e),
              e);
    char a[] = "a.h5", o[] = "stage/1", *found = a, *out = o;
    struct path_list dep = { &found, 1 };
    struct attempt_files files = { .dep = &dep,
                                   .out = &out,
                                   .checkpoint = "c.tmp",
                                   .run_id = "r1",
                                   .run_dir = "d/r1",
                                   .attempt = 2 };
    assert_ok(stage_argv(&m.stage[0], &files, &argv, &e), e);
    for (size_t i = 0; want[i]; i++)
        assert_string_equal(argv[i], want[i]);
    assert_null(argv[sizeof want / sizeof *want - 1]);
    argv_free(argv);
    manifest_release(&m);
}

static void a_command_gets_words_and_a_shell_gets_quotes(void **state)
{
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    char **argv;
    assert_ok(project_read(
                  &m,
                  HEAD
                  "env: {WHERE: sea}\nstages:\n"
                  "  a: {cmd: [echo, \"${deps.in}\", \"to=${outs.o}\", \"${params.n}\", "
                  "\"${env.WHERE}\"],\n"
                  "      deps: {in: \"*.csv\"}, outs: {o: o.txt}, params: {n: 3}}\n"
                  "  b: {cmd: \"cat ${deps.in} >${outs.o}; echo $HOME $$1\", deps: {in: [x, y]},\n"
                  "      outs: {o: p.txt}, env: {RUN: \"${run.id}\"}}\n",
                  NULL, NULL, &e),
              e);
    char a[] = "it's.csv", b[] = "b.csv", o[] = "s/o", *found[] = { a, b }, *out = o;
    struct path_list dep = { found, 2 };
    struct attempt_files files = {
        .dep = &dep, .out = &out, .run_id = "r1", .run_dir = "d", .attempt = 1
    };
    assert_ok(stage_argv(&m.stage[0], &files, &argv, &e), e);
    assert_true(str_ends(argv[0], "/echo"));
    assert_string_equal(argv[1], "it's.csv");
    assert_string_equal(argv[2], "b.csv");
    assert_string_equal(argv[3], "to=s/o");
    assert_string_equal(argv[4], "3");
    assert_string_equal(argv[5], "sea");
    assert_null(argv[6]);
    argv_free(argv);
    assert_ok(stage_argv(&m.stage[1], &files, &argv, &e), e);
    assert_string_equal(argv[2], "cat 'it'\\''s.csv' b.csv >s/o; echo $HOME $1");
    argv_free(argv);
    assert_ok(stage_env(&m.stage[1], &files, &argv, &e), e);
    assert_string_equal(argv[0], "RUN=r1");
    assert_string_equal(argv[1], "WHERE=sea");
    assert_null(argv[2]);
    argv_free(argv);
    manifest_release(&m);
}

/* The first schedule of a file with this entry. */
static int read_schedule(struct manifest *m, const char *entry, struct err *e)
{
    char *text = str_format(HEAD "schedule:\n  - %s\nstages: {a: {cmd: [echo]}}\n", entry);
    int rc = project_read(m, text, NULL, NULL, e);
    free(text);
    return rc;
}

static void schedules_become_sets_of_minutes_hours_and_days(void **state)
{
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    assert_ok(
        read_schedule(
            &m,
            "{weekly: \"Mon, friday 06:30\", timezone: Europe/Berlin, catchup: all, targets: [a]}",
            &e),
        e);
    const struct schedule *s = m.schedule;
    assert_true(s->when.minute == 1ull << 30 && s->when.hour == 1u << 6 &&
                s->when.weekday == (1u << 1 | 1u << 5));
    assert_true(s->when.any_day && !s->when.any_weekday && !s->zone.fixed);
    assert_true(s->catchup == CATCHUP_ALL && s->overlap == OVERLAP_SKIP && s->n_target == 1);
    assert_string_equal(s->name, "weekly");
    manifest_release(&m);
    assert_ok(
        read_schedule(&m, "{daily: 21:00, timezone: UTC-8, catchup_window: 20h, name: late}", &e),
        e);
    s = m.schedule;
    assert_true(s->zone.fixed && s->zone.offset_s == -28800 && s->when.hour == 1u << 21 &&
                s->when.any_weekday);
    assert_true(s->catchup_window_ms == 72000000 && s->catchup == CATCHUP_LATEST);
    assert_string_equal(s->name, "late");
    manifest_release(&m);
    assert_ok(read_schedule(&m, "{cron: \"*/20 1-5/2,23 * feb,DEC sun-tue,7\"}", &e), e);
    s = m.schedule;
    assert_true(s->when.minute == (1ull | 1ull << 20 | 1ull << 40));
    assert_true(s->when.hour == (1u << 1 | 1u << 3 | 1u << 5 | 1u << 23));
    assert_true(s->when.month == (1u << 2 | 1u << 12) && s->when.weekday == 7 && s->when.any_day &&
                !s->when.any_weekday);
    manifest_release(&m);
}

static void a_schedule_that_cannot_be_is_refused(void **state)
{
    static const struct {
        const char *entry, *want;
    } bad[] = {
        { "{weekly: mondey 00:00}", "'mondey' is not a day of the week; did you mean 'monday'?" },
        { "{weekly: monday}", "'monday' has no time of day: want" },
        { "{daily: \"24:00\"}", "'24:00' is not a time of day" },
        { "{daily: \"9:5\"}", "'9:5' is not a time of day" },
        { "{cron: \"0 3 * *\"}", "has 4 fields: want 5" },
        { "{cron: \"0 3 * * * *\"}", "more than 5 fields" },
        { "{cron: \"60 3 * * *\"}", "minute '60': out of range (0 to 59)" },
        { "{cron: \"5-1 3 * * *\"}", "a range runs backwards" },
        { "{cron: \"*/0 3 * * *\"}", "a step is 1 or more" },
        { "{cron: \"a 3 * * *\"}", "minute 'a': want numbers" },
        { "{cron: \"1, 3 * * *\"}", "minute '1,': want numbers" },
        { "{cron: \"0 0 30 2 *\"}", "never fires" },
        { "{daily: \"09:00\", weekly: monday 00:00}", "'weekly' and 'daily' in one entry" },
        { "{timezone: UTC}", "want weekly, daily or cron" },
        { "{daily: \"09:00\", timezone: Mars/Base}", "'Mars/Base' is neither UTC" },
        { "{daily: \"09:00\", timezone: ../../etc/passwd}", "is neither UTC" },
        { "{daily: \"09:00\", timezone: UTC+15}", "is neither UTC" },
        { "{daily: \"09:00\", catchup: some}", "'some' is not one of none, latest, all" },
        { "{daily: \"09:00\", targets: [b]}", "targets: there is no stage 'b'" },
        { "{daily: \"09:00\", tz: UTC}", "unknown key 'tz'" },
        { "{daily: \"09:00\"}\n  - {daily: \"10:00\"}", "two entries are called 'daily'" },
    };
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_error(read_schedule(&m, bad[i].entry, &e), ERR_USAGE, e, bad[i].want);
}

static void a_program_that_answers_nonsense_is_named(void **state)
{
    static const struct {
        const char *script, *want;
    } bad[] = {
        { "#!/bin/sh\necho oops >&2; exit 3\n",
          "libexec/odd --describe' ended with status 3: oops" },
        { "#!/bin/sh\necho '{'\n", "--describe is not JSON" },
        { "#!/bin/sh\necho '{}'\n", "'options' is not a list" },
        { "#!/bin/sh\necho '{\"options\":[{\"name\":\"a\",\"kind\":\"both\"}]}'\n",
          "kind is not in, out or param" },
        { "#!/bin/sh\nkill -9 $$\n", "ended with status 137" },
        { "#!/bin/sh\nyes\n", "printed more than" },
        { "not a program\n", "libexec/odd" },
    };
    (void)state;
    struct manifest m;
    struct err e = { 0 };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        project_write("libexec/odd", bad[i].script);
        assert_int_equal(chmod("libexec/odd", 0755), 0);
        assert_error(project_read(&m, HEAD "stages: {odd: {outs: {a: b}}}\n", NULL, NULL, &e),
                     ERR_USAGE, e, bad[i].want);
    }
}

#define IN_PROJECT(test) cmocka_unit_test_setup_teardown(test, project_setup, project_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PROJECT(a_pipeline_is_read_typed_and_normalised),
        IN_PROJECT(a_mistake_in_a_stage_is_told_with_its_place),
        IN_PROJECT(a_mistake_in_the_head_is_told_with_its_place),
        IN_PROJECT(a_profile_is_merged_and_null_restores_the_default),
        IN_PROJECT(a_profile_may_only_name_what_exists),
        IN_PROJECT(p_sets_a_parameter_of_the_pipeline_or_of_a_stage),
        IN_PROJECT(what_a_disabled_stage_makes_is_left_out_or_refused),
        IN_PROJECT(argv_repeats_lists_and_uses_the_paths_of_the_attempt),
        IN_PROJECT(a_command_gets_words_and_a_shell_gets_quotes),
        IN_PROJECT(schedules_become_sets_of_minutes_hours_and_days),
        IN_PROJECT(a_schedule_that_cannot_be_is_refused),
        IN_PROJECT(a_program_that_answers_nonsense_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
