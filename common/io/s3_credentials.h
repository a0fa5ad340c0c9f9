#ifndef IO_S3_CREDENTIALS_H
#define IO_S3_CREDENTIALS_H

#include "base/err.h"
#include "io/s3_sign.h"

/**
 * Find the keys that sign, in this order:
 *   1. AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, with AWS_SESSION_TOKEN if it is set;
 *   2. AWS_ACCESS and AWS_SECRET_KEY, as older set-ups call them, with AWS_SESSION_TOKEN;
 *   3. the profile `profile` (NULL: AWS_PROFILE, else "default") in the file that
 *      AWS_SHARED_CREDENTIALS_FILE names, else ~/.aws/credentials.
 * A profile that is asked for goes before the environment.
 *
 *   errors  ERR_IO: there are none, one of a pair is missing, the file or the profile in it cannot
 *           be read. No message holds a key.
 */
int s3_credentials(struct s3_keys *out, const char *profile, struct err *e);

/** Keys of one profile from the text of a credentials file: INI, "[name]", "key = value", "#" or
 * ";" at the start of a line is a comment. *out_found: there is such a profile. ERR_IO with the
 * line that cannot be read; `path` is what messages call the text. */
int s3_credentials_parse(struct s3_keys *out, const char *path, const char *text,
                         const char *profile, bool *out_found, struct err *e);

#endif
