#include "io/minisign.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/outfile.h"

enum {
    ID = 8, /* bytes that name a key */
    PUBLIC = 2 + ID + crypto_sign_PUBLICKEYBYTES,
    SIGNATURE = 2 + ID + crypto_sign_BYTES,
    /* algorithms of signature, password, checksum; salt and limits of the password */
    SECRET_HEAD = 2 + 2 + 2 + 32 + 8 + 8,
    SECRET = SECRET_HEAD + ID + crypto_sign_SECRETKEYBYTES + 32,
    DIGEST = crypto_generichash_BYTES_MAX, /* 64: BLAKE2b-512 */
    FILE_MAX = 4096,
};

static int ready(struct err *e)
{
    return sodium_init() < 0 ? err_set(e, ERR_INTERNAL, "libsodium cannot start") : 0;
}

static int read_file(const char *path, char out[FILE_MAX], struct err *e)
{
    int rc = 0;
    FILE *f = fopen(path, "re");
    if (!f)
        return err_sys(e, "cannot open '%s'", path);
    size_t n = fread(out, 1, FILE_MAX - 1, f);
    if (ferror(f))
        rc = err_sys(e, "cannot read '%s'", path);
    fclose(f);
    out[n] = '\0';
    return rc;
}

/* Line number `which` (from 0) of a text: its start, *out_n its length; NULL if there is none. */
static const char *line_of(const char *text, size_t which, size_t *out_n)
{
    for (; which > 0; which--) {
        text = strchr(text, '\n');
        if (!text)
            return NULL;
        text++;
    }
    *out_n = strcspn(text, "\r\n");
    return text;
}

/* Exactly n bytes of base64 on a line. */
static bool decode(const char *text, size_t line, uint8_t *out, size_t n)
{
    size_t n_line, got;
    const char *start = line_of(text, line, &n_line), *end;
    return start &&
           sodium_base642bin(out, n, start, n_line, NULL, &got, &end,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           got == n && end == start + n_line;
}

static void encode(struct str *out, const uint8_t *bytes, size_t n)
{
    char text[sodium_base64_ENCODED_LEN(SECRET, sodium_base64_VARIANT_ORIGINAL)];
    sodium_bin2base64(text, sizeof text, bytes, n, sodium_base64_VARIANT_ORIGINAL);
    str_addz(out, text);
    str_addc(out, '\n');
}

/* ---- keys ----------------------------------------------------------------------------------- */

static void checksum(const uint8_t *secret, uint8_t out[32])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, 32);
    crypto_generichash_update(&state, secret, 2);
    crypto_generichash_update(&state, secret + SECRET_HEAD, ID + crypto_sign_SECRETKEYBYTES);
    crypto_generichash_final(&state, out, 32);
}

static int read_secret(const char *path, uint8_t out[SECRET], struct err *e)
{
    char text[FILE_MAX];
    uint8_t sum[32], seed[crypto_sign_SEEDBYTES], public[crypto_sign_PUBLICKEYBYTES],
        again[crypto_sign_SECRETKEYBYTES];
    const uint8_t *key = out + SECRET_HEAD + ID;
    int rc = read_file(path, text, e);
    bool whole = rc == 0 && decode(text, 1, out, SECRET) && memcmp(out, "Ed", 2) == 0 &&
                 memcmp(out + 4, "B2", 2) == 0;
    sodium_memzero(text, sizeof text);
    if (rc)
        return rc;
    if (!whole)
        return err_set(e, ERR_DATA, "'%s' is no secret key of minisign", path);
    if (out[2] || out[3])
        return err_set(e, ERR_DATA,
                       "'%s' has a password: want a key without one (minisign -G -W, or "
                       "refit-models keys)",
                       path);
    checksum(out, sum);
    crypto_sign_ed25519_sk_to_seed(seed, key);
    crypto_sign_seed_keypair(public, again, seed);
    if ((!sodium_is_zero(out + SECRET - 32, 32) && memcmp(sum, out + SECRET - 32, 32) != 0) ||
        memcmp(again, key, sizeof again) != 0) /* minisign leaves the sum of such a key at 0 */
        rc = err_set(e, ERR_DATA, "'%s' is damaged: its checksum does not agree", path);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(again, sizeof again);
    return rc;
}

static int write_new(const char *path, const char *text, mode_t mode, struct err *e)
{
    int rc = 0, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    size_t n = strlen(text);
    if (fd < 0)
        return err_sys(e, "cannot create '%s'", path);
    if (write(fd, text, n) != (ssize_t)n || fsync(fd) < 0)
        rc = err_sys(e, "cannot write '%s'", path);
    if (close(fd) < 0 && rc == 0)
        rc = err_sys(e, "cannot close '%s'", path);
    if (rc == 0)
        return outfile_sync_parent(path, e);
    unlink(path);
    return rc;
}

static uint64_t id_number(const uint8_t *id)
{
    uint64_t n = 0;
    for (size_t i = ID; i-- > 0;)
        n = n << 8 | id[i];
    return n;
}

