/* The part of run.h that keeps what a run was asked for. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/json_keys.h"
#include "runner/execute/run.h"

void run_options_release(struct run_options *o)
{
    mem_free_texts(o->set, o->n_set);
    mem_free_texts(o->target, o->n_target);
    mem_free_texts(o->outside, o->n_outside);
    mem_free_texts(o->force_stage, o->n_force_stage);
    free(o->queued);
    free(o->file);
    free(o->profile);
    free(o->single);
    free(o->from);
    free(o->snapshot);
    free(o->retry_of);
    *o = (struct run_options){ 0 };
}

struct manifest_options run_manifest_options(const struct run_options *o)
{
    return (struct manifest_options){ .profile = o->profile,
                                      .set = (const char *const *)o->set,
                                      .n_set = o->n_set,
                                      .outside = (const char *const *)o->outside,
                                      .n_outside = o->n_outside };
}

char *run_options_text(const struct run_options *o)
{
    json_t *doc = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:I, s:I, s:b, s:o}", "file",
        json_text_or_null(o->file), "profile", json_text_or_null(o->profile), "set",
        json_texts(o->set, o->n_set), "targets", json_texts(o->target, o->n_target), "force_stages",
        json_texts(o->force_stage, o->n_force_stage), "single", json_text_or_null(o->single),
        "from", json_text_or_null(o->from), "force", (int)o->force, "keep_going",
        (int)o->keep_going, "jobs", (json_int_t)o->jobs, "timeout_ms", (json_int_t)o->timeout_ms,
        "strict", (int)o->strict, "environment", json_texts(o->outside, o->n_outside));
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    return text;
}

static char *take_text(const json_t *doc, const char *key)
{
    return mem_strdup(json_string_value(json_object_get(doc, key)));
}

int run_options_parse(struct run_options *o, const char *text, struct err *e)
{
    json_t *doc = text ? json_loads(text, 0, NULL) : NULL;
    *o = (struct run_options){ 0 };
    if (!json_is_object(doc) || !json_is_string(json_object_get(doc, "file"))) {
        json_decref(doc);
        return err_set(e, ERR_DATA,
                       "the options of the run are damaged in '" STATE_DIR "/refit.db'");
    }
    o->file = take_text(doc, "file");
    o->profile = take_text(doc, "profile");
    o->single = take_text(doc, "single");
    o->from = take_text(doc, "from");
    o->set = json_take_texts(json_object_get(doc, "set"), &o->n_set);
    o->target = json_take_texts(json_object_get(doc, "targets"), &o->n_target);
    o->force_stage = json_take_texts(json_object_get(doc, "force_stages"), &o->n_force_stage);
    o->force = json_is_true(json_object_get(doc, "force"));
    o->keep_going = json_is_true(json_object_get(doc, "keep_going"));
    o->outside = json_take_texts(json_object_get(doc, "environment"), &o->n_outside);
    o->strict = json_is_true(json_object_get(doc, "strict"));
    o->jobs = json_integer_value(json_object_get(doc, "jobs"));
    o->timeout_ms = json_integer_value(json_object_get(doc, "timeout_ms"));
    json_decref(doc);
    return 0;
}
