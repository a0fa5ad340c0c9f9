/* Who is to be told of a run whose pipeline file was not read, or cannot be: a schedule whose file
 * was broken yesterday must not fail in silence. */
#include <stdlib.h>

#include "base/str.h"
#include "runner/execute/run.h"

enum { LOOK_BACK = 20 }; /* runs */

static bool read_channels(struct state *s, const struct run_options *o, const char *path,
                          struct channels *out)
{
    struct manifest_options mo = run_manifest_options(o);
    struct manifest m;
    struct err ignored = { 0 };
    if (manifest_read(&m, path, &mo, s, &ignored))
        return false;
    *out = m.channels;
    m.channels = (struct channels){ 0 };
    manifest_release(&m);
    return true;
}

void run_channels(struct run *r, const char *pipeline, struct channels *out)
{
    struct run_row *row = NULL;
    struct err ignored = { 0 };
    size_t n = 0;
    bool found = read_channels(r->s, &r->o, r->o.file, out);

    if (!found && ledger_runs(r->s, pipeline, LOOK_BACK, &row, &n, &ignored))
        n = 0;
    for (size_t i = 0; i < n && !found; i++) { /* as an earlier run had it */
        char *path = str_format("%s/runs/%s/pipeline.yaml", STATE_DIR, row[i].id);
        struct run_options o = { 0 };
        if (run_options_parse(&o, row[i].options, &ignored) == 0)
            found = read_channels(r->s, &o, path, out);
        run_options_release(&o);
        free(path);
    }
    run_rows_free(row, n);
    state_rest(r->s);
}
