/* bench_net: how fast the network R of bench/reference.yaml trains and predicts, on random rows in
 * memory.
 *
 *   bench_net fusion|image|text THREADS train|predict BATCH full|mixed
 *       A line of seconds on stdin is answered with "samples/s samples/CPU-second" of that time; at
 *       the end of the input comes the peak memory in MB. So a script can take turns with a peer.
 *   bench_net layers THREADS BATCH full|mixed SECONDS
 *       A table of the layers, with the peak of one thread measured in the same run.
 *
 * full: every row has 64 words; mixed: as many as titles with descriptions have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "base/mem.h"
#include "base/str.h"
#include "models/bucket.h"
#include "models/nn/optimizer.h"
#include "num/rng.h"

enum { N_ROW = 1024, LENGTH = 64, VOCABULARY = 20000, SIDE = 64, PIXELS = 3 * SIDE * SIDE };
enum { N_CLASS = 27, MAX_BATCH = N_ROW };

/* Words of title and description of the products that data/generate writes: quantiles at each 5 %.
 */
static const int words_at[] = { 2,  3,  4,  5,  6,  7,  9,  15, 18, 21, 26,
                                29, 33, 37, 40, 45, 49, 53, 56, 60, 64 };

struct data {
    size_t batch;
    int32_t *ids, *n_word, *label;
    uint8_t *pixels;
    const uint8_t **row;
    float *probability;
};

static double clock_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* In the order in which train would show them. */
static void draw_lengths(int32_t *n_word, size_t batch, bool mixed, struct rng *r)
{
    int32_t length[N_ROW];
    size_t order[N_ROW];
    for (size_t i = 0; i < N_ROW; i++) {
        double at = rng_uniform(r) * 20;
        int low = words_at[(int)at], high = words_at[(int)at + 1];
        length[i] = mixed ? low + (int)((at - (int)at) * (high - low) + 0.5) : LENGTH;
        order[i] = i;
    }
    bucket_order(order, N_ROW, length, batch, 16, r);
    for (size_t i = 0; i < N_ROW; i++)
        n_word[i] = length[order[i]];
}

static struct data make_data(size_t batch, bool mixed)
{
    struct data d = { .batch = batch };
    struct rng r;
    rng_init(&r, 1, 0);
    d.ids = mem_calloc((size_t)N_ROW * LENGTH, sizeof *d.ids);
    d.n_word = mem_calloc(N_ROW, sizeof *d.n_word);
    d.label = mem_calloc(N_ROW, sizeof *d.label);
    d.pixels = mem_calloc(N_ROW, PIXELS);
    d.row = mem_calloc(N_ROW, sizeof *d.row);
    d.probability = mem_calloc(batch, N_CLASS * sizeof *d.probability);
    draw_lengths(d.n_word, batch, mixed, &r);
    for (size_t i = 0; i < N_ROW; i++) {
        d.label[i] = (int32_t)rng_below(&r, N_CLASS);
        d.row[i] = d.pixels + i * PIXELS;
        for (size_t t = 0; t < (size_t)d.n_word[i]; t++) { /* frequent words have low numbers */
            double u = rng_uniform(&r);
            d.ids[i * LENGTH + t] = 1 + (int32_t)(u * u * u * (VOCABULARY - 1));
        }
    }
    for (size_t i = 0; i < (size_t)N_ROW * PIXELS; i++)
        d.pixels[i] = (uint8_t)rng_below(&r, 256);
    return d;
}

static void free_data(struct data *d)
{
    free(d->ids);
    free(d->n_word);
    free(d->label);
    free(d->pixels);
    free(d->row);
    free(d->probability);
}

static struct nn_batch batch_of(const struct data *d, size_t k)
{
    size_t first = k % (N_ROW / d->batch) * d->batch;
    return (struct nn_batch){ .n = d->batch,
                              .ids = d->ids + first * LENGTH,
                              .n_word = d->n_word + first,
                              .pixels = d->row + first,
                              .label = d->label + first };
}

