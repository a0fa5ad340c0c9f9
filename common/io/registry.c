#define _DEFAULT_SOURCE /* flock */
#include "io/registry.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/outfile.h"

enum { NAME_MAX_BYTES = 64 };

/* ---- names ---------------------------------------------------------------------------------- */

int registry_open(struct registry *r, const char *url, struct err *e)
{
    const char *root = url, *colon = strstr(url, "://");
    if (str_starts(url, "file://"))
        root = url + 7;
    else if (str_starts(url, "file:"))
        root = url + 5;
    else if (colon)
        return err_set(
            e, ERR_USAGE,
            "registry '%s': the scheme '%.*s' is not known; want a directory, as PATH or file:PATH",
            url, (int)(colon - url), url);
    if (!*root)
        return err_set(e, ERR_USAGE, "registry '%s' names no directory", url);
    *r = (struct registry){ .url = mem_strdup(url), .root = mem_strdup(root) };
    return 0;
}

void registry_release(struct registry *r)
{
    free(r->url);
    free(r->root);
    *r = (struct registry){ 0 };
}

void registry_result_release(struct registry_result *r)
{
    free(r->key);
    *r = (struct registry_result){ 0 };
}

bool registry_name_ok(const char *name)
{
    size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return n > 0 && n <= NAME_MAX_BYTES && name[n] == '\0' && name[0] != '.' &&
           strcmp(name, "history") != 0 && strcmp(name, "current.json") != 0;
}

int registry_check_key(const char *name, const char *key, struct err *e)
{
    size_t n_name = strlen(name);
    for (const char *part = key;; part++) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && *part == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return err_set(e, ERR_USAGE, "key '%s' is not a plain path inside the registry", key);
        part += n;
        if (*part == '\0')
            break;
    }
    if (strncmp(key, name, n_name) == 0 && (key[n_name] == '/' || key[n_name] == '\0'))
        return err_set(e, ERR_USAGE, "key '%s' lies in the directory of the model itself", key);
    for (const char *brace = strpbrk(key, "{}"); brace; brace = strpbrk(brace, "{}")) {
        if (!str_starts(brace, "{version}"))
            return err_set(e, ERR_USAGE, "key '%s': only {version} may stand in braces", key);
        brace += strlen("{version}");
    }
    return 0;
}

static char *fill_version(const char *key, const char *version)
{
    struct str s = { 0 };
    const char *hole;
    for (; (hole = strstr(key, "{version}")); key = hole + strlen("{version}")) {
        str_add(&s, key, (size_t)(hole - key));
        str_addz(&s, version);
    }
    str_addz(&s, key);
    return str_take(&s);
}

/* <root>/<name>/<rest>, owned by the caller. */
static char *inside(const struct registry *r, const char *name, const char *rest)
{
    return str_format("%s/%s/%s", r->root, name, rest);
}

