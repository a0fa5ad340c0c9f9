/* The part of recall.h that goes over many runs. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/memory/farewells.h"
#include "runner/memory/recall.h"

bool past_wants(const struct past_filter *f, const char *state)
{
    for (size_t i = 0; i < f->n_status; i++)
        if (strcmp(f->status[i], state) == 0)
            return true;
    return f->n_status == 0;
}

/* Pipeline, schedule and since, which every query here takes as ?1 to ?3. */
static void bind_filter(struct query *q, const struct past_filter *f)
{
    db_text(q, f->pipeline);
    db_text(q, f->schedule);
    db_int(q, f->since);
}

/* A growing list that ends at the filter's limit. */
struct gathering {
    const struct past_filter *f;
    void *row;
    size_t n;
};

static bool is_full(const struct gathering *g)
{
    return g->f->limit > 0 && g->n == (size_t)g->f->limit;
}

/* ---- stages ---- */

static bool set_count(struct query *q, void *self)
{
    char *state = db_get_text(q, 0);
    json_object_set_new(self, state, json_integer(db_get_int(q, 1)));
    free(state);
    return true;
}

int past_counts(struct state *s, const struct run_row *run, json_t **out, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q,
                      "SELECT CASE WHEN state='running' AND ?2 THEN 'lost' ELSE state END, count(*)"
                      " FROM stages WHERE run=?1 AND stage<>'" FAREWELL
                      "' GROUP BY 1 ORDER BY min(position)",
                      e);
    *out = json_object();
    if (rc)
        return rc;
    db_text(&q, run->id);
    db_int(&q, strcmp(run->state, "running") != 0);
    return db_each(&q, set_count, *out, e);
}

/* ---- ticks ---- */

void tick_rows_free(struct tick_row *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(t[i].pipeline);
        free(t[i].schedule);
        free(t[i].state);
        free(t[i].reason);
    }
    free(t);
}

static bool add_tick(struct query *q, void *self)
{
    struct gathering *g = self;
    char *state = db_get_text(q, 2);
    if (!past_wants(g->f, state)) {
        free(state);
        return true;
    }
    struct tick_row *list = mem_grow(g->row, g->n, sizeof *list);
    list[g->n++] = (struct tick_row){ .pipeline = db_get_text(q, 0),
                                      .schedule = db_get_text(q, 1),
                                      .state = state,
                                      .reason = db_get_text(q, 3),
                                      .instant = db_get_int(q, 4),
                                      .decided = db_get_int(q, 5) };
    g->row = list;
    return !is_full(g);
}

int past_ticks(struct state *s, const struct past_filter *f, struct tick_row **out, size_t *out_n,
               struct err *e)
{
    struct query q;
    struct gathering g = { .f = f };
    int rc = db_query(state_db(s), &q,
                      "SELECT pipeline, schedule, state, reason, instant, decided FROM ticks"
                      " WHERE state NOT IN ('fired','backfilled') AND (?1 IS NULL OR pipeline=?1)"
                      " AND (?2 IS NULL OR schedule=?2) AND instant>=?3 ORDER BY instant DESC",
                      e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    bind_filter(&q, f);
    if ((rc = db_each(&q, add_tick, &g, e))) {
        tick_rows_free(g.row, g.n);
        return rc;
    }
    *out = g.row;
    *out_n = g.n;
    return 0;
}

/* ---- attempts of one stage ---- */

void past_attempts_free(struct past_attempt *a, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(a[i].run);
        free(a[i].pipeline);
        free(a[i].state);
        free(a[i].reason);
    }
    free(a);
}

static bool add_past_attempt(struct query *q, void *self)
{
    struct gathering *g = self;
    char *state = db_get_text(q, 2);
    if (!past_wants(g->f, state)) {
        free(state);
        return true;
    }
    struct past_attempt *list = mem_grow(g->row, g->n, sizeof *list);
    list[g->n++] = (struct past_attempt){ .run = db_get_text(q, 0),
                                          .pipeline = db_get_text(q, 1),
                                          .state = state,
                                          .reason = db_get_text(q, 3),
                                          .number = db_get_int(q, 4),
                                          .began = db_get_int(q, 5),
                                          .ended = db_get_int(q, 6),
                                          .exit_code = db_get_int(q, 7),
                                          .signal = db_get_int(q, 8),
                                          .max_rss_kb = db_get_int(q, 9) };
    g->row = list;
    return !is_full(g);
}

