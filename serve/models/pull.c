/* pull: a version into a folder. It is fetched, checked and unpacked beside the folder and put in
 * its place by one exchange of names: whoever reads the folder sees the old version or the new one,
 * whole, and whatever goes wrong leaves the old one. */
#define _GNU_SOURCE /* renameat2 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/civil.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"
#include "io/jsonfile.h"
#include "io/models_tar.h"
#include "io/remove_tree.h"
#include "serve/models/models.h"

/* What was pulled, and when: one row under a header. */
static const char METADATA[] = PACKAGE_PULLED;
static const char HEADER[] = "date,name,version,sha256\n";

struct pull {
    const struct call *c;
    char name[65], version[65];
    char sha256[HASH_HEX]; /* of its models.tar */
    const char *dir;
};

/* ---- the folder that is there --------------------------------------------------------------- */

struct folder {
    bool there, whole;
    int64_t date_s; /* of the last pull; 0: not known */
    char name[65], version[65], sha256[HASH_HEX];
    struct err why; /* not whole: why */
};

static void read_metadata(const char *dir, struct folder *f)
{
    char *path = str_format("%s/%s", dir, METADATA), line[400] = "";
    struct tm tm = { 0 };
    FILE *in = fopen(path, "re");
    free(path);
    if (!in)
        return;
    if (fgets(line, sizeof line, in) && strcmp(line, HEADER) == 0 && fgets(line, sizeof line, in) &&
        sscanf(line, "%d-%d-%dT%d:%d:%dZ,%64[^,],%64[^,],%64[0-9a-f]", &tm.tm_year, &tm.tm_mon,
               &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, f->name, f->version,
               f->sha256) == 9) {
        tm.tm_year -= 1900;
        tm.tm_mon -= 1;
        f->date_s = (int64_t)timegm(&tm);
    }
    fclose(in);
}

static bool is_empty(const char *dir)
{
    DIR *d = opendir(dir);
    bool empty = d != NULL;
    for (struct dirent *at; empty && (at = readdir(d));)
        empty = strcmp(at->d_name, ".") == 0 || strcmp(at->d_name, "..") == 0;
    if (d)
        closedir(d);
    return empty;
}

/* What lies in the folder. ERR_USAGE if it is nothing that a pull may replace. */
static int look_at_folder(const char *dir, const char *key, struct folder *f, struct err *e)
{
    struct package p = { 0 };
    struct stat st;
    char *path = str_format("%s/%s", dir, METADATA);
    f->there = lstat(dir, &st) == 0;
    if (f->there && S_ISDIR(st.st_mode) && !is_empty(dir)) {
        if (access(path, F_OK) < 0)
            err_set(e, ERR_USAGE, "'%s' is not empty and no folder of pull: it has no %s", dir,
                    METADATA);
        read_metadata(dir, f);
        f->whole = package_read_directory(&p, dir, METADATA, key, &f->why) == 0;
        package_release(&p);
    } else if (f->there && !S_ISDIR(st.st_mode)) {
        err_set(e, ERR_USAGE, "'%s' is there and no directory", dir);
    }
    free(path);
    return e->code;
}

static int write_metadata(const struct pull *p, const char *dir, struct err *e)
{
    char when[CIVIL_STAMP], *path = str_format("%s/%s", dir, METADATA), *text;
    civil_stamp((int64_t)time(NULL), when);
    text = str_format("%s%s,%s,%s,%s\n", HEADER, when, p->name, p->version, p->sha256);
    int rc = outfile_put(path, text, strlen(text), e);
    free(text);
    free(path);
    return rc;
}

/* ---- another one in its place --------------------------------------------------------------- */

/* Take away what pulls into this folder left that were killed: <dir>.new-<pid>. */
static void sweep(const char *dir)
{
    char *parent = str_parent(dir);
    const char *slash = strrchr(dir, '/');
    char *prefix = str_format("%s.new-", slash ? slash + 1 : dir);
    DIR *d = opendir(parent);
    for (struct dirent *at; d && (at = readdir(d));) {
        long long pid;
        char *path, *number;
        if (!str_starts(at->d_name, prefix))
            continue;
        number = mem_strdup(at->d_name + strlen(prefix));
        number[strspn(number, "0123456789")] = '\0'; /* ".tar" */
        path = str_format("%s/%s", parent, at->d_name);
        if (str_to_int(number, &pid) && kill((pid_t)pid, 0) < 0 && errno == ESRCH)
            remove_tree(path);
        free(number);
        free(path);
    }
    if (d)
        closedir(d);
    free(prefix);
    free(parent);
}

