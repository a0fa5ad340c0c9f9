/* What a stage says on its channel, REFIT_EVENTS (docs/stages.md). */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "runner/execute/run.h"

enum { MAX_METRICS = 20000, MAX_WARNINGS = 1000 };

void attempt_warn(struct run *r, struct work *w, char *text)
{
    show_line(&r->show, SHOW_YELLOW, true, "warning", w->spec->name, text);
    w->warning = mem_grow(w->warning, w->n_warning, sizeof *w->warning);
    w->warning[w->n_warning++] = text;
}

void attempt_forget_events(struct work *w)
{
    for (size_t i = 0; i < w->n_metric; i++)
        free(w->metric[i].name);
    for (size_t i = 0; i < w->n_warning; i++)
        free(w->warning[i]);
    free(w->metric);
    free(w->warning);
    w->metric = NULL;
    w->warning = NULL;
    w->n_metric = w->n_warning = 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void take_progress(struct run *r, struct work *w, const json_t *p)
{
    char *unit = mask_text(&r->mask, text_of(p, "unit"));
    w->done = json_integer_value(json_object_get(p, "done"));
    w->total = json_integer_value(json_object_get(p, "total"));
    snprintf(w->unit, sizeof w->unit, "%s", unit);
    free(unit);
    if (*text_of(p, "note")) {
        char *note = mask_text(&r->mask, text_of(p, "note"));
        snprintf(w->note, sizeof w->note, "%s", note);
        w->own_note = true;
        free(note);
    }
}

static void take_metric(struct run *r, struct work *w, const json_t *m)
{
    const char *name = json_string_value(json_object_get(m, "name"));
    const json_t *value = json_object_get(m, "value");
    if (!name || w->n_metric == MAX_METRICS)
        return;
    w->metric = mem_grow(w->metric, w->n_metric, sizeof *w->metric);
    struct metric *to = &w->metric[w->n_metric++];
    *to = (struct metric){ .name = mask_text(&r->mask, name),
                           .step = json_integer_value(json_object_get(m, "step")),
                           .value = json_is_number(value) ? json_number_value(value)
                                                          : (double)NAN };
    if (!w->own_note)
        snprintf(w->note, sizeof w->note, "%s %.4g", to->name, to->value);
}

void attempt_event(struct run *r, struct work *w, const char *line)
{
    json_t *doc = json_loads(line, 0, NULL), *inner;
    if (!json_is_object(doc)) {
        /* Not ours to judge: the stage's outputs decide whether it did well. */
        json_decref(doc);
        return;
    }
    if ((inner = json_object_get(doc, "progress")))
        take_progress(r, w, inner);
    if ((inner = json_object_get(doc, "metric")))
        take_metric(r, w, inner);
    r->progress_new = true;
    if ((inner = json_object_get(doc, "warning")) && json_is_string(inner) &&
        w->n_warning < MAX_WARNINGS) {
        attempt_warn(r, w, mask_text(&r->mask, json_string_value(inner)));
    }
    json_decref(doc);
}
