#define _GNU_SOURCE
#include "runner/commit/commit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "runner/plan/files.h"
#include "runner/memory/ledger.h"
#include "runner/commit/tree.h"

static bool there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Where the old output lies after a placing without RENAME_EXCHANGE. */
static char *aside(const struct intent_out *o)
{
    return str_format("%s.refit-old", o->staged);
}

/* Sync directories, each once, and free their names. */
static int sync_each(struct path_list *dir, struct err *e)
{
    int rc = 0;
    path_list_sort(dir);
    for (size_t k = 0; k < dir->n && rc == 0; k++)
        if (k == 0 || strcmp(dir->path[k], dir->path[k - 1]) != 0)
            rc = tree_sync_directory(dir->path[k], e);
    path_list_release(dir);
    return rc;
}

/* ---- prepare ---- */

/* Move the modification time back, so that the tick of the clock in which it was written is surely
 * over. */
static int age(const char *path, const struct stat *st, int64_t *out_ns, struct err *e)
{
    int64_t ns = file_stamp_of(st).mtime_ns - STATE_RACY_NS;
    *out_ns = ns;
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                 { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 } };
    return utimensat(AT_FDCWD, path, times, 0) < 0 ? err_sys(e, "cannot set the time of '%s'", path)
                                                   : 0;
}

static int look_at_out(struct intent_out *o, const struct file_ref *ref, const char *staged,
                       const char *stage, struct err *e)
{
    struct stat st;

    *o = (struct intent_out){ .name = mem_strdup(ref->name),
                              .path = mem_strdup(ref->path[0]),
                              .staged = mem_strdup(staged),
                              .had_old = there(ref->path[0]) };
    if (lstat(staged, &st) < 0)
        return errno == ENOENT
                   ? err_set(e, ERR_DATA, "stage '%s' did not write its output '%s' ('%s')", stage,
                             ref->name, ref->path[0])
                   : err_sys(e, "cannot look at '%s'", staged);
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return err_set(e, ERR_DATA,
                       "stage '%s': its output '%s' ('%s') is neither a file nor a directory",
                       stage, ref->name, ref->path[0]);
    o->directory = S_ISDIR(st.st_mode);
    o->size = o->directory ? 0 : (uint64_t)st.st_size;
    return o->directory ? 0 : age(staged, &st, &o->mtime_ns, e);
}

int commit_look(struct intent *i, const struct staging *staged, const struct stage_spec *stage,
                struct err *e)
{
    int rc = 0;
    i->out = mem_calloc(stage->n_out, sizeof *i->out);
    for (size_t k = 0; k < stage->n_out && rc == 0; k++) {
        const struct file_ref *ref = &stage->out[k];
        i->n_out++;
        rc = look_at_out(&i->out[k], ref, staged->out[k], stage->name, e);
        i->intended |= ref->persist || (i->out[k].directory && i->out[k].had_old);
        i->out[k].stays = i->blocked && ref->persist;
    }
    i->intended |= i->n_out > 1;
    return rc;
}

int commit_digest(struct intent_out *o, struct err *e)
{
    bool exists;
    int rc = o->directory ? files_hash(NULL, o->staged, &exists, o->sha256, e)
                          : hash_file(o->staged, o->sha256, NULL, e);
    return rc ? rc : tree_sync(o->staged, e);
}

int commit_intend(struct state *s, struct intent *const *list, size_t n, struct err *e)
{
    struct path_list dir = { 0 };
    for (size_t k = 0; k < n; k++) {
        for (size_t o = 0; o < list[k]->n_out; o++) {
            path_list_take(&dir, str_parent(list[k]->out[o].staged));
            path_list_take(&dir, str_parent(list[k]->out[o].path));
        }
    }
    int rc = sync_each(&dir, e);
    return rc || n == 0 ? rc : state_intents_put(s, list, n, e);
}

/* ---- place ---- */

static bool no_exchange(int why)
{
    return why == EINVAL || why == ENOSYS || why == EOPNOTSUPP;
}

