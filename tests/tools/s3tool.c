/* s3tool URL COMMAND: what tests ask of an S3 server besides what a store does.
 *
 *   ready      succeeds once there is a server that answers
 *   make       the bucket
 *   versioned  the bucket keeps versions
 *   uploads    uploads in parts that are neither complete nor aborted, with how many parts each has
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/s3.h"

static int make_versioned(struct s3 *s, struct err *e)
{
    static const char text[] =
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Status>Enabled</Status></VersioningConfiguration>";
    char sha256[HASH_HEX];
    hash_bytes(text, sizeof text - 1, sha256);
    struct s3_call c = { .action = "PutBucketVersioning",
                         .method = "PUT",
                         .query = { { "versioning", "" } },
                         .n_query = 1,
                         .body = { .bytes = text, .n = sizeof text - 1, .sha256 = sha256 } };
    return s3_do(s, &c, e);
}

static int list_uploads(struct s3 *s, struct err *e)
{
    struct s3_begun *begun;
    size_t n;
    int rc = s3_list_uploads(s, "", &begun, &n, e);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct s3_arrived *part;
        size_t n_part;
        if ((rc = s3_list_parts(s, begun[i].key, begun[i].id, &part, &n_part, e)) == 0)
            printf("%s %zu\n", begun[i].key, n_part);
        free(part);
    }
    s3_begun_free(begun, n);
    return rc;
}

static int run(struct s3 *s, const char *what, struct err *e)
{
    if (strcmp(what, "ready") == 0)
        return s3_do(
            s, &(struct s3_call){ .action = "ListBucket", .method = "GET", .accept = S3_ANY }, e);
    if (strcmp(what, "make") == 0)
        return s3_do(s, &(struct s3_call){ .action = "CreateBucket", .method = "PUT" }, e);
    if (strcmp(what, "versioned") == 0)
        return make_versioned(s, e);
    if (strcmp(what, "uploads") == 0)
        return list_uploads(s, e);
    return err_set(e, ERR_USAGE, "usage: s3tool URL ready|make|versioned|uploads");
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct s3 *s = NULL;
    if (argc != 3)
        err_set(&e, ERR_USAGE, "usage: s3tool URL COMMAND");
    else if (s3_open(&s, argv[1], &e) == 0)
        run(s, argv[2], &e);
    s3_close(s);
    return err_report(&e, "s3tool");
}
