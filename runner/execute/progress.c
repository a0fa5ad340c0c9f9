#include "runner/execute/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/run.h"

int64_t progress_due(const struct run *r)
{
    return r->progress_new ? r->progress_ms + PROGRESS_EVERY_MS : -1;
}

static json_t *document(const struct run *r)
{
    json_t *doc = json_object();
    for (size_t i = 0; i < r->m.n_stage; i++) {
        const struct work *w = &r->work[i];
        if (work_is_active(w->state))
            json_object_set_new(doc, w->spec->name,
                                json_pack("{s:I, s:I, s:s, s:s}", "done", (json_int_t)w->done,
                                          "total", (json_int_t)w->total, "unit", w->unit, "note",
                                          w->note));
    }
    return doc;
}

void progress_write(struct run *r)
{
    int64_t now = r->x.now_ms(r->x.self);
    if (!r->progress_new || !r->directory || now < r->progress_ms + PROGRESS_EVERY_MS)
        return;
    char *path = str_format("%s/progress", r->directory), *fresh = str_format("%s.new", path);
    json_t *doc = document(r);
    r->progress_new = false;
    r->progress_ms = now;
    if (json_dump_file(doc, fresh, JSON_COMPACT) != 0 || rename(fresh, path) < 0)
        unlink(fresh);
    json_decref(doc);
    free(fresh);
    free(path);
}

void progress_remove(struct run *r)
{
    char *path = str_format("%s/progress", r->directory);
    unlink(path);
    free(path);
}

json_t *progress_read(const char *run)
{
    char *path = str_format(STATE_DIR "/runs/%s/progress", run);
    json_t *doc = json_load_file(path, 0, NULL);
    free(path);
    return doc;
}