static bool exists(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool copy_text(const json_t *j, char *out, size_t size)
{
    const char *text = json_string_value(j);
    size_t n = text ? strlen(text) : 0;
    if (n == 0 || n >= size)
        return false;
    memcpy(out, text, n + 1);
    return true;
}

int registry_current(const struct registry *r, const char *name, struct registry_current *out,
                     struct err *e)
{
    char *path = inside(r, name, "current.json");
    json_t *doc = NULL;
    struct registry_current c = { .found = true };
    int rc = 0;

    *out = (struct registry_current){ 0 };
    if (access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
        rc = jsonfile_read(path, &doc, e);
    else
        goto out;
    if (rc)
        goto out;
    if (!copy_text(json_object_get(doc, "version"), c.version, sizeof c.version) ||
        !registry_name_ok(c.version) ||
        !copy_text(json_object_get(doc, "sha256"), c.sha256, sizeof c.sha256) ||
        strlen(c.sha256) + 1 != HASH_HEX ||
        !copy_text(json_object_get(doc, "timestamp"), c.timestamp, sizeof c.timestamp))
        rc = err_set(e, ERR_DATA, "'%s' is damaged: want the texts version, sha256 and timestamp",
                     path);
    else
        *out = c;
out:
    json_decref(doc);
    free(path);
    return rc;
}

int registry_manifest(const struct registry *r, const char *name, const char *version, json_t **out,
                      struct err *e)
{
    char *path = str_format("%s/%s/%s/manifest.json", r->root, name, version);
    int rc = jsonfile_read(path, out, e);
    free(path);
    return rc;
}

/* The largest whole number among the names <number><ending> in a directory; 0 if there is none. */
static int largest_number(const char *dir, const char *ending, int64_t *out, struct err *e)
{
    DIR *d = opendir(dir);
    *out = 0;
    if (!d)
        return errno == ENOENT ? 0 : err_sys(e, "cannot read directory '%s'", dir);
    for (struct dirent *at; (at = readdir(d));) {
        size_t n = strspn(at->d_name, "0123456789");
        long long number;
        if (n == 0 || n > 15 || at->d_name[0] == '0' || strcmp(at->d_name + n, ending) != 0)
            continue;
        at->d_name[n] = '\0';
        if (str_to_int(at->d_name, &number) && number > *out)
            *out = number;
    }
    closedir(d);
    return 0;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void now(char out[32])
{
    time_t t = time(NULL);
    struct tm tm;
    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static int write_all(int fd, const uint8_t *bytes, size_t n, const char *path, struct err *e)
{
    while (n) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return err_sys(e, "cannot write '%s'", path);
        bytes += done;
        n -= (size_t)done;
    }
    return 0;
}

static int pump(int in, const char *from, int out, const char *to, uint64_t *out_size,
                struct err *e)
{
    enum { CHUNK = 1 << 18 };
    uint8_t *chunk = mem_calloc(CHUNK, 1);
    ssize_t got;
    int rc = 0;
    *out_size = 0;
    while (rc == 0 && (got = read(in, chunk, CHUNK)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        rc = got < 0 ? err_sys(e, "cannot read '%s'", from)
                     : write_all(out, chunk, (size_t)got, to, e);
        *out_size += got > 0 ? (uint64_t)got : 0;
    }
    free(chunk);
    return rc;
}

/* Copy a file, read the copy back and hash it. On error no copy stays. */
static int copy_file(const char *from, const char *to, char out_hex[HASH_HEX], uint64_t *out_size,
                     struct err *e)
{
    int in = open(from, O_RDONLY | O_CLOEXEC), out = -1, rc = 0;
    if (in < 0)
        return err_sys(e, "cannot open '%s'", from);
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (out < 0) {
        rc = err_sys(e, "cannot create '%s'", to);
        close(in);
        return rc;
    }
    rc = pump(in, from, out, to, out_size, e);
    if (rc == 0 && fsync(out) < 0)
        rc = err_sys(e, "cannot sync '%s'", to);
    posix_fadvise(
        out, 0, 0,
        POSIX_FADV_DONTNEED); /* so that the reading back is from the disk; may be ignored */
    if (close(out) < 0 && rc == 0)
        rc = err_sys(e, "cannot close '%s'", to);
    close(in);
    if (rc == 0)
        rc = hash_file(to, out_hex, NULL, e);
    if (rc)
        unlink(to);
    return rc;
}

/* Take away a directory that was being filled. */
static void remove_staged(const char *dir)
{
    static const char *const file[] = { "models.tar", "manifest.json", "manifest.json.tmp" };
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        char *path = str_format("%s/%s", dir, file[i]);
        unlink(path);
        free(path);
    }
    rmdir(dir);
}

/* What publishers that died left behind. Only with the lock: nobody else is at work then. */
static void sweep(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *at; (at = readdir(d));) {
        if (!str_starts(at->d_name, ".new-"))
            continue;
        char *path = str_format("%s/%s", dir, at->d_name);
        if (unlink(path) < 0)
            remove_staged(path);
        free(path);
    }
    closedir(d);
}

/* Publishers of one model take turns where the file system can lock; *out_fd is -1 where it cannot.
 */
static int lock_model(const char *model_dir, int *out_fd, struct err *e)
{
    char *path = str_format("%s/.lock", model_dir);
    int rc = outfile_make_parent(path, e), locked;
    *out_fd = -1;
    if (rc == 0 && (*out_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666)) < 0)
        rc = err_sys(e, "cannot open '%s'", path);
    free(path);
    if (rc)
        return rc;
    while ((locked = flock(*out_fd, LOCK_EX)) < 0 && errno == EINTR)
        ;
    if (locked == 0) {
        char *history = str_format("%s/history", model_dir);
        sweep(model_dir);
        sweep(history);
        free(history);
        return 0;
    }
    close(*out_fd);
    *out_fd = -1;
    return 0;
}

/* ---- publishing ----------------------------------------------------------------------------- */

/* One publication on its way. */
struct work {
    const struct registry *r;
    const struct registry_request *q;
    char *dir;                /* owned: of the model */
    char *key_path, *key_tmp; /* owned; NULL without a key */
    struct registry_current before;
    struct registry_result made;
};

static void at_step(const struct work *w, enum registry_step step)
{
    if (w->r->before)
        w->r->before(w->r->self, (int)step);
}

/* Is a version there, and is it this package? Its manifest says so, and its bytes must agree. */
static int same_version(const struct work *w, const char *version, bool *out_there, bool *out_same,
                        struct err *e)
{
    char *path = str_format("%s/%s/models.tar", w->dir, version),
         *dir = str_format("%s/%s", w->dir, version);
    char hex[HASH_HEX], said[HASH_HEX] = "";
    json_t *manifest = NULL;
    int rc = 0;

    *out_there = exists(dir);
    *out_same = false;
    if (!*out_there || (rc = registry_manifest(w->r, w->q->name, version, &manifest, e)))
        goto out;
    copy_text(json_object_get(manifest, "sha256"), said, sizeof said);
    if (strcmp(said, w->q->sha256) != 0)
        goto out;
    if ((rc = hash_file(path, hex, NULL, e)) == 0 && strcmp(hex, said) != 0)
        rc = err_set(e, ERR_DATA, "'%s' is damaged: its SHA-256 is %s, its manifest says %s", path,
                     hex, said);
    *out_same = rc == 0;
out:
    json_decref(manifest);
    free(path);
    free(dir);
    return rc;
}

static void set_version(struct work *w, const char *version)
{
    size_t n = strlen(version);
    assert(n < sizeof w->made.version);
    memcpy(w->made.version, version, n + 1);
}

/* Which version this package is or becomes; *out_exists: it is there already. */
static int choose_version(struct work *w, bool *out_exists, struct err *e)
{
    bool there, same;
    int64_t newest;
    int rc;

    *out_exists = false;
    if (w->q->version) {
        set_version(w, w->q->version);
        if ((rc = same_version(w, w->q->version, &there, &same, e)))
            return rc;
        *out_exists = same;
        return there && !same
                   ? err_set(e, ERR_DATA,
                             "version '%s' of '%s' exists with other content: raise VERSION",
                             w->q->version, w->q->name)
                   : 0;
    }
    if (w->before.found && strcmp(w->before.sha256, w->q->sha256) == 0) {
        set_version(w, w->before.version);
        *out_exists = true;
        if ((rc = same_version(w, w->before.version, &there, &same, e)) == 0 && !same)
            rc = err_set(e, ERR_DATA,
                         "'%s' names version '%s', which is not there with that SHA-256", w->dir,
                         w->before.version);
        return rc;
    }
    if ((rc = largest_number(w->dir, "", &newest, e)))
        return rc;
    char *text = str_format("%lld", (long long)newest);
    if (newest && (rc = same_version(w, text, &there, &same, e)) == 0 && same)
        *out_exists = true; /* its publisher died before it became current */
    if (!*out_exists) {
        free(text);
        text = str_format("%lld", (long long)newest + 1);
    }
    set_version(w, text);
    free(text);
    return rc;
}

/* A new directory <model>/.new-<pid>-<i>, owned by the caller; with the modes that the umask gives.
 */
static int make_staging(const struct work *w, char **out, struct err *e)
{
    for (int i = 0; i < 1000; i++) {
        char *dir = str_format("%s/.new-%ld-%d", w->dir, (long)getpid(), i);
        if (mkdir(dir, 0777) == 0) {
            *out = dir;
            return 0;
        }
        int saved = errno;
        free(dir);
        errno = saved;
        if (errno != EEXIST)
            break;
    }
    return err_sys(e, "cannot make a directory in '%s'", w->dir);
}

static int fill_staging(struct work *w, const char *dir, struct err *e)
{
    char *tar = str_format("%s/models.tar", dir), *about = str_format("%s/manifest.json", dir),
         hex[HASH_HEX];
    uint64_t size;
    int rc = copy_file(w->q->package, tar, hex, &size, e);
    if (rc == 0 && strcmp(hex, w->q->sha256) != 0)
        rc = err_set(e, ERR_DATA, "'%s' changed while it was published: SHA-256 %s, want %s",
                     w->q->package, hex, w->q->sha256);
    if (rc == 0) {
        json_t *doc = json_pack("{s:s, s:s, s:s, s:I}", "name", w->q->name, "version",
                                w->made.version, "sha256", hex, "size", (json_int_t)size);
        if (w->q->about)
            json_object_update_missing(doc, w->q->about);
        rc = jsonfile_write(about, doc, e);
        json_decref(doc);
    }
    free(tar);
    free(about);
    return rc;
}

/* Make the version; *out_taken: somebody else has just made a version of that name. */
static int make_version(struct work *w, bool *out_taken, struct err *e)
{
    char *staged = NULL, *dir = str_format("%s/%s", w->dir, w->made.version);
    int rc;

    *out_taken = false;
    at_step(w, REGISTRY_STAGE);
    if ((rc = make_staging(w, &staged, e)) || (rc = fill_staging(w, staged, e)))
        goto out;
    at_step(w, REGISTRY_VERSION);
    if (rename(staged, dir) == 0) {
        w->made.created = true;
        rc = outfile_sync_parent(dir, e);
    } else if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR) {
        *out_taken = true;
    } else {
        rc = err_sys(e, "cannot rename '%s' to '%s'", staged, dir);
    }
out:
    if (staged && !w->made.created)
        remove_staged(staged);
    free(staged);
    free(dir);
    return rc;
}

