/* The commands daemon and tick. */
#include <stdlib.h>
#include <string.h>

#include "runner/cli/project.h"
#include "runner/schedule/daemon.h"

int command_daemon(const struct cli *c, struct err *e)
{
    struct daemon_options o = { .json = c->json, .quiet = c->quiet };
    const char *on_stop = c->on_stop ? c->on_stop : "stop";
    if (strcmp(on_stop, "stop") != 0 && strcmp(on_stop, "finish") != 0)
        return err_set(e, ERR_USAGE, "--on-stop is '%s', want stop or finish", on_stop);
    o.finish = strcmp(on_stop, "finish") == 0;
    const char **list = project_files(c, &o.n_file);
    o.file = list;
    int rc = daemon_run(&o, e);
    free(list);
    return rc;
}

int command_tick(const struct cli *c, struct err *e)
{
    struct daemon_options o = { .json = c->json, .quiet = c->quiet, .dry_run = c->dry_run };
    int status = 0;
    const char **list = project_files(c, &o.n_file);
    o.file = list;
    int rc = tick_run(&o, &status, e);
    free(list);
    return rc ? rc : status;
}
