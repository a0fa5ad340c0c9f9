#ifndef IO_STORE_INNER_H
#define IO_STORE_INNER_H

#include "io/store.h"

/* What a kind of store has to do; nobody but store*.c needs it. Each function has the contract of
 * its namesake in store.h. */
struct store_kind {
    void (*close)(struct store *s); /* frees s and its name */
    int (*read)(struct store *s, const char *key, size_t max, char **out, size_t *out_n,
                struct store_object *about, struct err *e);
    int (*look)(struct store *s, const char *key, bool *out_found, struct store_object *about,
                struct err *e);
    int (*fetch)(struct store *s, const char *key, const char *path, const char *sha256,
                 struct err *e);
    int (*put)(struct store *s, const char *key, const struct store_source *from,
               enum store_when when, const char *tag, bool *out_done, struct store_object *about,
               struct err *e);
    int (*prepare)(struct store *s, const char *key, const struct store_source *from,
                   const char *twin, struct store_pending **out, struct err *e);
    int (*finish)(struct store_pending *p, struct store_object *about, struct err *e);
    void (*abandon)(struct store_pending *p);
    int (*remove)(struct store *s, const char *key, struct err *e);
    int (*list)(struct store *s, const char *prefix, char ***out, size_t *out_n, struct err *e);
    int (*lock)(struct store *s, const char *prefix, bool *out_held, struct err *e);
    void (*unlock)(struct store *s);
};

/** First member of every kind's own struct. */
struct store {
    const struct store_kind *kind;
    char *name; /* owned */
};

/** First member of every kind's own. */
struct store_pending {
    struct store *s;
};

int store_s3_open(struct store **out, const char *url, struct err *e);

#endif