struct job {
    struct nn_spec spec;
    struct data data;
    struct net *net;
    struct optimizer optimizer;
    bool trains;
    size_t step;
};

static int step(struct job *j, struct err *e)
{
    struct nn_batch b = batch_of(&j->data, j->step);
    struct nn_step figures;
    size_t draw = j->step++;
    if (j->trains)
        return optimizer_train(&j->optimizer, j->net, &b, draw, 1e-3, &figures, e);
    net_predict(j->net, &b, j->data.probability);
    return 0;
}

/* Steps for so many seconds. */
static int run(struct job *j, double seconds, double *out_rate, double *out_cpu_rate, struct err *e)
{
    double start = clock_of(CLOCK_MONOTONIC), cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID), took = 0;
    size_t first = j->step;
    int rc = 0;
    for (; rc == 0 && took < seconds; took = clock_of(CLOCK_MONOTONIC) - start)
        rc = step(j, e);
    double rows = (double)((j->step - first) * j->data.batch);
    *out_rate = rows / took;
    *out_cpu_rate = rows / (clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    return rc;
}

static int begin(struct job *j, const char *model, int threads, bool trains, size_t batch,
                 bool mixed, struct err *e)
{
    struct nn_dims dims = { .vocabulary = VOCABULARY,
                            .length = LENGTH,
                            .height = SIDE,
                            .width = SIDE,
                            .n_class = N_CLASS,
                            .batch = batch };
    double ignored;
    int rc = nn_spec_read(&j->spec, "bench/reference.yaml", e);
    if (rc)
        return rc;
    if (strcmp(model, "image") == 0)
        nn_spec_drop(&j->spec, NN_TEXT);
    if (strcmp(model, "text") == 0)
        nn_spec_drop(&j->spec, NN_PIXELS);
    j->trains = trains;
    j->data = make_data(batch, mixed);
    if ((rc = net_build(&j->net, &j->spec, &dims, threads, e)))
        return rc;
    net_init(j->net, 1);
    optimizer_init(&j->optimizer, &j->spec.training, net_n_weight(j->net));
    return run(j, 0.5, &ignored, &ignored, e); /* warm */
}

static void end(struct job *j)
{
    optimizer_release(&j->optimizer);
    net_free(j->net);
    free_data(&j->data);
    nn_spec_release(&j->spec);
}

/* Takes its turns. */
static int serve(struct job *j, struct err *e)
{
    char line[64];
    double seconds, rate, cpu;
    struct rusage use;
    int rc = 0;
    while (rc == 0 && fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        if (!str_to_real(line, &seconds))
            return err_set(e, ERR_USAGE, "'%s' is not a number of seconds", line);
        rc = run(j, seconds, &rate, &cpu, e);
        printf("%.1f %.1f\n", rate, cpu);
        fflush(stdout);
    }
    if (rc == 0 && getrusage(RUSAGE_SELF, &use) == 0)
        printf("%.0f\n", (double)use.ru_maxrss / 1024);
    return rc;
}

/* ---- layers ---- */

#ifdef __x86_64__
enum { CHAINS = 24, ROUNDS = 4000000 };

/* Independent chains of fused multiply-adds: what the processor can do. */
__attribute__((target("avx512f"))) static double peak_avx512(void)
{
    __m512 a[CHAINS], x = _mm512_set1_ps(0.999999f), y = _mm512_set1_ps(1e-7f);
    for (int i = 0; i < CHAINS; i++)
        a[i] = _mm512_set1_ps((float)i);
    for (long k = 0; k < ROUNDS; k++)
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS; i++)
            a[i] = _mm512_fmadd_ps(a[i], x, y);
    for (int i = 1; i < CHAINS; i++)
        a[0] = _mm512_add_ps(a[0], a[i]);
    volatile float kept = _mm512_reduce_add_ps(a[0]);
    (void)kept;
    return 32.0 * CHAINS * ROUNDS;
}

