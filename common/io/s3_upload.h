#ifndef IO_S3_UPLOAD_H
#define IO_S3_UPLOAD_H

#include "io/s3.h"

/* An object in parts (multipart upload): what has arrived stays there when the program or the
 * server is stopped, and the next program that uploads the same bytes to the same key goes on with
 * it. No state is kept on our side: the server is asked for uploads of that key, and one is gone on
 * with if every part that it has is ours by size and MD5. Nothing is under the key before the
 * upload is complete. The object's mark is its SHA-256: whoever completed it, it is known by that.
 */

struct s3_upload;

/**
 * Hash the source, find an upload that was broken off or begin one, send all parts.
 *
 *   errors  ERR_DATA: the source is not as from->sha256 says. What has arrived stays, for the next
 *           one; it counts as abandoned after a day (s3_sweep)
 */
int s3_upload_begin(struct s3_upload **out, struct s3 *s, const char *key,
                    const struct store_source *from, struct err *e);

/** Make it the object, if the condition holds (as store_put; `about` is not NULL). `u` is gone
 * afterwards, on error too. */
int s3_upload_finish(struct s3_upload *u, enum store_when when, const char *tag, bool *out_done,
                     struct store_object *about, struct err *e);

/** Give it up: the parts are taken away. NULL is fine. */
void s3_upload_abort(struct s3_upload *u);

/** Take away uploads below `prefix` that were begun more than a day ago; errors are not told. */
void s3_sweep(struct s3 *s, const char *prefix);

#endif