static int swap(const char *fresh, const char *dir, struct err *e)
{
    if (rename(fresh, dir) < 0) { /* which may replace an empty directory */
        if (errno != ENOTEMPTY && errno != EEXIST)
            return err_sys(e, "cannot rename '%s' to '%s'", fresh, dir);
        if (renameat2(AT_FDCWD, fresh, AT_FDCWD, dir, RENAME_EXCHANGE) < 0)
            return err_sys(e, "cannot exchange '%s' and '%s'", fresh, dir);
        remove_tree(fresh); /* the old one */
    }
    return outfile_sync_parent(dir, e);
}

static int fetch_and_swap(struct pull *p, struct err *e)
{
    char *fresh = str_format("%s.new-%ld", p->dir, (long)getpid()),
         *tar = str_format("%s.tar", fresh);
    int rc = outfile_make_parent(fresh, e);
    if (rc == 0 && mkdir(fresh, 0777) < 0)
        rc = err_sys(e, "cannot make the directory '%s'", fresh);
    if (rc == 0 && (rc = models_fetch(p->c, p->name, p->version, tar, fresh, e)) == 0 &&
        (rc = write_metadata(p, fresh, e)) == 0)
        rc = swap(fresh, p->dir, e);
    unlink(tar);
    remove_tree(fresh);
    free(tar);
    free(fresh);
    return rc;
}

/* ---- the command ---------------------------------------------------------------------------- */

static void tell(const struct pull *p, const struct folder *f, bool pulled)
{
    const char *version = pulled ? p->version : f->version;
    if (p->c->json)
        models_print(json_pack("{s:s, s:s, s:o, s:b}", "name", p->name, "version", version, "dir",
                               jsonfile_string(p->dir), "pulled", pulled));
    else
        printf("%s: %s version %s%s\n", p->dir, p->name, version,
               pulled ? "" : " is there already, whole");
}

/* The folder that a word names, without slashes at its end and links: what is exchanged is the
 * folder that a link leads to. *out is owned by the caller. */
static int find_folder(const char *word, char **out, struct err *e)
{
    char *dir = mem_strdup(word), *real;
    struct stat st;
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        dir[--n] = '\0';
    *out = dir;
    if (lstat(dir, &st) < 0 || !S_ISLNK(st.st_mode))
        return 0;
    if (!(real = realpath(dir, NULL)))
        return err_set(e, ERR_USAGE, "'%s' is a link to what is not there", dir);
    free(dir);
    *out = real;
    return 0;
}

/* Is what was pulled younger than --max-age? A date in the future tells nothing. */
static bool is_young(const struct call *c, const struct folder *f)
{
    int64_t now = (int64_t)time(NULL);
    return c->max_age_s >= 0 && f->date_s <= now && f->date_s + c->max_age_s > now;
}

int models_pull(const struct call *c, struct err *e)
{
    struct pull p = { .c = c };
    struct folder f = { 0 };
    char *dir;
    size_t n = strcspn(c->word[0], "@");
    bool pulled = false, same;
    int rc = find_folder(c->word[1], &dir, e);
    p.dir = dir;
    if (rc || (rc = look_at_folder(dir, c->key, &f, e)))
        goto out;
    if (f.whole && is_young(c, &f) && strlen(f.name) == n && strncmp(f.name, c->word[0], n) == 0 &&
        (!c->word[0][n] || strcmp(c->word[0] + n + 1, f.version) == 0)) {
        memcpy(p.name, f.name, sizeof p.name);
        goto said;
    }
    if (f.there && !f.whole && f.why.code)
        log_warn("%s; it is pulled again", f.why.text);
    if ((rc = models_what(c, c->word[0], p.name, p.version, e)) ||
        (rc = registry_version_hash(&c->registry, p.name, p.version, p.sha256, e)))
        goto out;
    same = f.whole && strcmp(f.sha256, p.sha256) == 0 && strcmp(f.name, p.name) == 0 &&
           strcmp(f.version, p.version) == 0;
    pulled = !same;
    sweep(dir);
    if ((rc = same ? write_metadata(&p, dir, e) : fetch_and_swap(&p, e)))
        goto out;
said:
    tell(&p, &f, pulled);
out:
    free(dir);
    return rc;
}
