/* doctor: run the checks and print what they found. */
#include "runner/cli/doctor.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"

void doctor_find(struct doctor *d, enum health health, const char *check, const char *advice,
                 const char *fmt, ...)
{
    char text[1200];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    d->finding = mem_grow(d->finding, d->n, sizeof *d->finding);
    d->finding[d->n++] = (struct finding){ health, check, mem_strdup(text), mem_strdup(advice) };
}

/* The nearest directory that is there on the way up from where a file is to be. */
static void add_directory(struct doctor *d, const char *file)
{
    char *at = str_parent(file);
    while (access(at, F_OK) != 0 && strcmp(at, ".") != 0 && strcmp(at, "/") != 0) {
        char *up = str_parent(at);
        free(at);
        at = up;
    }
    for (size_t i = 0; i < d->directory.n; i++) {
        if (strcmp(d->directory.path[i], at) == 0) {
            free(at);
            return;
        }
    }
    path_list_take(&d->directory, at);
}

static void read_file(struct doctor *d)
{
    struct manifest_options o = { .profile = d->cli->profile,
                                  .set = d->cli->set,
                                  .n_set = d->cli->n_set };
    struct graph g = { 0 };
    struct err e = { 0 };
    if (manifest_read(&d->m, d->cli->file, &o, d->s, &e) || graph_build(&g, &d->m, &e)) {
        doctor_find(d, HEALTH_ERROR, "pipeline", "'refit validate' checks all of the file", "%s",
                    e.text);
        manifest_release(&d->m);
        return;
    }
    graph_release(&g);
    d->has_manifest = true;
    doctor_find(d, HEALTH_OK, "pipeline", NULL, "%s: '%s', %zu stage%s", d->cli->file, d->m.name,
                d->m.n_stage, d->m.n_stage == 1 ? "" : "s");
}

static void open_memory(struct doctor *d)
{
    struct err e = { 0 };
    if (state_open(&d->s, false, &e) == 0)
        return;
    d->s = NULL;
    doctor_find(d, HEALTH_ERROR, "memory",
                "move .refit away and keep it: without it everything runs once more", "%s", e.text);
}

static int print_json(const struct doctor *d, enum health worst, struct err *e)
{
    static const char *const word[] = { "ok", "warning", "error" };
    json_t *list = json_array();
    for (size_t i = 0; i < d->n; i++) {
        const struct finding *f = &d->finding[i];
        json_t *text = json_string(f->text);
        json_t *one = json_pack(
            "{s:s, s:s, s:o, s:s?}", "check", f->check, "health", word[f->health], "text",
            text ? text : json_string("a name that is not UTF-8"), "advice", f->advice);
        json_array_append_new(list, one);
    }
    return report_print(json_pack("{s:s, s:o}", "health", word[worst], "findings", list), e);
}

static void print_text(const struct doctor *d)
{
    static const char *const word[] = { "ok", "warning", "error" };
    static const char *const colour[] = { "\033[32m", "\033[33m", "\033[31m" };
    size_t count[3] = { 0 };
    for (size_t i = 0; i < d->n; i++) {
        const struct finding *f = &d->finding[i];
        count[f->health]++;
        if (d->cli->quiet && f->health == HEALTH_OK)
            continue;
        printf("%s%-8s%s  %-10s  %s\n", d->cli->colour ? colour[f->health] : "", word[f->health],
               d->cli->colour ? "\033[0m" : "", f->check, f->text);
        if (f->advice)
            printf("%22s-> %s\n", "", f->advice);
    }
    if (!d->cli->quiet)
        printf("%zu ok, %zu warning%s, %zu error%s\n", count[HEALTH_OK], count[HEALTH_WARNING],
               count[HEALTH_WARNING] == 1 ? "" : "s", count[HEALTH_ERROR],
               count[HEALTH_ERROR] == 1 ? "" : "s");
}

int command_doctor(const struct cli *c, struct err *e)
{
    struct doctor d = { .cli = c };
    enum health worst = HEALTH_OK;
    int rc = 0;

    open_memory(&d);
    read_file(&d);
    add_directory(&d, STATE_DIR "/refit.db");
    for (size_t i = 0; i < d.m.n_stage; i++) {
        const struct stage_spec *s = &d.m.stage[i];
        for (size_t k = 0; k < s->n_out && s->enabled; k++)
            add_directory(&d, s->out[k].path[0]);
        if (s->checkpoint && s->enabled)
            add_directory(&d, s->checkpoint);
    }
    doctor_programs(&d);
    doctor_directories(&d);
    doctor_memory(&d);
    doctor_secrets(&d);
    doctor_messages(&d);
    doctor_machine(&d);
    for (size_t i = 0; i < d.n; i++)
        worst = d.finding[i].health > worst ? d.finding[i].health : worst;
    if (c->json)
        rc = print_json(&d, worst, e);
    else
        print_text(&d);
    for (size_t i = 0; i < d.n; i++) {
        free(d.finding[i].text);
        free(d.finding[i].advice);
    }
    free(d.finding);
    path_list_release(&d.directory);
    manifest_release(&d.m);
    state_close(d.s);
    return rc ? rc : worst == HEALTH_ERROR ? EXIT_FAILED : 0;
}