/* Where the file system cannot exchange (NFS): the old file keeps a second name, then the new one
 * takes over its first. Directories have one name only, so there is an instant without. */
static int place_without_exchange(const struct intent_out *o, struct err *e)
{
    struct stat st;
    char *old = aside(o);
    int rc = tree_remove(old, e);
    if (rc == 0 && lstat(o->path, &st) < 0)
        rc = err_sys(e, "cannot look at '%s'", o->path);
    if (rc == 0 && (S_ISDIR(st.st_mode) ? rename(o->path, old) : link(o->path, old)) < 0)
        rc = err_sys(e, "cannot keep the old '%s'", o->path);
    if (rc == 0 && rename(o->staged, o->path) < 0)
        rc = err_sys(e, "cannot put '%s' in place", o->path);
    free(old);
    return rc;
}

/* The old one is kept, beside the target, while something may have to be taken back. */
static int place_out(const struct intent_out *o, bool keep_old, struct err *e)
{
    if (!o->had_old || (!keep_old && !is_directory(o->path)))
        return rename(o->staged, o->path) < 0 ? err_sys(e, "cannot put '%s' in place", o->path) : 0;
    if (renameat2(AT_FDCWD, o->staged, AT_FDCWD, o->path, RENAME_EXCHANGE) == 0)
        return 0;
    if (no_exchange(errno))
        return place_without_exchange(o, e);
    return err_sys(e, "cannot put '%s' in place", o->path);
}

int commit_sync(const struct intent *const *list, size_t n, struct err *e)
{
    struct path_list dir = { 0 };
    for (size_t k = 0; k < n; k++)
        for (size_t o = 0; o < list[k]->n_out; o++)
            path_list_take(&dir, str_parent(list[k]->out[o].path));
    return sync_each(&dir, e);
}

/* Remember the hash of a file that is now in place. If it has another time than age() gave it, it
 * was changed. */
static int remember(struct state *s, const struct intent_out *o, struct err *e)
{
    struct stat st;
    if (lstat(o->path, &st) < 0 || !S_ISREG(st.st_mode))
        return 0;
    struct file_stamp stamp = file_stamp_of(&st);
    if (stamp.mtime_ns != o->mtime_ns)
        return 0;
    return state_file_put(s, &stamp, state_now_ns(), o->sha256, e);
}

/* Does it lie there with these bytes? */
static int has_hash(const char *path, const char *want, bool *out, struct err *e)
{
    char hex[HASH_HEX];
    bool exists;
    int rc = files_hash(NULL, path, &exists, hex, e);
    *out = rc == 0 && exists && strcmp(hex, want) == 0;
    return rc;
}

bool commit_keeps_staged(const struct intent *i)
{
    for (size_t k = 0; k < i->n_out; k++)
        if (i->out[k].stays)
            return true;
    return false;
}

int commit_place(struct state *s, const struct intent *i, struct err *e)
{
    int rc = 0;
    for (size_t k = 0; k < i->n_out && rc == 0; k++)
        if (!i->out[k].stays && (rc = place_out(&i->out[k], i->intended, e)) == 0)
            rc = remember(s, &i->out[k], e);
    return rc;
}

/* ---- recovery ---- */

static int take_back_out(const struct intent_out *o, struct err *e)
{
    char *old = aside(o);
    bool placed = false;
    int rc = 0;

    if (o->had_old &&
        there(old)) { /* without exchange: the new one may have taken the name, or not yet */
        if (is_directory(o->path))
            rc = tree_remove(o->path, e);
        if (rc == 0 && rename(old, o->path) < 0)
            rc = err_sys(e, "cannot put the old '%s' back", o->path);
    } else if ((rc = has_hash(o->path, o->sha256, &placed, e)) == 0 && placed) {
        if (!o->had_old)
            rc = tree_remove(o->path, e);
        else if (there(o->staged) &&
                 renameat2(AT_FDCWD, o->staged, AT_FDCWD, o->path, RENAME_EXCHANGE) < 0)
            rc = err_sys(e, "cannot put the old '%s' back", o->path);
    }
    free(old);
    return rc;
}

