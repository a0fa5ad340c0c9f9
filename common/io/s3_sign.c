#define _DEFAULT_SOURCE /* explicit_bzero */
#include "io/s3_sign.h"

#include <nettle/base16.h>
#include <nettle/hmac.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "num/hash.h"

static const char algorithm[] = "AWS4-HMAC-SHA256";

void s3_keys_release(struct s3_keys *k)
{
    /* A core file or a neighbour that overruns its buffer need not find them. */
    if (k->secret)
        explicit_bzero(k->secret, strlen(k->secret));
    if (k->token)
        explicit_bzero(k->token, strlen(k->token));
    free(k->id);
    free(k->secret);
    free(k->token);
    free(k->source);
    *k = (struct s3_keys){ 0 };
}

void s3_encode(struct str *out, const char *text, size_t n, bool keep_slash)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digit[] = "0123456789ABCDEF";
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c && (memchr(plain, c, sizeof plain - 1) || (c == '/' && keep_slash))) {
            str_addc(out, (char)c);
        } else {
            str_addc(out, '%');
            str_addc(out, digit[c >> 4]);
            str_addc(out, digit[c & 15]);
        }
    }
}

void s3_query(struct str *out, const struct s3_pair *pair, size_t n)
{
    char **part = mem_calloc(n, sizeof *part);
    for (size_t i = 0; i < n; i++) {
        struct str s = { 0 };
        s3_encode(&s, pair[i].name, strlen(pair[i].name), false);
        str_addc(&s, '=');
        s3_encode(&s, pair[i].value, strlen(pair[i].value), false);
        part[i] = str_take(&s);
    }
    /* "=" comes before all that may follow it in a longer name but "-" and ".": S3 has none. */
    str_sort(part, n);
    for (size_t i = 0; i < n; i++) {
        if (i)
            str_addc(out, '&');
        str_addz(out, part[i]);
    }
    mem_free_texts(part, n);
}

/* Trimmed, runs of spaces as one. */
static void add_value(struct str *out, const char *value)
{
    bool space = false, any = false;
    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            space = true;
            continue;
        }
        if (space && any)
            str_addc(out, ' ');
        str_addc(out, *value);
        space = false;
        any = true;
    }
}

static void hmac(const uint8_t *key, size_t n_key, const char *text,
                 uint8_t out[SHA256_DIGEST_SIZE])
{
    struct hmac_sha256_ctx ctx;
    hmac_sha256_set_key(&ctx, n_key, key);
    hmac_sha256_update(&ctx, strlen(text), (const uint8_t *)text);
    hmac_sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
}

/* HMAC over date, region, service and "aws4_request", each the key of the next. */
static void signing_key(const struct s3_signing *s, const char *secret, const char *date,
                        uint8_t out[SHA256_DIGEST_SIZE])
{
    char *first = str_format("AWS4%s", secret);
    hmac((const uint8_t *)first, strlen(first), date, out);
    hmac(out, SHA256_DIGEST_SIZE, s->region, out);
    hmac(out, SHA256_DIGEST_SIZE, s->service, out);
    hmac(out, SHA256_DIGEST_SIZE, "aws4_request", out);
    explicit_bzero(first, strlen(first));
    free(first);
}

/* "host;x-amz-date" */
static void add_names(struct str *out, const struct s3_signing *s)
{
    for (size_t i = 0; i < s->n_header; i++)
        str_addf(out, "%s%s", i ? ";" : "", s->header[i].name);
}

static void hash_request(const struct s3_signing *s, char out_hex[HASH_HEX])
{
    struct str r = { 0 };
    str_addf(&r, "%s\n%s\n%s\n", s->method, s->path, s->query);
    for (size_t i = 0; i < s->n_header; i++) {
        str_addf(&r, "%s:", s->header[i].name);
        add_value(&r, s->header[i].value);
        str_addc(&r, '\n');
    }
    str_addc(&r, '\n');
    add_names(&r, s);
    str_addf(&r, "\n%s", s->payload);
    hash_bytes(r.text, r.n, out_hex);
    str_release(&r);
}

char *s3_sign(const struct s3_signing *s, const struct s3_keys *k)
{
    char request[HASH_HEX], hex[HASH_HEX] = "", date[9] = "";
    uint8_t key[SHA256_DIGEST_SIZE];
    struct str out = { 0 };

    memcpy(date, s->time, sizeof date - 1);
    char *scope = str_format("%s/%s/%s/aws4_request", date, s->region, s->service);
    hash_request(s, request);
    char *text = str_format("%s\n%s\n%s\n%s", algorithm, s->time, scope, request);
    signing_key(s, k->secret, date, key);
    hmac(key, sizeof key, text, key);
    base16_encode_update(hex, sizeof key, key);
    str_addf(&out, "%s Credential=%s/%s, SignedHeaders=", algorithm, k->id, scope);
    add_names(&out, s);
    str_addf(&out, ", Signature=%s", hex);
    free(text);
    free(scope);
    return str_take(&out);
}
