#include "runner/cli/project.h"

#include <stdio.h>

#include "base/mem.h"

int project_open(struct project *p, const struct cli *c, struct err *e)
{
    struct manifest_options o = { .profile = c->profile, .set = c->set, .n_set = c->n_set };
    int rc;

    *p = (struct project){ 0 };
    if ((rc = state_open(&p->state, false, e)) ||
        (rc = manifest_read(&p->manifest, c->file, &o, p->state, e)) ||
        (rc = graph_build(&p->graph, &p->manifest, e))) {
        project_close(p);
        return rc;
    }
    p->files = (struct files){ .s = p->state };
    p->view = files_view(&p->files);
    p->past = (struct state_history){ .s = p->state, .pipeline = p->manifest.name };
    p->history = state_history_view(&p->past);
    return 0;
}

void project_close(struct project *p)
{
    state_history_forget(&p->past);
    graph_release(&p->graph);
    manifest_release(&p->manifest);
    if (p->state)
        state_close(p->state);
    *p = (struct project){ 0 };
}

const char **project_files(const struct cli *c, size_t *out_n)
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
