/* doctor: the programs that a run starts. */
#include "runner/cli/doctor.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/proc.h"
#include "runner/read/probe.h"
#include "runner/read/program.h"

enum { LIST_MS = 10000, LIST_BYTES = 1 << 20, MAX_HEADERS = 64, MAX_LOADER = 256 };

/* The dynamic loader that an ELF program asks for; NULL: none, or no such program. */
static char *loader_of(const char *path)
{
    Elf64_Ehdr head;
    Elf64_Phdr part;
    char *loader = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool elf = fd >= 0 && pread(fd, &head, sizeof head, 0) == sizeof head &&
               memcmp(head.e_ident, ELFMAG, SELFMAG) == 0 && head.e_ident[EI_CLASS] == ELFCLASS64 &&
               head.e_phentsize == sizeof part;
    for (size_t i = 0; elf && i < head.e_phnum && i < MAX_HEADERS; i++) {
        char text[MAX_LOADER] = "";
        if (pread(fd, &part, sizeof part, (off_t)(head.e_phoff + i * sizeof part)) !=
            (ssize_t)sizeof part)
            break;
        if (part.p_type == PT_INTERP && part.p_filesz < sizeof text &&
            pread(fd, text, part.p_filesz, (off_t)part.p_offset) > 0)
            loader = mem_strdup(text);
        if (loader)
            break;
    }
    if (fd >= 0)
        close(fd);
    return loader;
}

/* The library that the loader does not find, by its list or its complaint (nothing is executed);
 * NULL. */
static char *missing_library(const struct probe *p)
{
    static const char complaint[] = "error while loading shared libraries: ";
    const char *out = str_text(&p->out), *at = strstr(out, "=> not found");
    if (at) {
        while (at > out && at[-1] != '\n')
            at--;
        at += strspn(at, " \t");
        return mem_strndup(at, strcspn(at, " \n"));
    }
    at = strstr(str_text(&p->err), complaint);
    at = at ? at + strlen(complaint) : NULL;
    return at ? mem_strndup(at, strcspn(at, ":\n")) : NULL;
}

/* Are all shared libraries of these programs there? */
static void check_libraries(struct doctor *d, char *const *path, size_t n)
{
    static char list_word[] = "--list";
    struct probe *probe = mem_calloc(n + 1, sizeof *probe);
    char **argv = mem_calloc(4 * n + 1, sizeof *argv);
    size_t n_asked = 0, n_bad = 0;
    struct err e = { 0 };

    for (size_t i = 0; i < n; i++) {
        char *loader = loader_of(path[i]);
        if (!loader)
            continue;
        char **a = argv + 4 * n_asked;
        a[0] = loader;
        a[1] = list_word;
        a[2] = str_format("%s%s", strchr(path[i], '/') ? "" : "./", path[i]);
        probe[n_asked++].argv = a;
    }
    if (n_asked && probe_run(probe, n_asked, (size_t)proc_cpus(), LIST_MS, LIST_BYTES, &e)) {
        doctor_find(d, HEALTH_ERROR, "libraries", NULL, "%s", e.text);
        n_bad++;
    }
    for (size_t i = 0; i < n_asked; i++) {
        char *missing = missing_library(&probe[i]);
        if (missing)
            doctor_find(d, HEALTH_ERROR, "libraries", "install the package that holds it",
                        "'%s' needs %s, which is not there", probe[i].argv[2], missing);
        n_bad += missing != NULL;
        free(missing);
        probe_release(&probe[i]);
        free(argv[4 * i + 2]);
        free(argv[4 * i]);
    }
    if (n_bad == 0)
        doctor_find(d, HEALTH_OK, "libraries", NULL, "%zu programs find theirs", n_asked);
    free(argv);
    free(probe);
}

static bool same_options(const struct program *a, const struct program *b)
{
    bool same = a->n_option == b->n_option;
    for (size_t i = 0; i < a->n_option && same; i++)
        same = strcmp(a->option[i].name, b->option[i].name) == 0 &&
               a->option[i].kind == b->option[i].kind && a->option[i].type == b->option[i].type &&
               a->option[i].required == b->option[i].required;
    return same;
}

/* What the memory believes of a program is what the program says. */
static void check_describe(struct doctor *d)
{
    size_t n_bad = 0;
    for (size_t i = 0; i < d->m.n_program; i++) {
        const struct program *known = d->m.program[i];
        struct program *now = NULL;
        struct err e = { 0 };
        if (program_describe(&now, &(char *){ known->path }, 1, NULL, &e)) {
            doctor_find(d, HEALTH_ERROR, "programs", "install refit again", "%s", e.text);
            n_bad++;
        } else if (!same_options(known, now)) {
            doctor_find(d, HEALTH_ERROR, "programs",
                        "its answer must depend on nothing but the program: a wrapper is a cmd",
                        "'%s --describe' says other options than before, and the program is the "
                        "same",
                        known->path);
            n_bad++;
        }
        program_free(now);
    }
    if (n_bad == 0 && d->has_manifest)
        doctor_find(d, HEALTH_OK, "programs", NULL, "%zu of refit's, all describe themselves",
                    d->m.n_program);
}

/* Those of refit itself; `all` gets everything that is installed. */
static void check_helpers(struct doctor *d, const char *directory, struct path_list *all)
{
    static const char *const helper[] = { "refit-check", "refit-notify" };
    for (size_t i = 0; i < sizeof helper / sizeof *helper; i++) {
        char *path = str_format("%s/%s", directory, helper[i]);
        if (access(path, X_OK) != 0)
            doctor_find(d, i == 0 ? HEALTH_ERROR : HEALTH_WARNING, "helpers", "install refit again",
                        "there is no program '%s': %s", path,
                        i == 0 ? "no output with a format can be committed"
                               : "nobody can be notified");
        free(path);
    }
    DIR *dir = opendir(directory);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (*entry->d_name != '.')
            path_list_take(all, str_format("%s/%s", directory, entry->d_name));
    if (dir)
        closedir(dir);
    path_list_sort(all);
}

void doctor_programs(struct doctor *d)
{
    struct path_list all = { 0 };
    char *directory = NULL;
    struct err e = { 0 };

    check_describe(d);
    if (program_directory(&directory, &e))
        doctor_find(d, HEALTH_ERROR, "programs", NULL, "%s", e.text);
    else
        check_helpers(d, directory, &all);
    for (size_t i = 0; i < d->m.n_stage; i++) {
        const char *path = d->m.stage[i].program;
        bool there = !path || access(path, X_OK) != 0; /* a stage above may make it */
        for (size_t k = 0; k < all.n && !there; k++)
            there = strcmp(all.path[k], path) == 0;
        if (!there)
            path_list_add(&all, path);
    }
    check_libraries(d, all.path, all.n);
    path_list_release(&all);
    free(directory);
}
