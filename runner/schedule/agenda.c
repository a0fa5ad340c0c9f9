#include "runner/schedule/agenda.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/execute/run.h"
#include "runner/read/manifest.h"

/* What decides at which instants it fires. Not catchup, overlap and what is run: who edits those
 * does not begin anew. */
static char *spec_text(const struct schedule *s)
{
    return str_format("%llx %x %x %x %x %d%d %s %d %d %lld %lld %d",
                      (unsigned long long)s->when.minute, s->when.hour, s->when.day, s->when.month,
                      s->when.weekday, s->when.any_day, s->when.any_weekday,
                      s->zone.name ? s->zone.name : "UTC", (int)s->gap, (int)s->fold,
                      (long long)s->start_s, (long long)s->end_s, s->enabled);
}

static char **stage_names(const struct manifest *m, const size_t *index, size_t n)
{
    char **list = mem_calloc(n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++)
        list[i] = m->stage[index[i]].name;
    return list;
}

static char *options_text(char *file, const struct manifest *m, const struct schedule *s,
                          struct err *e)
{
    char **target = stage_names(m, s->target, s->n_target);
    char **force = stage_names(m, s->force, s->n_force);
    struct run_options o = { .file = file,
                             .profile = s->profile,
                             .set = s->set,
                             .n_set = s->n_set,
                             .target = target,
                             .n_target = s->n_target,
                             .force_stage = force,
                             .n_force_stage = s->n_force };
    char *text = run_options_text(&o);
    free(target);
    free(force);
    if (!text)
        err_set(e, ERR_USAGE, "'%s': schedule '%s' is not UTF-8", file, s->name);
    return text;
}

static int take_entries(struct agenda *a, struct manifest *m, struct err *e)
{
    a->n = m->n_schedule;
    a->entry = mem_calloc(a->n, sizeof *a->entry);
    a->schedule = m->schedule;
    m->schedule = NULL;
    m->n_schedule = 0;
    for (size_t i = 0; i < a->n; i++) {
        a->entry[i].spec = spec_text(&a->schedule[i]);
        a->entry[i].options = options_text(a->file, m, &a->schedule[i], e);
        if (!a->entry[i].options)
            return e->code;
    }
    return 0;
}

int agenda_read(struct agenda *a, const char *file, struct state *s, struct err *e)
{
    struct manifest m = { 0 };
    struct stat st;
    int rc;

    *a = (struct agenda){ .file = mem_strdup(file) };
    if (stat(file, &st) == 0) { /* before it is read: a change meanwhile is seen later */
        a->stamp = file_stamp_of(&st);
        a->changed_s = st.st_ctim.tv_sec;
    }
    if ((rc = manifest_read(&m, file, NULL, s, e)) == 0) {
        a->pipeline = mem_strdup(m.name);
        a->told = m.channels;
        m.channels = (struct channels){ 0 };
        rc = take_entries(a, &m, e);
        manifest_release(&m);
    }
    if (rc)
        agenda_release(a);
    return rc;
}

void agenda_release(struct agenda *a)
{
    for (size_t i = 0; a->entry && i < a->n; i++) {
        free(a->entry[i].spec);
        free(a->entry[i].options);
    }
    schedule_release(a->schedule, a->n);
    channels_release(&a->told);
    free(a->entry);
    free(a->file);
    free(a->pipeline);
    *a = (struct agenda){ 0 };
}

bool agenda_is_old(const struct agenda *a)
{
    struct stat st;
    struct file_stamp now;
    if (stat(a->file, &st) < 0)
        return true;
    now = file_stamp_of(&st);
    return memcmp(&now, &a->stamp, sizeof now) != 0;
}
