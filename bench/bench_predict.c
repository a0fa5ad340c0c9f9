/* bench_predict MODEL THREADS NAME=VALUE...: milliseconds of processor time until a model is
 * loaded, then for the first row from its texts and picture file to the class, then for one like it
 * (the fastest of 200). Each process is one try. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "models/modelsource.h"
#include "models/nn/net.h"
#include "models/rowprep.h"

/* Processor time: the machine may have other work. */
static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

static void set_fields(const struct rowprep *p, int n_arg, char **arg, struct record_field *out)
{
    size_t n;
    const struct jsonrows_field *field = rowprep_fields(p, &n);
    for (size_t j = 0; j < n; j++) {
        size_t length = strlen(field[j].name[0]);
        for (int i = 0; i < n_arg; i++)
            if (strncmp(arg[i], field[j].name[0], length) == 0 && arg[i][length] == '=')
                out[j] = (struct record_field){ arg[i] + length + 1, strlen(arg[i] + length + 1) };
    }
}

static int ask(struct rowprep *p, struct model *m, const struct record_field *field, float *out,
               struct err *e)
{
    const size_t first = 0;
    struct model_data data;
    rowprep_clear(p);
    rowprep_add(p, field);
    int rc = rowprep_make(p, &data, e);
    if (rc == 0 && rowprep_error(p, 0))
        rc = err_set(e, ERR_DATA, "%s", rowprep_error(p, 0));
    return rc ? rc : model_predict(m, &data, &first, 1, out, e);
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct model *m = NULL;
    struct rowprep *p = NULL;
    struct record_field field[256] = { 0 };
    if (argc < 4 || nn_start(argc, argv, &e))
        return 64;
    int threads = (int)strtol(argv[2], NULL, 10);
    struct modelsource from = { .path = argv[1] };
    struct rowprep_options how = { .images = -1, .threads = threads };
    double start = now_ms(), best = 1e9;
    if (modelsource_load(&from, threads, &m, &e))
        return err_report(&e, "bench_predict");
    double loaded = now_ms();
    float *out = mem_calloc(model_n_output(m), sizeof *out);
    if (rowprep_new(&p, m, &how, &e) == 0)
        set_fields(p, argc - 3, argv + 3, field);
    if (e.code || ask(p, m, field, out, &e))
        return err_report(&e, "bench_predict");
    double first = now_ms();
    for (int i = 0; i < 200 && e.code == 0; i++) {
        double begin = now_ms();
        if (ask(p, m, field, out, &e) == 0 && now_ms() - begin < best)
            best = now_ms() - begin;
    }
    printf("%.2f %.2f %.3f\n", loaded - start, first - loaded, best);
    free(out);
    rowprep_free(p);
    model_free(m);
    modelsource_release(&from);
    return err_report(&e, "bench_predict");
}
