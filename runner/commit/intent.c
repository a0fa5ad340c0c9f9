/* The part of state.h that remembers intents: what stands between "the outputs are ready" and "they
 * are committed". */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner/memory/approvals.h"
#include "runner/memory/state.h"

void intent_release(struct intent *i)
{
    for (size_t k = 0; k < i->n_out; k++) {
        free(i->out[k].name);
        free(i->out[k].path);
        free(i->out[k].staged);
    }
    free(i->out);
    free(i->pipeline);
    free(i->run);
    free(i->stage);
    free(i->inputs);
    free(i->approved_by);
    free(i->approval);
    *i = (struct intent){ 0 };
}

static char *to_text(const struct intent *i)
{
    json_t *outs = json_array();
    for (size_t k = 0; k < i->n_out; k++) {
        const struct intent_out *o = &i->out[k];
        json_array_append_new(outs,
                              json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "name", o->name, "path",
                                        o->path, "staged", o->staged, "sha256", o->sha256,
                                        "had_old", (int)o->had_old, "stays", (int)o->stays));
    }
    json_t *doc = json_pack("{s:s, s:s, s:I, s:b, s:s, s:s, s:o}", "run", i->run, "stage", i->stage,
                            "attempt", (json_int_t)i->attempt, "blocked", (int)i->blocked,
                            "fingerprint", i->fingerprint, "inputs", i->inputs, "outs", outs);
    if (doc && i->approved_by) {
        json_object_set_new(doc, "approved_by", json_string(i->approved_by));
        json_object_set_new(doc, "approval", json_string(i->approval));
    }
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL; /* NULL: a path that is not UTF-8 */
    json_decref(doc);
    return text;
}

static bool take_hex(char out[HASH_HEX], const char *hex)
{
    bool ok = strlen(hex) == HASH_HEX - 1;
    if (ok)
        memcpy(out, hex, HASH_HEX);
    return ok;
}

static bool from_text(struct intent *i, const char *text)
{
    const char *run, *stage, *fingerprint, *inputs, *name, *path, *staged, *hex;
    json_int_t attempt;
    int blocked, had_old, stays = 0;
    size_t k;
    json_t *outs, *o, *doc = text ? json_loads(text, 0, NULL) : NULL;
    bool ok = doc && json_unpack(doc, "{s:s, s:s, s:I, s:b, s:s, s:s, s:o}", "run", &run, "stage",
                                 &stage, "attempt", &attempt, "blocked", &blocked, "fingerprint",
                                 &fingerprint, "inputs", &inputs, "outs", &outs) == 0;
    if (ok) {
        i->run = mem_strdup(run);
        i->stage = mem_strdup(stage);
        i->attempt = attempt;
        i->blocked = blocked != 0;
        i->inputs = mem_strdup(inputs);
        i->approved_by = mem_strdup(json_string_value(json_object_get(doc, "approved_by")));
        i->approval = mem_strdup(json_string_value(json_object_get(doc, "approval")));
        i->out = mem_calloc(json_array_size(outs), sizeof *i->out);
        ok = take_hex(i->fingerprint, fingerprint);
        json_array_foreach(outs, k, o)
        {
            if (!ok || json_unpack(o, "{s:s, s:s, s:s, s:s, s:b, s?b}", "name", &name, "path",
                                   &path, "staged", &staged, "sha256", &hex, "had_old", &had_old,
                                   "stays", &stays) != 0) {
                ok = false;
                break;
            }
            struct intent_out *out = &i->out[i->n_out++];
            *out = (struct intent_out){ .name = mem_strdup(name),
                                        .path = mem_strdup(path),
                                        .staged = mem_strdup(staged),
                                        .had_old = had_old != 0,
                                        .stays = stays != 0 };
            ok = take_hex(out->sha256, hex);
        }
    }
    json_decref(doc);
    return ok;
}

