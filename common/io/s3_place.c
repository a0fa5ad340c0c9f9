#include "io/s3_place.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "io/s3_sign.h"

/* What the parameters say before anything is derived from them. */
struct wish {
    char *endpoint, *style; /* owned; NULL */
};

enum { MIB = 1 << 20 };

/* ---- values --------------------------------------------------------------------------------- */

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* NULL: a "%" without two digits behind it, or %00. */
static char *decode(const char *text, size_t n)
{
    struct str s = { 0 };
    for (size_t i = 0; i < n; i++) {
        int high, low;
        if (text[i] != '%') {
            str_addc(&s, text[i]);
            continue;
        }
        if (i + 2 >= n || (high = digit(text[i + 1])) < 0 || (low = digit(text[i + 2])) < 0 ||
            high + low == 0) {
            str_release(&s);
            return NULL;
        }
        str_addc(&s, (char)(high << 4 | low));
        i += 2;
    }
    return str_take(&s);
}

/* A size in bytes: 8388608, 8192K, 8M, 1G. */
static bool to_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    static const char unit[] = "KMG";
    size_t n = strlen(text);
    const char *u = n ? strchr(unit, text[n - 1]) : NULL;
    char *number = mem_strndup(text, u ? n - 1 : n);
    long long value;
    bool ok = str_to_int(number, &value) && value >= 0 && value <= (1LL << 33);
    free(number);
    if (!ok)
        return false;
    *out = (uint64_t)value << (u ? 10 * (u - unit + 1) : 0);
    return *out >= min && *out <= max;
}

static bool to_count(const char *text, int min, int max, int *out)
{
    long long value;
    if (!str_to_int(text, &value) || value < min || value > max)
        return false;
    *out = (int)value;
    return true;
}

static void replace(char **to, const char *value)
{
    free(*to);
    *to = mem_strdup(value);
}

/* NULL if the value will do, else what was wanted; "" if there is no such parameter. */
static const char *set(struct s3_place *p, struct wish *w, const char *name, const char *value)
{
    if (strcmp(name, "endpoint") == 0)
        return replace(&w->endpoint, value), *value ? NULL : "https://HOST[:PORT]";
    if (strcmp(name, "region") == 0)
        return replace(&p->region, value), *value ? NULL : "a name";
    if (strcmp(name, "profile") == 0)
        return replace(&p->profile, value), *value ? NULL : "a name";
    if (strcmp(name, "style") == 0) {
        replace(&w->style, value);
        return strcmp(value, "path") == 0 || strcmp(value, "host") == 0 ? NULL : "path or host";
    }
    if (strcmp(name, "verify") == 0)
        return str_to_bool(value, &p->verify) ? NULL : "true or false";
    if (strcmp(name, "md5") == 0)
        return str_to_bool(value, &p->md5) ? NULL : "true or false";
    if (strcmp(name, "attempts") == 0)
        return to_count(value, 1, 100, &p->attempts) ? NULL : "a whole number from 1 to 100";
    if (strcmp(name, "parallel") == 0)
        return to_count(value, 1, 16, &p->parallel) ? NULL : "a whole number from 1 to 16";
    if (strcmp(name, "connect_timeout") == 0)
        return to_count(value, 1, 3600, &p->connect_timeout_s) ? NULL : "seconds, from 1 to 3600";
    if (strcmp(name, "stall_timeout") == 0)
        return to_count(value, 1, 3600, &p->stall_timeout_s) ? NULL : "seconds, from 1 to 3600";
    if (strcmp(name, "part_size") == 0)
        return to_size(value, 1, 5ULL << 30, &p->part_size) ? NULL : "bytes (8M), at most 5G";
    if (strcmp(name, "parts_above") == 0)
        return to_size(value, 1, 5ULL << 30, &p->parts_above) ? NULL : "bytes (256M), at most 5G";
    if (strcmp(name, "max_rate") == 0)
        return to_size(value, 1, 1ULL << 40, &p->max_rate) ? NULL : "bytes per second (500K, 10M)";
    return "";
}

/* "NAME=VALUE&..." */
static int set_all(struct s3_place *p, struct wish *w, const char *query, struct err *e)
{
    for (size_t n; *query; query += n + (query[n] == '&')) {
        n = strcspn(query, "&");
        size_t n_name = strcspn(query, "=&");
        char *name = mem_strndup(query, n_name);
        char *value = n_name < n ? decode(query + n_name + 1, n - n_name - 1) : NULL;
        const char *wanted = value ? set(p, w, name, value) : "NAME=VALUE, percent-encoded";
        int rc = 0;
        if (wanted && !*wanted)
            rc = err_set(e, ERR_USAGE, "parameter '%s' is not known", name);
        else if (wanted)
            rc = err_set(e, ERR_USAGE, "parameter '%s' is '%s', want %s", name, value ? value : "",
                         wanted);
        free(value);
        free(name);
        if (rc)
            return rc;
    }
    return 0;
}

/* ---- the endpoint --------------------------------------------------------------------------- */

/* HOST[:PORT] in front of "/", the port left out where it is the scheme's own: what stands in the
 * header Host, and is signed. NULL: no such thing. */
static char *host_of(const char *text, size_t n, bool tls)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    char *host = mem_strndup(text, n);
    const char *ending = tls ? ":443" : ":80";
    if (n == 0 || strspn(host, plain) != n || host[0] == ':') {
        free(host);
        return NULL;
    }
    if (str_ends(host, ending))
        host[n - strlen(ending)] = '\0';
    return host;
}

