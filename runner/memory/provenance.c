#include "runner/memory/provenance.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/memory/state_inner.h"

/* ---- one commit ---- */

void commit_row_release(struct commit_row *c)
{
    free(c->pipeline);
    free(c->stage);
    free(c->state);
    commit_record_release(&c->record);
    *c = (struct commit_row){ 0 };
}

static bool take_row(struct query *q, void *self)
{
    struct commit_row *c = self;
    c->id = db_get_int(q, 0);
    c->pipeline = db_get_text(q, 1);
    c->stage = db_get_text(q, 2);
    c->record.run_id = db_get_text(q, 3);
    c->attempt = db_get_int(q, 4);
    c->state = db_get_text(q, 5);
    state_get_hash(q, 6, c->record.fingerprint);
    c->record.inputs = json_loads((const char *)sqlite3_column_text(q->stmt, 7), 0, NULL);
    c->made = db_get_int(q, 8);
    return false;
}

#define COMMIT_COLUMNS \
    "SELECT id, pipeline, stage, run, attempt, state, fingerprint, inputs, made FROM commits "

/* The one row of a query whose parameters are bound, with its outputs. */
static int read_row(struct state *s, struct query *q, struct commit_row *out, struct err *e)
{
    int rc = db_each(q, take_row, out, e);
    if (rc == 0 && out->id && !out->record.inputs)
        rc = err_set(e, ERR_DATA, "the inputs of commit %lld in '%s' are damaged",
                     (long long)out->id, state_db(s)->path);
    if (rc == 0 && out->id)
        rc = state_commit_outs(s, out->id, &out->record, e);
    if (rc)
        commit_row_release(out);
    return rc;
}

int commit_row_read(struct state *s, int64_t id, struct commit_row *out, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, COMMIT_COLUMNS "WHERE id=?", e);
    *out = (struct commit_row){ 0 };
    if (rc)
        return rc;
    db_int(&q, id);
    return read_row(s, &q, out, e);
}

int commit_row_in_run(struct state *s, const struct run_row *run, const struct stage_row *stage,
                      struct commit_row *out, struct err *e)
{
    static const char *const states[] = { "succeeded", "blocked", "reused" };
    struct query q;
    size_t i = 0;
    *out = (struct commit_row){ 0 };
    while (stage && i < 3 && strcmp(stage->state, states[i]) != 0)
        i++;
    if (!stage || i == 3)
        return 0;
    int rc = db_query(state_db(s), &q,
                      COMMIT_COLUMNS "WHERE pipeline=?1 AND stage=?2 AND (run=?3 OR made<=?4)"
                                     " ORDER BY run=?3 DESC, id DESC LIMIT 1",
                      e);
    if (rc)
        return rc;
    db_text(&q, run->pipeline);
    db_text(&q, stage->stage);
    db_text(&q, run->id);
    db_int(&q, run->ended ? run->ended : INT64_MAX);
    return read_row(s, &q, out, e);
}

/* ---- all commits ---- */

static bool add_made(struct query *q, void *self)
{
    struct provenance *p = self;
    p->made = mem_grow(p->made, p->n_made, sizeof *p->made);
    struct made *m = &p->made[p->n_made++];
    *m = (struct made){ .commit = db_get_int(q, 0), .path = db_get_text(q, 1) };
    state_get_hash(q, 2, m->sha256);
    return true;
}

static int by_place(const char *a, int64_t a_commit, const char *b, int64_t b_commit)
{
    int order = strcmp(a, b);
    return order ? order : (a_commit > b_commit) - (a_commit < b_commit);
}

static int compare_made(const void *a, const void *b)
{
    const struct made *x = a, *y = b;
    return by_place(x->path, x->commit, y->path, y->commit);
}

static int compare_used(const void *a, const void *b)
{
    const struct used *x = a, *y = b;
    return by_place(x->path, x->commit, y->path, y->commit);
}

int provenance_load(struct provenance *p, struct state *s, struct err *e)
{
    struct query q;
    *p = (struct provenance){ 0 };
    int rc = db_query(state_db(s), &q, "SELECT commit_id, path, sha256 FROM outs", e);
    if (rc == 0)
        rc = db_each(&q, add_made, p, e);
    if (rc)
        provenance_release(p);
    else if (p->n_made > 0)
        qsort(p->made, p->n_made, sizeof *p->made, compare_made);
    return rc;
}

static void add_use(struct provenance *p, int64_t commit, const char *path, const json_t *sha)
{
    const char *hex = json_string_value(sha);
    if (!path || !hex || strlen(hex) != HASH_HEX - 1)
        return;
    p->used = mem_grow(p->used, p->n_used, sizeof *p->used);
    struct used *u = &p->used[p->n_used++];
    *u = (struct used){ .commit = commit, .path = mem_strdup(path) };
    memcpy(u->sha256, hex, HASH_HEX);
}

