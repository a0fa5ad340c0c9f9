/* See nn_start in net.h. */
#include <cblas.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "base/log.h"
#include "models/nn/net.h"

static const char guard[] = "REFIT_NN_STARTED";

/* The core type whose kernels fit this processor, and the names of core types that are as good;
 * NULL: leave it. */
static const char *wanted_core(const char *const **out_good)
{
    static const char *const avx512[] = { "SkylakeX", "Cooperlake", "SapphireRapids", NULL };
    static const char *const avx2[] = { "Haswell",        "Zen", "SkylakeX", "Cooperlake",
                                        "SapphireRapids", NULL };
    *out_good = NULL;
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        *out_good = avx512;
        return "SkylakeX";
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        *out_good = avx2;
        return "Haswell";
    }
#else
    (void)avx512, (void)avx2;
#endif
    return NULL;
}

static bool is_one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcasecmp(name, *list) == 0)
            return true;
    return false;
}

/* The threads that OpenBLAS makes for itself when it is loaded are of no use to us, and each asks
 * for 128 MB, for ever where it does not get them: where memory is limited there must be none. */
static bool has_idle_threads(void)
{
    struct rlimit space, data;
    const char *threads = getenv("OPENBLAS_NUM_THREADS");
    return !(threads && strcmp(threads, "1") == 0) && openblas_get_num_threads() > 1 &&
           getrlimit(RLIMIT_AS, &space) == 0 && getrlimit(RLIMIT_DATA, &data) == 0 &&
           (space.rlim_cur != RLIM_INFINITY || data.rlim_cur != RLIM_INFINITY);
}

/* Once more from the beginning, with another OpenBLAS; `core` may be NULL. Comes back if it cannot
 * be done. */
static int start_again(char **argv, const char *core, struct err *e)
{
    if ((core && setenv("OPENBLAS_CORETYPE", core, 1)) || setenv("OPENBLAS_NUM_THREADS", "1", 1) ||
        setenv("OMP_NUM_THREADS", "1", 1) || setenv(guard, "1", 1))
        return err_sys(e, "cannot set the environment");
    execv("/proc/self/exe", argv);
    log_warn("cannot start again by /proc/self/exe: %s; matrix products may be slow",
             strerror(errno));
    unsetenv(guard);
    return 0;
}

int nn_start(int argc, char **argv, struct err *e)
{
    const char *const *good;
    const char *want = wanted_core(&good), *found = openblas_get_corename();
    bool restarted = getenv(guard) != NULL;
    (void)argc;

#ifdef __SSE__
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
    unsetenv(guard); /* not for the programs that we may start */
    bool fits = !want || is_one_of(found, good);
    if (restarted && !fits)
        log_info("OpenBLAS runs kernels for '%s' on a processor that could run those for '%s'",
                 found, want);
    if (restarted || (fits && !has_idle_threads()))
        return 0;
    if (!fits)
        log_info("OpenBLAS takes this processor for '%s': starting again with OPENBLAS_CORETYPE=%s",
                 found, want);
    return start_again(argv, fits ? NULL : want, e);
}
