#ifndef IO_YAML_H
#define IO_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* The strict YAML that our files are written in: mappings with scalar keys, sequences, scalars. A
 * scalar is text; the schema of the reader types it (yaml_int, yaml_real, ...), not its spelling.
 * Refused with file:line:column: duplicate key, anchor, alias, tag, merge key, a second document,
 * nesting over 64, a file over 16 MiB. Parsed by libyaml. */

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/** One node. All of a tree lies in one arena, which goes with the root (yaml_release). */
struct yaml {
    enum yaml_kind kind;
    bool quoted;         /* scalar: written in quotes or as a block, so that "" and null differ */
    const char *file;    /* as given to yaml_read */
    size_t line, column; /* from 1 */
    const char *text;    /* scalar; "" in lists and maps */
    size_t n;            /* list, map: number of items */
    struct yaml **key;   /* map: n scalars */
    struct yaml **item;  /* list, map: n values */
    struct arena *arena; /* of the tree */
    char own[];          /* what `text` shows */
};

/** A new node in the arena of a tree, with a copy of the n bytes of its text, without items. */
struct yaml *yaml_node(struct arena *arena, enum yaml_kind kind, const char *text, size_t n);

/** Append an item, in a map with its key, both of the same tree. */
void yaml_append(struct yaml *to, struct yaml *key, struct yaml *item);

/** Parse a file. `*out` is a new tree, to be freed by yaml_release. ERR_USAGE (bad YAML), ERR_IO.
 */
int yaml_read(struct yaml **out, const char *path, struct err *e);

/** Parse n bytes; `name` stands for the file in messages. */
int yaml_parse(struct yaml **out, const char *name, const char *bytes, size_t n, struct err *e);

/** Free a whole tree by its root; NULL is harmless. Not called yaml_free: libyaml exports a
 * function of that name. */
void yaml_release(struct yaml *root);

/** "file:line:column: text" with ERR_USAGE. */
int yaml_fail(const struct yaml *at, struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/** The value of a key of a map; NULL if absent (or `map` is NULL). */
struct yaml *yaml_get(const struct yaml *map, const char *key);

/** The node is a map and has only these keys (NULL-terminated): else an error at the key, with a
 * did-you-mean. */
int yaml_only(const struct yaml *map, const char *what, const char *const *keys, struct err *e);

/** Is it an unquoted "", "~" or "null"? */
bool yaml_is_null(const struct yaml *node);

/* Typed values of a scalar; an error at the node names the key's meaning (`what`), found and
 * wanted. */
int yaml_text(const struct yaml *node, const char *what, const char **out,
              struct err *e); /* borrowed */
int yaml_int(const struct yaml *node, const char *what, long long min, long long max,
             long long *out, struct err *e);
int yaml_real(const struct yaml *node, const char *what, double min, double max, double *out,
              struct err *e);
int yaml_bool(const struct yaml *node, const char *what, bool *out, struct err *e);
int yaml_choice(const struct yaml *node, const char *what, const char *const *choice, size_t *out,
                struct err *e);

#endif
