#include "runner/memory/farewells.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/json_keys.h"

static char *to_text(const struct stage_spec *s)
{
    json_t *doc = json_pack("{s:o, s:b, s:s*, s:o, s:I, s:I}", "cmd", json_texts(s->cmd, s->n_cmd),
                            "shell", (int)s->shell, "program", s->program, "env",
                            json_texts(s->env, s->n_env), "timeout_ms", (json_int_t)s->timeout_ms,
                            "kill_after_ms", (json_int_t)s->kill_after_ms);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    return text;
}

static bool from_text(const char *text, struct stage_spec *s)
{
    json_t *doc = text ? json_loads(text, 0, NULL) : NULL;
    *s = (struct stage_spec){ .name = mem_strdup(FAREWELL), .pool = NO_POOL };
    s->cmd = json_take_texts(json_object_get(doc, "cmd"), &s->n_cmd);
    s->env = json_take_texts(json_object_get(doc, "env"), &s->n_env);
    s->shell = json_is_true(json_object_get(doc, "shell"));
    s->program = mem_strdup(json_string_value(json_object_get(doc, "program")));
    s->timeout_ms = json_integer_value(json_object_get(doc, "timeout_ms"));
    s->kill_after_ms = json_integer_value(json_object_get(doc, "kill_after_ms"));
    json_decref(doc);
    return s->n_cmd > 0 && (s->shell || s->program);
}

static int set(struct state *s, const char *run, const char *text, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "UPDATE runs SET on_exit=? WHERE name=?", e);
    if (rc)
        return rc;
    db_text(&q, text);
    db_text(&q, run);
    return db_done(&q, e);
}

int farewell_put(struct state *s, const char *run, size_t position, const struct stage_spec *spec,
                 struct err *e)
{
    if (!spec)
        return 0;
    char *text = to_text(spec);
    int rc = text ? set(s, run, text, e) : err_set(e, ERR_USAGE, "on_exit is not UTF-8");
    free(text);
    return rc ? rc : ledger_stage(s, run, position, FAREWELL, "pending", "runs last", e);
}

int farewell_stage(struct state *s, const char *run, const char *state, const char *reason,
                   struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "UPDATE stages SET state=?, reason=? WHERE run=? AND stage='" FAREWELL "'",
                      e);
    if (rc)
        return rc;
    db_text(&q, state);
    db_text(&q, reason);
    db_text(&q, run);
    return db_done(&q, e);
}

int farewell_done(struct state *s, const char *run, struct err *e)
{
    return set(s, run, NULL, e);
}

int farewell_get(struct state *s, const char *run, bool *out_found, struct stage_spec *spec,
                 int64_t *out_number, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT on_exit, (SELECT count(*) FROM attempts WHERE run=?1 AND"
                      " stage='" FAREWELL "') FROM runs WHERE name=?1 AND on_exit IS NOT NULL",
                      e);
    *out_found = false;
    if (rc)
        return rc;
    db_text(&q, run);
    if ((rc = db_step(&q, out_found, e)))
        return rc;
    char *text = *out_found ? db_get_text(&q, 0) : NULL;
    *out_number = *out_found ? db_get_int(&q, 1) + 1 : 0;
    db_end(&q);
    if (*out_found && !from_text(text, spec)) {
        stage_release(spec);
        *out_found = false;
        rc = err_set(e, ERR_DATA, "'%s': on_exit of run %s is damaged", state_db(s)->path, run);
    }
    free(text);
    return rc;
}

static bool add_name(struct query *q, void *self)
{
    path_list_take(self, db_get_text(q, 0));
    return true;
}

int farewells_due(struct state *s, const char *pipeline, char ***out, size_t *out_n, struct err *e)
{
    struct path_list list = { 0 };
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT name FROM runs WHERE pipeline=? AND on_exit IS NOT NULL AND"
                      " state NOT IN ('running', 'queued') ORDER BY id",
                      e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    db_text(&q, pipeline);
    if ((rc = db_each(&q, add_name, &list, e))) {
        path_list_release(&list);
        return rc;
    }
    *out = list.path;
    *out_n = list.n;
    return 0;
}
