/* bench_logistic DIR ROWS COLUMNS THREADS TOLERANCE: CPU seconds of a logistic regression on made
 * rows of two classes and of their prediction, the least of three. Features and labels are left in
 * DIR as x.f64 and y.i32 for the peer.
 *
 *   {"fit": 0.081, "wall": 0.045, "predict": 0.012} */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/logistic/logistic.h"
#include "models/model.h"
#include "models/nn/net.h"
#include "num/rng.h"

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make(struct table *t, struct featmat *f, size_t n, size_t d)
{
    struct rng r;
    double *w = mem_calloc(d, sizeof *w);
    struct column *c = mem_calloc(1, sizeof *c);
    *c = (struct column){ .name = mem_strdup("y"),
                          .type = COLUMN_CATEGORY,
                          .n = n,
                          .code = mem_calloc(n, sizeof *c->code),
                          .level = mem_calloc(2, sizeof *c->level),
                          .n_level = 2 };
    c->level[0] = mem_strdup("0");
    c->level[1] = mem_strdup("1");
    *t = (struct table){ .name = mem_strdup("rows"), .n_row = n, .n_col = 1, .col = c };
    t->roles.label = mem_strdup("y");
    *f = (struct featmat){ .n_row = n,
                           .n_col = d,
                           .x = mem_aligned(n, d * sizeof *f->x),
                           .name = mem_calloc(d, sizeof *f->name),
                           .state = mem_strdup("{}") };
    rng_init(&r, 1, 0);
    for (size_t j = 0; j < d; j++) {
        f->name[j] = str_format("x%zu", j);
        w[j] = 0.3 * rng_normal(&r);
    }
    for (size_t i = 0; i < n; i++) {
        double z = 2 * rng_normal(&r);
        for (size_t j = 0; j < d; j++)
            z += w[j] * (f->x[i * d + j] = rng_normal(&r));
        c->code[i] = z > 0;
    }
    free(w);
}

static int leave(const char *dir, const char *name, const void *data, size_t size, struct err *e)
{
    char *path = str_format("%s/%s", dir, name);
    FILE *fp = fopen(path, "wb");
    bool whole = fp && fwrite(data, 1, size, fp) == size;
    if ((fp && fclose(fp) != 0) || !whole)
        err_sys(e, "cannot write '%s'", path);
    free(path);
    return e->code;
}

static int measure(const struct model_data *data, int threads, double tolerance, struct err *e)
{
    const struct logistic_options o = { .c = 1, .max_iterations = 1000, .tolerance = tolerance };
    const struct fit fit = {
        .family = "logistic", .logistic = &o, .data = data, .threads = threads
    };
    double best[3] = { 1e9, 1e9, 1e9 };
    size_t n = data->table->n_row, *row = mem_calloc(n, sizeof *row);
    float *p = mem_calloc(n, 2 * sizeof *p);
    int rc = 0;
    for (size_t i = 0; i < n; i++)
        row[i] = i;
    for (int k = 0; k < 3 && rc == 0; k++) {
        struct model *m = NULL;
        double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
        if ((rc = model_fit(&m, &fit, e)))
            break;
        best[0] = fmin(best[0], seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        best[1] = fmin(best[1], seconds(CLOCK_MONOTONIC) - wall);
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        rc = model_predict(m, data, row, n, p, e);
        best[2] = fmin(best[2], seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        model_free(m);
    }
    if (rc == 0)
        printf("{\"fit\": %.4f, \"wall\": %.4f, \"predict\": %.4f}\n", best[0], best[1], best[2]);
    free(p);
    free(row);
    return rc;
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct table t;
    struct featmat f;
    long long n, d, threads;
    double tolerance;
    if (nn_start(argc, argv, &e))
        return err_report(&e, "bench_logistic");
    if (argc != 6 || !str_to_int(argv[2], &n) || !str_to_int(argv[3], &d) ||
        !str_to_int(argv[4], &threads) || !str_to_real(argv[5], &tolerance) || n < 10 || d < 1) {
        fprintf(stderr, "usage: bench_logistic DIR ROWS COLUMNS THREADS TOLERANCE\n");
        return ERR_USAGE;
    }
    make(&t, &f, (size_t)n, (size_t)d);
    struct model_data data = { .table = &t, .features = &f };
    if (leave(argv[1], "x.f64", f.x, f.n_row * f.n_col * sizeof *f.x, &e) == 0 &&
        leave(argv[1], "y.i32", t.col->code, t.n_row * sizeof *t.col->code, &e) == 0)
        measure(&data, (int)threads, tolerance, &e);
    featmat_release(&f);
    table_release(&t);
    return err_report(&e, "bench_logistic");
}
