#ifndef IO_MINISIGN_H
#define IO_MINISIGN_H

#include <stddef.h>

#include "base/err.h"

/* Ed25519 signatures (RFC 8032) in the files of minisign (jedisct1.github.io/minisign, "Signature
 * format", "Public key format", "Secret key format"), by libsodium: what we sign `minisign -V`
 * verifies, and the other way round. The text is hashed first (BLAKE2b-512, algorithm "ED"). The
 * same text and key give the same signature. */

/**
 * Sign n bytes.
 *   secret_key  file of `minisign -G -W`, or of minisign_generate: without a password
 *   comment     stands in the signature and is signed with it; one line
 *   out         the text of the signature file, owned by the caller
 *   errors      ERR_IO; ERR_DATA: no secret key, a damaged one, one with a password
 */
int minisign_sign(const char *secret_key, const void *bytes, size_t n, const char *comment,
                  char **out, struct err *e);

/**
 * Check a signature file's text.
 *   errors  ERR_IO; ERR_DATA: no public key; another key signed; the bytes or the comment are not
 *           those that were signed
 */
int minisign_verify(const char *public_key, const void *bytes, size_t n, const char *signature,
                    size_t n_signature, struct err *e);

/** Can this file check signatures? ERR_IO; ERR_DATA: it is no public key. */
int minisign_check_public(const char *public_key, struct err *e);

/** A new pair of keys: PREFIX.key, for the owner alone, and PREFIX.pub; neither may be there
 * (ERR_IO). */
int minisign_generate(const char *prefix, struct err *e);

#endif
