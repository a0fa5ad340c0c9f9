/* refit-models: what is in a registry, which version is served, and how to get it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/minisign.h"
#include "io/models_tar.h"
#include "serve/models/models.h"

struct command {
    const char *name, *words, *purpose;
    size_t least, most; /* words */
    bool of_model;      /* the first word is a NAME and nothing else */
    int (*call)(const struct call *c, struct err *e);
};

static const struct command commands[] = {
    { "list", "[NAME]", "the models; or the versions of one, the newest first", 0, 1, true,
      models_list },
    { "current", "NAME", "the version that is served", 1, 1, true, models_current },
    { "set", "NAME VERSION", "serve this version (--previous: the one before)", 1, 2, true,
      models_set },
    { "pull", "NAME[@VERSION] DIR", "the files of a version into a folder, checked, all at once", 2,
      2, false, models_pull },
    { "history", "NAME", "what was served, and since when", 1, 1, true, models_history },
    { "verify", "[NAME [VERSION]]", "read packages back and check every hash", 0, 2, true,
      models_verify },
    { "prune", "NAME", "take old versions away, never the current one", 1, 1, true, models_prune },
    { "diff", "NAME OLD [NEW]", "what differs between two versions (NEW: the current one)", 2, 3,
      true, models_diff },
    { "export", "NAME[@VERSION]", "the model as an ONNX file (also of FILE.h5 or FILE.tar)", 1, 1,
      false, models_export },
    { "keys", "PREFIX", "a new pair of keys to sign packages: PREFIX.key and PREFIX.pub", 1, 1,
      false, models_keys },
};
enum { N_COMMAND = sizeof commands / sizeof *commands };

static void print_help(FILE *to)
{
    fputs("refit-models: what a registry holds, which version is served, and how to get it\n\n"
          "usage: refit-models COMMAND [word...] [option...]\n\n"
          "Commands:\n",
          to);
    for (size_t i = 0; i < N_COMMAND; i++)
        fprintf(to, "  %-8s %-20s %s\n", commands[i].name, commands[i].words, commands[i].purpose);
    fputs(
        "\nOptions:\n"
        "  -r, --registry URL     PATH or file:PATH of a directory, or s3://BUCKET/PREFIX\n"
        "                         (default: $REFIT_REGISTRY, else registry)\n"
        "      --json             one JSON document on standard output\n"
        "      --previous         set: the version that was served before the current one\n"
        "      --max-age TIME     pull: nothing to do while the folder is whole and younger: 7d,\n"
        "                         12h, 30m, 90s\n"
        "      --key FILE         pull, verify, export: the public key that must have signed the\n"
        "                         package\n"
        "      --onnx FILE        export: the file to write\n"
        "      --keep N           prune: how many versions stay, the newest (must be given)\n"
        "      --older-than TIME  prune: and of the others only those that are older\n"
        "  -n, --dry-run          prune: only say what would go\n"
        "  -h, --help             this text\n"
        "  -V, --version          the version of refit\n\n"
        "Exit status:\n"
        "  0 done   64 usage   65 damaged, or not there   74 the machine   75 try again later\n\n"
        "Examples:\n"
        "  refit-models list products\n"
        "  refit-models set products --previous            # roll back\n"
        "  refit-models pull products model --max-age 7d   # in a cron job of whoever uses it\n"
        "  refit-models export products --onnx model.onnx  # for who does not have refit\n"
        "  refit-models prune products --keep 10 --older-than 90d\n",
        to);
}

/* "7d" as seconds. */
static bool read_time(const char *text, int64_t *out)
{
    static const char unit[] = "smhd";
    static const int64_t seconds[] = { 1, 60, 3600, 86400 };
    size_t n = strlen(text);
    const char *u = n > 1 ? strchr(unit, text[n - 1]) : NULL;
    char *number = mem_strndup(text, n ? n - 1 : 0);
    long long value;
    bool ok = u && str_to_int(number, &value) && value >= 0 && value <= INT64_C(100000000);
    if (ok)
        *out = value * seconds[u - unit];
    free(number);
    return ok;
}

