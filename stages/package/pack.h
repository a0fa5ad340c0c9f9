#ifndef PACKAGE_PACK_H
#define PACKAGE_PACK_H

#include <jansson.h>

#include "base/opt.h"
#include "io/tarfile.h"

/* The members of a package before it is written. */

struct params {
    const char *model, *metrics, *report, *version, *table, *sign_key, *package;
    struct opt_list extra, include, exclude;
};

/** The members so far; the texts that they point at belong to `owned`. All zeros is none. */
struct pack {
    struct tarfile_member *member; /* (n) */
    size_t n;
    char **owned; /* (n_owned) */
    size_t n_owned;
};
void pack_release(struct pack *p);

/** Take over a text; returns it. */
char *pack_own(struct pack *p, char *text);

/** A further member, hashed. ERR_DATA: its name is not plain, or there already. */
int pack_add(struct pack *p, struct tarfile_member m, struct err *e);

/** The same of a text or a document; the text is taken over, the document borrowed. */
int pack_text(struct pack *p, const char *name, char *text, struct err *e);
int pack_json(struct pack *p, const char *name, json_t *doc, struct err *e);

/** The files of --extra, and those in directories, by --include and --exclude. */
int pack_extras(struct pack *p, const struct params *in, struct err *e);

#endif
