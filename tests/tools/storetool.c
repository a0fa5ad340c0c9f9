/* storetool URL COMMAND ...: what a store does (common/io/store.h), by hand and for tests.
 *
 *   put KEY FILE [new | same TAG]   prints "done" or "not done", tag and version
 *   replace KEY FILE [TWIN]         prepare and finish
 *   get KEY FILE [SHA256]
 *   read KEY                        at most 1 MiB, to standard output
 *   look KEY                        prints size, tag, version; "absent"
 *   list PREFIX                     a name a line
 *   remove KEY
 *   lock PREFIX                     takes away what is abandoned
 *
 * SHA256 in the environment: of FILE, which is then not read for it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/event.h"
#include "base/mem.h"
#include "io/store.h"
#include "num/hash.h"

static void show(const struct store_object *o)
{
    printf(" %" PRIu64 " %s %s\n", o->size, o->tag, *o->version ? o->version : "-");
}

static int digest(const char *path, char out_hex[HASH_HEX], struct err *e)
{
    const char *known = getenv("SHA256");
    if (!known || strlen(known) + 1 != HASH_HEX)
        return hash_file(path, out_hex, NULL, e);
    memcpy(out_hex, known, HASH_HEX);
    return 0;
}

static int put(struct store *s, int n, char **arg, struct err *e)
{
    struct store_source from = { .path = arg[1] };
    struct store_object about = { 0 };
    enum store_when when = STORE_ALWAYS;
    char hex[HASH_HEX];
    bool done;
    int rc;
    if (n > 2)
        when = strcmp(arg[2], "new") == 0 ? STORE_IF_NEW : STORE_IF_SAME;
    from.sha256 = hex;
    if ((rc = digest(arg[1], hex, e)) ||
        (rc = store_put(s, arg[0], &from, when, n > 3 ? arg[3] : NULL, &done, &about, e)))
        return rc;
    printf("%s", done ? "done" : "not done\n");
    if (done)
        show(&about);
    return 0;
}

static int replace(struct store *s, int n, char **arg, struct err *e)
{
    struct store_source from = { .path = arg[1] };
    struct store_object about = { 0 };
    struct store_pending *p = NULL;
    char hex[HASH_HEX];
    int rc;
    from.sha256 = hex;
    if ((rc = digest(arg[1], hex, e)) ||
        (rc = store_prepare(s, arg[0], &from, n > 2 ? arg[2] : NULL, &p, e)) ||
        (rc = store_finish(p, &about, e)))
        return rc;
    printf("done");
    show(&about);
    return 0;
}

static int read_text(struct store *s, const char *key, struct err *e)
{
    char *text;
    size_t n;
    int rc = store_read(s, key, 1 << 20, &text, &n, NULL, e);
    if (rc == 0 && !text)
        return err_set(e, ERR_DATA, "'%s' is not there", key);
    if (rc == 0)
        fwrite(text, 1, n, stdout);
    free(text);
    return rc;
}

static int look(struct store *s, const char *key, struct err *e)
{
    struct store_object about = { 0 };
    bool found;
    int rc = store_look(s, key, &found, &about, e);
    if (rc)
        return rc;
    printf("%s", found ? "there" : "absent\n");
    if (found)
        show(&about);
    return 0;
}

static int list(struct store *s, const char *prefix, struct err *e)
{
    char **name;
    size_t n;
    int rc = store_list(s, prefix, &name, &n, e);
    if (rc)
        return rc;
    for (size_t i = 0; i < n; i++)
        puts(name[i]);
    mem_free_texts(name, n);
    return 0;
}

static int lock(struct store *s, const char *prefix, struct err *e)
{
    bool held;
    int rc = store_lock(s, prefix, &held, e);
    if (rc == 0)
        puts(held ? "held" : "not held");
    store_unlock(s);
    return rc;
}

static int run(struct store *s, const char *what, int n, char **arg, struct err *e)
{
    if (strcmp(what, "put") == 0 && n >= 2)
        return put(s, n, arg, e);
    if (strcmp(what, "replace") == 0 && n >= 2)
        return replace(s, n, arg, e);
    if (strcmp(what, "get") == 0 && n >= 2)
        return store_fetch(s, arg[0], arg[1], n > 2 ? arg[2] : NULL, e);
    if (strcmp(what, "read") == 0 && n == 1)
        return read_text(s, arg[0], e);
    if (strcmp(what, "look") == 0 && n == 1)
        return look(s, arg[0], e);
    if (strcmp(what, "list") == 0 && n == 1)
        return list(s, arg[0], e);
    if (strcmp(what, "remove") == 0 && n == 1)
        return store_remove(s, arg[0], e);
    if (strcmp(what, "lock") == 0 && n == 1)
        return lock(s, arg[0], e);
    return err_set(e, ERR_USAGE, "usage: store URL COMMAND ...");
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct store *s = NULL;
    if (argc < 3)
        err_set(&e, ERR_USAGE, "usage: store URL COMMAND ...");
    else if (store_open(&s, argv[1], &e) == 0)
        run(s, argv[2], argc - 3, argv + 3, &e);
    store_close(s);
    event_close();
    return err_report(&e, "store");
}