static int unknown_command(const char *word, struct err *e)
{
    const char *names[N_COMMAND], *near;
    for (size_t i = 0; i < N_COMMAND; i++)
        names[i] = commands[i].name;
    near = str_nearest(word, names, N_COMMAND);
    return err_set(e, ERR_USAGE, "there is no command '%s'%s%s%s (--help lists them)", word,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

enum { PREVIOUS = 256, JSON, MAX_AGE, KEEP, OLDER, KEY, ONNX };

static const struct option options[] = {
    { "registry", required_argument, NULL, 'r' }, { "json", no_argument, NULL, JSON },
    { "previous", no_argument, NULL, PREVIOUS },  { "max-age", required_argument, NULL, MAX_AGE },
    { "key", required_argument, NULL, KEY },      { "onnx", required_argument, NULL, ONNX },
    { "keep", required_argument, NULL, KEEP },    { "older-than", required_argument, NULL, OLDER },
    { "dry-run", no_argument, NULL, 'n' },        { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },        { 0 }
};

/* The commands that an option is of; those of all are not here. */
struct allowed {
    int option;
    const char *name, *command[3];
};
static const struct allowed allowed[] = {
    { PREVIOUS, "--previous", { "set" } },
    { MAX_AGE, "--max-age", { "pull" } },
    { KEY, "--key", { "pull", "verify", "export" } },
    { KEEP, "--keep", { "prune" } },
    { OLDER, "--older-than", { "prune" } },
    { 'n', "--dry-run", { "prune" } },
    { ONNX, "--onnx", { "export" } },
};

/* One option into c. */
static int take(struct call *c, int option, const char *value, const char **url, struct err *e)
{
    long long n;
    switch (option) {
    case 'r':
        *url = value;
        return 0;
    case JSON:
        c->json = true;
        return 0;
    case PREVIOUS:
        c->previous = true;
        return 0;
    case 'n':
        c->dry_run = true;
        return 0;
    case KEY:
        c->key = value;
        return 0;
    case ONNX:
        c->onnx = value;
        return 0;
    case MAX_AGE:
    case OLDER:
        return read_time(value, option == OLDER ? &c->older_s : &c->max_age_s)
                   ? 0
                   : err_set(e, ERR_USAGE, "'%s' is no time: want a whole number and s, m, h or d",
                             value);
    case KEEP:
        if (!str_to_int(value, &n) || n < 1)
            return err_set(e, ERR_USAGE, "--keep '%s': want a whole number from 1", value);
        c->keep = n;
        return 0;
    default:
        return err_set(e, ERR_USAGE, "--help lists the options"); /* getopt has said which */
    }
}

static int check_option(const struct command *k, int option, struct err *e)
{
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        const char *const *of = allowed[i].command;
        bool fits = allowed[i].option != option;
        for (size_t c = 0; c < 3 && of[c]; c++)
            fits |= strcmp(of[c], k->name) == 0;
        if (!fits)
            return err_set(e, ERR_USAGE, "%s is an option of %s, not of %s", allowed[i].name, of[0],
                           k->name);
    }
    return 0;
}

/* The command that the words begin with, and its words. */
static int find_command(char **word, size_t n, const struct command **out, struct call *c,
                        struct err *e)
{
    if (n == 0)
        return err_set(e, ERR_USAGE, "a command is missing (--help lists them)");
    for (size_t i = 0; i < N_COMMAND && !*out; i++)
        if (strcmp(word[0], commands[i].name) == 0)
            *out = &commands[i];
    if (!*out)
        return unknown_command(word[0], e);
    c->word = (const char *const *)word + 1;
    c->n_word = n - 1;
    if (c->n_word < (*out)->least || c->n_word > (*out)->most)
        return err_set(e, ERR_USAGE, "usage: refit-models %s %s", (*out)->name, (*out)->words);
    if (c->n_word && (*out)->of_model && !registry_name_ok(c->word[0]))
        return err_set(e, ERR_USAGE,
                       "'%s' is no name of a model: want letters, digits, '.', '_', '-', not "
                       "starting with '.'",
                       c->word[0]);
    return 0;
}

static bool has_printed; /* a document */

static int fail(const struct call *c, struct err *e)
{
    if (c->json && !has_printed)
        models_print(json_pack("{s:{s:i, s:o}}", "error", "code", e->code, "text",
                               jsonfile_string(e->text)));
    return err_report(e, "refit-models");
}

int main(int argc, char **argv)
{
    const char *url = getenv("REFIT_REGISTRY");
    struct call c = { .max_age_s = -1, .older_s = -1 };
    const struct command *command = NULL;
    struct err e = { 0 };
    int seen[64], n_seen = 0, option, rc = 0;

    while (rc == 0 && (option = getopt_long(argc, argv, "r:nhV", options, NULL)) != -1) {
        if (option == 'h' || option == 'V') {
            if (option == 'h')
                print_help(stdout);
            else
                puts("refit-models " REFIT_VERSION);
            return err_stdout(&e) ? fail(&c, &e) : 0;
        }
        rc = take(&c, option, optarg, &url, &e);
        if (n_seen < 64)
            seen[n_seen++] = option;
    }
    if (rc == 0)
        rc = find_command(argv + optind, (size_t)(argc - optind), &command, &c, &e);
    for (int i = 0; rc == 0 && i < n_seen; i++)
        rc = check_option(command, seen[i], &e);
    if (rc == 0 && c.key)
        rc = minisign_check_public(c.key, &e); /* before anything is fetched */
    c.url = url && *url ? url : "registry";
    if (rc == 0)
        rc = registry_open(&c.registry, c.url, &e);
    if (rc == 0)
        rc = command->call(&c, &e);
    if (rc == 0)
        rc = err_stdout(&e);
    registry_release(&c.registry);
    return rc ? fail(&c, &e) : 0;
}

/* ---- what the commands share ---------------------------------------------------------------- */

int models_served(const struct call *c, const char *name, struct registry_current *out,
                  struct err *e)
{
    int rc = registry_current(&c->registry, name, out, e);
    return rc || out->found
               ? rc
               : err_set(e, ERR_DATA,
                         "'%s' has no current version: 'refit-models list' names the models", name);
}

static int current_version(const struct call *c, const char *name, char out[65], struct err *e)
{
    struct registry_current current;
    int rc = models_served(c, name, &current, e);
    if (rc == 0)
        memcpy(out, current.version, sizeof current.version);
    return rc;
}

int models_version(const struct call *c, size_t i, char out[65], struct err *e)
{
    if (i < c->n_word) {
        if (!registry_name_ok(c->word[i]))
            return err_set(e, ERR_USAGE, "'%s' is no name of a version", c->word[i]);
        snprintf(out, 65, "%s", c->word[i]);
        return 0;
    }
    return current_version(c, c->word[0], out, e);
}

int models_what(const struct call *c, const char *word, char name[65], char version[65],
                struct err *e)
{
    const char *at = strchr(word, '@');
    size_t n = at ? (size_t)(at - word) : strlen(word);
    snprintf(name, 65, "%.*s", n < 65 ? (int)n : 0, word);
    if (!registry_name_ok(name) || (at && !registry_name_ok(at + 1)))
        return err_set(e, ERR_USAGE, "'%s' is no NAME or NAME@VERSION", word);
    if (at) {
        snprintf(version, 65, "%s", at + 1);
        return 0;
    }
    return current_version(c, name, version, e);
}

int models_fetch(const struct call *c, const char *name, const char *version, const char *tar,
                 const char *dir, struct err *e)
{
    struct package package = { 0 };
    int rc = registry_fetch(&c->registry, name, version, tar, e);
    if (rc == 0 && (rc = package_read(&package, tar, dir, c->key, e))) {
        char *shown = str_format("%s version %s", name, version);
        err_replace(e, tar, shown);
        free(shown);
    }
    package_release(&package);
    return rc;
}

const char *models_size_text(json_int_t bytes, char out[32])
{
    static const char *const unit[] = { "B", "kB", "MB", "GB", "TB" };
    double value = (double)bytes;
    size_t i = 0;
    for (; value >= 1000 && i < 4; i++)
        value /= 1000;
    snprintf(out, 32, i ? "%.1f %s" : "%.0f %s", value, unit[i]);
    return out;
}

void models_print(json_t *doc)
{
    has_printed = true;
    char *text = jsonfile_text(doc);
    fputs(text, stdout);
    free(text);
    json_decref(doc);
}
