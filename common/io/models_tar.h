#ifndef IO_MODELS_TAR_H
#define IO_MODELS_TAR_H

#include <jansson.h>

#include "base/err.h"
#include "io/tarfile.h"

/* models.tar (docs/formats.md, "models.tar"): manifest.json lists every other member with its size
 * and SHA-256; PACKAGE_SIGNATURE, if it is there, signs manifest.json (minisign.h). */

#define PACKAGE_SIGNATURE "manifest.json.minisig"

/** What refit-models pull writes beside the members in a directory. */
#define PACKAGE_PULLED "model_folder_metadata.csv"

/** All zeros is empty. */
struct package {
    json_t *manifest;       /* owned */
    struct tarfile members; /* names, sizes, hashes */
    const char *version;    /* of VERSION; NULL without one; borrowed from manifest */
};

/**
 * Read a package and hold every member against its manifest.
 *   dir     write the members below it, as tarfile_read does; NULL: check only
 *   key     file with the public key that must have signed it; NULL: a signature is not looked at
 *   errors  ERR_IO; ERR_DATA: what tarfile_read refuses, no or a damaged manifest, a member that is
 * missing, too many, or not what the manifest says; with `key`, not signed by it
 */
int package_read(struct package *p, const char *path, const char *dir, const char *key,
                 struct err *e);

/** The same of members that lie in a directory: each that manifest.json lists, there or ERR_DATA.
 * `members` stays empty. ERR_DATA, too, if there is a file that manifest.json does not list, unless
 * its name (without a directory) is `own`; with `key`, if it has not signed manifest.json. */
int package_read_directory(struct package *p, const char *dir, const char *own, const char *key,
                           struct err *e);
void package_release(struct package *p);

#endif
