/* refit: main(). */
#include "runner/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/cli/commandline.h"

static const char exit_statuses[] = "Exit status: 0 done, nothing to do, or skipped by design; 1 a "
                                    "stage failed; 3 a stage is blocked (it ended with\n"
                                    "98); 4 plan --check has work; 5 finished with -k but some "
                                    "failed; 64 command line or pipeline file; 65 damaged\n"
                                    "memory; 70 a bug of refit; 74 the machine; 75 another run "
                                    "holds the lock; 124 a stage timed out; 130, 143 stopped.\n";

static void print_options(int command)
{
    const struct words w = cli_words();
    for (size_t i = 0; i < w.n_option; i++) {
        const struct option *o = &w.option[i];
        struct str left = { 0 };
        if (!option_is_of(o, command))
            continue;
        if (o->letter)
            str_addf(&left, "-%c, --%s", o->letter, o->name);
        else
            str_addf(&left, "    --%s", o->name);
        if (o->value_name)
            str_addf(&left, o->value == WAIT ? "[=%s]" : " %s", o->value_name);
        if (left.n <= 26)
            printf("  %-26s  %s\n", str_text(&left), o->help);
        else
            printf("  %s\n  %-26s  %s\n", str_text(&left), "", o->help);
        str_release(&left);
    }
}

static void print_help(void)
{
    const struct words w = cli_words();
    printf("refit: run a pipeline of programs that read and write files, again only where "
           "something changed\n\n"
           "Usage: refit COMMAND [options]\n");
    for (size_t i = 0; i < w.n_command; i++) {
        if (i == 0 || w.command[i].group != w.command[i - 1].group)
            printf("\n%s:\n", w.group[w.command[i].group]);
        printf("  %-10s %-12s %s\n", w.command[i].name, w.command[i].words, w.command[i].purpose);
    }
    printf("\n  %-10s %-12s %s\n\nOptions of all commands:\n", "help", "[COMMAND]",
           "this text, or that of a command");
    print_options(ID_BEFORE);
    printf("\n%s", exit_statuses);
}

static void print_command_help(const struct command *k)
{
    printf("refit %s: %s\n\nUsage: refit %s%s%s [options]\n\n", k->name, k->purpose, k->name,
           *k->words ? " " : "", k->words);
    if (k->more)
        printf("%s\n\n", k->more);
    printf("Options:\n");
    print_options(k->id);
    printf("\n%s", exit_statuses);
}

static const struct command *find_command(const char *word, struct err *e)
{
    const struct words w = cli_words();
    for (const struct command *k = w.command; k < w.command + w.n_command; k++)
        if (strcmp(k->name, word) == 0)
            return k;

    const char **names = mem_calloc(w.n_command + 1, sizeof *names);
    for (size_t i = 0; i < w.n_command; i++)
        names[i] = w.command[i].name;
    names[w.n_command] = "help";
    const char *near = str_nearest(word, names, w.n_command + 1);
    free(names);
    if (near)
        err_set(e, ERR_USAGE, "unknown command '%s'; did you mean '%s'?", word, near);
    else
        err_set(e, ERR_USAGE, "unknown command '%s'; 'refit help' lists them", word);
    return NULL;
}

static bool want_colour(const struct parsed *p, int fd)
{
    const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
    if (p->colour && strcmp(p->colour, "auto") != 0)
        return strcmp(p->colour, "always") == 0;
    return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* The error once more as a document, for programs. */
static void print_error_json(const struct err *e)
{
    json_t *text = json_string(e->text);
    json_t *doc = json_pack("{s:{s:i, s:o}}", "error", "code", e->code, "text",
                            text ? text : json_string("an error that is not UTF-8"));
    json_dumpf(doc, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(doc);
}

static int dispatch(int argc, char **argv, struct parsed *p, struct err *e)
{
    const struct command *k;
    int at = 1, rc = commandline_before(p, argc, argv, &at, e);

    if (rc)
        return rc;
    bool help = at < argc && strcmp(argv[at], "help") == 0;
    if (help && ++at < argc && (strcmp(argv[at], "help") == 0 || strcmp(argv[at], "--help") == 0))
        at = argc;
    if (p->help || at == argc) {
        print_help();
        return p->help || help ? 0 : ERR_USAGE;
    }
    const char *word = asks_version(argv[at]) ? "version" : argv[at];
    if (!(k = find_command(word, e)))
        return e->code;
    if (!help && (rc = commandline_parse(p, k, argc, argv, at + 1, e)))
        return rc;
    if (help || p->help) {
        print_command_help(k);
        return 0;
    }
    if (p->directory && chdir(p->directory) < 0)
        return err_sys(e, "cannot go to '%s'", p->directory);
    p->cli.colour = want_colour(p, p->cli.json ? STDERR_FILENO : STDOUT_FILENO);
    p->cli.error_colour = want_colour(p, STDERR_FILENO);
    return k->call(&p->cli, e);
}

/* A program that was started with a standard descriptor closed would write its database into the
 * next best file. */
static void fill_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* `refit status | head`: an earlier write may have failed for that, and its errno is gone. */
static bool nobody_reads(void)
{
    struct pollfd out = { .fd = STDOUT_FILENO };
    return errno == EPIPE || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR));
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct parsed p = { .cli = {
                            .file = "pipeline.yaml", .limit = 20, .tail = -1, .format = "ascii" } };

    fill_descriptors();
    for (int i = 1; i < argc; i++) /* an error of the command line itself is told as JSON too */
        if (strcmp(argv[i], "--json") == 0)
            p.cli.json = true;
    signal(SIGPIPE, SIG_IGN); /* `refit run | head` must not leave a run half recorded */
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit is an error like a full disk */
    p.cli.files = mem_calloc((size_t)argc + 1, sizeof *p.cli.files);
    p.cli.set = mem_calloc((size_t)argc + 1, sizeof *p.cli.set);
    p.cli.name = mem_calloc((size_t)argc + 1, sizeof *p.cli.name);
    int status = dispatch(argc, argv, &p, &e);
    if (e.code) {
        if (p.cli.json)
            print_error_json(&e);
        status = err_report(&e, "refit");
    }
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && !nobody_reads() && status == 0) {
        perror("refit: standard output");
        status = ERR_IO;
    }
    free(p.cli.files);
    free(p.cli.set);
    free(p.cli.name);
    return status;
}