/* Inside a transaction. */
static int put(struct state *s, struct intent *i, struct err *e)
{
    struct query q;
    char *text = to_text(i);
    if (!text)
        return err_set(e, ERR_USAGE, "stage '%s': the path of an output is not UTF-8", i->stage);
    int rc = db_query(state_db(s), &q, "INSERT INTO intents(pipeline, document) VALUES(?,?)", e);
    if (rc == 0) {
        db_text(&q, i->pipeline);
        db_text(&q, text);
        rc = db_done(&q, e);
    }
    free(text);
    return rc;
}

int state_intents_put(struct state *s, struct intent *const *list, size_t n, struct err *e)
{
    int rc = state_begin(s, e);
    for (size_t k = 0; k < n && rc == 0; k++)
        if ((rc = put(s, list[k], e)) == 0)
            list[k]->id = sqlite3_last_insert_rowid(state_db(s)->handle);
    if (rc == 0)
        return state_commit(s, e);
    db_rollback(state_db(s));
    for (size_t k = 0; k < n; k++)
        list[k]->id = 0;
    return rc;
}

int state_intents(struct state *s, const char *pipeline, struct intent **out, size_t *out_n,
                  struct err *e)
{
    struct intent *list = NULL;
    size_t n = 0;
    struct query q;
    bool row;

    *out = NULL;
    *out_n = 0;
    int rc = db_query(state_db(s), &q,
                      "SELECT id, document FROM intents WHERE pipeline=? ORDER BY id", e);
    if (rc)
        return rc;
    db_text(&q, pipeline);
    while ((rc = db_step(&q, &row, e)) == 0 && row) {
        char *text = db_get_text(&q, 1);
        list = mem_grow(list, n, sizeof *list);
        struct intent *i = &list[n++];
        *i = (struct intent){ .id = db_get_int(&q, 0), .pipeline = mem_strdup(pipeline) };
        bool ok = from_text(i, text);
        free(text);
        if (!ok) {
            rc = err_set(e, ERR_DATA, "'%s': intent %lld is damaged", state_db(s)->path,
                         (long long)i->id);
            break;
        }
    }
    if (rc == 0 || e->code == ERR_DATA)
        db_end(&q);
    if (rc) {
        for (size_t k = 0; k < n; k++)
            intent_release(&list[k]);
        free(list);
        return rc;
    }
    *out = list;
    *out_n = n;
    return 0;
}

static int insert_commit(struct db *db, const struct intent *i, struct err *e)
{
    struct query q;
    int rc = db_query(
        db, &q,
        "INSERT INTO commits(pipeline, stage, run, attempt, state, fingerprint, inputs, made)"
        " VALUES(?,?,?,?,?,?,?,?)",
        e);
    if (rc)
        return rc;
    db_text(&q, i->pipeline);
    db_text(&q, i->stage);
    db_text(&q, i->run);
    db_int(&q, i->attempt);
    db_text(&q, i->blocked ? "blocked" : "done");
    db_text(&q, i->fingerprint);
    db_text(&q, i->inputs);
    db_int(&q, state_now_ns() / 1000000);
    if ((rc = db_done(&q, e)))
        return rc;
    int64_t commit = sqlite3_last_insert_rowid(db->handle);
    for (size_t k = 0; k < i->n_out && rc == 0; k++) {
        if ((rc = db_query(db, &q, "INSERT INTO outs VALUES(?,?,?,?,?)", e)))
            return rc;
        db_int(&q, commit);
        db_int(&q, (int64_t)k);
        db_text(&q, i->out[k].name);
        db_text(&q, i->out[k].path);
        db_text(&q, i->out[k].sha256);
        rc = db_done(&q, e);
    }
    return rc;
}

int state_intent_close(struct state *s, const struct intent *i, bool committed, struct err *e)
{
    struct query q;
    int rc = committed ? insert_commit(state_db(s), i, e) : 0;
    if (rc == 0 && committed && i->approved_by) {
        struct approval a = { i->stage, i->approved_by, i->approval, state_now_ns() / 1000000 };
        rc = approval_put(s, i->run, &a, e);
    }
    if (rc || i->id == 0 || (rc = db_query(state_db(s), &q, "DELETE FROM intents WHERE id=?", e)))
        return rc;
    db_int(&q, i->id);
    return db_done(&q, e);
}