int minisign_generate(const char *prefix, struct err *e)
{
    uint8_t secret[SECRET] = "Ed", public[PUBLIC] = "Ed";
    uint8_t *id = secret + SECRET_HEAD, *key = id + ID;
    struct str text = { 0 };
    char *path = str_format("%s.pub", prefix);
    int rc = ready(e);
    if (rc == 0 && access(path, F_OK) == 0) {
        errno = EEXIST;
        rc = err_sys(e, "cannot create '%s'", path);
    }
    if (rc)
        goto out;
    secret[4] = 'B'; /* BLAKE2b */
    secret[5] = '2';
    randombytes_buf(id, ID);
    crypto_sign_keypair(public + 2 + ID, key);
    memcpy(public + 2, id, ID);
    checksum(secret, secret + SECRET - 32);
    str_addz(&text, "untrusted comment: minisign unencrypted secret key\n");
    encode(&text, secret, SECRET);
    char *secret_path = str_format("%s.key", prefix);
    rc = write_new(secret_path, str_text(&text), 0600, e);
    free(secret_path);
    sodium_memzero(text.text, text.n);
    str_clear(&text);
    str_addf(&text, "untrusted comment: minisign public key %016" PRIX64 "\n", id_number(id));
    encode(&text, public, PUBLIC);
    if (rc == 0)
        rc = write_new(path, str_text(&text), 0666, e);
out:
    sodium_memzero(secret, sizeof secret);
    str_release(&text);
    free(path);
    return rc;
}

/* ---- signatures ----------------------------------------------------------------------------- */

static const char TRUSTED[] = "trusted comment: ";

static void digest(const void *bytes, size_t n, uint8_t out[DIGEST])
{
    crypto_generichash(out, DIGEST, bytes, n, NULL, 0);
}

/* What the second signature signs: the first, then the comment. Owned by the caller. */
static uint8_t *global_text(const uint8_t *signature, const char *comment, size_t n)
{
    uint8_t *all = mem_calloc(crypto_sign_BYTES + n, 1);
    memcpy(all, signature, crypto_sign_BYTES);
    memcpy(all + crypto_sign_BYTES, comment, n);
    return all;
}

int minisign_sign(const char *secret_key, const void *bytes, size_t n, const char *comment,
                  char **out, struct err *e)
{
    uint8_t secret[SECRET], signature[SIGNATURE] = "ED", global[crypto_sign_BYTES], sum[DIGEST];
    const uint8_t *id = secret + SECRET_HEAD, *key = id + ID;
    struct str text = { 0 };
    int rc = ready(e);
    if (rc || (rc = read_secret(secret_key, secret, e)))
        goto out;
    digest(bytes, n, sum);
    memcpy(signature + 2, id, ID);
    crypto_sign_detached(signature + 2 + ID, NULL, sum, DIGEST, key);
    uint8_t *all = global_text(signature + 2 + ID, comment, strlen(comment));
    crypto_sign_detached(global, NULL, all, crypto_sign_BYTES + strlen(comment), key);
    free(all);
    str_addf(&text, "untrusted comment: signature by key %016" PRIX64 "\n", id_number(id));
    encode(&text, signature, SIGNATURE);
    str_addf(&text, "%s%s\n", TRUSTED, comment);
    encode(&text, global, sizeof global);
    *out = str_take(&text);
out:
    sodium_memzero(secret, sizeof secret);
    return rc;
}

static int read_public(const char *path, uint8_t out[PUBLIC], struct err *e)
{
    char text[FILE_MAX];
    int rc = ready(e);
    if (rc || (rc = read_file(path, text, e)))
        return rc;
    return decode(text, 1, out, PUBLIC) && memcmp(out, "Ed", 2) == 0
               ? 0
               : err_set(e, ERR_DATA, "'%s' is no public key of minisign", path);
}

int minisign_check_public(const char *public_key, struct err *e)
{
    uint8_t public[PUBLIC];
    return read_public(public_key, public, e);
}

int minisign_verify(const char *public_key, const void *bytes, size_t n, const char *signature,
                    size_t n_signature, struct err *e)
{
    uint8_t public[PUBLIC], sign[SIGNATURE], global[crypto_sign_BYTES], sum[DIGEST];
    const uint8_t *key = public + 2 + ID;
    size_t n_comment;
    int rc = read_public(public_key, public, e);
    if (rc)
        return rc;
    char *own = mem_strndup(signature, n_signature);
    const char *comment = line_of(own, 2, &n_comment);
    if (!comment || n_comment < strlen(TRUSTED) || !str_starts(comment, TRUSTED) ||
        !decode(own, 1, sign, SIGNATURE) || !decode(own, 3, global, sizeof global) ||
        memcmp(sign, "ED", 2) != 0) {
        rc = err_set(e, ERR_DATA, "the signature is damaged: want the four lines of minisign");
        goto out;
    }
    if (memcmp(sign + 2, public + 2, ID) != 0) {
        rc = err_set(e, ERR_DATA, "signed by key %016" PRIX64 ", '%s' is key %016" PRIX64,
                     id_number(sign + 2), public_key, id_number(public + 2));
        goto out;
    }
    digest(bytes, n, sum);
    n_comment -= strlen(TRUSTED);
    uint8_t *all = global_text(sign + 2 + ID, comment + strlen(TRUSTED), n_comment);
    if (crypto_sign_verify_detached(sign + 2 + ID, sum, DIGEST, key) != 0 ||
        crypto_sign_verify_detached(global, all, crypto_sign_BYTES + n_comment, key) != 0)
        rc = err_set(e, ERR_DATA, "the signature is not of this text and key '%s'", public_key);
    free(all);
out:
    free(own);
    return rc;
}