__attribute__((target("avx2,fma"))) static double peak_avx2(void)
{
    __m256 a[CHAINS / 2], x = _mm256_set1_ps(0.999999f), y = _mm256_set1_ps(1e-7f);
    for (int i = 0; i < CHAINS / 2; i++)
        a[i] = _mm256_set1_ps((float)i);
    for (long k = 0; k < ROUNDS; k++)
#pragma GCC unroll 24
        for (int i = 0; i < CHAINS / 2; i++)
            a[i] = _mm256_fmadd_ps(a[i], x, y);
    for (int i = 1; i < CHAINS / 2; i++)
        a[0] = _mm256_add_ps(a[0], a[i]);
    volatile float kept = _mm256_cvtss_f32(a[0]);
    (void)kept;
    return 16.0 * CHAINS / 2 * ROUNDS;
}
#endif

/* Single-precision operations a second of one thread; 0: not known here. */
static double peak(void)
{
    double best = 0;
#ifdef __x86_64__
    for (int i = 0; i < 3; i++) {
        double start = clock_of(CLOCK_THREAD_CPUTIME_ID), n = 0;
        if (__builtin_cpu_supports("avx512f"))
            n = peak_avx512();
        else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
            n = peak_avx2();
        double rate = n / (clock_of(CLOCK_THREAD_CPUTIME_ID) - start);
        best = rate > best ? rate : best;
    }
#endif
    return best;
}

static void print_row(const char *name, double flop, double seconds, double most)
{
    printf("%-28s %9.3f", name, 1e3 * seconds);
    if (flop > 0 && seconds > 0)
        printf(" %9.1f %6.0f %%", flop / seconds / 1e9, 100 * flop / seconds / most);
    putchar('\n');
}

static int layers(struct job *j, double seconds, struct err *e)
{
    struct nn_layer_time t;
    double rate, cpu, sum = 0, most = peak();
    net_clock(j->net);
    size_t first = j->step;
    int rc = run(j, seconds, &rate, &cpu, e);
    double steps = (double)(j->step - first), rows = (double)j->data.batch;
    printf("peak of one thread: %.1f GFLOP/s\n%-28s %9s %9s %8s\n", most / 1e9, "layer",
           "ms a step", "GFLOP/s", "of peak");
    for (size_t i = 0; rc == 0 && net_layer_time(j->net, i, &t); i++) {
        char name[64];
        bool first_layer = strcmp(t.name, "pixels.0_conv2d") ==
                           0; /* needs no gradient of its input */
        snprintf(name, sizeof name, "%s back", t.name);
        print_row(t.name, rows * t.flop, t.forward_s / steps, most);
        print_row(name, (first_layer ? 1 : 2) * rows * t.flop, t.backward_s / steps, most);
        sum += (t.forward_s + t.backward_s) / steps;
    }
    print_row("all the rest", 0, rows / cpu - sum, most);
    printf("%-28s %9.3f  %.0f samples/s, %.0f a CPU-second\n", "a step", 1e3 * rows / rate, rate,
           cpu);
    return rc;
}

static int usage(struct err *e)
{
    return err_set(e, ERR_USAGE,
                   "usage: bench_net fusion|image|text THREADS train|predict BATCH "
                   "full|mixed  or  bench_net layers THREADS BATCH full|mixed "
                   "SECONDS");
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    struct job j = { 0 };
    long long threads = 1, batch = 64;
    double seconds = 1;
    if (nn_start(argc, argv, &e))
        return err_report(&e, "bench_net");
    bool table = argc == 6 && strcmp(argv[1], "layers") == 0;
    if (argc != 6 || !str_to_int(argv[2], &threads) || !str_to_int(argv[table ? 3 : 4], &batch) ||
        threads < 1 || threads > 64 || batch < 1 || batch > MAX_BATCH ||
        (table && !str_to_real(argv[5], &seconds)))
        usage(&e);
    else if (begin(&j, table ? "fusion" : argv[1], (int)threads,
                   table || strcmp(argv[3], "train") == 0, (size_t)batch,
                   strcmp(argv[table ? 4 : 5], "mixed") == 0, &e) == 0)
        table ? layers(&j, seconds, &e) : serve(&j, &e);
    end(&j);
    return err_report(&e, "bench_net");
}