static int settle_version(struct work *w, struct err *e)
{
    enum { TRIES = 1000 };
    bool exists_already, taken = true;
    int rc = 0;
    for (int i = 0; rc == 0 && taken && i < TRIES; i++) {
        taken = false;
        if ((rc = registry_current(w->r, w->q->name, &w->before, e)) == 0 &&
            (rc = choose_version(w, &exists_already, e)) == 0 && !exists_already)
            rc = make_version(w, &taken, e);
    }
    if (rc == 0 && taken)
        rc = err_set(e, ERR_RETRY, "'%s': every version number was taken by another publisher",
                     w->dir);
    return rc;
}

/* Does the last entry of the history say what we are about to say? Its publisher may have died
 * right after it. */
static bool said_already(const struct work *w, const char *dir, int64_t n)
{
    char *path = str_format("%s/%lld.json", dir, (long long)n), version[65] = "",
         sha256[HASH_HEX] = "";
    struct err ignored = { 0 };
    json_t *doc = NULL;
    if (jsonfile_read(path, &doc, &ignored) == 0) {
        copy_text(json_object_get(doc, "version"), version, sizeof version);
        copy_text(json_object_get(doc, "sha256"), sha256, sizeof sha256);
    }
    json_decref(doc);
    free(path);
    return strcmp(version, w->made.version) == 0 && strcmp(sha256, w->q->sha256) == 0;
}

