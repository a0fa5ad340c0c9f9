/* Pipeline files: any bytes are read, held against two programs, drawn and written as a plan, or
 * refused. */
#define _GNU_SOURCE /* memfd_create */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/outfile.h"
#include "runner/memory/state.h"
#include "runner/plan/argv.h"
#include "runner/plan/graph_text.h"
#include "runner/plan/graph.h"
#include "runner/plan/inputs.h"

static struct state *memory;

static void write_program(const char *path, const char *options)
{
    struct err e = { 0 };
    struct str text = { 0 };
    str_addf(&text, "#!/bin/sh\necho '{\"options\":[%s]}'\n", options);
    if (outfile_put(path, text.text, text.n, &e) || chmod(path, 0755))
        abort();
    str_release(&text);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char directory[] = "/tmp/refit-fuzz.XXXXXX";
    struct err e = { 0 };
    (void)argc, (void)argv;
    /* The corpus is named relative to where we start, so the programs are named absolutely. */
    if (!mkdtemp(directory))
        abort();
    char *make = str_format("%s/make", directory), *train = str_format("%s/train", directory);
    write_program(make,
                  "{\"name\":\"source\",\"kind\":\"in\",\"type\":\"path\",\"list\":true},"
                  "{\"name\":\"table\",\"kind\":\"out\",\"type\":\"path\",\"required\":true}");
    write_program(
        train,
        "{\"name\":\"table\",\"kind\":\"in\",\"type\":\"path\",\"required\":true},"
        "{\"name\":\"model\",\"kind\":\"out\",\"type\":\"path\"},"
        "{\"name\":\"epochs\",\"kind\":\"param\",\"type\":\"int\",\"min\":1,\"max\":9},"
        "{\"name\":\"rate\",\"kind\":\"param\",\"type\":\"real\"},"
        "{\"name\":\"on\",\"kind\":\"param\",\"type\":\"bool\"},"
        "{\"name\":\"words\",\"kind\":\"param\",\"type\":\"text\",\"list\":true},"
        "{\"name\":\"checkpoint\",\"kind\":\"param\",\"type\":\"text\"},"
        "{\"name\":\"trees\",\"kind\":\"param\",\"type\":\"int\",\"only\":{\"family\":\"trees\"}},"
        "{\"name\":\"family\",\"kind\":\"param\",\"type\":\"choice\",\"choices\":[\"net\","
        "\"trees\"]}");
    free(train);
    free(make);
    setenv("REFIT_FUZZ_LIBEXEC", directory, 1);
    return state_open(&memory, false, &e) ? 1 : 0; /* an empty one in memory */
}

static int no_hash(void *self, const char *path, bool *out_exists, char out_hex[HASH_HEX],
                   struct err *e)
{
    (void)self, (void)path, (void)e;
    memset(out_hex, '0', HASH_HEX - 1);
    out_hex[HASH_HEX - 1] = '\0';
    *out_exists = true;
    return 0;
}

static int no_glob(void *self, const char *pattern, struct path_list *out, struct err *e)
{
    (void)self, (void)e;
    *out = (struct path_list){ 0 };
    path_list_add(out, pattern);
    return 0;
}

static void use(const struct manifest *m)
{
    static const struct file_view view = { .hash = no_hash, .glob = no_glob };
    static const struct drawing_style plain = { 0 }, rich = { .utf8 = true, .colour = true };
    struct graph g;
    struct err e = { 0 };
    struct str text = { 0 };

    if (graph_build(&g, m, &e))
        return;
    graph_draw(&g, &plain, &text);
    graph_draw(&g, &rich, &text);
    graph_dot(&g, &plain, &text);
    graph_mermaid(&g, &rich, &text);
    for (size_t i = 0; i < m->n_stage; i++) {
        const struct stage_spec *s = &m->stage[i];
        struct path_list *dep = calloc(s->n_dep + 1, sizeof *dep);
        char **out = calloc(s->n_out + 1, sizeof *out), **words = NULL;
        struct str doc = { 0 };
        bool complete;
        for (size_t k = 0; k < s->n_out; k++)
            out[k] = s->out[k].path[0];
        if (inputs_build(&g, i, NULL, &view, &doc, dep, &complete, &e) == 0) {
            struct attempt_files files = {
                .dep = dep,
                .out = out,
                .checkpoint = s->checkpoint,
                .run_id = "r",
                .run_dir = "d",
                .scheduled_at = "2026-01-05T03:00:00Z",
                .run_state = "failed",
                .attempt = 1,
            };
            json_t *read = inputs_read(doc.text);
            if (!read)
                abort();
            json_decref(read);
            if (stage_argv(s, &files, &words, &e) == 0)
                argv_free(words);
            if (stage_env(s, &files, &words, &e) == 0)
                argv_free(words);
        }
        str_release(&doc);
        for (size_t k = 0; k < s->n_dep; k++)
            path_list_release(&dep[k]);
        free(dep);
        free(out);
    }
    str_release(&text);
    graph_release(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static const char *const set[] = { "train.epochs=2", "a=b" };
    struct err e = { 0 };
    struct manifest m;
    char path[40];
    int fd = memfd_create("pipeline", 0);

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (size_t i = 0; i < 3; i++) {
        struct manifest_options o = { .libexec = getenv("REFIT_FUZZ_LIBEXEC"),
                                      .profile = i ? "ci" : NULL,
                                      .set = set,
                                      .n_set = i == 2 ? 2 : 0 };
        e = (struct err){ 0 };
        int rc = manifest_read(&m, path, &o, memory, &e);
        if ((rc == 0) != (e.code == 0) || (rc && !e.text[0]))
            abort();
        if (rc == 0) {
            use(&m);
            manifest_release(&m);
        }
    }
    close(fd);
    return 0;
}
