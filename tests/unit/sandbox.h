#ifndef TESTS_SANDBOX_H
#define TESTS_SANDBOX_H

/* A project in a directory of its own: written files, programs that answer --describe. Included
 * after near.h. */

#include <sys/stat.h>

#include "scratch.h"

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "runner/read/manifest.h"

static char project_directory[64];

/** For cmocka: a new empty directory becomes the current one. */
static inline int project_setup(void **state)
{
    static const char template[] = "/tmp/refit-test.XXXXXX";
    (void)state;
    memcpy(project_directory, template, sizeof template);
    return mkdtemp(project_directory) && chdir(project_directory) == 0 ? 0 : -1;
}

static inline int project_teardown(void **state)
{
    (void)state;
    return chdir("/") == 0 ? nftw(project_directory, scratch_remove, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

static inline void project_write(const char *path, const char *text)
{
    struct err e = { 0 };
    assert_ok(outfile_put(path, text, strlen(text), &e), e);
}

/** A program libexec/NAME whose --describe lists these options (JSON rows); every call adds a line
 * to `calls`. */
static inline void project_program(const char *name, const char *options)
{
    char *path = str_format("libexec/%s", name);
    char *text = str_format("#!/bin/sh\necho %s >>calls\ncat "
                            "<<'END'\n{\"name\":\"%s\",\"purpose\":\"a test\",\"version\":\"1\","
                            "\"options\":[%s]}\nEND\n",
                            name, name, options);
    project_write(path, text);
    assert_int_equal(chmod(path, 0755), 0);
    free(text);
    free(path);
}

#define OPTION(name, kind, type, rest)                                                        \
    "{\"name\":\"" name "\",\"kind\":\"" kind "\",\"type\":\"" type "\",\"help\":\"the " name \
    "\"" rest "}"
#define REQUIRED ",\"required\":true"
#define LIST     ",\"list\":true"

/** make: source... (optional) -> table; train: table, text (optional) -> model, epochs 1..100,
 * rate, verbose, family, trees only for family trees, words..., note. */
static inline void project_programs(void)
{
    project_program(
        "make",
        OPTION("source", "in", "path", LIST) "," OPTION("schema", "in", "path", ",\"side\":true") "," OPTION(
            "table", "out", "path",
            REQUIRED
            ",\"format\":\"hdf5:refit.table\"") "," OPTION("extra", "out", "path",
                                                           "") "," OPTION("seed", "param", "int",
                                                                          ",\"default\":1"));
    project_program(
        "train",
        OPTION("table", "in", "path", REQUIRED) "," OPTION("text", "in", "path", "") "," OPTION(
            "model", "out", "path",
            REQUIRED) "," OPTION("checkpoint", "param", "text",
                                 "") "," OPTION("epochs",
                                                "param", "int", ",\"default\":30,\"min\":1,\"max\":100,\"unit\":\"passes\"") "," OPTION("rate", "param", "real", ",\"default\":0.001,\"min\":0,\"max\":1") "," OPTION("verbose", "param", "bool", ",\"default\":false") "," OPTION("family", "param", "choice", ",\"default\":\"net\",\"choices\":[\"net\",\"trees\"]") "," OPTION("trees",
                                                                                                                                                                                                                                                                                                                                                                                   "param",
                                                                                                                                                                                                                                                                                                                                                                                   "int",
                                                                                                                                                                                                                                                                                                                                                                                   ",\"only\":{\"family\":\"trees\"}") "," OPTION("words",
                                                                                                                                                                                                                                                                                                                                                                                                                                  "param",
                                                                                                                                                                                                                                                                                                                                                                                                                                  "text",
                                                                                                                                                                                                                                                                                                                                                                                                                                  LIST) "," OPTION("note",
                                                                                                                                                                                                                                                                                                                                                                                                                                                   "param",
                                                                                                                                                                                                                                                                                                                                                                                                                                                   "text",
                                                                                                                                                                                                                                                                                                                                                                                                                                                   ""));
}

/** Read pipeline.yaml with that text. */
static inline int project_read(struct manifest *m, const char *text, const char *profile,
                               const char *set, struct err *e)
{
    struct manifest_options o = {
        .profile = profile, .set = &set, .n_set = set ? 1 : 0, .libexec = "libexec"
    };
    project_write("pipeline.yaml", text);
    return manifest_read(m, "pipeline.yaml", &o, NULL, e);
}

#define HEAD "refit: 1\nname: test\n"

#endif