static json_t *entry(const struct work *w)
{
    return json_pack("{s:s, s:s, s:s}", "version", w->made.version, "sha256", w->q->sha256,
                     "timestamp", w->made.timestamp);
}

/* Write history/<n>.json under the first number that is free: a link never replaces anything. */
static int add_history(struct work *w, const char *dir, struct err *e)
{
    char *tmp = str_format("%s/.new-%ld", dir, (long)getpid());
    int rc, linked = -1;
    for (int64_t n = w->made.history + 1; linked < 0; n++) {
        json_t *doc = entry(w);
        json_object_set_new(doc, "n", json_integer(n));
        json_object_set_new(doc, "previous",
                            w->before.found ? json_string(w->before.version) : json_null());
        rc = jsonfile_write(tmp, doc, e);
        json_decref(doc);
        if (rc)
            break;
        char *path = str_format("%s/%lld.json", dir, (long long)n);
        linked = link(tmp, path);
        if (linked == 0)
            w->made.history = n;
        else if (errno != EEXIST)
            rc = err_sys(e, "cannot link '%s'", path);
        free(path);
        if (rc)
            break;
    }
    unlink(tmp);
    if (rc == 0)
        rc = outfile_sync_parent(tmp, e);
    free(tmp);
    return rc;
}

static int write_history(struct work *w, struct err *e)
{
    char *dir = str_format("%s/history", w->dir);
    int rc = largest_number(dir, ".json", &w->made.history, e);
    if (rc == 0 && w->made.changed && !said_already(w, dir, w->made.history)) {
        at_step(w, REGISTRY_HISTORY);
        rc = add_history(w, dir, e);
    }
    free(dir);
    return rc;
}

