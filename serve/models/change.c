/* set, verify, prune: what changes a registry, and what proves it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/jsonfile.h"
#include "io/minisign.h"
#include "io/remove_tree.h"
#include "serve/models/models.h"

/* ---- set ------------------------------------------------------------------------------------ */

/* The version that was served before the current one came: of the last change to it that took
 * place. */
static int previous_version(const struct call *c, char out[65], struct err *e)
{
    char current[65];
    json_t *list = NULL;
    int rc = models_version(c, 1, current, e);
    if (rc || (rc = registry_history(&c->registry, c->word[0], &list, e)))
        return rc;
    const char *found = NULL;
    for (size_t i = json_array_size(list); i-- > 0 && !found;) {
        const json_t *entry = json_array_get(list, i);
        const char *to = json_string_value(json_object_get(entry, "version"));
        if (to && strcmp(to, current) == 0)
            found = json_string_value(json_object_get(entry, "previous"));
    }
    if (!found || !registry_name_ok(found))
        rc = err_set(e, ERR_DATA, "'%s' was never served in another version than '%s'", c->word[0],
                     current);
    else
        snprintf(out, 65, "%s", found);
    json_decref(list);
    return rc;
}

int models_set(const struct call *c, struct err *e)
{
    struct registry_result made = { 0 };
    char version[65];
    int rc;
    if (c->previous == (c->n_word == 2))
        return err_set(e, ERR_USAGE, "want either a version or --previous");
    rc = c->previous ? previous_version(c, version, e) : models_version(c, 1, version, e);
    if (rc || (rc = registry_set(&c->registry, c->word[0], version, &made, e)))
        return rc;
    if (made.key_stays)
        log_warn("'%s' stays as it is: what the publisher put there is no member of the package",
                 made.key);
    if (c->json)
        models_print(json_pack("{s:s, s:s, s:b, s:s?, s:s}", "name", c->word[0], "version",
                               made.version, "changed", made.changed, "previous",
                               *made.previous ? made.previous : NULL, "timestamp", made.timestamp));
    else if (made.changed)
        printf("%s version %s is current now%s%s\n", c->word[0], made.version,
               *made.previous ? ", before: " : "", made.previous);
    else
        printf("%s version %s is current already\n", c->word[0], made.version);
    registry_result_release(&made);
    return 0;
}

/* ---- verify --------------------------------------------------------------------------------- */

struct tally {
    size_t good, bad;
    json_t *list; /* of --json */
    struct err first;
};

/* As a package that the key has signed: it is fetched for that. */
static int check_signed(const struct call *c, const char *name, const char *version, struct err *e)
{
    char *dir;
    int rc = make_scratch("refit-models", &dir, e);
    if (rc)
        return rc;
    char *path = str_format("%s/models.tar", dir);
    rc = models_fetch(c, name, version, path, NULL, e);
    remove_tree(dir);
    free(path);
    free(dir);
    return rc;
}

static void judge(const struct call *c, const char *name, const char *version, struct tally *t)
{
    struct err e = { 0 };
    int rc = c->key ? check_signed(c, name, version, &e)
                    : registry_fetch(&c->registry, name, version, NULL, &e);
    *(rc ? &t->bad : &t->good) += 1;
    if (rc && t->first.code == 0)
        t->first = e;
    if (c->json)
        json_array_append_new(t->list, json_pack("{s:s, s:s, s:b, s:o?}", "name", name, "version",
                                                 version, "good", rc == 0, "error",
                                                 rc ? jsonfile_string(e.text) : NULL));
    else
        printf("%-4s  %s version %s%s%s\n", rc ? "BAD" : "ok", name, version, rc ? ": " : "",
               rc ? e.text : "");
    fflush(stdout);
}

static int verify_model(const struct call *c, const char *name, const char *version,
                        struct tally *t, struct err *e)
{
    struct registry_version *v;
    size_t n;
    bool found = false;
    int rc = registry_versions(&c->registry, name, &v, &n, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++) {
        if (version && strcmp(version, v[i].version) != 0)
            continue;
        found = true;
        if (v[i].whole || v[i].current || version)
            judge(c, name, v[i].version, t);
    }
    registry_versions_free(v, n);
    return found ? 0
                 : err_set(e, ERR_DATA, "'%s' has no version%s%s here", name, version ? " " : "",
                           version ? version : "");
}