static int use_endpoint(struct s3_place *p, const char *endpoint, bool in_host, struct err *e)
{
    bool tls = strncasecmp(endpoint, "https://", 8) == 0;
    const char *rest = endpoint + (tls ? 8 : 7);
    if (!tls && strncasecmp(endpoint, "http://", 7) != 0)
        return err_set(e, ERR_USAGE,
                       "endpoint '%s': want https://HOST[:PORT], or http:// for a server without "
                       "TLS",
                       strchr(endpoint, '@') ? "..." : endpoint);
    if (strchr(rest, '@')) /* not told again: what stands before it may be a password */
        return err_set(
            e, ERR_USAGE,
            "the endpoint holds a user: credentials come from the environment or a file");
    size_t n = strcspn(rest, "/?#"), n_path = strlen(rest + n);
    if (rest[n] == '?' || rest[n] == '#' || strpbrk(rest + n, "?#"))
        return err_set(e, ERR_USAGE, "endpoint '%s': want no query", endpoint);
    while (n_path && rest[n + n_path - 1] == '/')
        n_path--;
    char *host = host_of(rest, n, tls);
    if (!host)
        return err_set(e, ERR_USAGE, "endpoint '%s': want a host name or address", endpoint);
    struct str base = { 0 };
    s3_encode(&base, rest + n, n_path, true);
    if (!in_host)
        str_addf(&base, "/%s", p->bucket);
    p->base = str_take(&base);
    p->host = in_host ? str_format("%s.%s", p->bucket, host) : mem_strdup(host);
    p->endpoint = str_format("%s://%s", tls ? "https" : "http", p->host);
    p->tls = tls;
    free(host);
    return 0;
}

/* Amazon's own, unless the URL or AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL name another. */
static int find_endpoint(struct s3_place *p, const struct wish *w, struct err *e)
{
    const char *named = w->endpoint ? w->endpoint : str_getenv("AWS_ENDPOINT_URL_S3");
    if (!named)
        named = str_getenv("AWS_ENDPOINT_URL");
    /* A dot in the bucket's name makes a host name that Amazon's certificate is not for. */
    bool in_host = w->style ? strcmp(w->style, "host") == 0 : !named && !strchr(p->bucket, '.');
    if (in_host && strspn(p->bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") != strlen(p->bucket))
        return err_set(e, ERR_USAGE, "bucket '%s' cannot stand in a host name: want style=path",
                       p->bucket);
    if (named)
        return use_endpoint(p, named, in_host, e);
    char *amazon = str_format("https://s3.%s.amazonaws.com%s", p->region,
                              str_starts(p->region, "cn-") ? ".cn" : "");
    int rc = use_endpoint(p, amazon, in_host, e);
    free(amazon);
    return rc;
}

static int check_names(const struct s3_place *p, struct err *e)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    size_t n = strlen(p->bucket);
    if (n == 0)
        return err_set(e, ERR_USAGE, "it names no bucket: want s3://BUCKET/PREFIX");
    if (n < 3 || n > 255 || strspn(p->bucket, plain) != n || strchr(".-_", p->bucket[0]))
        return err_set(e, ERR_USAGE,
                       "'%s' is no bucket's name: want 3 to 255 letters, digits, '.', '-', '_'",
                       p->bucket);
    if (strspn(p->region, plain) != strlen(p->region))
        return err_set(e, ERR_USAGE, "region '%s' is no name of letters, digits and '-'",
                       p->region);
    return 0;
}

/* BUCKET[/PREFIX] */
static void split_path(struct s3_place *p, const char *path, size_t n)
{
    const char *slash = memchr(path, '/', n);
    size_t n_bucket = slash ? (size_t)(slash - path) : n, n_prefix = slash ? n - n_bucket - 1 : 0;
    while (n_prefix && slash[n_prefix] == '/')
        n_prefix--;
    p->bucket = mem_strndup(path, n_bucket);
    p->prefix = mem_strndup(slash ? slash + 1 : "", n_prefix);
    p->name = str_format("s3://%s%s%s", p->bucket, *p->prefix ? "/" : "", p->prefix);
}

int s3_place_parse(struct s3_place *out, const char *url, struct err *e)
{
    const char *path = url + strlen("s3://");
    size_t n = strcspn(path, "?");
    const char *region = str_getenv("AWS_REGION");
    struct wish w = { 0 };
    struct s3_place p = {
        .verify = true, .attempts = 8, .parallel = 4, .connect_timeout_s = 10, .stall_timeout_s = 30
    };
    int rc;

    if (!region)
        region = str_getenv("AWS_DEFAULT_REGION");
    p.region = mem_strdup(region ? region : "us-east-1");
    split_path(&p, path, n);
    if ((rc = set_all(&p, &w, path + n + (path[n] == '?'), e)) == 0 &&
        (rc = check_names(&p, e)) == 0)
        rc = find_endpoint(&p, &w, e);
    /* One request hashes once, parts twice: each of them, and the whole. */
    if (p.parts_above == 0)
        p.parts_above = p.part_size ? p.part_size : 256 * MIB;
    if (p.part_size == 0)
        p.part_size = 16 * MIB;
    if (rc)
        err_wrap(e, "'%s'", p.name);
    free(w.endpoint);
    free(w.style);
    if (rc)
        s3_place_release(&p);
    else
        *out = p;
    return rc;
}

void s3_place_release(struct s3_place *p)
{
    free(p->name);
    free(p->bucket);
    free(p->prefix);
    free(p->region);
    free(p->endpoint);
    free(p->host);
    free(p->base);
    free(p->profile);
    *p = (struct s3_place){ 0 };
}
