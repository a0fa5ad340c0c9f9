/* export: write or print what another scheduler needs to start this pipeline. */
#include <jansson.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "runner/cli/cli.h"
#include "runner/cli/project.h"
#include "runner/show/report.h"
#include "runner/schedule/export.h"

static const struct {
    const char *name;
    int (*call)(const struct manifest *m, const struct export_place *p, struct export_files *out,
                struct err *e);
} kinds[] = { { "systemd", export_systemd }, { "cron", export_cron }, { "github", export_github } };

enum { N_KIND = sizeof kinds / sizeof *kinds };

static int find_kind(const char *word, size_t *out, struct err *e)
{
    const char *names[N_KIND];
    for (*out = 0; *out < N_KIND; ++*out) {
        names[*out] = kinds[*out].name;
        if (strcmp(word, kinds[*out].name) == 0)
            return 0;
    }
    const char *near = str_nearest(word, names, N_KIND);
    return err_set(e, ERR_USAGE, "export '%s': want systemd, cron or github%s%s%s", word,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int write_files(const struct export_files *f, const char *directory, bool quiet,
                       struct err *e)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        char *path = str_format("%s/%s", directory, f->file[i].name);
        rc = outfile_put(path, f->file[i].text, strlen(f->file[i].text), e);
        if (rc == 0 && !quiet)
            printf("%s\n", path);
        free(path);
    }
    return rc;
}

static void print_files(const struct export_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (f->n > 1)
            printf("%s# ---- %s\n", i ? "\n" : "", f->file[i].name);
        fputs(f->file[i].text, stdout);
    }
}

static int print_json(const struct export_files *f, struct err *e)
{
    json_t *files = json_array(), *notes = json_array();
    for (size_t i = 0; i < f->n; i++)
        json_array_append_new(
            files, json_pack("{s:s, s:s}", "name", f->file[i].name, "text", f->file[i].text));
    for (size_t i = 0; i < f->n_note; i++)
        json_array_append_new(notes, json_string(f->note[i]));
    return report_print(json_pack("{s:o, s:o}", "files", files, "notes", notes), e);
}

int command_export(const struct cli *c, struct err *e)
{
    struct export_files files = { 0 };
    struct project p = { 0 };
    char *refit = NULL, *directory = NULL;
    size_t kind;
    int rc;

    if ((rc = find_kind(c->name[0], &kind, e)) || (rc = project_open(&p, c, e)) ||
        (rc = program_self(&refit, e)))
        goto out;
    if (!(directory = getcwd(NULL, 0))) {
        rc = err_sys(e, "cannot find the current directory");
        goto out;
    }
    const struct passwd *who = geteuid() ? getpwuid(geteuid()) : NULL;
    struct export_place place = { .refit = refit,
                                  .directory = directory,
                                  .user = who ? who->pw_name : NULL,
                                  .now_s = time(NULL) };
    if ((rc = kinds[kind].call(&p.manifest, &place, &files, e)))
        goto out;
    if (c->output && (rc = write_files(&files, c->output, c->quiet || c->json, e)))
        goto out;
    if (c->json)
        rc = print_json(&files, e);
    else if (!c->output)
        print_files(&files);
    for (size_t i = 0; i < files.n_note && !c->quiet && !c->json; i++)
        fprintf(stderr, "refit: %s\n", files.note[i]);
out:
    export_files_release(&files);
    free(directory);
    free(refit);
    project_close(&p);
    return rc;
}