static int write_current(struct work *w, struct err *e)
{
    struct registry_current back;
    char *path = inside(w->r, w->q->name, "current.json");
    json_t *doc = entry(w);
    int rc;
    at_step(w, REGISTRY_CURRENT);
    if ((rc = jsonfile_write(path, doc, e)) == 0 &&
        (rc = registry_current(w->r, w->q->name, &back, e)) == 0 &&
        (!back.found || strcmp(back.version, w->made.version) != 0 ||
         strcmp(back.sha256, w->q->sha256) != 0))
        rc = err_set(e, ERR_IO, "'%s' reads back as version '%s', want '%s'", path, back.version,
                     w->made.version);
    json_decref(doc);
    free(path);
    return rc;
}

/* Copy what goes to the key beside it, so that a full disk shows before anything has changed. */
static int copy_to_key(struct work *w, struct err *e)
{
    const char *from = w->q->copy ? w->q->copy : w->q->package;
    char hex[HASH_HEX], want[HASH_HEX];
    uint64_t size;
    struct stat st;
    int rc;

    w->made.key = fill_version(w->q->key, w->made.version);
    w->key_path = str_format("%s/%s", w->r->root, w->made.key);
    w->key_tmp = str_format("%s.tmp", w->key_path);
    at_step(w, REGISTRY_COPY);
    if (stat(w->key_path, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(e, ERR_IO, "key '%s' is a directory", w->key_path);
    if ((rc = hash_file(from, want, NULL, e)) || (rc = outfile_make_parent(w->key_path, e)) ||
        (rc = copy_file(from, w->key_tmp, hex, &size, e)))
        return rc;
    if (strcmp(hex, want) != 0)
        rc = err_set(e, ERR_IO, "'%s' reads back with SHA-256 %s, want %s", w->key_tmp, hex, want);
    return rc;
}

static int publish_key(struct work *w, struct err *e)
{
    at_step(w, REGISTRY_KEY);
    return outfile_publish(w->key_tmp, w->key_path, e);
}

static int publish_locked(struct work *w, struct err *e)
{
    int rc = settle_version(w, e);
    if (rc)
        return rc;
    w->made.changed = !w->before.found || strcmp(w->before.version, w->made.version) != 0 ||
                      strcmp(w->before.sha256, w->q->sha256) != 0;
    memcpy(w->made.previous, w->before.version, sizeof w->made.previous);
    memcpy(w->made.timestamp, w->before.timestamp, sizeof w->made.timestamp);
    if (w->made.changed)
        now(w->made.timestamp);
    if (w->q->key && (rc = copy_to_key(w, e)))
        return rc;
    if ((rc = write_history(w, e)) == 0 && w->made.changed)
        rc = write_current(w, e);
    if (rc == 0 && w->q->key)
        rc = publish_key(w, e);
    return rc;
}

int registry_publish(const struct registry *r, const struct registry_request *q,
                     struct registry_result *out, struct err *e)
{
    struct work w = { .r = r, .q = q };
    int rc = 0, lock = -1;

    if (!registry_name_ok(q->name) || (q->version && !registry_name_ok(q->version)))
        return err_set(e, ERR_USAGE,
                       "'%s' is not a name for a %s: want letters, digits, '.', '_', '-', not "
                       "starting with '.'",
                       registry_name_ok(q->name) ? q->version : q->name,
                       registry_name_ok(q->name) ? "version" : "model");
    if (q->key && (rc = registry_check_key(q->name, q->key, e)))
        return rc;
    w.dir = str_format("%s/%s", r->root, q->name);
    if ((rc = lock_model(w.dir, &lock, e)) == 0)
        rc = publish_locked(&w, e);
    if (lock >= 0)
        close(lock);
    if (rc && w.key_tmp)
        unlink(w.key_tmp);
    free(w.key_tmp);
    free(w.key_path);
    free(w.dir);
    if (rc)
        registry_result_release(&w.made);
    else
        *out = w.made;
    return rc;
}