static bool add_uses(struct query *q, void *self)
{
    int64_t commit = db_get_int(q, 0);
    json_t *doc = json_loads((const char *)sqlite3_column_text(q->stmt, 1), 0, NULL), *value, *pair;
    const char *key;
    size_t i;
    json_object_foreach(json_object_get(doc, "deps"), key, value)
    {
        json_array_foreach(value, i, pair)
        {
            const char *path = json_string_value(json_array_get(pair, 0));
            add_use(self, commit, path, json_array_get(pair, 1));
        }
    }
    json_object_foreach(json_object_get(doc, "code"), key, value)
    {
        add_use(self, commit, key, value);
    }
    json_decref(doc);
    return true;
}

int provenance_uses(struct provenance *p, struct state *s, struct err *e)
{
    struct query q;
    int rc = db_query(state_db(s), &q, "SELECT id, inputs FROM commits", e);
    if (rc == 0 && (rc = db_each(&q, add_uses, p, e)) == 0 && p->n_used > 0)
        qsort(p->used, p->n_used, sizeof *p->used, compare_used);
    return rc;
}

void provenance_release(struct provenance *p)
{
    for (size_t i = 0; i < p->n_made; i++)
        free(p->made[i].path);
    for (size_t i = 0; i < p->n_used; i++)
        free(p->used[i].path);
    free(p->made);
    free(p->used);
    *p = (struct provenance){ 0 };
}

/* The first output that is not before this path. */
static size_t first_of(const struct provenance *p, const char *path)
{
    size_t low = 0, high = p->n_made;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(p->made[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t provenance_maker(const struct provenance *p, const char *path, const char *sha256,
                         int64_t before)
{
    int64_t found = 0;
    for (size_t i = first_of(p, path); i < p->n_made && strcmp(p->made[i].path, path) == 0; i++)
        if ((!before || p->made[i].commit < before) &&
            (!sha256 || strcmp(p->made[i].sha256, sha256) == 0))
            found = p->made[i].commit;
    return found;
}

const struct made *provenance_content(const struct provenance *p, const char *sha256)
{
    const struct made *found = NULL;
    for (size_t i = 0; i < p->n_made; i++)
        if (strcmp(p->made[i].sha256, sha256) == 0 && (!found || p->made[i].commit > found->commit))
            found = &p->made[i];
    return found;
}

static void add(int64_t commit, int64_t **io, size_t *io_n)
{
    *io = mem_grow(*io, *io_n, sizeof **io);
    (*io)[(*io_n)++] = commit;
}

static void add_once(int64_t commit, int64_t **io, size_t *io_n)
{
    for (size_t i = 0; i < *io_n; i++)
        if ((*io)[i] == commit)
            return;
    if (commit != 0)
        add(commit, io, io_n);
}

void provenance_around(const struct provenance *p, const char *path, int64_t before, int64_t **io,
                       size_t *io_n)
{
    char *inside = str_format("%s/", path), *above = mem_strdup(path), *slash;
    for (size_t i = first_of(p, inside); i < p->n_made && str_starts(p->made[i].path, inside); i++)
        if (i + 1 == p->n_made || strcmp(p->made[i].path, p->made[i + 1].path) != 0)
            add_once(provenance_maker(p, p->made[i].path, NULL, before), io, io_n);
    while ((slash = strrchr(above, '/')) && slash > above) {
        *slash = '\0';
        add_once(provenance_maker(p, above, NULL, before), io, io_n);
    }
    free(above);
    free(inside);
}

/* The first use that is not before this path. */
static size_t first_use(const struct provenance *p, const char *path)
{
    size_t low = 0, high = p->n_used;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(p->used[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Uses of one path: with this content, or (NULL) by commits after `after`. */
static void add_users(const struct provenance *p, const char *path, const char *sha256,
                      int64_t after, int64_t **io, size_t *io_n)
{
    for (size_t i = first_use(p, path); i < p->n_used && strcmp(p->used[i].path, path) == 0; i++)
        if (sha256 ? strcmp(p->used[i].sha256, sha256) == 0 : p->used[i].commit > after)
            add(p->used[i].commit, io, io_n);
}

void provenance_users(const struct provenance *p, const char *path, const char *sha256,
                      int64_t after, int64_t **io, size_t *io_n)
{
    for (size_t i = 0; !path && i < p->n_used; i++)
        if (strcmp(p->used[i].sha256, sha256) == 0)
            add(p->used[i].commit, io, io_n);
    if (!path)
        return;
    char *inside = str_format("%s/", path), *above = mem_strdup(path), *slash;
    add_users(p, path, sha256, after, io, io_n);
    for (size_t i = first_use(p, inside); i < p->n_used && str_starts(p->used[i].path, inside); i++)
        if (p->used[i].commit > after)
            add(p->used[i].commit, io, io_n);
    while ((slash = strrchr(above, '/')) && slash > above) {
        *slash = '\0';
        add_users(p, above, NULL, after, io, io_n);
    }
    free(above);
    free(inside);
}
