#ifndef NUM_LBFGS_H
#define NUM_LBFGS_H

#include <stddef.h>

/* Minimisers of convex functions of n variables: smooth ones by L-BFGS, smooth + L1 by an
 * accelerated proximal gradient method. Both begin at *x and leave the best point there. */

/** A smooth convex function: its value at x (n), its gradient to out (n),
 * if that is not NULL. */
typedef double lbfgs_function(void *ctx, const double *x, double *out_gradient);

struct lbfgs_options {
    size_t memory; /* pairs of steps and gradients that are kept; 0: 10 */
    size_t max_iterations;
    double tolerance; /* converged when no item of the gradient is larger */
};

enum lbfgs_ending {
    LBFGS_CONVERGED,
    LBFGS_ITERATIONS, /* max_iterations were not enough */
    LBFGS_PRECISION   /* no step makes the value smaller: the end of double precision */
};

/** How a minimisation went. */
struct lbfgs_result {
    double value;    /* at the end */
    double gradient; /* largest item of the gradient (of the L1 case: of the proximal gradient) */
    size_t iterations, evaluations;
    enum lbfgs_ending ending;
};

/**
 * L-BFGS (Liu & Nocedal, Mathematical Programming 45 (1989) 503-528) with a line search by
 * bisection for the weak Wolfe conditions (Lewis & Overton 2013), which near the minimum, where the
 * values are equal but for rounding, are judged by the slopes (Hager & Zhang, SIAM J. Optim. 16
 * (2005) 170-192).
 *
 *   precondition  v (n) to an estimate of the inverse Hessian times v, in place: what the
 *                 two-loop recursion begins with; NULL: the identity
 */
void lbfgs(double *x, size_t n, lbfgs_function *f, void (*precondition)(void *ctx, double *v),
           void *ctx, const struct lbfgs_options *options, struct lbfgs_result *out);

/**
 * Minimise f(x) + sum over j of l1[j] |x[j]| by FISTA (Beck & Teboulle, SIAM J. Imaging Sci. 2
 * (2009) 183-202) in the metric of a diagonal, with backtracking, begun again where it overshoots
 * (O'Donoghue & Candes, Found. Comput. Math. 15 (2015) 715-732).
 *
 *   l1        (n) >= 0
 *   diagonal  (n) > 0, like the second derivatives of f; only the ratios matter
 */
void lbfgs_l1(double *x, size_t n, lbfgs_function *f, void *ctx, const double *l1,
              const double *diagonal, const struct lbfgs_options *options,
              struct lbfgs_result *out);

/** "converged", "max_iterations", "precision". */
const char *lbfgs_ending_name(enum lbfgs_ending ending);

#endif
