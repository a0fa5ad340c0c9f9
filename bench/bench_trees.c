/* bench_trees extra|classes|boost DIR TREES THREADS: trees on the 100,000 x 30 numbers of
 * bench/peers/trees.py; classes: extra trees of whether the target is above 0. Prints CPU seconds
 * of fit, of all that the first prediction makes for those after it, and of predict (the least of
 * three), and the most memory used in MB. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "models/trees/boosting.h"

enum { ROWS = 100000, D = 30 };

/* Of all threads: the machine may have other work. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double *read_numbers(const char *dir, const char *name, size_t n)
{
    double *x = mem_calloc(n, sizeof *x);
    char *path = str_format("%s/%s", dir, name);
    FILE *f = fopen(path, "rbe");
    if (!f || fread(x, sizeof *x, n, f) != n) {
        fprintf(stderr, "bench_trees: cannot read '%s'\n", path);
        exit(74);
    }
    fclose(f);
    free(path);
    return x;
}

/* As scikit-learn by default. */
static void fit(struct forest *out, const struct grow_data *data, bool boosts, size_t n_tree,
                int threads)
{
    if (boosts) {
        struct boosting_options o = {
            .rounds = n_tree, .tree = { .max_leaves = 31, .min_leaf = 20, .learning_rate = .1 }
        };
        struct boost_validation none = { 0 };
        struct boost_report report;
        boost_fit(out, &report, data, NULL, &none, &o, threads);
        free(report.importance);
    } else {
        struct forest_options o = { .grow = { .criterion = data->n_class ? GROW_GINI : GROW_MSE,
                                              .max_features = data->n_class ? 5 : D,
                                              .min_leaf = 1,
                                              .min_split = 2 },
                                    .n_tree = n_tree,
                                    .seed = 1 };
        struct forest_report report = { 0 };
        forest_fit(out, &report, data, NULL, &o, threads);
        forest_report_release(&report);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "bench_trees extra|classes|boost DIR TREES THREADS\n");
        return 64;
    }
    int threads = (int)strtol(argv[4], NULL, 10);
    double *x = read_numbers(argv[2], "x.bin", ROWS * D), *y = read_numbers(argv[2], "y.bin", ROWS);
    size_t ld = forest_stride(D), *row = mem_calloc(ROWS, sizeof *row);
    size_t C = strcmp(argv[1], "classes") == 0 ? 2 : 0;
    float *f = mem_aligned(ROWS, ld * sizeof *f), *out = mem_calloc(ROWS, 2 * sizeof *out);
    int32_t *class = mem_calloc(ROWS, sizeof *class);
    for (size_t i = 0; i < ROWS; i++) {
        row[i] = i;
        class[i] = y[i] > 0;
        for (size_t j = 0; j < D; j++)
            f[i * ld + j] = (float)x[i * D + j];
    }
    struct grow_data data = { .x = f, .n = ROWS, .d = D, .ld = ld };
    data.y = C ? NULL : y;
    data.class = C ? class : NULL;
    data.n_class = C;
    struct forest forest = { 0 };
    struct rusage usage;
    double start = cpu_seconds();
    fit(&forest, &data, strcmp(argv[1], "boost") == 0, strtoul(argv[3], NULL, 10), threads);
    double fitted = cpu_seconds();
    free(f);
    struct forest_scratch *s = forest_scratch_new(&forest, threads);
    double ready = cpu_seconds(), least = (double)INFINITY;
    for (int i = 0; i < 3; i++) {
        double begin = cpu_seconds();
        forest_run(&forest, s, x, row, ROWS, out);
        least = fmin(least, cpu_seconds() - begin);
    }
    getrusage(RUSAGE_SELF, &usage);
    printf("%.3f %.4f %.4f %ld\n", fitted - start, ready - fitted, least, usage.ru_maxrss / 1024);
    forest_scratch_free(s);
    forest_release(&forest);
    free(x);
    free(y);
    free(row);
    free(class);
    free(out);
    return 0;
}
