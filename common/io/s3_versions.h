#ifndef IO_S3_VERSIONS_H
#define IO_S3_VERSIONS_H

#include "io/s3.h"

/**
 * Did a version that was just stored in a versioned bucket replace what it was to replace? There
 * radosgw 16 lets every If-None-Match pass and no If-Match, but all versions are kept in their
 * order: of several one alone comes right after what the condition names (nothing, or the version
 * with `tag`). Any other is taken away again here, and *out_done becomes false.
 *
 *   version  of ours, not empty
 *   errors   ERR_IO if ours cannot be taken away. One who may not list versions is told that it is
 *            well: a server that heeds conditions has decided already
 */
int s3_settle(struct s3 *s, const char *key, const char *version, enum store_when when,
              const char *tag, bool *out_done, struct err *e);

#endif
