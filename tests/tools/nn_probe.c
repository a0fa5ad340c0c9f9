/* nn_probe: what nn_start leaves a program with: core type of OpenBLAS, the environment, arguments,
 * one line each. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

#include "models/nn/net.h"

static const char *env(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "unset";
}

int main(int argc, char **argv)
{
    struct err e = { 0 };
    if (nn_start(argc, argv, &e))
        return err_report(&e, "nn_probe");
    volatile float tiny = 3e-39f;
    printf("core %s\nblas_threads %s\nomp_threads %s\nguard %s\ndenormals %s\nsse4_2 %s\navx2 "
           "%s\navx512 %s\n",
           openblas_get_corename(), env("OPENBLAS_NUM_THREADS"), env("OMP_NUM_THREADS"),
           env("REFIT_NN_STARTED"), tiny * 0.5f == 0 ? "flushed" : "kept",
           __builtin_cpu_supports("sse4.2") ? "yes" : "no",
           __builtin_cpu_supports("avx2") ? "yes" : "no",
           __builtin_cpu_supports("avx512vl") ? "yes" : "no");
    for (int i = 1; i < argc; i++)
        printf("argument %s\n", argv[i]);
    return 0;
}