int commit_take_back(const struct intent *i, struct err *e)
{
    int rc = 0;
    for (size_t k = 0; k < i->n_out && rc == 0; k++)
        rc = i->out[k].stays ? 0 : take_back_out(&i->out[k], e);
    return rc ? rc : commit_sync(&i, 1, e);
}

static int finish_out(struct state *s, const struct intent_out *o, struct err *e)
{
    bool placed;
    int rc = has_hash(o->path, o->sha256, &placed, e);
    if (rc || placed)
        return rc;
    /* Interrupted between the two renames of place_without_exchange, a directory is under neither
     * name. */
    struct intent_out now = *o;
    now.had_old = there(o->path);
    rc = place_out(&now, true, e);
    return rc ? rc : remember(s, o, e);
}

/* Is every new output still there, staged or in place? */
static int can_finish(const struct intent *i, bool *out, struct err *e)
{
    int rc = 0;
    *out = true;
    for (size_t k = 0; k < i->n_out && rc == 0 && *out; k++)
        if ((rc = has_hash(i->out[k].path, i->out[k].sha256, out, e)) == 0 && !*out)
            rc = has_hash(i->out[k].staged, i->out[k].sha256, out, e);
    return rc;
}

static int remove_staged(const struct intent *i, struct err *e)
{
    int rc = 0;
    for (size_t k = 0; k < i->n_out && rc == 0; k++) {
        char *dir = mem_strdup(i->out[k].staged), *slash = strrchr(dir, '/');
        if (slash) {
            *slash = '\0';
            rc = tree_remove(dir, e);
        }
        free(dir);
    }
    return rc;
}

static int recover_one(struct state *s, const struct intent *i, struct recovery *r, struct err *e)
{
    int rc = can_finish(i, &r->forward, e);
    if (rc)
        return rc;
    for (size_t k = 0; k < i->n_out && rc == 0 && r->forward; k++)
        rc = i->out[k].stays ? 0 : finish_out(s, &i->out[k], e);
    if (rc == 0)
        rc = r->forward ? commit_sync(&i, 1, e) : i->approved_by ? 0 : commit_take_back(i, e);
    if (rc || (rc = state_begin(s, e)))
        return rc;
    if ((rc = state_intent_close(s, i, r->forward, e)) == 0 && r->forward && !i->approved_by)
        rc = ledger_recovered(s, i->run, i->stage, i->attempt, i->blocked, e);
    if (rc) {
        db_rollback(state_db(s));
        return rc;
    }
    rc = state_commit(s, e);
    return rc || commit_keeps_staged(i) ? rc : remove_staged(i, e);
}

int commit_recover(struct state *s, const char *pipeline, struct recovery **out, size_t *out_n,
                   struct err *e)
{
    struct intent *list;
    size_t n;
    int rc = state_intents(s, pipeline, &list, &n, e);

    *out = NULL;
    *out_n = 0;
    if (rc)
        return rc;
    *out = mem_calloc(n, sizeof **out);
    for (size_t k = 0; k < n && rc == 0; k++) {
        struct recovery *r = &(*out)[k];
        *r = (struct recovery){ .run = mem_strdup(list[k].run),
                                .stage = mem_strdup(list[k].stage),
                                .attempt = list[k].attempt,
                                .blocked = list[k].blocked };
        ++*out_n;
        rc = recover_one(s, &list[k], r, e);
    }
    for (size_t k = 0; k < n; k++)
        intent_release(&list[k]);
    free(list);
    if (rc) {
        recovery_free(*out, *out_n);
        *out = NULL;
        *out_n = 0;
    }
    return rc;
}

void recovery_free(struct recovery *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(r[i].run);
        free(r[i].stage);
    }
    free(r);
}
