/* toy DIR: the small problem of toy.h as files, for the tests of programs: table.h5 text.h5
 * pixels.h5 features.h5 split.h5 and toy.yaml, a network for them. With a second word `shuffled`
 * the text has its rows in another order (other keys); with `bare` there is no picture and no
 * feature column. */
#include "tests/tools/toy.h"

#include "io/outfile.h"

enum { N = 200 };

static int write_pixels(const struct toy *t, const char *path, struct err *e)
{
    const char **reason = mem_calloc(N, sizeof *reason);
    struct h5 h = { 0 };
    int rc;
    for (size_t i = 0; i < N; i++)
        reason[i] = t->pixels.status[i] ? "not there" : "";
    if ((rc = pixels_begin(&h, path, N, TOY_SIDE, TOY_SIDE, t->pixels.recipe, t->pixels.keys_sha256,
                           e)) == 0 &&
        (rc = pixels_rows(&h, 0, N, t->pixels.data, e)) == 0)
        rc = pixels_finish(&h, N, t->pixels.status, reason, NULL, e);
    h5_close(&h);
    free(reason);
    return rc;
}

static int write_all(struct toy *t, const char *dir, struct err *e)
{
    struct tables tables = { .item = &t->table, .n = 1 };
    char *path[6];
    static const char *const name[] = { "table.h5",    "text.h5",  "pixels.h5",
                                        "features.h5", "split.h5", "toy.yaml" };
    int rc;
    for (int i = 0; i < 6; i++)
        path[i] = str_format("%s/%s", dir, name[i]);
    if ((rc = tables_write(&tables, path[0], e)) == 0 &&
        (rc = tokens_write(&t->tokens, path[1], e)) == 0 &&
        (rc = write_pixels(t, path[2], e)) == 0 &&
        (rc = featmat_write(&t->features, path[3], e)) == 0 &&
        (rc = sides_write(&t->sides, path[4], e)) == 0)
        rc = outfile_put(path[5], TOY_NETWORK, strlen(TOY_NETWORK), e);
    for (int i = 0; i < 6; i++)
        free(path[i]);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct toy t;
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: toy DIR [shuffled|bare]\n");
        return 64;
    }
    toy_make(&t, N, 1);
    if (argc == 3 && strcmp(argv[2], "shuffled") == 0)
        t.tokens.keys_sha256[0] = t.tokens.keys_sha256[0] == '0' ? '1' : '0';
    if (argc == 3 && strcmp(argv[2], "bare") == 0) {
        memset(t.pixels.status, PIXELS_MISSING, N);
        for (size_t i = 0; i < t.features.n_col; i++)
            free(t.features.name[i]);
        t.features.n_col = 0;
    }
    write_all(&t, argv[1], &e);
    toy_release(&t);
    return err_report(&e, "toy");
}
