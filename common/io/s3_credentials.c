#define _DEFAULT_SOURCE /* explicit_bzero */
#include "io/s3_credentials.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { MAX_FILE = 1 << 20 };

/* Keys go into a header: a line break in one would be a header of its own. */
static int check_text(const char *name, const char *value, struct err *e)
{
    for (const char *p = value; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return err_set(e, ERR_IO, "%s holds a space or a control character", name);
    return 0;
}

static int check_keys(const struct s3_keys *k, const char *id, const char *secret, struct err *e)
{
    int rc = check_text(id, k->id, e);
    if (rc == 0)
        rc = check_text(secret, k->secret, e);
    if (rc == 0 && k->token)
        rc = check_text("the session token", k->token, e);
    return rc;
}

/* A pair of variables: *out_found when both are set. */
static int from_environment(struct s3_keys *out, const char *id, const char *secret,
                            bool *out_found, struct err *e)
{
    const char *a = str_getenv(id), *b = str_getenv(secret), *t = str_getenv("AWS_SESSION_TOKEN");
    *out_found = a && b;
    if (!a != !b)
        return err_set(e, ERR_IO, "%s is set, %s is not: both are needed to sign requests",
                       a ? id : secret, a ? secret : id);
    if (!a)
        return 0;
    *out = (struct s3_keys){ .id = mem_strdup(a),
                             .secret = mem_strdup(b),
                             .token = mem_strdup(t),
                             .source = mem_strdup(id) };
    return check_keys(out, id, secret, e);
}

/* ---- the credentials file ------------------------------------------------------------------- */

static char *trim(char *from)
{
    from += strspn(from, " \t");
    size_t n = strlen(from);
    while (n && strchr(" \t\r", from[n - 1]))
        from[--n] = '\0';
    return from;
}

/* "[name]": is it the profile? False also if it is no such line. */
static bool is_profile(char *line, const char *profile)
{
    char *end = strchr(line, ']');
    *end = '\0';
    return strcmp(trim(line + 1), profile) == 0;
}

static void keep(struct s3_keys *k, const char *name, const char *value)
{
    char **to = strcmp(name, "aws_access_key_id") == 0       ? &k->id
                : strcmp(name, "aws_secret_access_key") == 0 ? &k->secret
                : strcmp(name, "aws_session_token") == 0     ? &k->token
                                                             : NULL;
    if (!to || !*value)
        return;
    free(*to);
    *to = mem_strdup(value);
}

static int parse_lines(struct s3_keys *k, const char *path, char *text, const char *profile,
                       bool *out_found, struct err *e)
{
    bool inside = false;
    size_t number = 1;
    for (char *line = text, *next; line; line = next, number++) {
        if ((next = strchr(line, '\n')))
            *next++ = '\0';
        char *at = trim(line), *equals;
        if (*at == '\0' || *at == '#' || *at == ';')
            continue;
        if (*at == '[' && strchr(at, ']')) {
            inside = is_profile(at, profile);
            *out_found |= inside;
        } else if ((equals = strchr(at, '='))) {
            *equals = '\0';
            if (inside)
                keep(k, trim(at), trim(equals + 1));
        } else {
            /* The line itself is not told: a secret may stand in it. */
            return err_set(e, ERR_IO, "'%s' line %zu: neither [PROFILE] nor NAME = VALUE", path,
                           number);
        }
    }
    return 0;
}

int s3_credentials_parse(struct s3_keys *out, const char *path, const char *text,
                         const char *profile, bool *out_found, struct err *e)
{
    struct s3_keys k = { 0 };
    char *copy = mem_strdup(text);
    *out_found = false;
    int rc = parse_lines(&k, path, copy, profile, out_found, e);
    if (rc == 0 && *out_found && (!k.id || !k.secret))
        rc = err_set(e, ERR_IO, "'%s' [%s] has no %s", path, profile,
                     k.id ? "aws_secret_access_key" : "aws_access_key_id");
    if (rc == 0 && *out_found &&
        (rc = check_keys(&k, "aws_access_key_id", "aws_secret_access_key", e)))
        err_wrap(e, "'%s' [%s]", path, profile);
    explicit_bzero(copy, strlen(copy));
    free(copy);
    if (rc || !*out_found) {
        s3_keys_release(&k);
        return rc;
    }
    k.source = str_format("'%s' [%s]", path, profile);
    *out = k;
    return 0;
}

/* *out is NULL if there is no such file. */
static int read_file(const char *path, char **out, struct err *e)
{
    FILE *fp = fopen(path, "rbe");
    *out = NULL;
    if (!fp)
        return errno == ENOENT || errno == ENOTDIR ? 0 : err_sys(e, "cannot open '%s'", path);
    char *text = mem_calloc(MAX_FILE + 1, 1);
    size_t n = fread(text, 1, MAX_FILE + 1, fp);
    int rc = ferror(fp)     ? err_sys(e, "cannot read '%s'", path)
             : n > MAX_FILE ? err_set(e, ERR_IO, "'%s' is larger than 1 MiB: no credentials", path)
                            : 0;
    fclose(fp);
    if (rc)
        free(text);
    else
        *out = text;
    return rc;
}

static int from_file(struct s3_keys *out, const char *asked, bool *out_found, struct err *e)
{
    const char *named = str_getenv("AWS_SHARED_CREDENTIALS_FILE"), *home = str_getenv("HOME");
    const char *set = asked ? asked : str_getenv("AWS_PROFILE"), *profile = set ? set : "default";
    char *path = named ? mem_strdup(named) : home ? str_format("%s/.aws/credentials", home) : NULL;
    char *text = NULL;
    int rc = path ? read_file(path, &text, e) : 0;
    if (text)
        rc = s3_credentials_parse(out, path, text, profile, out_found, e);
    if (rc == 0 && !*out_found && set)
        rc = err_set(e, ERR_IO, "there is no profile '%s' in '%s'%s", profile,
                     path ? path : "~/.aws/credentials", text ? "" : ": no such file");
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    free(path);
    return rc;
}

int s3_credentials(struct s3_keys *out, const char *profile, struct err *e)
{
    struct s3_keys k = { 0 };
    bool found = false;
    int rc = 0;
    if (!profile)
        rc = from_environment(&k, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", &found, e);
    if (rc == 0 && !found && !profile)
        rc = from_environment(&k, "AWS_ACCESS", "AWS_SECRET_KEY", &found, e);
    if (rc == 0 && !found)
        rc = from_file(&k, profile, &found, e);
    if (rc == 0 && !found)
        rc = err_set(
            e, ERR_IO,
            "no credentials for S3: want AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a "
            "profile in AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials");
    if (rc)
        s3_keys_release(&k);
    else
        *out = k;
    return rc;
}
