/* The commands daemon and tick. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/cli/cli.h"
#include "runner/schedule/daemon.h"

/* The pipeline files of -f and of the words; the list is the caller's. */
static const char **files(const struct cli *c, size_t *out_n)
{
    const char **list = mem_calloc(c->n_files + c->n_name + 1, sizeof *list);
    *out_n = 0;
    for (size_t i = 0; i < c->n_files; i++)
        list[(*out_n)++] = c->files[i];
    for (size_t i = 0; i < c->n_name; i++)
        list[(*out_n)++] = c->name[i];
    if (*out_n == 0)
        list[(*out_n)++] = c->file;
    return list;
}

int command_daemon(const struct cli *c, struct err *e)
{
    struct daemon_options o = { .json = c->json, .quiet = c->quiet };
    const char *on_stop = c->on_stop ? c->on_stop : "stop";
    if (strcmp(on_stop, "stop") != 0 && strcmp(on_stop, "finish") != 0)
        return err_set(e, ERR_USAGE, "--on-stop is '%s', want stop or finish", on_stop);
    o.finish = strcmp(on_stop, "finish") == 0;
    const char **list = files(c, &o.n_file);
    o.file = list;
    int rc = daemon_run(&o, e);
    free(list);
    return rc;
}

int command_tick(const struct cli *c, struct err *e)
{
    struct daemon_options o = { .json = c->json, .quiet = c->quiet, .dry_run = c->dry_run };
    int status = 0;
    const char **list = files(c, &o.n_file);
    o.file = list;
    int rc = tick_run(&o, &status, e);
    free(list);
    return rc ? rc : status;
}