int models_verify(const struct call *c, struct err *e)
{
    struct tally t = { .list = json_array() };
    char **name = NULL;
    size_t n = 0;
    int rc = 0;
    if (c->n_word)
        rc = verify_model(c, c->word[0], c->n_word > 1 ? c->word[1] : NULL, &t, e);
    else
        rc = registry_models(&c->registry, &name, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++)
        rc = verify_model(c, name[i], NULL, &t, e);
    mem_free_texts(name, n);
    if (rc == 0 && c->json)
        models_print(json_incref(t.list));
    json_decref(t.list);
    if (rc == 0 && t.bad)
        rc = err_set(e, t.first.code, "%zu of %zu packages are not good; the first: %s", t.bad,
                     t.bad + t.good, t.first.text);
    return rc;
}

/* ---- prune ---------------------------------------------------------------------------------- */

/* May this version go? `newer` whole versions are newer. */
static bool may_go(const struct call *c, const struct registry_version *v, int64_t newer,
                   int64_t now)
{
    enum { UNFINISHED_S = 24 * 3600 }; /* as long as a publisher may be at work */
    int64_t age = now - v->modified_s;
    if (v->current)
        return false;
    if (!v->whole)
        return age > UNFINISHED_S;
    return newer >= c->keep && (c->older_s < 0 || age > c->older_s);
}

static int compare_age(const void *a, const void *b)
{
    const struct registry_version *x = a, *y = b;
    return x->modified_s < y->modified_s ? 1 : x->modified_s > y->modified_s ? -1 : 0;
}

int models_prune(const struct call *c, struct err *e)
{
    struct registry_version *v;
    size_t n, gone = 0;
    int64_t newer = 0, now = (int64_t)time(NULL);
    json_t *list;
    int rc;
    if (c->keep == 0)
        return err_set(e, ERR_USAGE, "--keep is missing: how many versions stay, the newest");
    if ((rc = registry_versions(&c->registry, c->word[0], &v, &n, e)))
        return rc;
    if (n == 0)
        return err_set(e, ERR_DATA, "'%s' has no version here", c->word[0]);
    qsort(v, n, sizeof *v, compare_age); /* a version that VERSION names has no number */
    list = json_array();
    for (size_t i = 0; rc == 0 && i < n; i++) {
        bool goes = may_go(c, &v[i], newer, now);
        newer += v[i].whole;
        if (!goes)
            continue;
        if (!c->dry_run)
            rc = registry_remove(&c->registry, c->word[0], v[i].version, e);
        if (rc == 0)
            json_array_append_new(list, json_string(v[i].version));
        if (rc == 0 && !c->json)
            printf("%s version %s %s\n", c->word[0], v[i].version,
                   c->dry_run ? "would be taken away" : "is taken away");
        gone++;
    }
    if (rc == 0 && c->json)
        models_print(json_pack("{s:s, s:b, s:O}", "name", c->word[0], "dry_run", c->dry_run,
                               "removed", list));
    else if (rc == 0 && gone == 0)
        printf("nothing to take away: %zu version%s\n", n, n == 1 ? "" : "s");
    json_decref(list);
    registry_versions_free(v, n);
    return rc;
}

/* ---- keys ----------------------------------------------------------------------------------- */

int models_keys(const struct call *c, struct err *e)
{
    char *secret = str_format("%s.key", c->word[0]), *public = str_format("%s.pub", c->word[0]);
    int rc = minisign_generate(c->word[0], e);
    if (rc == 0 && c->json)
        models_print(json_pack("{s:o, s:o}", "secret", jsonfile_string(secret), "public",
                               jsonfile_string(public)));
    else if (rc == 0)
        printf("%s signs (package --sign_key): keep it to yourself; %s checks: give it to all who "
               "pull\n",
               secret, public);
    free(public);
    free(secret);
    return rc;
}
