#ifndef NUM_HASH_H
#define NUM_HASH_H

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* SHA-256 (FIPS 180-4), by nettle. */

enum { HASH_HEX = 2 * SHA256_DIGEST_SIZE + 1 }; /* bytes of the hexadecimal text with its NUL */

struct hash {
    struct sha256_ctx ctx;
};

void hash_init(struct hash *h);
void hash_add(struct hash *h, const void *bytes, size_t n);

/** Length (8 bytes, little endian) then the text: so that ("ab","c") and ("a","bc") differ. */
void hash_add_text(struct hash *h, const char *text);

/** Write the lower-case hexadecimal digest; h is ready for the next message afterwards. */
void hash_hex(struct hash *h, char out_hex[HASH_HEX]);

/** As hash_hex, the digest as it is. */
void hash_raw(struct hash *h, uint8_t out[SHA256_DIGEST_SIZE]);

/** Digest of n bytes. */
void hash_bytes(const void *bytes, size_t n, char out_hex[HASH_HEX]);

/**
 * Digest of a regular file's content. ERR_IO if it cannot be opened or read or is no regular file.
 * `out_size` may be NULL.
 */
int hash_file(const char *path, char out_hex[HASH_HEX], uint64_t *out_size, struct err *e);

#endif