int past_attempts(struct state *s, const char *stage, const struct past_filter *f,
                  struct past_attempt **out, size_t *out_n, struct err *e)
{
    struct query q;
    struct gathering g = { .f = f };
    int rc = db_query(state_db(s), &q,
                      "SELECT a.run, r.pipeline, a.state, a.reason, a.number, a.began, a.ended,"
                      " a.exit_code, a.signal, a.max_rss_kb FROM runs r CROSS JOIN attempts a"
                      " ON a.run=r.name AND a.stage=?4"
                      " WHERE (?1 IS NULL OR r.pipeline=?1) AND (?2 IS NULL OR r.schedule=?2)"
                      " AND a.began>=?3 ORDER BY r.id DESC, a.number DESC",
                      e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    bind_filter(&q, f);
    db_text(&q, stage);
    if ((rc = db_each(&q, add_past_attempt, &g, e))) {
        past_attempts_free(g.row, g.n);
        return rc;
    }
    *out = g.row;
    *out_n = g.n;
    return 0;
}

/* ---- one metric ---- */

struct values {
    json_t *list;
    size_t limit;
};

static bool add_value(struct query *q, void *self)
{
    struct values *v = self;
    bool null = sqlite3_column_type(q->stmt, 5) == SQLITE_NULL;
    json_t *row = json_object();
    static const char *const key[] = { "run", "pipeline", "state", NULL, "stage" };
    for (int i = 0; i < 5; i++) {
        if (!key[i])
            continue;
        char *text = db_get_text(q, i);
        json_object_set_new(row, key[i], json_string(text));
        free(text);
    }
    json_object_set_new(row, "began", json_integer(db_get_int(q, 3)));
    json_object_set_new(row, "value", null ? json_null() : json_real(db_get_real(q, 5)));
    json_array_append_new(v->list, row);
    return v->limit == 0 || json_array_size(v->list) < v->limit;
}

int past_metric(struct state *s, const char *name, int64_t limit, json_t **out, struct err *e)
{
    struct query q;
    struct values v = { json_array(), limit > 0 ? (size_t)limit : 0 };
    /* SQLite takes the other columns from the row that has the greatest rowid. */
    int rc = db_query(state_db(s), &q,
                      "SELECT r.name, r.pipeline, r.state, r.began, m.stage, m.value, max(m.rowid)"
                      " FROM runs r CROSS JOIN metrics m ON m.run=r.name WHERE m.name=?"
                      " GROUP BY r.id, m.stage ORDER BY r.id DESC, m.stage",
                      e);
    if (rc == 0) {
        db_text(&q, name);
        rc = db_each(&q, add_value, &v, e);
    }
    if (rc)
        json_decref(v.list);
    else
        *out = v.list;
    return rc;
}

/* ---- names ---- */

struct names {
    char **text;
    size_t n;
};

static bool add_name(struct query *q, void *self)
{
    struct names *list = self;
    list->text = mem_grow(list->text, list->n, sizeof *list->text);
    list->text[list->n++] = db_get_text(q, 0);
    return true;
}

int past_names(struct state *s, enum past_names which, char ***out, size_t *out_n, struct err *e)
{
    static const char *const sql[] = {
        [PAST_STAGES] = "SELECT DISTINCT stage FROM stages WHERE run IN"
                        " (SELECT name FROM runs ORDER BY id DESC LIMIT 1000) ORDER BY stage",
        [PAST_PIPELINES] = "SELECT DISTINCT pipeline FROM runs ORDER BY pipeline",
        [PAST_SCHEDULES] = "SELECT name FROM schedules UNION SELECT schedule FROM ticks"
                           " UNION SELECT schedule FROM runs WHERE schedule IS NOT NULL",
        [PAST_METRICS] = "SELECT DISTINCT name FROM metrics ORDER BY name",
    };
    struct query q;
    struct names list = { 0 };
    int rc = db_query(state_db(s), &q, sql[which], e);
    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    if ((rc = db_each(&q, add_name, &list, e))) {
        mem_free_texts(list.text, list.n);
        return rc;
    }
    *out = list.text;
    *out_n = list.n;
    return 0;
}

int past_duration(struct state *s, const char *pipeline, const char *stage, int64_t *out_ms,
                  struct err *e)
{
    struct query q;
    bool row;
    int rc = db_query(state_db(s), &q,
                      "SELECT a.ended - a.began FROM commits c JOIN attempts a ON a.run=c.run AND"
                      " a.stage=c.stage AND a.number=c.attempt WHERE c.pipeline=? AND c.stage=?"
                      " AND a.ended NOTNULL ORDER BY c.id DESC LIMIT 1",
                      e);
    *out_ms = -1;
    if (rc)
        return rc;
    db_text(&q, pipeline);
    db_text(&q, stage);
    if ((rc = db_step(&q, &row, e)))
        return rc;
    if (row)
        *out_ms = db_get_int(&q, 0);
    db_end(&q);
    return 0;
}
